/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot-files.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "server/boot-local.h"
#include "tftp/server.h"

#define IPXE_FOLDER "/usr/lib/ipxe" /* of Debian's package ipxe */

enum { PROGRAM_SIZE_MAX = 16 << 20, TFTP_PORT = 69 };

/* ---- files ---- */

static int copy_program(const char *name, const char *to, struct err *err)
{
    _autofree_ char *from = str_format("%s/%s", IPXE_FOLDER, name);
    _autofree_ char *data = NULL;
    size_t len = 0;
    if (!from)
        return err_set(err, -ENOMEM, "out of memory");
    if (file_read(from, PROGRAM_SIZE_MAX, &data, &len, err) < 0) {
        log_warn("%s is missing, and so is %s: install Debian's package ipxe", to, from);
        return 0;
    }
    return file_write_atomic(to, data, len, 0644, err);
}

int boot_files_prepare(const struct server *server, struct err *err)
{
    static const char *const programs[] = {"undionly.kpxe", "snponly.efi", "ipxe.efi"};
    static const char *const stage2[] = {"vmlinuz", "initrd.img"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(programs); i++) {
        _autofree_ char *path = str_format("%s/%s", server->boot_dir, programs[i]);
        if (path && access(path, R_OK) < 0)
            r = copy_program(programs[i], path, err);
    }
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(stage2); i++) {
        _autofree_ char *path = str_format("%s/%s", server->boot_dir, stage2[i]);
        if (path && access(path, R_OK) < 0)
            log_warn("%s is missing, machines cannot boot: slipway initrd build", path);
    }
    return r < 0 ? r : boot_local_prepare(server->boot_dir, err);
}

/* ---- TFTP ---- */

/* iPXE asks for autoexec.ipxe before anything else: the same script as by DHCP. */
static int generate(void *data, const struct tftp_peer *peer, const char *name, void **ret_bytes,
                    size_t *ret_len)
{
    const struct server *server = data;
    char address[IPV4_TEXT_SIZE], base_url[64];
    _autobuf_ struct buf out = BUF_INIT;
    if (!str_eq(name, "autoexec.ipxe"))
        return -ENOENT;
    (void)snprintf(base_url, sizeof(base_url), "http://%s:%u", ipv4_text(peer->local, address),
                   (unsigned)server->config->http.port);
    ipxe_script_identify(base_url, &out);
    *ret_len = out.len;
    *ret_bytes = buf_steal(&out);
    return *ret_bytes ? 0 : -ENOMEM;
}

static void write_line(const struct tftp_event *event, enum log_level level)
{
    char name[128], address[IPV4_TEXT_SIZE];
    (void)log_quote(name, sizeof(name), event->name, strlen(event->name));
    (void)ipv4_text(event->peer.address, address);
    switch (event->kind) {
    case TFTP_EVENT_COMPLETED:
        log_at(level, "tftp: %s has %s (%llu bytes in %lld ms)", address, name,
               (unsigned long long)event->size, (long long)event->duration_ms);
        break;
    case TFTP_EVENT_FAILED:
    case TFTP_EVENT_REFUSED:
        log_at(level, "tftp: %s does not get %s: %s", address, name, event->reason);
        break;
    case TFTP_EVENT_STARTED:
    case TFTP_EVENT_PROBED:
        log_at(level, "tftp: %s asks for %s", address, name);
        break;
    }
}

static void on_event(void *data, const struct tftp_event *event)
{
    struct server *server = data;
    unsigned left_out;
    bool usual = event->kind == TFTP_EVENT_STARTED || event->kind == TFTP_EVENT_PROBED;
    enum log_level level = usual ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    if (level > log_get_level())
        return;
    bool allowed = log_limit_allows(&server->tftp_lines, clock_now(server->clock), &left_out);
    if (left_out)
        log_warn("tftp: %u lines were left out, too many requests came", left_out);
    if (allowed)
        write_line(event, level);
}

int boot_files_serve(struct server *server, struct err *err)
{
    if (server->config->tftp.enabled == TRI_FALSE)
        return 0;
    const struct tftp_server_options options = {
        .loop = &server->loop,
        .port = TFTP_PORT,
        .root = server->boot_dir,
        .single_port = server->config->tftp.single_port,
        .generate = generate,
        .on_event = on_event,
        .data = server,
    };
    return tftp_server_new(&options, &server->tftp, err);
}

void boot_files_close(struct server *server)
{
    if (server->tftp)
        tftp_server_close(server->tftp, NULL, NULL);
    server->tftp = NULL;
}
