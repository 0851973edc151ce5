/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include "base/file.h"
#include "base/str.h"
#include "resource/decode.h"
#include "resource/format.h"
#include "resource/read.h"
#include "resource/validate.h"
#include "server/server.h"

enum { CONFIG_SIZE_MAX = 1 << 20 };

static const char *const log_level_values[] = {"error", "warn", "info", "debug", NULL};

static const struct field http_fields[] = {
    F_INT(struct config_http, port, "port", .min = 1, .max = 65535,
          .doc = "TCP port of the boot server. Default: 8080."),
    {0},
};

static const struct field api_fields[] = {
    F_IPV4(struct config_api, address, "address",
           .doc = "Address of the TLS listener. Default: 127.0.0.1."),
    F_INT(struct config_api, port, "port", .min = -1, .max = 65535,
          .doc = "Port of the TLS listener; -1: none. Default: 6780."),
    F_STRING(struct config_api, group, "group", .format = &format_user,
             .doc = "Group whose members may use the Unix socket besides root."),
    {0},
};

static const struct field dhcp_fields[] = {
    F_TRI(struct config_dhcp, enabled, "enabled", .doc = "Serve DHCP. Default: true."),
    {0},
};

static const struct field tftp_fields[] = {
    F_TRI(struct config_tftp, enabled, "enabled", .doc = "Serve TFTP. Default: true."),
    F_BOOL(struct config_tftp, single_port, "singlePort",
           .doc = "Answer from port 69 instead of a port per transfer: for clients behind NAT."),
    {0},
};

static const struct field stage2_fields[] = {
    F_STRINGS(struct config_stage2, kernel_arguments, "kernelArguments", 0,
              .doc = "Added to stage2's kernel command line. Default: console=tty0 console=ttyS0."),
    {0},
};

static const struct field deadline_fields[] = {
    F_INT(struct config_deadlines, provisioning_seconds, "provisioningSeconds", .min = 10,
          .max = 86400, .doc = "How long stage2 may be silent while it installs. Default: 600."),
    F_INT(struct config_deadlines, first_boot_seconds, "firstBootSeconds", .min = 10, .max = 86400,
          .doc = "How long the installed system may take to report in. Default: 1200."),
    F_INT(struct config_deadlines, node_ready_seconds, "nodeReadySeconds", .min = 10, .max = 86400,
          .doc = "How long the Node of a machine that has joined may not be Ready before the "
                 "machine hands over the end of its kubelet's log. Default: 120."),
    F_INT(struct config_deadlines, attempts, "attempts", .min = 1, .max = 1000,
          .doc = "Installations that may be begun for one install generation. Default: 10."),
    {0},
};

const struct field server_config_fields[] = {
    F_STRING(struct server_config, state_dir, "stateDir", .format = &format_path,
             .doc = "Where the server keeps what must last. Default: /var/lib/slipway."),
    F_STRING(struct server_config, boot_dir, "bootDir", .format = &format_path,
             .doc = "Boot programs and stage2. Default: STATE/boot."),
    F_STRING(struct server_config, key_file, "keyFile", .format = &format_path,
             .doc =
                 "File with 32 random bytes in base64 that encrypts the private keys of Clusters "
                 "in the state folder. It must lie outside of that folder."),
    F_STRING(struct server_config, images_dir, "imagesDir", .format = &format_path,
             .doc = "Image files. Default: STATE/images."),
    F_ENUM(struct server_config, log_level, "logLevel", log_level_values,
           .doc = "error, warn, info or debug. Default: info."),
    F_OBJECT(struct server_config, http, "http", struct config_http, http_fields,
             .doc = "The boot server: scripts, stage2, images."),
    F_OBJECT(struct server_config, api, "api", struct config_api, api_fields,
             .doc = "The admin API."),
    F_OBJECT(struct server_config, dhcp, "dhcp", struct config_dhcp, dhcp_fields,
             .doc = "DHCP, on the Networks that say so."),
    F_OBJECT(struct server_config, tftp, "tftp", struct config_tftp, tftp_fields,
             .doc = "TFTP, for boot programs."),
    F_OBJECT(struct server_config, stage2, "stage2", struct config_stage2, stage2_fields,
             .doc = "The system that blank machines boot."),
    F_OBJECT(struct server_config, deadlines, "deadlines", struct config_deadlines, deadline_fields,
             .doc = "When a silent machine has failed."),
    {0},
};

static void apply_defaults(struct server_config *c)
{
    static const char *const consoles[] = {"console=tty0", "console=ttyS0"};
    if (!c->state_dir)
        c->state_dir = STATE_DIR_DEFAULT;
    if (c->http.port == 0)
        c->http.port = 8080;
    if (c->api.address == 0)
        c->api.address = 0x7f000001;
    if (c->api.port == 0)
        c->api.port = 6780;
    if (c->stage2.n_kernel_arguments == 0) {
        c->stage2.kernel_arguments = consoles;
        c->stage2.n_kernel_arguments = ARRAY_SIZE(consoles);
    }
    if (c->deadlines.provisioning_seconds == 0)
        c->deadlines.provisioning_seconds = 600;
    if (c->deadlines.first_boot_seconds == 0)
        c->deadlines.first_boot_seconds = 1200;
    if (c->deadlines.node_ready_seconds == 0)
        c->deadlines.node_ready_seconds = 120;
    if (c->deadlines.attempts == 0)
        c->deadlines.attempts = 10;
}

