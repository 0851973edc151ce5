/* SPDX-License-Identifier: Apache-2.0 */
/* What iPXE fetches: the script for its machine. */
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "server/private.h"

struct boot_plan server_boot_plan(const struct server *server, const struct machine *machine,
                                  bool serve_unknown)
{
    if (!machine)
        return boot_plan(&(struct boot_facts){.serve_unknown = serve_unknown});
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    struct boot_facts facts = {
        .known = true,
        .rejected = effective.approved == TRI_FALSE,
        .has_image = !str_empty(effective.image),
        .released =
            machine->status.phase == MACHINE_RELEASING || machine->status.phase == MACHINE_RELEASED,
        .install_generation = (uint64_t)effective.install_generation,
        .installed_generation = (uint64_t)machine->status.installed_generation,
    };
    return boot_plan(&facts);
}

/* "console=tty0 console=ttyS0": the configured arguments as one text; malloc'd. */
static char *stage2_arguments(const struct server *server)
{
    _autobuf_ struct buf out = BUF_INIT;
    const struct config_stage2 *stage2 = &server->config->stage2;
    for (size_t i = 0; i < stage2->n_kernel_arguments; i++)
        buf_printf(&out, "%s%s", i ? " " : "", stage2->kernel_arguments[i]);
    return buf_steal(&out);
}

static void write_script(struct server *server, const struct machine *machine, struct mac mac,
                         struct boot_plan plan, const char *base_url, struct buf *out)
{
    _autofree_ char *arguments = stage2_arguments(server);
    struct ipxe_script script = {
        .base_url = base_url,
        .server_key = server->key_text,
        .kernel_arguments = str_empty(arguments) ? NULL : arguments,
        .machine = machine ? machine->meta.name : NULL,
        .mac = mac,
        .plan = plan,
    };
    ipxe_script(&script, out);
}

static void note_script(struct server *server, const struct machine *machine,
                        const struct boot_plan *plan)
{
    static const char *const what[] = {[BOOT_NOTHING] = "nothing to boot",
                                       [BOOT_STAGE2] = "boot stage2",
                                       [BOOT_LOCAL] = "boot the disk"};
    if (!machine)
        return;
    log_info("%s: iPXE fetched its script: %s (%s)", machine->meta.name, what[plan->action],
             plan->reason);
    machines_timeline(server, machine->meta.name, "BootScript", what[plan->action]);
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
    _cleanup_(machine_freep) struct machine *machine = machine_find(server, &claim, &ambiguous);
    _autobuf_ struct buf out = BUF_INIT;
    if (!machine && !http_request_arg(request, "asked")) {
        ipxe_script_identify(base_url, &out);
    } else {
        const struct network *network = networks_of_address(server, peer->address);
        bool serve = network && network->spec.unknown_clients == UNKNOWN_CLIENTS_SERVE;
        struct boot_plan plan = server_boot_plan(server, machine, serve && !ambiguous);
        note_script(server, machine, &plan);
        write_script(server, machine, mac, plan, base_url, &out);
    }
    http_reply(request, buf_error(&out) ? 500 : 200, "text/plain", out.data, out.len);
}
