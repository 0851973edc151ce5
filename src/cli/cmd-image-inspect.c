/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-commands.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "image/chunk.h"
#include "image/gpt.h"
#include "image/mbr.h"
#include "image/store.h"

enum { SAMPLE_SIZE = 4 << 20 };

/* The start of the disk, of at least a partition table, or NULL: for showing partitions. */
static uint8_t *read_start(const struct image_reader *image, size_t *ret_len)
{
    const struct image_manifest *m = &image->manifest;
    _cleanup_(image_unpacker_freep) struct image_unpacker *unpacker = image_unpacker_new();
    _autofree_ uint8_t *frame = malloc(image_frame_max(m->chunk_size));
    _autofree_ uint8_t *raw = malloc(image_frame_max(m->chunk_size));
    if (!unpacker || !frame || !raw || image_read_chunk(image, 0, unpacker, frame, raw, NULL) < 0)
        return NULL;
    *ret_len = image_chunk_raw_length(m, 0);
    return TAKE_PTR(raw);
}

/* Partition names may hold any UTF-16; people get ASCII and '?'. */
static const char *name_text(const struct gpt_partition *p, char dst[static GPT_NAME_UNITS + 1])
{
    size_t n = 0;
    for (; n < GPT_NAME_UNITS && p->name[n]; n++)
        dst[n] = p->name[n] >= 0x20 && p->name[n] < 0x7f ? (char)p->name[n] : '?';
    dst[n] = '\0';
    return dst;
}

static json_t *gpt_json(const struct gpt *gpt)
{
    json_t *list = json_array();
    for (unsigned i = 1; i <= gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i - 1];
        char name[GPT_NAME_UNITS + 1], type[GPT_GUID_TEXT_SIZE], uuid[GPT_GUID_TEXT_SIZE];
        if (gpt_guid_is_none(p->type))
            continue;
        (void)json_array_append_new(
            list, json_pack("{s:i, s:s, s:I, s:I, s:s, s:s}", "number", (int)i, "name",
                            name_text(p, name), "offset", (json_int_t)gpt_partition_offset(gpt, i),
                            "size", (json_int_t)gpt_partition_size(gpt, i), "type",
                            gpt_guid_text(p->type, type), "uuid", gpt_guid_text(p->uuid, uuid)));
    }
    return list;
}

static json_t *mbr_json(const struct mbr *mbr)
{
    json_t *list = json_array();
    for (int i = 0; i < MBR_ENTRIES; i++) {
        const struct mbr_partition *p = &mbr->entries[i];
        if (p->type == MBR_TYPE_EMPTY)
            continue;
        _autofree_ char *type = str_format("0x%02x", p->type);
        (void)json_array_append_new(
            list, json_pack("{s:i, s:s, s:I, s:I, s:s}", "number", i + 1, "name", "", "offset",
                            (json_int_t)p->first * IMAGE_SECTOR_SIZE, "size",
                            (json_int_t)p->count * IMAGE_SECTOR_SIZE, "type", type ? type : ""));
    }
    return list;
}

static json_t *partitions_json(const struct image_reader *image)
{
    size_t len = 0;
    struct gpt gpt;
    struct mbr mbr;
    _autofree_ uint8_t *start = read_start(image, &len);
    uint64_t sectors = image->manifest.disk_size / IMAGE_SECTOR_SIZE;
    if (start && gpt_parse_head(start, len, IMAGE_SECTOR_SIZE, sectors, &gpt) == 0)
        return gpt_json(&gpt);
    if (start && mbr_parse(start, len, &mbr) == 0)
        return mbr_json(&mbr);
    return json_array();
}

static json_t *chunk_json(const struct image_manifest *m, size_t i)
{
    const struct image_chunk *c = &m->chunks[i];
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I, s:b}", "position", (json_int_t)image_chunk_position(m, i),
                  "rawLength", (json_int_t)image_chunk_raw_length(m, i), "offset",
                  (json_int_t)c->offset, "length", (json_int_t)c->length, "zero", c->zero);
    _autofree_ char *frame = str_hex(c->frame_digest, sizeof(c->frame_digest));
    _autofree_ char *raw = str_hex(c->raw_digest, sizeof(c->raw_digest));
    if (!c->zero && frame && raw) {
        (void)json_object_set_new(json, "frameDigest", json_string(frame));
        (void)json_object_set_new(json, "rawDigest", json_string(raw));
    }
    return json;
}

