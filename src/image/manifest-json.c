/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of a manifest. */
#include "image/manifest.h"

#include <jansson.h>

#include "base/str.h"

#define HASH_NAME "blake2b-256"
#define FIRST_BOOT_NODE "slipway-node"

static inline void cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define _autojson_ _cleanup_(cleanup_json)

static int get_text(const json_t *object, const char *key, bool required, char *dst, size_t size,
                    struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value && !required)
        return 0;
    if (!json_is_string(value))
        return err_set(err, -EBADMSG, "%s: a string is needed", key);
    if (str_copy(dst, size, json_string_value(value)) < 0)
        return err_set(err, -EMSGSIZE, "%s: longer than %zu bytes", key, size - 1);
    return 0;
}

static int get_number(const json_t *object, const char *key, uint64_t max, uint64_t *ret,
                      struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return err_set(err, -EBADMSG, "%s: a whole number is needed", key);
    json_int_t n = json_integer_value(value);
    if (n < 0 || (uint64_t)n > max)
        return err_set(err, -EBADMSG, "%s: %lld is out of range", key, (long long)n);
    *ret = (uint64_t)n;
    return 0;
}

/* The text of a fixed field: anything else is another format. */
static int get_constant(const json_t *object, const char *key, const char *expected,
                        struct err *err)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!str_eq(text, expected))
        return err_set(err, -EBADMSG, "%s: \"%s\" is needed", key, expected);
    return 0;
}

static int check_keys(json_t *object, const char *where, const char *const *known, struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return err_set(err, -EBADMSG, "%s: an object is needed", where);
    json_object_foreach (object, key, value) {
        size_t i = 0;
        while (known[i] && !str_eq(known[i], key))
            i++;
        if (!known[i])
            return err_set(err, -EBADMSG, "%s: unknown field \"%.40s\"", where, key);
    }
    return 0;
}

static int parse_boot(json_t *boot, struct image_boot *ret, struct err *err)
{
    static const char *const known[] = {"rootPartition", "kernel", "initrd", "cmdline", NULL};
    uint64_t partition = 0;
    if (!boot)
        return 0;
    int r = check_keys(boot, "boot", known, err);
    if (r < 0)
        return r;
    r = get_number(boot, "rootPartition", 128, &partition, err);
    if (r >= 0)
        r = get_text(boot, "kernel", true, ret->kernel, sizeof(ret->kernel), err);
    if (r >= 0)
        r = get_text(boot, "initrd", false, ret->initrd, sizeof(ret->initrd), err);
    if (r >= 0)
        r = get_text(boot, "cmdline", true, ret->cmdline, sizeof(ret->cmdline), err);
    if (r < 0)
        return err_wrap(err, "boot");
    ret->root_partition = (uint32_t)partition;
    return 0;
}

static int parse_lengths(const json_t *lengths, struct image_manifest *m, struct err *err)
{
    if (!json_is_array(lengths) || json_array_size(lengths) != m->chunk_count)
        return err_set(err, -EBADMSG, "lengths: %zu numbers are needed", m->chunk_count);
    uint64_t offset = 0;
    for (size_t i = 0; i < m->chunk_count; i++) {
        const json_t *value = json_array_get(lengths, i);
        json_int_t n = json_integer_value(value);
        if (!json_is_integer(value) || n <= 0 || n > UINT32_MAX)
            return err_set(err, -EBADMSG, "lengths[%zu]: not a frame length", i);
        m->chunks[i] = (struct image_chunk){.offset = offset, .length = (uint32_t)n};
        offset += (uint64_t)n;
    }
    return 0;
}

static int parse_zero(const json_t *zero, struct image_manifest *m, struct err *err)
{
    if (!json_is_array(zero))
        return err_set(err, -EBADMSG, "zero: an array is needed");
    uint64_t next = 0;
    for (size_t i = 0; i < json_array_size(zero); i++) {
        const json_t *run = json_array_get(zero, i);
        const json_t *first = json_array_get(run, 0);
        const json_t *count = json_array_get(run, 1);
        if (json_array_size(run) != 2 || !json_is_integer(first) || !json_is_integer(count))
            return err_set(err, -EBADMSG, "zero[%zu]: [first, count] is needed", i);
        json_int_t a = json_integer_value(first);
        json_int_t n = json_integer_value(count);
        if (a < 0 || n <= 0 || (uint64_t)a < next || (uint64_t)a >= m->chunk_count ||
            (uint64_t)n > m->chunk_count - (uint64_t)a)
            return err_set(err, -EBADMSG, "zero[%zu]: not behind the run before, or too long", i);
        next = (uint64_t)a + (uint64_t)n;
        for (uint64_t k = (uint64_t)a; k < next; k++)
            m->chunks[k].zero = true;
    }
    return 0;
}

