/* SPDX-License-Identifier: Apache-2.0 */
#include "image/build.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/build-fd.h"
#include "image/build-sources.h"
#include "image/store.h"

extern const unsigned char image_customize_script[];
extern const unsigned long image_customize_script_size;
extern const unsigned char image_customize_kubernetes[];
extern const unsigned long image_customize_kubernetes_size;

enum {
    ARGUMENTS_MAX = 128,
    RESULT_MAX = 8192,
};

/* Growing lists of strings that end with NULL; what is added is freed with the list. */
struct strings {
    char *items[ARGUMENTS_MAX];
    size_t count;
    bool failed;
};

static void strings_free(struct strings *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i]);
}

/* Takes over text, which may be NULL for "out of memory". */
static void strings_take(struct strings *s, char *text)
{
    if (!text || s->count + 1 >= ARGUMENTS_MAX) {
        free(text);
        s->failed = true;
        return;
    }
    s->items[s->count++] = text;
}

/* What a build in progress holds. */
struct building {
    const struct image_build *b;
    struct image_ids ids;
    char *work;    /* temporary folder, removed at the end */
    int disk_fd;   /* the raw disk, already without a name */
    int script_fd; /* customize.sh */
    int files_fd;  /* tar of the files; -1: none */
    int commands_fd;
    int result_fd;
    int kubernetes_fd; /* customize-kubernetes.sh; -1: none is wanted */
    struct image_kubernetes_files kubernetes;
    FILE *log;
    uint64_t disk_size;
    struct image_boot boot;
    char proxy_image[IMAGE_TEXT_MAX + 1], dns_image[IMAGE_TEXT_MAX + 1]; /* as the manifest's */
};

static void building_free(struct building *g)
{
    cleanup_fd(&g->disk_fd);
    cleanup_fd(&g->script_fd);
    cleanup_fd(&g->files_fd);
    cleanup_fd(&g->commands_fd);
    cleanup_fd(&g->result_fd);
    cleanup_fd(&g->kubernetes_fd);
    image_kubernetes_close(&g->kubernetes);
    if (g->log)
        (void)fclose(g->log);
    if (g->work && tree_remove(g->work, NULL) < 0)
        log_debug("cannot remove %s", g->work);
    free(g->work);
}

static int check_tool(const char *program, const char *package, struct err *err)
{
    char path[4096];
    if (proc_find(program, path, sizeof(path)))
        return 0;
    return err_set(err, -ENOENT, "%s is not installed: apt-get install %s", program, package);
}