static json_t *image_json(const struct image_reader *image, bool with_chunks)
{
    const struct image_manifest *m = &image->manifest;
    size_t zero = 0;
    for (size_t i = 0; i < m->chunk_count; i++)
        zero += m->chunks[i].zero;
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "format", IMAGE_FORMAT, "name",
                  m->name, "architecture", m->architecture, "description", m->description,
                  "diskSize", (json_int_t)m->disk_size, "dataSize", (json_int_t)m->data_size,
                  "chunkSize", (json_int_t)m->chunk_size, "chunkCount", (json_int_t)m->chunk_count,
                  "zeroChunks", (json_int_t)zero);
    if (m->kubernetes[0])
        (void)json_object_set_new(json, "kubernetes", json_pack("{s:s}", "version", m->kubernetes));
    if (m->boot.root_partition)
        (void)json_object_set_new(json, "boot",
                                  json_pack("{s:i, s:s, s:s, s:s}", "rootPartition",
                                            (int)m->boot.root_partition, "kernel", m->boot.kernel,
                                            "initrd", m->boot.initrd, "cmdline", m->boot.cmdline));
    (void)json_object_set_new(json, "partitions", partitions_json(image));
    if (with_chunks) {
        json_t *chunks = json_array();
        for (size_t i = 0; i < m->chunk_count; i++)
            (void)json_array_append_new(chunks, chunk_json(m, i));
        (void)json_object_set_new(json, "chunks", chunks);
    }
    return json;
}

static void show_partitions(const json_t *partitions)
{
    for (size_t i = 0; i < json_array_size(partitions); i++) {
        const json_t *p = json_array_get(partitions, i);
        char size[32];
        (void)printf("%s %2lld  %-12s %10s  %s\n", i ? "             " : "Partitions:  ",
                     (long long)json_integer_value(json_object_get(p, "number")),
                     json_string_value(json_object_get(p, "name")),
                     str_human_size(size, sizeof(size),
                                    (uint64_t)json_integer_value(json_object_get(p, "size"))),
                     json_string_value(json_object_get(p, "type")));
    }
}

static void show(const struct image_reader *image, const json_t *json)
{
    const struct image_manifest *m = &image->manifest;
    char disk[32], data[32], chunk[32];
    (void)printf("Name:         %s\n", m->name);
    if (m->description[0])
        (void)printf("Description:  %s\n", m->description);
    (void)printf("Architecture: %s\n", m->architecture);
    (void)printf("Disk:         %s\n", str_human_size(disk, sizeof(disk), m->disk_size));
    (void)printf("Data:         %s\n", str_human_size(data, sizeof(data), m->data_size));
    (void)printf("Chunks:       %zu of %s, %lld of them zero\n", m->chunk_count,
                 str_human_size(chunk, sizeof(chunk), m->chunk_size),
                 (long long)json_integer_value(json_object_get(json, "zeroChunks")));
    show_partitions(json_object_get(json, "partitions"));
    if (m->kubernetes[0])
        (void)printf("Kubernetes:   %s\n", m->kubernetes);
    if (m->boot.root_partition)
        (void)printf("Kernel:       %s on partition %u\nInitrd:       %s\nArguments:    %s\n",
                     m->boot.kernel, m->boot.root_partition, m->boot.initrd, m->boot.cmdline);
}

static int run_inspect(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    const char *format = args_value(args, "output");
    if (format && !str_eq(format, "json"))
        return cli_usage_error(cli, "--output: json is the only format");
    if (image_reader_open(args_operand(args, 0), &image, &err) < 0)
        return cli_fail(cli, &err);
    json_t *json = image_json(&image, args_given(args, "chunks"));
    if (format) {
        (void)json_dumpf(json, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else {
        show(&image, json);
    }
    json_decref(json);
    return STATUS_OK;
}

static const struct command_option inspect_options[] = {
    {'o', "output", "FORMAT", "json instead of a summary", COMPLETE_FORMAT},
    {0, "chunks", NULL, "with -o json: every chunk too", COMPLETE_NOTHING},
    {0},
};

const struct command image_inspect_command = {
    .name = "inspect",
    .summary = "Show what an image holds",
    .operands = "IMAGE",
    .min_operands = 1,
    .max_operands = 1,
    .details = "IMAGE is the path of NAME.json, of NAME.zst, or of both without the extension.",
    .options = inspect_options,
    .run = run_inspect,
};

static void show_bad(void *data, size_t index, const char *text)
{
    struct image_work *work = data;
    (void)index;
    progress_pause(work->shown);
    (void)fprintf(stderr, "%s\n", text);
}

static int run_verify(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    struct image_work work;
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    if (image_reader_open(args_operand(args, 0), &image, &err) < 0)
        return cli_fail(cli, &err);
    image_work_begin(&work, cli, args_given(args, "quiet"));
    int r = image_verify(&image, &work.progress, show_bad, &work, NULL, &err);
    image_work_end(&work);
    if (r < 0)
        return cli_fail(cli, &err);
    (void)printf("%s: all %zu chunks are good\n", image.path, image.manifest.chunk_count);
    return STATUS_OK;
}

static const struct command_option verify_options[] = {
    {'q', "quiet", NULL, "show no progress", COMPLETE_NOTHING},
    {0},
};

const struct command image_verify_command = {
    .name = "verify",
    .summary = "Check every chunk of an image",
    .operands = "IMAGE",
    .min_operands = 1,
    .max_operands = 1,
    .details = "Says which chunks do not match their digests; exit status 5 when there are any.",
    .options = verify_options,
    .run = run_verify,
};
