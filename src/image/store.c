/* SPDX-License-Identifier: Apache-2.0 */
#include "image/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "image/chunk.h"

/* A file that is removed again unless it was renamed into place. */
struct partial {
    char *path;
    int fd;
};

static void partial_discard(struct partial *p)
{
    cleanup_fd(&p->fd);
    if (p->path)
        (void)unlink(p->path);
    free(p->path);
}

static int partial_create(const char *folder, const char *name, struct partial *ret,
                          struct err *err)
{
    ret->path = str_format("%s/.%s.zst.XXXXXX", folder, name);
    if (!ret->path)
        return err_set(err, -ENOMEM, "out of memory");
    ret->fd = mkostemp(ret->path, O_CLOEXEC);
    if (ret->fd >= 0)
        return 0;
    int r = -errno;
    free(TAKE_PTR(ret->path));
    return err_errno(err, r, "cannot create a file in %s", folder);
}

static int publish(const char *folder, struct partial *data, const struct image_manifest *m,
                   struct err *err)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    _autofree_ char *data_path = str_format("%s/%s.zst", folder, m->name);
    _autofree_ char *manifest_path = str_format("%s/%s.json", folder, m->name);
    if (!data_path || !manifest_path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = image_manifest_print(m, &text, &len, err);
    if (r < 0)
        return r;
    if (fchmod(data->fd, 0644) < 0 || fsync(data->fd) < 0)
        return err_errno(err, -errno, "cannot save %s", data_path);
    /* Between the two renames the old manifest must not describe the new data. */
    (void)unlink(manifest_path);
    if (rename(data->path, data_path) < 0)
        return err_errno(err, -errno, "cannot save %s", data_path);
    free(TAKE_PTR(data->path));
    return file_write_atomic(manifest_path, text, len, 0644, err);
}

int image_save(const char *folder, int disk_fd, const struct image_pack_options *options,
               struct image_manifest *m, struct err *err)
{
    _cleanup_(partial_discard) struct partial data = {.fd = -1};
    int r = partial_create(folder, m->name, &data, err);
    if (r >= 0)
        r = image_pack(disk_fd, data.fd, options, m, err);
    if (r >= 0)
        r = publish(folder, &data, m, err);
    return r;
}

void image_reader_close(struct image_reader *image)
{
    image_manifest_clear(&image->manifest);
    cleanup_fd(&image->data_fd);
    image->data_fd = -1;
}

static int check_data_size(const struct image_reader *image, struct err *err)
{
    struct stat st;
    if (fstat(image->data_fd, &st) < 0)
        return err_errno(err, -errno, "cannot look at %s", image->path);
    if ((uint64_t)st.st_size != image->manifest.data_size)
        return err_set(err, -EBADMSG, "%s: %lld bytes, but its manifest says %llu", image->path,
                       (long long)st.st_size, (unsigned long long)image->manifest.data_size);
    return 0;
}

int image_reader_open(const char *path, struct image_reader *ret, struct err *err)
{
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    _autofree_ char *text = NULL;
    size_t len = 0;
    size_t stem = strlen(path);
    if (str_ends_with(path, ".json"))
        stem -= 5;
    else if (str_ends_with(path, ".zst"))
        stem -= 4;
    _autofree_ char *manifest_path = str_format("%.*s.json", (int)stem, path);
    if (!manifest_path)
        return err_set(err, -ENOMEM, "out of memory");
    if (snprintf(image.path, sizeof(image.path), "%.*s.zst", (int)stem, path) >=
        (int)sizeof(image.path))
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    int r = file_read(manifest_path, IMAGE_MANIFEST_MAX, &text, &len, err);
    if (r < 0)
        return r;
    r = image_manifest_parse(text, len, &image.manifest, err);
    if (r < 0)
        return err_wrap(err, "%s", manifest_path);
    image.data_fd = open(image.path, O_RDONLY | O_CLOEXEC);
    if (image.data_fd < 0)
        return err_errno(err, -errno, "cannot open %s", image.path);
    r = check_data_size(&image, err);
    if (r < 0)
        return r;
    *ret = image;
    image.manifest.chunks = NULL;
    image.data_fd = -1;
    return 0;
}

static bool is_zero_frame(const uint8_t *frame, size_t len, uint8_t *expected, uint32_t raw_len)
{
    image_zero_frame(raw_len, expected);
    return memcmp(frame, expected, len) == 0;
}