static int get_digests(const json_t *chunks, const char *key, size_t count, uint8_t **ret,
                       struct err *err)
{
    size_t len = 0;
    const char *text = json_string_value(json_object_get(chunks, key));
    if (!text)
        return err_set(err, -EBADMSG, "%s: a base64 string is needed", key);
    int r = str_unbase64(text, count * IMAGE_DIGEST_SIZE, ret, &len);
    if (r == -ENOMEM)
        return err_set(err, r, "out of memory");
    if (r < 0 || len != count * IMAGE_DIGEST_SIZE)
        return err_set(err, -EBADMSG, "%s: not the base64 of %zu digests", key, count);
    return 0;
}

static int parse_digests(const json_t *chunks, struct image_manifest *m, struct err *err)
{
    _autofree_ uint8_t *frames = NULL;
    _autofree_ uint8_t *raw = NULL;
    size_t count = 0;
    for (size_t i = 0; i < m->chunk_count; i++)
        count += !m->chunks[i].zero;
    int r = get_digests(chunks, "frames", count, &frames, err);
    if (r >= 0)
        r = get_digests(chunks, "raw", count, &raw, err);
    if (r < 0)
        return r;
    for (size_t i = 0, k = 0; i < m->chunk_count; i++) {
        if (m->chunks[i].zero)
            continue;
        memcpy(m->chunks[i].frame_digest, frames + k * IMAGE_DIGEST_SIZE, IMAGE_DIGEST_SIZE);
        memcpy(m->chunks[i].raw_digest, raw + k * IMAGE_DIGEST_SIZE, IMAGE_DIGEST_SIZE);
        k++;
    }
    return 0;
}

static int parse_chunks(json_t *chunks, struct image_manifest *m, struct err *err)
{
    static const char *const known[] = {"lengths", "zero", "frames", "raw", NULL};
    int r = check_keys(chunks, "chunks", known, err);
    if (r < 0)
        return r;
    r = parse_lengths(json_object_get(chunks, "lengths"), m, err);
    if (r >= 0)
        r = parse_zero(json_object_get(chunks, "zero"), m, err);
    if (r >= 0)
        r = parse_digests(chunks, m, err);
    return r < 0 ? err_wrap(err, "chunks") : 0;
}

/* Who configures the installed system; other words may come, so an unknown one is an error. */
static int parse_first_boot(json_t *root, struct image_manifest *m, struct err *err)
{
    if (!json_object_get(root, "firstBoot"))
        return 0;
    int r = get_constant(root, "firstBoot", FIRST_BOOT_NODE, err);
    m->node = r >= 0;
    return r;
}

static int parse_kubernetes(json_t *kubernetes, struct image_manifest *m, struct err *err)
{
    static const char *const known[] = {"version", "proxyImage", "dnsImage", NULL};
    if (!kubernetes)
        return 0;
    int r = check_keys(kubernetes, "kubernetes", known, err);
    if (r < 0)
        return r;
    r = get_text(kubernetes, "version", true, m->kubernetes, sizeof(m->kubernetes), err);
    if (r >= 0 && !m->kubernetes[0])
        r = err_set(err, -EBADMSG, "version: empty");
    if (r >= 0)
        r = get_text(kubernetes, "proxyImage", false, m->proxy_image, sizeof(m->proxy_image), err);
    if (r >= 0)
        r = get_text(kubernetes, "dnsImage", false, m->dns_image, sizeof(m->dns_image), err);
    return r < 0 ? err_wrap(err, "kubernetes") : 0;
}

/* Everything but the chunks; *m is initialised with room for them. */
static int parse_head(json_t *root, struct image_manifest *m, struct err *err)
{
    static const char *const known[] = {
        "format", "name",      "architecture", "description", "diskSize", "chunkSize", "dataSize",
        "hash",   "firstBoot", "kubernetes",   "boot",        "chunks",   NULL};
    char name[IMAGE_NAME_MAX + 1] = "";
    char architecture[IMAGE_NAME_MAX + 1] = "";
    uint64_t disk_size = 0, chunk_size = 0, data_size = 0;
    int r = check_keys(root, "manifest", known, err);
    if (r >= 0)
        r = get_constant(root, "format", IMAGE_FORMAT, err);
    if (r >= 0)
        r = get_constant(root, "hash", HASH_NAME, err);
    if (r >= 0)
        r = get_text(root, "name", true, name, sizeof(name), err);
    if (r >= 0)
        r = get_text(root, "architecture", true, architecture, sizeof(architecture), err);
    if (r >= 0)
        r = get_number(root, "diskSize", INT64_MAX, &disk_size, err);
    if (r >= 0)
        r = get_number(root, "chunkSize", IMAGE_CHUNK_SIZE_MAX, &chunk_size, err);
    if (r >= 0)
        r = get_number(root, "dataSize", INT64_MAX, &data_size, err);
    if (r >= 0)
        r = image_manifest_init(m, name, architecture, disk_size, (uint32_t)chunk_size, err);
    if (r < 0)
        return r;
    m->data_size = data_size;
    r = get_text(root, "description", false, m->description, sizeof(m->description), err);
    if (r >= 0)
        r = parse_first_boot(root, m, err);
    if (r >= 0)
        r = parse_kubernetes(json_object_get(root, "kubernetes"), m, err);
    if (r < 0)
        return r;
    return parse_boot(json_object_get(root, "boot"), &m->boot, err);
}

