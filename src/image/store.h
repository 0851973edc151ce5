/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as pairs of files in a folder: NAME.json and NAME.zst. Saving is atomic: the new pair
 * appears, or the old one stays; readers find the manifest last, when its data is complete.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "image/manifest.h"
#include "image/pack.h"

enum { IMAGE_FILE_MAX = 4096 };

/*
 * Packs the disk into FOLDER/NAME.zst and FOLDER/NAME.json (m from image_manifest_init() with its
 * name, description and boot set). Partial files are removed on failure. Errors as image_pack().
 */
int image_save(const char *folder, int disk_fd, const struct image_pack_options *options,
               struct image_manifest *m, struct err *err) _must_check_;

/* An image that is open for reading. */
struct image_reader {
    struct image_manifest manifest;
    int data_fd;
    char path[IMAGE_FILE_MAX]; /* of the data file, for messages */
};

void image_reader_close(struct image_reader *reader);
#define _autoreader_ _cleanup_(image_reader_close)
#define IMAGE_READER_INIT ((struct image_reader){.data_fd = -1})

/*
 * Opens an image by the path of its manifest ("x/NAME.json"), of its data file ("x/NAME.zst"), or
 * of both without the extension. The size of the data file is compared with the manifest. 0,
 * -ENOENT, -EBADMSG, or another negative errno.
 */
int image_reader_open(const char *path, struct image_reader *ret, struct err *err) _must_check_;

/*
 * Reads a chunk, checks its frame (a zero chunk's too), unpacks it and compares it with its raw
 * digest. out: image_chunk_raw_length() bytes; frame: image_frame_max(chunk_size) bytes of work
 * space. 0, -EBADMSG (and err says what does not match), or a negative errno. Thread safe.
 */
struct image_unpacker;
int image_read_chunk(const struct image_reader *image, size_t index,
                     struct image_unpacker *unpacker, uint8_t *frame, uint8_t *out, struct err *err)
    _must_check_;

/*
 * Checks every chunk; on_bad (may be NULL) hears of each that fails. 0 when all are good, -EBADMSG
 * when *ret_bad (may be NULL) are not, -EINTR when cancelled.
 */
int image_verify(const struct image_reader *image, const struct image_progress *progress,
                 void (*on_bad)(void *data, size_t index, const char *text), void *data,
                 size_t *ret_bad, struct err *err) _must_check_;

/*
 * Writes the disk to a file, device or pipe, every chunk checked before it is written. A regular
 * file is emptied first and gets holes for zero chunks. 0 or a negative errno.
 */
int image_export(const struct image_reader *image, int fd, const struct image_progress *progress,
                 struct err *err) _must_check_;
