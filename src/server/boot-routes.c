/* SPDX-License-Identifier: Apache-2.0 */
/* What iPXE fetches: the script for its machine. */
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "server/private.h"

/* "console=tty0 console=ttyS0": the configured arguments as one text; malloc'd. */
static char *stage2_arguments(const struct server *server)
{
    _autobuf_ struct buf out = BUF_INIT;
    const struct config_stage2 *stage2 = &server->config->stage2;
    for (size_t i = 0; i < stage2->n_kernel_arguments; i++)
        buf_printf(&out, "%s%s", i ? " " : "", stage2->kernel_arguments[i]);
    return buf_steal(&out);
}

static void write_script(struct server *server, const struct boot_host *host, struct mac mac,
                         struct boot_plan plan, const char *base_url, struct buf *out)
{
    _autofree_ char *arguments = stage2_arguments(server);
    struct ipxe_script script = {
        .base_url = base_url,
        .server_key = server->key_text,
        .kernel_arguments = str_empty(arguments) ? NULL : arguments,
        .machine = host ? host->name : NULL,
        .mac = mac,
        .plan = plan,
    };
    ipxe_script(&script, out);
}

static void note_script(struct server *server, const struct boot_host *host)
{
    static const char *const what[] = {[BOOT_NOTHING] = "nothing to boot",
                                       [BOOT_STAGE2] = "boot stage2",
                                       [BOOT_LOCAL] = "boot the disk"};
    unsigned left_out;
    if (log_limit_allows(&server->script_lines, clock_now(server->clock), &left_out))
        log_info("%s: iPXE fetched its script: %s (%s)", host->name, what[host->plan.action],
                 host->plan.reason);
    timelines_note(server, host->name, "BootScript", what[host->plan.action]);
}

void boot_route_ipxe(struct http_request *request, void *data)
{
    struct server *server = data;
    const struct http_peer *peer = http_request_peer(request);
    char address[IPV4_TEXT_SIZE], base_url[64];
    struct mac mac = {0};
    bool ambiguous = false;
    (void)snprintf(base_url, sizeof(base_url), "http://%s:%u",
                   ipv4_text(peer->local_address, address), peer->local_port);
    bool has_mac = mac_parse(http_request_arg(request, "mac"), &mac) == 0;
    const struct machine_claim claim = {.macs = &mac,
                                        .mac_count = has_mac ? 1 : 0,
                                        .uuid = http_request_arg(request, "uuid"),
                                        .serial = http_request_arg(request, "serial")};
    const char *name = machine_find_name(server, &claim, &ambiguous);
    const struct boot_host *host = name ? machines_boot_host(server, name) : NULL;
    _autobuf_ struct buf out = BUF_INIT;
    if (!host && !http_request_arg(request, "asked")) {
        ipxe_script_identify(base_url, &out);
    } else {
        const struct network *network = networks_of_address(server, peer->address);
        bool serve = network && network->spec.unknown_clients == UNKNOWN_CLIENTS_SERVE;
        if (host)
            note_script(server, host);
        write_script(server, host, mac, host ? host->plan : boot_plan_unknown(serve && !ambiguous),
                     base_url, &out);
    }
    http_reply(request, buf_error(&out) ? 500 : 200, "text/plain", out.data, out.len);
}