int image_manifest_parse(const void *text, size_t len, struct image_manifest *ret, struct err *err)
{
    if (len > IMAGE_MANIFEST_MAX)
        return err_set(err, -EMSGSIZE, "image manifest: larger than %d bytes", IMAGE_MANIFEST_MAX);
    json_error_t where;
    _autojson_ json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return err_set(err, -EBADMSG, "image manifest: line %d: %s", where.line, where.text);
    _automanifest_ struct image_manifest m = {0};
    int r = parse_head(root, &m, err);
    if (r >= 0)
        r = parse_chunks(json_object_get(root, "chunks"), &m, err);
    if (r >= 0)
        r = image_manifest_check(&m, err);
    if (r < 0) {
        (void)err_wrap(err, "image manifest");
        return r == -EINVAL ? -EBADMSG : r;
    }
    *ret = m;
    m.chunks = NULL;
    return 0;
}

static json_t *print_digests(const struct image_manifest *m, size_t field)
{
    size_t count = 0;
    _autofree_ uint8_t *all = malloc(m->chunk_count * IMAGE_DIGEST_SIZE);
    if (!all)
        return NULL;
    for (size_t i = 0; i < m->chunk_count; i++) {
        if (m->chunks[i].zero)
            continue;
        memcpy(all + count * IMAGE_DIGEST_SIZE, (const uint8_t *)&m->chunks[i] + field,
               IMAGE_DIGEST_SIZE);
        count++;
    }
    _autofree_ char *text = str_base64(all, count * IMAGE_DIGEST_SIZE);
    return text ? json_string(text) : NULL;
}

static json_t *print_lengths(const struct image_manifest *m)
{
    json_t *lengths = json_array();
    for (size_t i = 0; i < m->chunk_count; i++)
        (void)json_array_append_new(lengths, json_integer(m->chunks[i].length));
    return lengths;
}

static json_t *print_zero(const struct image_manifest *m)
{
    json_t *zero = json_array();
    for (size_t i = 0; i < m->chunk_count;) {
        size_t end = i;
        while (end < m->chunk_count && m->chunks[end].zero)
            end++;
        if (end > i)
            (void)json_array_append_new(zero,
                                        json_pack("[I,I]", (json_int_t)i, (json_int_t)(end - i)));
        i = end + 1;
    }
    return zero;
}

static json_t *print_kubernetes(const struct image_manifest *m)
{
    json_t *kubernetes = json_pack("{s:s}", "version", m->kubernetes);
    if (m->proxy_image[0])
        (void)json_object_set_new(kubernetes, "proxyImage", json_string(m->proxy_image));
    if (m->dns_image[0])
        (void)json_object_set_new(kubernetes, "dnsImage", json_string(m->dns_image));
    return kubernetes;
}

static json_t *print_manifest(const struct image_manifest *m)
{
    json_t *root = json_pack("{s:s, s:s, s:s}", "format", IMAGE_FORMAT, "name", m->name,
                             "architecture", m->architecture);
    if (m->description[0])
        (void)json_object_set_new(root, "description", json_string(m->description));
    (void)json_object_set_new(root, "diskSize", json_integer((json_int_t)m->disk_size));
    (void)json_object_set_new(root, "chunkSize", json_integer(m->chunk_size));
    (void)json_object_set_new(root, "dataSize", json_integer((json_int_t)m->data_size));
    (void)json_object_set_new(root, "hash", json_string(HASH_NAME));
    if (m->node)
        (void)json_object_set_new(root, "firstBoot", json_string(FIRST_BOOT_NODE));
    if (m->kubernetes[0])
        (void)json_object_set_new(root, "kubernetes", print_kubernetes(m));
    if (m->boot.root_partition) {
        json_t *boot = json_pack("{s:I, s:s}", "rootPartition", (json_int_t)m->boot.root_partition,
                                 "kernel", m->boot.kernel);
        if (m->boot.initrd[0])
            (void)json_object_set_new(boot, "initrd", json_string(m->boot.initrd));
        (void)json_object_set_new(boot, "cmdline", json_string(m->boot.cmdline));
        (void)json_object_set_new(root, "boot", boot);
    }
    json_t *chunks =
        json_pack("{s:o, s:o, s:o, s:o}", "lengths", print_lengths(m), "zero", print_zero(m),
                  "frames", print_digests(m, offsetof(struct image_chunk, frame_digest)), "raw",
                  print_digests(m, offsetof(struct image_chunk, raw_digest)));
    (void)json_object_set_new(root, "chunks", chunks);
    return root;
}

int image_manifest_print(const struct image_manifest *m, char **ret_text, size_t *ret_len,
                         struct err *err)
{
    int r = image_manifest_check(m, err);
    if (r < 0)
        return err_wrap(err, "image manifest");
    _autojson_ json_t *root = print_manifest(m);
    if (!json_object_get(root, "chunks"))
        return err_set(err, -ENOMEM, "out of memory");
    char *text = json_dumps(root, JSON_COMPACT);
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    *ret_text = text;
    *ret_len = strlen(text);
    return 0;
}