static int check_tools(struct err *err)
{
    static const char *const tools[][2] = {
        {"mmdebstrap", "mmdebstrap"},    {"mke2fs", "e2fsprogs"},   {"tar", "tar"},
        {"grub-mkimage", "grub-common"}, {"unshare", "util-linux"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
        int r = check_tool(tools[i][0], tools[i][1], err);
        if (r < 0)
            return r;
    }
    if (access("/usr/lib/grub/i386-pc/boot.img", R_OK) < 0)
        return err_set(err, -ENOENT, "GRUB for BIOS is missing: apt-get install grub-pc-bin");
    if (access("/usr/lib/grub/x86_64-efi/modinfo.sh", R_OK) < 0)
        return err_set(err, -ENOENT,
                       "GRUB for UEFI is missing: apt-get install "
                       "grub-efi-amd64-bin");
    return geteuid() == 0 ? 0 : check_tool("newuidmap", "uidmap", err);
}

static int stage_file(const char *folder, const struct image_build_file *file, struct err *err)
{
    _autofree_ char *path = str_format("%s%s", folder, file->path);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int r = dir_make(path, 0755, err);
    *slash = '/';
    if (r >= 0)
        r = file_write_atomic(path, file->data, file->len, file->mode, err);
    if (r >= 0 && chmod(path, file->mode) < 0)
        r = err_errno(err, -errno, "cannot set the mode of %s", path);
    return r;
}

/* All files as a tar archive, owned by root, through a folder in the work folder. */
static int stage_files(struct building *g, struct err *err)
{
    const struct image_build *b = g->b;
    if (b->file_count == 0)
        return 0;
    _autofree_ char *folder = str_format("%s/files", g->work);
    _autofree_ char *archive = str_format("%s/files.tar", g->work);
    _autofree_ char *mtime = str_format("--mtime=@%lld", (long long)b->time);
    if (!folder || !archive || !mtime)
        return err_set(err, -ENOMEM, "out of memory");
    int r = 0;
    for (size_t i = 0; i < b->file_count && r >= 0; i++)
        r = stage_file(folder, &b->files[i], err);
    if (r < 0)
        return r;
    const char *const argv[] = {"tar",
                                "-c",
                                "-f",
                                archive,
                                "-C",
                                folder,
                                mtime,
                                "--sort=name",
                                "--owner=0",
                                "--group=0",
                                "--numeric-owner",
                                "--no-recursion",
                                "--null",
                                "-T",
                                "-",
                                NULL};
    /* Only the files themselves, so that folders that packages own keep their modes. */
    _autobuf_ struct buf names = BUF_INIT;
    for (size_t i = 0; i < b->file_count; i++) {
        buf_adds(&names, ".");
        buf_adds(&names, b->files[i].path);
        buf_addc(&names, '\0');
    }
    if (buf_error(&names) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    struct proc_options options = {.input = names.data, .input_len = names.len};
    r = proc_run(argv, &options, NULL, err);
    if (r < 0)
        return r;
    g->files_fd = build_fd_inherit(open(archive, O_RDONLY | O_CLOEXEC));
    if (g->files_fd < 0 || fchmod(g->files_fd, 0444) < 0)
        return err_errno(err, -errno, "cannot open %s", archive);
    return 0;
}

static int prepare_kubernetes(struct building *g, struct err *err)
{
    g->kubernetes_fd = build_fd_memory("customize-kubernetes.sh", image_customize_kubernetes,
                                       image_customize_kubernetes_size);
    if (g->kubernetes_fd < 0)
        return err_set(err, -ENOMEM, "cannot make files in memory");
    return image_kubernetes_open(g->b->kubernetes, g->work, &g->kubernetes, err);
}

static int prepare(struct building *g, struct err *err)
{
    const struct image_build *b = g->b;
    int r = dir_make(b->folder, 0755, err);
    if (r < 0)
        return r;
    g->work = str_format("%s/.%s.build.XXXXXX", b->folder, b->name);
    if (!g->work)
        return err_set(err, -ENOMEM, "out of memory");
    if (!mkdtemp(g->work)) {
        r = -errno;
        free(TAKE_PTR(g->work));
        return err_errno(err, r, "cannot make a folder in %s", b->folder);
    }
    g->disk_fd = build_fd_unnamed(g->work, 0666);
    if (g->disk_fd < 0)
        return err_errno(err, g->disk_fd, "cannot create the disk in %s", b->folder);
    g->script_fd =
        build_fd_memory("customize.sh", image_customize_script, image_customize_script_size);
    g->result_fd = build_fd_memory("result", NULL, 0);
    if (b->commands)
        g->commands_fd = build_fd_memory("commands", b->commands, strlen(b->commands));
    if (g->script_fd < 0 || g->result_fd < 0 || (b->commands && g->commands_fd < 0))
        return err_set(err, -ENOMEM, "cannot make files in memory");
    if (b->log_path) {
        g->log = fopen(b->log_path, "we");
        if (!g->log)
            return err_errno(err, -errno, "cannot write %s", b->log_path);
        setlinebuf(g->log); /* people follow it */
    }
    image_ids_derive(b->name, b->time, &g->ids);
    r = b->kubernetes ? prepare_kubernetes(g, err) : 0;
    return r < 0 ? r : stage_files(g, err);
}

static void add_fd(struct strings *env, const char *name, int fd)
{
    strings_take(env,
                 fd < 0 ? str_format("%s=", name) : str_format("%s=/proc/self/fd/%d", name, fd));
}

static void add_fds(struct strings *env, const char *name, const int *fds, size_t count)
{
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "%s=", name);
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            buf_printf(&text, " /proc/self/fd/%d", fds[i]);
    }
    strings_take(env, buf_steal(&text));
}

