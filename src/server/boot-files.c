/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot-files.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "tftp/server.h"

#define IPXE_FOLDER "/usr/lib/ipxe" /* of Debian's package ipxe */

enum { PROGRAM_SIZE_MAX = 16 << 20, TFTP_PORT = 69, TOOL_TIMEOUT_MS = 20000 };

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

/*
 * Starts the loader on the machine's own disk: iPXE cannot read a FAT file system, GRUB can. The
 * label is that of the images that Slipway builds.
 */
static const char local_config[] =
    "search --no-floppy --set=root --label ESP\n"
    "if [ -z \"$root\" ]; then search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI; fi\n"
    "chainloader /EFI/BOOT/BOOTX64.EFI\n"
    "boot\n";

static int run_grub_mkimage(const char *config, const char *output, struct err *err)
{
    const char *const argv[] = {"grub-mkimage",
                                "-O",
                                "x86_64-efi",
                                "-o",
                                output,
                                "-p",
                                "/",
                                "-c",
                                config,
                                "part_gpt",
                                "part_msdos",
                                "fat",
                                "chain",
                                "search",
                                "search_label",
                                "search_fs_file",
                                "boot",
                                "normal",
                                "test",
                                NULL};
    const struct proc_options options = {.timeout_ms = TOOL_TIMEOUT_MS};
    return proc_run(argv, &options, NULL, err);
}

/* Without GRUB's tools UEFI machines leave iPXE with an error, which works, but slower. */
static int make_local(const struct server *server, struct err *err)
{
    struct err why = ERR_INIT;
    _autofree_ char *path = str_format("%s/local.efi", server->boot_dir);
    _autofree_ char *config = str_format("%s/local.cfg", server->boot_dir);
    _autofree_ char *temporary = str_format("%s/local.efi.new", server->boot_dir);
    if (!path || !config || !temporary)
        return err_set(err, -ENOMEM, "out of memory");
    if (access(path, R_OK) == 0)
        return 0;
    int r = file_write_atomic(config, local_config, strlen(local_config), 0644, err);
    if (r < 0)
        return r;
    if (run_grub_mkimage(config, temporary, &why) < 0 || rename(temporary, path) < 0)
        log_warn("%s cannot be made, so UEFI machines take longer to boot their own disk: %s "
                 "(install Debian's packages grub-common and grub-efi-amd64-bin)",
                 path, err_text(&why));
    (void)unlink(temporary);
    return 0;
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
    return r < 0 ? r : make_local(server, err);
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