int image_read_chunk(const struct image_reader *image, size_t index,
                     struct image_unpacker *unpacker, uint8_t *frame, uint8_t *out, struct err *err)
{
    const struct image_chunk *chunk = &image->manifest.chunks[index];
    uint32_t raw_len = image_chunk_raw_length(&image->manifest, index);
    ssize_t n = fd_pread_full(image->data_fd, frame, chunk->length, chunk->offset);
    if (n < 0)
        return err_errno(err, (int)n, "cannot read %s", image->path);
    if ((size_t)n != chunk->length)
        return err_set(err, -EBADMSG, "chunk %zu: the data file ends inside its frame", index);
    if (chunk->zero) {
        bool good = is_zero_frame(frame, chunk->length, out, raw_len);
        memset(out, 0, raw_len);
        return good ? 0 : err_set(err, -EBADMSG, "chunk %zu: not the frame of zeros", index);
    }
    if (image_chunk_check(chunk, frame, chunk->length) < 0)
        return err_set(err, -EBADMSG, "chunk %zu: the frame does not match its digest", index);
    if (image_chunk_unpack(unpacker, frame, chunk->length, out, raw_len) < 0)
        return err_set(err, -EBADMSG, "chunk %zu: not a zstd frame of %u bytes", index, raw_len);
    if (!image_chunk_holds(chunk, out, raw_len))
        return err_set(err, -EBADMSG, "chunk %zu: the contents do not match their digest", index);
    return 0;
}

/* Work space for reading chunks one after the other. */
struct reading {
    struct image_unpacker *unpacker;
    uint8_t *frame;
    uint8_t *raw;
};

static void reading_free(struct reading *r)
{
    image_unpacker_free(r->unpacker);
    free(r->frame);
    free(r->raw);
}

static int reading_init(struct reading *ret, const struct image_manifest *m, struct err *err)
{
    size_t frame_max = image_frame_max(m->chunk_size);
    *ret = (struct reading){
        .unpacker = image_unpacker_new(),
        .frame = malloc(frame_max),
        /* also work space for the zero frame, which is longer than the smallest chunks */
        .raw = malloc(frame_max),
    };
    if (ret->unpacker && ret->frame && ret->raw)
        return 0;
    return err_set(err, -ENOMEM, "out of memory");
}

int image_verify(const struct image_reader *image, const struct image_progress *progress,
                 void (*on_bad)(void *data, size_t index, const char *text), void *data,
                 size_t *ret_bad, struct err *err)
{
    const struct image_manifest *m = &image->manifest;
    _cleanup_(reading_free) struct reading work = {0};
    size_t bad = 0;
    int r = reading_init(&work, m, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->chunk_count; i++) {
        struct err why = ERR_INIT;
        if (image_progress_cancelled(progress))
            return err_set(err, -EINTR, "cancelled");
        r = image_read_chunk(image, i, work.unpacker, work.frame, work.raw, &why);
        if (r < 0 && r != -EBADMSG) {
            (void)err_set(err, r, "%s", err_text(&why));
            return r;
        }
        if (r < 0 && on_bad)
            on_bad(data, i, err_text(&why));
        bad += r < 0;
        image_progress_step(progress, "verifying",
                            image_chunk_position(m, i) + image_chunk_raw_length(m, i),
                            m->disk_size);
    }
    if (ret_bad)
        *ret_bad = bad;
    if (bad)
        return err_set(err, -EBADMSG, "%s: %zu of %zu chunks are damaged", image->path, bad,
                       m->chunk_count);
    return 0;
}

int image_export(const struct image_reader *image, int fd, const struct image_progress *progress,
                 struct err *err)
{
    const struct image_manifest *m = &image->manifest;
    _cleanup_(reading_free) struct reading work = {0};
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, -errno, "cannot look at the target");
    bool sparse = S_ISREG(st.st_mode);
    if (sparse && (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)m->disk_size) < 0))
        return err_errno(err, -errno, "cannot set the size of the target");
    int r = reading_init(&work, m, err);
    for (size_t i = 0; r == 0 && i < m->chunk_count; i++) {
        uint32_t length = image_chunk_raw_length(m, i);
        if (image_progress_cancelled(progress))
            return err_set(err, -EINTR, "cancelled");
        r = image_read_chunk(image, i, work.unpacker, work.frame, work.raw, err);
        if (r < 0)
            return r;
        if (!sparse)
            r = fd_write_full(fd, work.raw, length);
        else if (!m->chunks[i].zero)
            r = fd_pwrite_full(fd, work.raw, length, image_chunk_position(m, i));
        if (r < 0)
            return err_errno(err, r, "cannot write the target");
        image_progress_step(progress, "writing", image_chunk_position(m, i) + length, m->disk_size);
    }
    return r;
}
