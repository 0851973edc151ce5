/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-commands.h"

#include <dirent.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/image-spec.h"
#include "image/build.h"
#include "image/pack.h"

enum { FILE_MAX = 64 << 20, NODE_FILES = 16, PLUGINS_MAX = 256, PACKAGES_MAX = 512 };

/* What every image of ours needs to start: the kernel's package is separate. */
static const char *const base_packages[] = {"systemd-sysv", "udev", "kmod"};

/* What a build borrows from here while it runs. */
struct inputs {
    struct arena *arena;
    struct image_description description;
    struct image_build build;
    struct image_kubernetes kubernetes;
    struct image_build_file *files;
    char **loaded; /* contents of files that were read, to be freed */
    size_t loaded_count;
    bool failed; /* out of memory for a path */
    char *log_path;
};

static void inputs_free(struct inputs *in)
{
    for (size_t i = 0; i < in->loaded_count; i++)
        free(in->loaded[i]);
    free(in->loaded);
    free(in->files);
    arena_free(in->arena);
}

/*
 * The first of these places, relative to this program's folder, that holds `name`: as installed, or
 * as it lies in a build folder. The place without the name; malloc'd or NULL.
 */
static char *find_beside(const char *const *places, size_t count, const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return NULL;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < count; i++) {
        _autofree_ char *place = str_format("%s%s", self, places[i]);
        _autofree_ char *path = str_format("%s%s%s", self, places[i], name);
        if (place && path && access(path, R_OK) == 0)
            return TAKE_PTR(place);
    }
    return NULL;
}

static int add_file(struct inputs *in, const char *path, const char *source, mode_t mode,
                    struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    int r = file_read(source, FILE_MAX, &data, &len, err);
    if (r < 0)
        return r;
    in->loaded[in->loaded_count++] = data;
    in->files[in->build.file_count++] =
        (struct image_build_file){.path = path, .data = data, .len = len, .mode = mode};
    return 0;
}

/* A path of the description, seen from where this program runs; in the arena. NULL stays NULL. */
static const char *resolve(struct inputs *in, const char *folder, const char *path)
{
    if (!path || path[0] == '/')
        return path;
    _autofree_ char *joined = str_format("%s/%s", folder, path);
    const char *text = joined ? arena_text(in->arena, joined, strlen(joined)) : NULL;
    in->failed = in->failed || !text;
    return text;
}

static int add_described(struct inputs *in, const char *folder,
                         const struct image_description_file *f, struct err *err)
{
    mode_t mode = (mode_t)strtoul(f->mode, NULL, 8);
    if (f->content) {
        in->files[in->build.file_count++] = (struct image_build_file){
            .path = f->path, .data = f->content, .len = strlen(f->content), .mode = mode};
        return 0;
    }
    const char *source = resolve(in, folder, f->source);
    if (!source)
        return err_set(err, -ENOMEM, "out of memory");
    return add_file(in, f->path, source, mode, err);
}

/* A program for the image, with its systemd units. Lists end with NULL. */
struct packaged {
    const char *name;
    const char *const *places; /* relative to this program's folder, with the name */
    const char *path;          /* in the image */
    const char *option;        /* that names it instead */
    const char *const *units;  /* in the image */
};

static const struct packaged packaged_node = {
    .name = "slipway-node",
    .places = (const char *const[]){"/slipway-node", "/../lib/slipway/slipway-node",
                                    "/../node/slipway-node", NULL},
    .path = "/usr/bin/slipway-node",
    .option = "node",
    .units = (const char *const[]){"/usr/lib/systemd/system/slipway-node.service",
                                   "/usr/lib/systemd/system/slipway-node-first-boot.service",
                                   "/usr/lib/systemd/system/slipway-node-grow.service",
                                   "/usr/lib/systemd/system/slipway-node-cluster.service",
                                   "/usr/lib/systemd/system/slipway-node-up.service", NULL},
};

static const struct packaged packaged_podnet = {
    .name = "slipway-podnet",
    .places = (const char *const[]){"/slipway-podnet", "/../lib/slipway/slipway-podnet",
                                    "/../podnet/slipway-podnet", NULL},
    .path = "/usr/bin/slipway-podnet",
    .option = "podnet",
    .units = (const char *const[]){"/usr/lib/systemd/system/slipway-podnet.service",
                                   "/usr/lib/systemd/system/slipway-podnet.path",
                                   "/usr/lib/systemd/system/slipway-vip.service",
                                   "/usr/lib/systemd/system/slipway-vip.path",
                                   "/usr/lib/systemd/system/slipway-pods.service", NULL},
};

