/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-spec.h"

#include "base/file.h"
#include "base/str.h"
#include "image/manifest.h"
#include "resource/check.h"
#include "resource/decode.h"
#include "resource/format.h"
#include "resource/read.h"

static bool is_word(const char *text, const char *more)
{
    if (!text[0] || text[0] == '-')
        return false;
    for (const char *p = text; *p; p++) {
        bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (!alnum && !strchr(more, *p))
            return false;
    }
    return true;
}

static bool check_word(const char *text)
{
    return is_word(text, "-.");
}

/* As apt-get install takes it: name, name=version, name/suite, name- */
static bool check_package(const char *text)
{
    for (const char *p = text; *p; p++) {
        bool alnum =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!alnum && !strchr("-+.:=/~", *p))
            return false;
    }
    return text[0] && text[0] != '-' && text[0] != '/';
}

/* Characters that the kernel's command line, GRUB and the shell all take as they are, inside quotes
 * where one of them needs that ("ds=nocloud;s=http://..."). */
static bool check_kernel_arguments(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e || strchr("\"'$`\\", *p))
            return false;
    }
    return strlen(text) < IMAGE_CMDLINE_MAX - 80;
}

static bool check_given(const char *text)
{
    return text[0] != '\0';
}

static const struct format format_given = {.what = "a path", .check = check_given};
static const struct format format_kubernetes_version = {
    .what = "a version of Kubernetes such as v1.20.2", .check = image_kubernetes_version_valid};
static const struct format format_image_name = {.what = "an image name (as RFC 1123 names are)",
                                                .check = image_name_valid};
static const struct format format_word = {.what = "a name", .check = check_word};
static const struct format format_package = {.what = "a Debian package", .check = check_package};
static const struct format format_arguments = {.what = "plain kernel arguments",
                                               .check = check_kernel_arguments};

#define S struct image_description_file
static const struct field file_fields[] = {
    F_STRING(S, path, "path", .flags = FIELD_REQUIRED, .format = &format_path,
             .doc = "Where the file goes; folders are made as needed."),
    F_STRING(S, mode, "mode", .format = &format_mode, .def = "\"0644\"",
             .doc = "Permissions, in octal. The owner is root."),
    F_STRING(S, content, "content", .format = &format_text, .max_length = 1 << 20,
             .doc = "The text of the file."),
    F_STRING(S, source, "source",
             .doc =
                 "A file to copy, relative to the folder of the description; instead of content."),
    {0}};
#undef S

static const char *const runtimes[] = {"containerd", NULL};

#define S struct image_description_kubernetes
static const struct field kubernetes_fields[] = {
    F_STRING(S, version, "version", .flags = FIELD_REQUIRED, .format = &format_kubernetes_version,
             .doc = "Version that the programs below are expected to have."),
    F_STRING(S, binaries, "binaries", .format = &format_given,
             .doc = "Folder with kubeadm, kubelet and kubectl."),
    F_STRING(S, release, "release", .format = &format_given,
             .doc = "A release's kubernetes-server-linux-amd64.tar.gz or "
                    "kubernetes-node-linux-amd64.tar.gz, or a folder with one of them; the "
                    "server's also brings the control plane's images."),
    F_STRING(S, repository, "repository",
             .doc = "An apt repository in the layout of pkgs.k8s.io, as a line of sources.list."),
    F_STRING(S, key, "key", .format = &format_given,
             .doc = "File with the repository's key, in ASCII armor."),
    F_STRINGS(S, images, "images", FIELD_UNIQUE, .format = &format_given,
              .doc = "Archives of container images, of docker or OCI, and folders of them."),
    F_ENUM(S, runtime, "runtime", runtimes, .def = "\"containerd\"",
           .doc = "What runs the containers."),
    F_STRING(S, cni_plugins, "cniPlugins", .format = &format_given, .def = "\"package\"",
             .doc = "Folder of network plugins, or package: those of Debian's "
                    "containernetworking-plugins."),
    {0}};
#undef S

