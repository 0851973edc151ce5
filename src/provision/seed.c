/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/seed.h"

#include <jansson.h>
#include <sodium.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"

#define SEED_VERSION 1

static void file_free(struct seed_file *file)
{
    if (file->data)
        sodium_memzero(file->data, file->len);
    free(file->data);
    free(file->path);
    *file = (struct seed_file){0};
}

void seed_free(struct seed *seed)
{
    for (size_t i = 0; i < seed->count; i++)
        file_free(&seed->files[i]);
    free(seed->files);
    *seed = SEED_INIT;
}

void seed_text_free(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}

static void text_cleanup(char **text)
{
    seed_text_free(*text);
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* One component from s on; the place behind it, or NULL when it is no name. */
static const char *skip_name(const char *s)
{
    if (*s == '.' || !name_char(*s))
        return NULL;
    while (name_char(*s))
        s++;
    /* FAT drops dots at the end of a name. */
    return s[-1] == '.' ? NULL : s;
}

static bool path_is_good(const char *path)
{
    if (!path || strlen(path) > SEED_PATH_MAX)
        return false;
    const char *rest = skip_name(path);
    if (rest && *rest == '/')
        rest = skip_name(rest + 1);
    return rest && !*rest;
}

static struct seed_file *find(const struct seed *seed, const char *path)
{
    for (size_t i = 0; i < seed->count; i++) {
        if (strcasecmp(seed->files[i].path, path) == 0)
            return &seed->files[i];
    }
    return NULL;
}

const struct seed_file *seed_find(const struct seed *seed, const char *path)
{
    return find(seed, path);
}

static int append(struct seed *seed, const char *path, struct seed_file **ret)
{
    _autofree_ char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    struct seed_file *files = reallocarray(seed->files, seed->count + 1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    seed->files = files;
    *ret = &files[seed->count++];
    **ret = (struct seed_file){.path = TAKE_PTR(copy)};
    return 0;
}

int seed_put(struct seed *seed, const char *path, mode_t mode, const void *data, size_t len,
             struct err *err)
{
    if (!path_is_good(path))
        return err_set(err, -EINVAL, "not a path of the seed partition: \"%s\"", path ? path : "");
    if (mode & ~(mode_t)0777)
        return err_set(err, -EINVAL, "%s: mode %o has more than permission bits", path, mode);
    struct seed_file *file = find(seed, path);
    size_t others = seed->bytes - (file ? file->len : 0);
    if (len > SEED_BYTES_MAX - others)
        return err_set(err, -EFBIG, "%s: the seed is longer than %zu bytes", path, SEED_BYTES_MAX);
    if (!file && seed->count == SEED_FILES_MAX)
        return err_set(err, -EFBIG, "%s: the seed has more than %d files", path, SEED_FILES_MAX);
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return err_set(err, -ENOMEM, "out of memory");
    if (!file && append(seed, path, &file) < 0) {
        free(copy);
        return err_set(err, -ENOMEM, "out of memory");
    }
    if (len)
        memcpy(copy, data, len);
    if (file->data)
        sodium_memzero(file->data, file->len);
    free(file->data);
    file->data = copy;
    file->len = len;
    file->mode = mode;
    seed->bytes = others + len;
    return 0;
}

/* Paths need no escaping: path_is_good() admitted them. */
static int build_file(struct buf *out, const struct seed_file *file, bool first)
{
    _cleanup_(text_cleanup) char *data = str_base64(file->data, file->len);
    if (!data)
        return -ENOMEM;
    buf_printf(out, "%s{\"path\":\"%s\",\"mode\":\"%04o\",\"data\":\"%s\"}", first ? "" : ",",
               file->path, (unsigned)file->mode, data);
    return 0;
}

static size_t build_size(const struct seed *seed)
{
    return seed->bytes / 3 * 4 + seed->count * (SEED_PATH_MAX + 64) + 64;
}

int seed_build(const struct seed *seed, char **ret_text, size_t *ret_len)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(SEED_JSON_MAX);
    /* All the room at once: growing would leave copies of secrets in freed memory. */
    if (!buf_room(&out, build_size(seed)))
        return buf_error(&out);
    buf_printf(&out, "{\"version\":%d,\"files\":[", SEED_VERSION);
    for (size_t i = 0; i < seed->count; i++) {
        int r = build_file(&out, &seed->files[i], i == 0);
        if (r < 0)
            return r;
    }
    buf_adds(&out, "]}");
    size_t len = out.len;
    char *text = buf_steal(&out);
    if (!text)
        return buf_error(&out);
    *ret_text = text;
    if (ret_len)
        *ret_len = len;
    return 0;
}

static int parse_mode(const char *text, mode_t *ret)
{
    if (strlen(text) != 4 || text[0] != '0')
        return -EINVAL;
    mode_t mode = 0;
    for (int i = 1; i < 4; i++) {
        if (text[i] < '0' || text[i] > '7')
            return -EINVAL;
        mode = mode << 3 | (mode_t)(text[i] - '0');
    }
    *ret = mode;
    return 0;
}

static int parse_file(json_t *item, size_t index, struct seed *seed, struct err *err)
{
    const char *path = NULL, *mode_text = NULL, *text = NULL;
    json_error_t error;
    if (json_unpack_ex(item, &error, JSON_STRICT, "{s:s, s:s, s:s}", "path", &path, "mode",
                       &mode_text, "data", &text) < 0)
        return err_set(err, -EINVAL, "files[%zu]: %s", index, error.text);
    mode_t mode = 0;
    if (parse_mode(mode_text, &mode) < 0)
        return err_set(err, -EINVAL, "files[%zu].mode: not an octal mode", index);
    if (path_is_good(path) && find(seed, path))
        return err_set(err, -EINVAL, "files[%zu].path: %s was there before", index, path);
    uint8_t *data = NULL;
    size_t len = 0;
    int r = str_unbase64(text, SEED_BYTES_MAX, &data, &len);
    if (r < 0)
        return err_errno(err, r == -EMSGSIZE ? -EFBIG : r, "files[%zu].data", index);
    r = seed_put(seed, path, mode, data, len, err);
    sodium_memzero(data, len);
    free(data);
    return r < 0 ? err_wrap(err, "files[%zu]", index) : 0;
}

static int parse_root(json_t *root, struct seed *seed, struct err *err)
{
    int version = 0;
    json_t *files = NULL, *item;
    json_error_t error;
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:i, s:o}", "version", &version, "files",
                       &files) < 0)
        return err_set(err, -EINVAL, "%s", error.text);
    if (version != SEED_VERSION)
        return err_set(err, -EINVAL, "seed version %d is not %d", version, SEED_VERSION);
    if (!json_is_array(files))
        return err_set(err, -EINVAL, "files: not an array");
    size_t i;
    json_array_foreach (files, i, item) {
        int r = parse_file(item, i, seed, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int seed_parse(const char *text, size_t len, struct seed *ret, struct err *err)
{
    if (len > SEED_JSON_MAX)
        return err_set(err, -EFBIG, "the seed's text is longer than %zu bytes", SEED_JSON_MAX);
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return err_set(err, -EINVAL, "the seed is not JSON: %s", error.text);
    _autoseed_ struct seed seed = SEED_INIT;
    int r = parse_root(root, &seed, err);
    json_decref(root);
    if (r < 0)
        return r;
    *ret = seed;
    seed = SEED_INIT;
    return 0;
}