static size_t list_length(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* A program and its units, from beside this program or from where the options say. */
static int add_program(struct inputs *in, const struct packaged *what, const struct args *args,
                       struct err *err)
{
    static const char *const unit_folders[] = {"/../lib/slipway", "/../../deploy"};
    const char *program = args_value(args, what->option);
    const char *folder = args_value(args, "node-units");
    _autofree_ char *found =
        program ? NULL : find_beside(what->places, list_length(what->places), "");
    _autofree_ char *found_units =
        folder ? NULL
               : find_beside(unit_folders, ARRAY_SIZE(unit_folders), "/slipway-node.service");
    program = program ? program : found;
    folder = folder ? folder : found_units;
    if (!program || !folder)
        return err_set(err, -ENOENT, "%s%s not beside this program: give --%s",
                       program ? "the units of " : "", what->name,
                       program ? "node-units" : what->option);
    int r = add_file(in, what->path, program, 0755, err);
    for (size_t i = 0; what->units[i] && r >= 0; i++) {
        _autofree_ char *unit = str_format("%s%s", folder, strrchr(what->units[i], '/'));
        r = unit ? add_file(in, what->units[i], unit, 0644, err)
                 : err_set(err, -ENOMEM, "out of memory");
    }
    return r;
}

static int add_node(struct inputs *in, const struct args *args, struct err *err)
{
    in->build.node = true;
    int r = add_program(in, &packaged_node, args, err);
    if (r >= 0 && in->description.kubernetes.version)
        r = add_program(in, &packaged_podnet, args, err);
    return r;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A folder's network plugins, to where those of network add-ons go too. */
static int add_cni_plugins(struct inputs *in, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_visible, alphasort);
    if (n < 0)
        return err_errno(err, -errno, "kubernetes.cniPlugins: cannot list %s", folder);
    int r = n == 0 || n > PLUGINS_MAX
                ? err_set(err, -EINVAL, "kubernetes.cniPlugins: %d files in %s", n, folder)
                : 0;
    for (int i = 0; i < n; i++) {
        const char *source = resolve(in, folder, names[i]->d_name);
        const char *path = resolve(in, "/opt/cni/bin", names[i]->d_name);
        if (r >= 0)
            r = source && path ? add_file(in, path, source, 0755, err) : -ENOMEM;
        free(names[i]);
    }
    free(names);
    return r;
}

/* What the description says of Kubernetes, with paths as they are seen from here. */
static int add_kubernetes(struct inputs *in, const char *folder, struct err *err)
{
    const struct image_description_kubernetes *d = &in->description.kubernetes;
    const char **images = arena_array(in->arena, d->n_images + 1, sizeof(*images));
    for (size_t i = 0; images && i < d->n_images; i++)
        images[i] = resolve(in, folder, d->images[i]);
    bool package = str_eq(d->cni_plugins, "package");
    in->kubernetes = (struct image_kubernetes){
        .version = d->version,
        .binaries = resolve(in, folder, d->binaries),
        .release = resolve(in, folder, d->release),
        .repository = d->repository,
        .key = resolve(in, folder, d->key),
        .images = images,
        .cni_plugins = package ? NULL : resolve(in, folder, d->cni_plugins),
        .podnet = in->description.slipway_node,
    };
    if (in->failed || !images)
        return err_set(err, -ENOMEM, "out of memory");
    in->build.kubernetes = &in->kubernetes;
    return package ? 0 : add_cni_plugins(in, in->kubernetes.cni_plugins, err);
}

static int add_files(struct inputs *in, const char *path, const struct args *args, struct err *err)
{
    const struct image_description *d = &in->description;
    size_t max = d->n_files + NODE_FILES + PLUGINS_MAX;
    const char *slash = strrchr(path, '/');
    _autofree_ char *folder = slash ? str_format("%.*s", (int)(slash - path), path) : strdup(".");
    in->files = calloc(max, sizeof(*in->files));
    in->loaded = calloc(max, sizeof(*in->loaded));
    if (!folder || !in->files || !in->loaded)
        return err_set(err, -ENOMEM, "out of memory");
    int r = d->slipway_node ? add_node(in, args, err) : 0;
    if (r >= 0 && d->kubernetes.version)
        r = add_kubernetes(in, folder, err);
    for (size_t i = 0; i < d->n_files && r >= 0; i++)
        r = add_described(in, folder, &d->files[i], err);
    in->build.files = in->files;
    return r;
}

/* A copy of a list with a NULL behind it, in the arena. */
static const char *const *terminated(struct arena *arena, const char *const *items, size_t count)
{
    const char **list = arena_array(arena, count + 1, sizeof(*list));
    for (size_t i = 0; list && i < count; i++)
        list[i] = items[i];
    return (const char *const *)list;
}

static const char *const *all_packages(struct inputs *in)
{
    const struct image_description *d = &in->description;
    const char *all[PACKAGES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(base_packages); i++)
        all[n++] = base_packages[i];
    if (d->cloud_init)
        all[n++] = "cloud-init";
    for (size_t i = 0; i < d->n_packages && n < PACKAGES_MAX; i++)
        all[n++] = d->packages[i];
    return terminated(in->arena, all, n);
}

static const char *joined_commands(struct inputs *in)
{
    const struct image_description *d = &in->description;
    _autobuf_ struct buf text = BUF_INIT;
    for (size_t i = 0; i < d->n_commands; i++) {
        buf_adds(&text, d->commands[i]);
        buf_addc(&text, '\n');
    }
    return arena_text(in->arena, buf_str(&text), text.len);
}

/* SOURCE_DATE_EPOCH when it is set (reproducible-builds.org), else now. */
static int source_date(int64_t *ret, struct err *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    if (!text) {
        *ret = (int64_t)time(NULL);
        return 0;
    }
    if (str_parse_i64(text, 0, INT32_MAX, ret) < 0)
        return err_set(err, -EINVAL, "SOURCE_DATE_EPOCH: not a number of seconds: \"%s\"", text);
    return 0;
}

static int make_inputs(struct inputs *in, const char *path, const struct args *args,
                       struct err *err)
{
    const struct image_description *d = &in->description;
    struct image_build *b = &in->build;
    long level = 0;
    int r = args_number(args, "level", 1, 19, IMAGE_LEVEL_DEFAULT, &level, err);
    if (r >= 0)
        r = source_date(&b->time, err);
    if (r < 0)
        return r;
    b->name = args_given(args, "name") ? args_value(args, "name") : d->name;
    b->description = d->description;
    b->suite = d->suite;
    b->architecture = d->architecture;
    b->variant = d->variant;
    b->packages = all_packages(in);
    b->components = terminated(in->arena, d->components, d->n_components);
    b->mirrors = terminated(in->arena, d->mirrors, d->n_mirrors);
    b->kernel = d->kernel;
    b->kernel_arguments = d->kernel_arguments;
    b->hostname = d->hostname;
    b->locale = d->locale;
    b->documentation = d->documentation;
    b->disk_size = d->size;
    b->commands = d->n_commands ? joined_commands(in) : NULL;
    b->level = (int)level;
    b->log_path = args_value(args, "log");
    if (!b->packages || !b->components || !b->mirrors || (d->n_commands && !b->commands))
        return err_set(err, -ENOMEM, "out of memory");
    return add_files(in, path, args, err);
}

static int read_description(const char *path, struct inputs *in, const struct cli *cli,
                            struct err *err)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    in->arena = arena_new();
    if (!in->arena)
        return err_set(err, -ENOMEM, "out of memory");
    int r = image_description_read(path, in->arena, &in->description, &problems, err);
    if (r < 0 && problems_any(&problems)) {
        _autobuf_ struct buf text = BUF_INIT;
        (void)cli;
        problems_write(&problems, &text);
        (void)fputs(buf_str(&text), stderr);
        return err_set(err, -EINVAL, "%s describes no image that can be built", path);
    }
    return r;
}

