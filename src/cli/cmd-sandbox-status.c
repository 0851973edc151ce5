/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway sandbox status`: what runs in a sandbox. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/cmd-sandbox.h"

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static const char *uptime(const json_t *object, char *dst, size_t size)
{
    json_int_t seconds = json_integer_value(json_object_get(object, "uptimeSeconds"));
    if (json_integer_value(json_object_get(object, "pid")) == 0)
        return "-";
    return clock_age_text((int64_t)seconds * 1000, dst, size);
}

static void print_machines(const json_t *machines)
{
    size_t i;
    json_t *m;
    if (json_array_size(machines) == 0)
        return;
    printf("\n%-16s %-8s %-8s %-8s %-18s %-10s %s\n", "MACHINE", "POWER", "UPTIME", "FIRMWARE",
           "MAC", "INTERFACE", "SERIAL");
    json_array_foreach (machines, i, m) {
        char age[32];
        const json_t *nic = json_array_get(json_object_get(m, "nics"), 0);
        printf("%-16s %-8s %-8s %-8s %-18s %-10s %s\n", text(m, "name"), text(m, "power"),
               uptime(m, age, sizeof(age)), text(m, "firmware"), text(nic, "mac"),
               text(nic, "interface"), text(m, "serial"));
    }
}

static void print_services(const json_t *services)
{
    size_t i;
    json_t *s;
    if (json_array_size(services) == 0)
        return;
    printf("\n%-16s %-30s %-8s %s\n", "SERVICE", "STATE", "UPTIME", "LOG");
    json_array_foreach (services, i, s) {
        char age[32];
        bool running = json_is_true(json_object_get(s, "running"));
        printf("%-16s %-30s %-8s %s\n", text(s, "name"), running ? "running" : text(s, "result"),
               uptime(s, age, sizeof(age)), text(s, "log"));
    }
}

static void print_table(const json_t *status)
{
    printf("Folder:       %s\n", text(status, "state"));
    printf("Network:      %s on %s, %s\n", text(status, "network"), text(status, "bridge"),
           json_is_true(json_object_get(status, "nat")) ? "outbound access" : "no outbound access");
    printf("Accelerator:  %s (%s)\n", text(status, "accelerator"),
           text(status, "acceleratorReason"));
    print_machines(json_object_get(status, "machines"));
    print_services(json_object_get(status, "services"));
}

static int run(struct cli *cli, const struct args *args)
{
    const char *format = args_value(args, "output");
    if (format && !str_eq(format, "json"))
        return cli_usage_error(cli, "expected -o json, found \"%s\"", format);
    struct err err = ERR_INIT;
    json_auto_t *status = NULL;
    if (sandbox_ask(args, json_pack("{s:s}", "command", "status"), &status, &err) < 0)
        return cli_fail(cli, &err);
    if (!format) {
        print_table(status);
        return STATUS_OK;
    }
    (void)json_object_del(status, "ok");
    (void)json_dumpf(status, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    printf("\n");
    return STATUS_OK;
}

static const struct command_option options[] = {
    SANDBOX_STATE_OPTION,
    {'o', "output", "FORMAT", "json", COMPLETE_FORMAT},
    {0},
};

const struct command cmd_sandbox_status = {
    .name = "status",
    .summary = "Show the machines and services of a sandbox",
    .options = options,
    .run = run,
};