static void add_kubernetes(const struct building *g, struct strings *env)
{
    const struct image_kubernetes *k = g->b->kubernetes;
    const struct image_kubernetes_files *files = &g->kubernetes;
    add_fd(env, "SLIPWAY_KUBERNETES", g->kubernetes_fd);
    if (!k)
        return;
    strings_take(env, str_format("SLIPWAY_KUBERNETES_VERSION=%s", k->version));
    strings_take(env, str_format("SLIPWAY_KUBERNETES_CNI=%s", k->cni_plugins ? "" : "yes"));
    add_fds(env, "SLIPWAY_KUBERNETES_BINARIES", files->binaries, ARRAY_SIZE(files->binaries));
    add_fds(env, "SLIPWAY_KUBERNETES_IMAGES", files->images, files->image_count);
}

/* The environment for mmdebstrap, customize.sh and mke2fs: ours and the description of the work. */
static void make_environment(const struct building *g, struct strings *env)
{
    static const char *const kept[] = {"PATH",        "HOME",     "TMPDIR",   "http_proxy",
                                       "https_proxy", "no_proxy", "all_proxy"};
    const struct image_build *b = g->b;
    char uuid[GPT_GUID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const char *value = getenv(kept[i]);
        if (value)
            strings_take(env, str_format("%s=%s", kept[i], value));
    }
    strings_take(env, str_format("LC_ALL=C.UTF-8"));
    strings_take(env, str_format("SOURCE_DATE_EPOCH=%lld", (long long)b->time));
    strings_take(env, str_format("SLIPWAY_HOSTNAME=%s", b->hostname));
    strings_take(env, str_format("SLIPWAY_LOCALE=%s", b->locale ? b->locale : ""));
    strings_take(env, str_format("SLIPWAY_NODE=%s", b->node ? "yes" : ""));
    strings_take(env, str_format("SLIPWAY_CMDLINE=%s", b->kernel_arguments));
    strings_take(env, str_format("SLIPWAY_ROOT_UUID=%s", gpt_guid_text(g->ids.root_fs, uuid)));
    strings_take(env,
                 str_format("SLIPWAY_ROOT_OFFSET=%llu", (unsigned long long)IMAGE_ROOT_OFFSET));
    strings_take(env, str_format("SLIPWAY_DISK_SIZE=%llu", (unsigned long long)b->disk_size));
    add_fd(env, "SLIPWAY_DISK", g->disk_fd);
    add_fd(env, "SLIPWAY_FILES", g->files_fd);
    add_fd(env, "SLIPWAY_COMMANDS", g->commands_fd);
    add_fd(env, "SLIPWAY_RESULT", g->result_fd);
    add_kubernetes(g, env);
}

static void add_joined(struct strings *args, const char *option, const char *const *items)
{
    for (size_t i = 0; items && items[i]; i++)
        strings_take(args, str_format("%s%s", option, items[i]));
}

