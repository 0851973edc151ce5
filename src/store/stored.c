/* SPDX-License-Identifier: Apache-2.0 */
#include "store/stored.h"

#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "resource/kind.h"

enum { PACK_LEVEL = 3, SCRATCH_KEEP = 64 << 10 };

struct packer {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *expand;
    ZSTD_CDict *compress_dict;
    ZSTD_DDict *expand_dict;
    char *scratch; /* reused for packing and for expanding */
    size_t scratch_size;
};

static void skeleton_fields(const struct field *fields, struct buf *out);

static void skeleton_value(const struct field *field, struct buf *out)
{
    switch (field->type) {
    case FIELD_OBJECT:
        skeleton_fields(field->fields, out);
        break;
    case FIELD_ENUM:
        for (const char *const *value = field->values; *value; value++)
            buf_printf(out, "\"%s\",", *value);
        break;
    case FIELD_BOOL:
    case FIELD_TRI:
        buf_adds(out, "true");
        break;
    case FIELD_INT:
        buf_adds(out, "0");
        break;
    case FIELD_TIME:
        buf_adds(out, "\"2026-01-01T00:00:00Z\"");
        break;
    default:
        buf_adds(out, "\"\"");
        break;
    }
}

static void skeleton_fields(const struct field *fields, struct buf *out)
{
    buf_addc(out, '{');
    for (const struct field *f = fields; f->name; f++) {
        buf_printf(out, "%s\"%s\":", f == fields ? "" : ",", f->name);
        if (field_is_list(f))
            buf_addc(out, '[');
        skeleton_value(f, out);
        if (field_is_list(f) && f->type == FIELD_OBJECT) {
            buf_addc(out, ','); /* the seam between two items repeats most */
            skeleton_value(f, out);
        }
        if (field_is_list(f))
            buf_addc(out, ']');
    }
    buf_addc(out, '}');
}

/* Text that looks like the objects to come. The kind that there are most of stands last. */
static void skeleton(struct buf *out)
{
    size_t n = 0;
    while (kinds[n])
        n++;
    while (n--) {
        const struct kind *kind = kinds[n];
        buf_printf(out,
                   "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":", kind_api_version(kind),
                   kind->kind);
        skeleton_fields(meta_fields, out);
        buf_addc(out, ',');
        skeleton_fields(kind->fields, out);
    }
}

struct packer *packer_new(void)
{
    _cleanup_(packer_freep) struct packer *packer = calloc(1, sizeof(*packer));
    _autobuf_ struct buf text = BUF_INIT;
    skeleton(&text);
    if (!packer || buf_error(&text) < 0)
        return NULL;
    packer->compress = ZSTD_createCCtx();
    packer->expand = ZSTD_createDCtx();
    packer->compress_dict = ZSTD_createCDict(text.data, text.len, PACK_LEVEL);
    packer->expand_dict = ZSTD_createDDict(text.data, text.len);
    if (!packer->compress || !packer->expand || !packer->compress_dict || !packer->expand_dict)
        return NULL;
    return TAKE_PTR(packer);
}

void packer_free(struct packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->compress);
    ZSTD_freeDCtx(packer->expand);
    ZSTD_freeCDict(packer->compress_dict);
    ZSTD_freeDDict(packer->expand_dict);
    free(packer->scratch);
    free(packer);
}

static char *scratch(struct packer *packer, size_t size)
{
    if (size > packer->scratch_size) {
        free(packer->scratch);
        packer->scratch = malloc(size);
        packer->scratch_size = packer->scratch ? size : 0;
    }
    return packer->scratch;
}

/* A single huge object does not pin its memory. */
static void scratch_done(struct packer *packer)
{
    if (packer->scratch_size > SCRATCH_KEEP) {
        free(packer->scratch);
        packer->scratch = NULL;
        packer->scratch_size = 0;
    }
}

static struct stored *make(uint64_t version, const char *data, size_t len, size_t text_len)
{
    struct stored *stored = malloc(sizeof(*stored) + len);
    if (!stored)
        return NULL;
    *stored = (struct stored){
        .refs = 1, .text_len = (uint32_t)text_len, .packed_len = (uint32_t)len, .version = version};
    memcpy(stored->data, data, len);
    return stored;
}

struct stored *stored_new(struct packer *packer, uint64_t version, const char *text, size_t len)
{
    if (len >= UINT32_MAX)
        return NULL;
    size_t bound = ZSTD_compressBound(len);
    char *packed = scratch(packer, bound);
    if (!packed)
        return NULL;
    size_t n =
        ZSTD_compress_usingCDict(packer->compress, packed, bound, text, len, packer->compress_dict);
    struct stored *stored =
        ZSTD_isError(n) || n >= len ? make(version, text, len, len) : make(version, packed, n, len);
    scratch_done(packer);
    return stored;
}

struct stored *stored_ref(struct stored *stored)
{
    stored->refs++;
    return stored;
}

void stored_unref(struct stored *stored)
{
    if (stored && --stored->refs == 0)
        free(stored);
}

json_t *stored_json(struct packer *packer, const struct stored *stored)
{
    if (stored->packed_len == stored->text_len)
        return json_loadb(stored->data, stored->text_len, 0, NULL);
    char *text = scratch(packer, stored->text_len);
    if (!text)
        return NULL;
    size_t n = ZSTD_decompress_usingDDict(packer->expand, text, stored->text_len, stored->data,
                                          stored->packed_len, packer->expand_dict);
    json_t *json = n == stored->text_len ? json_loadb(text, n, 0, NULL) : NULL;
    scratch_done(packer);
    return json;
}
