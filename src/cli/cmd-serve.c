/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "server/server.h"

static const struct command_option options[] = {
    {'c', "config", "FILE", "read FILE instead of " CONFIG_PATH_DEFAULT, COMPLETE_FILE},
    {0, "state", "DIR", "keep state in DIR instead of " STATE_DIR_DEFAULT, COMPLETE_FOLDER},
    {0, "boot-dir", "DIR", "boot programs and stage2 (default: STATE/boot)", COMPLETE_FOLDER},
    {0, "images-dir", "DIR", "image files (default: STATE/images)", COMPLETE_FOLDER},
    {0, "http-port", "PORT", "TCP port of the boot server (default: 8080)", COMPLETE_NOTHING},
    {0, "api-address", "ADDRESS", "where the API listens with TLS (default: 127.0.0.1)",
     COMPLETE_NOTHING},
    {0, "api-port", "PORT", "port of the TLS API (default: 6780)", COMPLETE_NOTHING},
    {0, "no-tls-api", NULL, "serve the API on the Unix socket only", COMPLETE_NOTHING},
    {0, "no-dhcp", NULL, "do not serve DHCP", COMPLETE_NOTHING},
    {0, "no-tftp", NULL, "do not serve TFTP", COMPLETE_NOTHING},
    {0, "log-level", "LEVEL", "error, warn, info or debug (default: info)", COMPLETE_NOTHING},
    {0},
};

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    long http_port = 0, api_port = 0;
    if (args_number(args, "http-port", 1, 65535, 0, &http_port, &err) < 0 ||
        args_number(args, "api-port", 1, 65535, 0, &api_port, &err) < 0)
        return cli_fail(cli, &err);
    const struct server_options o = {
        .config_path = args_value(args, "config"),
        .state_dir = args_value(args, "state"),
        .boot_dir = args_value(args, "boot-dir"),
        .images_dir = args_value(args, "images-dir"),
        .log_level = args_value(args, "log-level"),
        .api_address = args_value(args, "api-address"),
        .http_port = (int)http_port,
        .api_port = args_given(args, "no-tls-api") ? -1 : (int)api_port,
        .no_dhcp = args_given(args, "no-dhcp"),
        .no_tftp = args_given(args, "no-tftp"),
    };
    return server_run(&o, &err) < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_serve = {
    .name = "serve",
    .summary = "Run the server: DHCP, TFTP, HTTP, API and controllers",
    .details =
        "Runs in the foreground until SIGTERM or SIGINT. SIGHUP reads the configuration again.\n"
        "What is served (Machines, Images, Networks, Profiles, Clusters) are resources: see "
        "slipway apply.",
    .options = options,
    .run = run,
};