static void show_line(void *data, const char *line)
{
    (void)data;
    (void)fprintf(stderr, "%s\n", line);
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _cleanup_(inputs_free) struct inputs in = {0};
    _autofree_ char *folder = image_folder(cli, args);
    const char *path = args_operand(args, 0);
    if (!folder)
        (void)err_set(&err, -ENOMEM, "out of memory");
    if (!folder || read_description(path, &in, cli, &err) < 0 ||
        make_inputs(&in, path, args, &err) < 0)
        return cli_fail(cli, &err);
    if (!image_name_valid(in.build.name))
        return cli_usage_error(cli, "--name: not an image name: \"%s\"", in.build.name);
    bool verbose = args_given(args, "verbose");
    struct image_work work;
    _automanifest_ struct image_manifest m = {0};
    image_work_begin(&work, cli, args_given(args, "quiet") || verbose);
    in.build.folder = folder;
    in.build.progress = &work.progress;
    in.build.on_log = verbose ? show_line : NULL;
    int r = image_build(&in.build, &m, &err);
    image_work_end(&work);
    if (r < 0)
        return cli_fail(cli, &err);
    image_report("built", folder, &m);
    return STATUS_OK;
}

static const struct command_option options[] = {
    {'o', "output", "FOLDER", "write the image here (default STATE/images)", COMPLETE_FOLDER},
    {0, "name", "NAME", "name of the image instead of the description's", COMPLETE_NOTHING},
    {0, "level", "N", "zstd level, 1 to 19 (default 3)", COMPLETE_NOTHING},
    {0, "node", "FILE", "slipway-node to install (default: the one beside this program)",
     COMPLETE_FILE},
    {0, "podnet", "FILE", "slipway-podnet to install with Kubernetes (likewise)", COMPLETE_FILE},
    {0, "node-units", "FOLDER", "their systemd units (likewise)", COMPLETE_FOLDER},
    {0, "log", "FILE", "write all that mmdebstrap and the commands say to FILE", COMPLETE_FILE},
    {'v', "verbose", NULL, "show it instead of progress", COMPLETE_NOTHING},
    {'q', "quiet", NULL, "show no progress", COMPLETE_NOTHING},
    {0, "state", "FOLDER", "the state folder (default /var/lib/slipway)", COMPLETE_FOLDER},
    {0},
};

const struct command image_build_command = {
    .name = "build",
    .summary = "Build a Debian image from a description",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .details =
        "FILE is YAML; slipway-image(5) describes its fields. Packages come from where this\n"
        "machine's apt gets its own. Needs mmdebstrap, GRUB's modules and mke2fs, no loop\n"
        "device, and no root where the system lets users have user namespaces.\n"
        "\n"
        "With SOURCE_DATE_EPOCH set, the same packages give the same image.",
    .options = options,
    .run = run,
};