static void make_arguments(const struct building *g, const struct image_sources *sources,
                           struct strings *args)
{
    static const char *const unread[] = {"path-exclude=/usr/share/man/*",
                                         "path-exclude=/usr/share/doc/*",
                                         "path-include=/usr/share/doc/*/copyright",
                                         "path-exclude=/usr/share/info/*",
                                         "path-exclude=/usr/share/locale/*",
                                         "path-include=/usr/share/locale/locale.alias",
                                         NULL};
    const struct image_build *b = g->b;
    strings_take(args, str_format("mmdebstrap"));
    /* For root as well: mounts in a namespace of its own vanish even when it is killed. */
    strings_take(args, str_format("--mode=unshare"));
    strings_take(args, str_format("--variant=%s", b->variant));
    strings_take(args, str_format("--architectures=%s", b->architecture));
    strings_take(args, str_format("--format=null"));
    strings_take(args, str_format("--skip=cleanup/apt,cleanup/mmdebstrap,cleanup/reproducible"));
    strings_take(args, str_format("--include=%s,initramfs-tools,zstd", b->kernel));
    add_joined(args, "--include=", b->packages);
    add_joined(args, "--include=", (const char *const *)(const void *)g->kubernetes.packages);
    add_joined(args, "--components=", b->components);
    if (!b->documentation)
        add_joined(args, "--dpkgopt=", unread);
    add_joined(args, "--aptopt=", (const char *const *)(const void *)sources->apt_options);
    strings_take(args,
                 str_format("--essential-hook=sh /proc/self/fd/%d early \"$1\"", g->script_fd));
    strings_take(args,
                 str_format("--customize-hook=sh /proc/self/fd/%d late \"$1\"", g->script_fd));
    strings_take(args, str_format("%s", b->suite));
    strings_take(args, str_format("/dev/null"));
    add_joined(args, "", (const char *const *)(const void *)sources->lines);
    add_joined(args, "", b->mirrors);
    if (g->kubernetes.sources)
        strings_take(args, str_format("%s", g->kubernetes.sources));
}

/* mmdebstrap's and customize.sh's messages become the steps that people see. */
static void on_line(void *data, const char *line)
{
    static const char *const steps[][2] = {
        {"I: running apt-get update", "reading package lists"},
        {"I: downloading packages", "downloading essential packages"},
        {"I: extracting archives", "unpacking essential packages"},
        {"I: installing essential", "installing essential packages"},
        {"I: installing remaining", "installing packages"},
        {"slipway: configuring", "configuring"},
        {"slipway: setting up Kubernetes", "setting up Kubernetes"},
        {"slipway: importing container images", "importing container images"},
        {"slipway: running commands", "running commands"},
        {"slipway: writing", "writing the root file system"},
    };
    struct building *g = data;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (str_after(line, steps[i][0]))
            image_progress_step(g->b->progress, steps[i][1], 0, 0);
    }
    if (g->log)
        (void)fprintf(g->log, "%s\n", line);
    if (g->b->on_log)
        g->b->on_log(g->b->log_data, line);
}

static int run_mmdebstrap(struct building *g, struct err *err)
{
    _cleanup_(image_sources_free) struct image_sources sources = {0};
    _cleanup_(strings_free) struct strings args = {0};
    _cleanup_(strings_free) struct strings env = {0};
    bool own_mirrors = g->b->mirrors && g->b->mirrors[0];
    int r = image_sources_find(g->b->suite, g->b->components, !own_mirrors, &sources, err);
    if (r < 0)
        return r;
    make_arguments(g, &sources, &args);
    make_environment(g, &env);
    if (args.failed || env.failed)
        return err_set(err, -E2BIG, "too many packages, mirrors or components");
    struct proc_options options = {
        .env = (const char *const *)(const void *)env.items,
        .on_line = on_line,
        .data = g,
        .cancel = g->b->progress ? g->b->progress->cancel : NULL,
    };
    return proc_run((const char *const *)(const void *)args.items, &options, NULL, err);
}

static int result_value(const char *text, const char *name, char *ret, size_t size)
{
    size_t len = strlen(name);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, len) != 0 || line[len] != '=')
            continue;
        size_t n = strcspn(line + len + 1, "\n");
        if (n >= size)
            return -EMSGSIZE;
        memcpy(ret, line + len + 1, n);
        ret[n] = '\0';
        return 0;
    }
    return -ENOENT;
}

/* Like result_value(), of a line that need not be there. */
static int optional_value(const char *text, const char *name, char *ret, size_t size)
{
    int r = result_value(text, name, ret, size);
    return r == -ENOENT ? 0 : r;
}