static int first_problem(const char *path, const struct problems *problems, struct err *err)
{
    const struct problem *p = problems->n ? &problems->items[0] : NULL;
    if (!p)
        return err_set(err, -ENOMEM, "out of memory");
    if (p->line)
        return err_set(err, -EINVAL, "%s:%d: %s%s%s", path, p->line, p->path ? p->path : "",
                       str_empty(p->path) ? "" : ": ", p->text);
    return err_set(err, -EINVAL, "%s: %s%s%s", path, p->path ? p->path : "",
                   str_empty(p->path) ? "" : ": ", p->text);
}

static int decode(const char *path, const char *text, size_t len, struct server_config *ret,
                  struct err *err)
{
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    int r = yaml_parse(path, text, len, &documents, &problems);
    if (r < 0)
        return first_problem(path, &problems, err);
    if (documents.n > 1)
        return err_set(err, -EINVAL, "%s: expected one document, found %zu", path, documents.n);
    if (documents.n == 0)
        return 0;
    fields_validate(server_config_fields, documents.items[0].json, &problems);
    if (problems_any(&problems))
        return first_problem(path, &problems, err);
    return fields_decode(server_config_fields, documents.items[0].json, ret->arena, ret, err);
}

int server_config_load(const char *path, bool required, struct server_config *ret, struct err *err)
{
    struct server_config config = {.arena = arena_new()};
    _autofree_ char *text = NULL;
    size_t len = 0;
    if (!config.arena)
        return err_set(err, -ENOMEM, "out of memory");
    int r = file_read(path, CONFIG_SIZE_MAX, &text, &len, err);
    if (r == -ENOENT && !required)
        r = 0;
    else if (r == 0)
        r = decode(path, text, len, &config, err);
    if (r < 0) {
        server_config_free(&config);
        return r;
    }
    apply_defaults(&config);
    *ret = config;
    return 0;
}

void server_config_free(struct server_config *config)
{
    arena_free(config->arena);
    config->arena = NULL;
}

int server_config_override(struct server_config *c, const struct server_options *o, struct err *err)
{
    if (o->state_dir)
        c->state_dir = o->state_dir;
    if (o->boot_dir)
        c->boot_dir = o->boot_dir;
    if (o->images_dir)
        c->images_dir = o->images_dir;
    if (o->http_port > 0)
        c->http.port = o->http_port;
    if (o->api_port != 0)
        c->api.port = o->api_port;
    if (o->no_dhcp)
        c->dhcp.enabled = TRI_FALSE;
    if (o->no_tftp)
        c->tftp.enabled = TRI_FALSE;
    if (o->api_address && ipv4_parse(o->api_address, &c->api.address) < 0)
        return err_set(err, -EINVAL, "--api-address: not an IPv4 address: \"%s\"", o->api_address);
    if (!o->log_level)
        return 0;
    c->log_level = (enum config_log_level)field_enum_parse(log_level_values, o->log_level);
    if (c->log_level == CONFIG_LOG_UNSET)
        return err_set(err, -EINVAL,
                       "--log-level: expected error, warn, info or debug, found "
                       "\"%s\"",
                       o->log_level);
    return 0;
}

static void note(bool changed, const char *field)
{
    if (changed)
        log_warn("%s: the change takes effect after a restart", field);
}

void server_config_note_restart(const struct server_config *before,
                                const struct server_config *after)
{
    note(!str_eq(before->state_dir, after->state_dir), "stateDir");
    note(!str_eq(before->boot_dir, after->boot_dir), "bootDir");
    note(!str_eq(before->images_dir, after->images_dir), "imagesDir");
    note(before->http.port != after->http.port, "http.port");
    note(before->api.address != after->api.address || before->api.port != after->api.port, "api");
    note(before->dhcp.enabled != after->dhcp.enabled, "dhcp.enabled");
    note(before->tftp.enabled != after->tftp.enabled ||
             before->tftp.single_port != after->tftp.single_port,
         "tftp");
}

enum log_level server_config_log_level(const struct server_config *config)
{
    switch (config->log_level) {
    case CONFIG_LOG_ERROR:
        return LOG_LEVEL_ERROR;
    case CONFIG_LOG_WARN:
        return LOG_LEVEL_WARN;
    case CONFIG_LOG_DEBUG:
        return LOG_LEVEL_DEBUG;
    case CONFIG_LOG_UNSET:
    case CONFIG_LOG_INFO:
        break;
    }
    return LOG_LEVEL_INFO;
}