#define S struct image_description
const struct field image_description_fields[] = {
    F_STRING(S, name, "name", .flags = FIELD_REQUIRED, .format = &format_image_name,
             .doc = "Name of the image: NAME.json and NAME.zst are written."),
    F_STRING(S, description, "description", .max_length = IMAGE_TEXT_MAX,
             .doc = "A line for people."),
    F_STRING(S, suite, "suite", .def = "\"bookworm\"", .format = &format_word,
             .doc = "Debian release."),
    F_STRING(S, architecture, "architecture", .def = "\"amd64\"", .format = &format_word,
             .doc = "Architecture of the machines: amd64."),
    F_STRING(S, variant, "variant", .def = "\"minbase\"", .format = &format_word,
             .doc = "mmdebstrap's set of packages to start from."),
    F_STRINGS(S, packages, "packages", FIELD_UNIQUE, .format = &format_package,
              .doc = "Packages to install beyond the kernel's and what it needs to start."),
    F_STRINGS(S, components, "components", FIELD_UNIQUE, .format = &format_word, .max_items = 8,
              .doc = "Parts of the archive.", .late = "main"),
    F_STRINGS(S, mirrors, "mirrors", 0, .max_items = 16,
              .doc = "Where packages come from: URLs, lines or files as for mmdebstrap.",
              .late = "what this machine's apt uses"),
    F_STRING(S, kernel, "kernel", .def = "\"linux-image-cloud-amd64\"", .format = &format_package,
             .doc = "Package of the kernel. Physical machines need linux-image-amd64."),
    F_STRING(S, kernel_arguments, "kernelArguments", .def = "\"console=tty0 console=ttyS0\"",
             .format = &format_arguments, .doc = "Kernel command line behind root=."),
    F_STRING(S, hostname, "hostname", .def = "\"debian\"", .format = &format_hostname,
             .doc = "Host name until first boot gives another."),
    F_STRING(S, locale, "locale", .def = "\"C.UTF-8\"", .doc = "LANG of the system."),
    F_BOOL(S, documentation, "documentation",
           .doc = "Keep manuals, documentation and translations."),
    F_SIZE(S, size, "size", .doc = "Size of the disk.",
           .late = "what the files need and some room; the root partition grows on first boot"),
    F_BOOL(S, slipway_node, "slipwayNode",
           .doc = "Install slipway-node and start it on each boot."),
    F_BOOL(S, cloud_init, "cloudInit", .doc = "Install cloud-init."),
    F_OBJECT(S, kubernetes, "kubernetes", struct image_description_kubernetes, kubernetes_fields,
             .doc = "Make a node for Kubernetes of it. One of binaries, release and repository "
                    "says where the programs come from; paths are relative to this file."),
    F_OBJECTS(S, files, "files", struct image_description_file, file_fields, 0,
              .doc = "Files to put into the image."),
    F_STRINGS(S, commands, "commands", 0, .format = &format_text, .max_length = 65536,
              .doc = "Shell commands to run inside the image, in order, as root; one that fails "
                     "ends the build."),
    {0}};
#undef S

static void check_files(const struct checking *c, const struct image_description *d)
{
    for (size_t i = 0; i < d->n_files; i++) {
        const struct image_description_file *f = &d->files[i];
        _autofree_ char *path = str_format("files[%zu]", i);
        if (!path || !!f->content == !!f->source)
            problem_add_at(c->problems, PROBLEM_INVALID, c->file, 0, path,
                           "either content or source is needed");
    }
}

/* Where a member of an object is, or the object itself when it has none of that name. */
static const struct where *where_member(json_t *object, const struct where *where, const char *name)
{
    const struct where *at = where ? where->child : NULL;
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (at && str_eq(key, name))
            return at;
        at = at ? at->next : NULL;
    }
    return where;
}

/* Whether what is given together can go together. */
static void check_kubernetes(const struct checking *c, json_t *object, const struct where *where,
                             const struct image_description_kubernetes *k)
{
    int sources = !!k->binaries + !!k->release + !!k->repository;
    int line = where_line(where);
    if (sources == 0)
        problem_add_at(c->problems, PROBLEM_REQUIRED, c->file, line, "kubernetes",
                       "one of binaries, release and repository is needed");
    if (sources > 1)
        problem_add_at(c->problems, PROBLEM_INVALID, c->file, line, "kubernetes",
                       "only one of binaries, release and repository may be given");
    line = where_line(where_member(object, where, "repository"));
    if (k->repository && !k->key)
        problem_add_at(c->problems, PROBLEM_REQUIRED, c->file, line, "kubernetes.key",
                       "needed with repository");
    if (k->repository && !str_after(k->repository, "deb "))
        problem_add_at(c->problems, PROBLEM_INVALID, c->file, line, "kubernetes.repository",
                       "a line \"deb URL SUITE\" is needed, not \"%s\"", k->repository);
    line = where_line(where_member(object, where, "key"));
    if (k->key && !k->repository)
        problem_add_at(c->problems, PROBLEM_INVALID, c->file, line, "kubernetes.key",
                       "means nothing without repository");
}

static int decode(const struct checking *c, const struct document *document, struct arena *arena,
                  struct image_description *ret, struct err *err)
{
    static const struct path root;
    if (!json_is_object(document->json)) {
        problem_add_at(c->problems, PROBLEM_INVALID, c->file, where_line(document->where), NULL,
                       "the description of an image is a mapping");
        return -EINVAL;
    }
    check_fields(c, image_description_fields, document->json, document->where, &root);
    if (problems_any(c->problems))
        return -EINVAL;
    int r = fields_decode(image_description_fields, document->json, arena, ret, err);
    if (r < 0)
        return r;
    check_files(c, ret);
    if (ret->kubernetes.version)
        check_kubernetes(c, json_object_get(document->json, "kubernetes"),
                         where_member(document->json, document->where, "kubernetes"),
                         &ret->kubernetes);
    if (!str_eq(ret->architecture, "amd64"))
        problem_add_at(c->problems, PROBLEM_INVALID, c->file, 0, "architecture",
                       "\"%s\" cannot be built: amd64 can", ret->architecture);
    return problems_any(c->problems) ? -EINVAL : 0;
}

int image_description_read(const char *path, struct arena *arena, struct image_description *ret,
                           struct problems *problems, struct err *err)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    _autodocuments_ struct documents documents = {0};
    struct checking c = {.problems = problems, .file = path};
    int r = file_read(path, YAML_SIZE_MAX, &text, &len, err);
    if (r < 0)
        return r;
    r = yaml_parse(path, text, len, &documents, problems);
    if (r < 0)
        return r;
    if (documents.n != 1) {
        problem_add_at(problems, PROBLEM_INVALID, path, 0, NULL,
                       "one document is needed, there are %zu", documents.n);
        return -EINVAL;
    }
    return decode(&c, &documents.items[0], arena, ret, err);
}