/*
 * What customize.sh left in the result file: the disk's size, what stage2 may kexec, and the
 * container images of a Kubernetes' add-ons.
 */
static int read_result(struct building *g, struct err *err)
{
    char text[RESULT_MAX] = "";
    char size[32], uuid[GPT_GUID_TEXT_SIZE];
    struct image_boot *boot = &g->boot;
    ssize_t n = fd_pread_full(g->result_fd, text, sizeof(text) - 1, 0);
    if (n < 0)
        return err_errno(err, (int)n, "cannot read the result of the build");
    int r = result_value(text, "size", size, sizeof(size));
    if (r >= 0)
        r = str_parse_u64(size, 2 * IMAGE_ROOT_OFFSET, UINT64_MAX / 2, &g->disk_size);
    if (r >= 0)
        r = result_value(text, "kernel", boot->kernel, sizeof(boot->kernel));
    if (r >= 0)
        r = result_value(text, "initrd", boot->initrd, sizeof(boot->initrd));
    if (r >= 0)
        r = optional_value(text, "proxyImage", g->proxy_image, sizeof(g->proxy_image));
    if (r >= 0)
        r = optional_value(text, "dnsImage", g->dns_image, sizeof(g->dns_image));
    if (r < 0)
        return err_set(err, -EIO, "the hook that finishes the root tree left no usable result");
    if (!boot->kernel[0])
        return err_set(err, -EINVAL, "no /vmlinuz in the image: %s is not a kernel package",
                       g->b->kernel);
    boot->root_partition = IMAGE_PARTITION_ROOT;
    int len = snprintf(boot->cmdline, sizeof(boot->cmdline), "root=UUID=%s ro %s",
                       gpt_guid_text(g->ids.root_fs, uuid), g->b->kernel_arguments);
    if (len < 0 || (size_t)len >= sizeof(boot->cmdline))
        return err_set(err, -EINVAL, "kernelArguments: too long");
    return 0;
}

static int save(struct building *g, struct image_manifest *ret, struct err *err)
{
    const struct image_build *b = g->b;
    struct image_pack_options options = {.level = b->level, .progress = b->progress};
    _automanifest_ struct image_manifest m = {0};
    int r = image_manifest_init(&m, b->name, b->architecture, g->disk_size,
                                IMAGE_CHUNK_SIZE_DEFAULT, err);
    if (r >= 0 && b->description)
        r = str_copy(m.description, sizeof(m.description), b->description);
    if (r < 0)
        return r;
    m.boot = g->boot;
    m.node = b->node;
    memcpy(m.proxy_image, g->proxy_image, sizeof(m.proxy_image));
    memcpy(m.dns_image, g->dns_image, sizeof(m.dns_image));
    if (b->kubernetes)
        r = str_copy(m.kubernetes, sizeof(m.kubernetes), b->kubernetes->version);
    if (r >= 0)
        r = image_save(b->folder, g->disk_fd, &options, &m, err);
    if (r < 0)
        return r;
    *ret = m;
    m.chunks = NULL;
    return 0;
}

int image_build(const struct image_build *build, struct image_manifest *ret_manifest,
                struct err *err)
{
    _cleanup_(building_free) struct building g = {.b = build,
                                                  .disk_fd = -1,
                                                  .script_fd = -1,
                                                  .files_fd = -1,
                                                  .commands_fd = -1,
                                                  .result_fd = -1,
                                                  .kubernetes_fd = -1,
                                                  .kubernetes = IMAGE_KUBERNETES_FILES_INIT};
    int r = check_tools(err);
    if (r >= 0)
        r = prepare(&g, err);
    if (r >= 0)
        r = run_mmdebstrap(&g, err);
    if (r >= 0)
        r = read_result(&g, err);
    if (r < 0)
        return r;
    image_progress_step(build->progress, "writing boot loaders", 0, 0);
    r = image_disk_finish(g.disk_fd, g.disk_size, &g.ids, build->time, g.work, err);
    return r < 0 ? r : save(&g, ret_manifest, err);
}
