/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame; and any bytes as a chunk, whose frame must unpack to them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "image/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW_MAX = 64 << 10 };

static void unpack_any(struct image_unpacker *unpacker, const uint8_t *frame, size_t len)
{
    static const size_t lengths[] = {1, 512, 4096, RAW_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        _autofree_ uint8_t *raw = malloc(lengths[i]);
        int r = raw ? image_chunk_unpack(unpacker, frame, len, raw, lengths[i]) : 0;
        assert(r == 0 || r == -EBADMSG);
    }
}

static void pack_and_unpack(struct image_unpacker *unpacker, const uint8_t *raw, size_t len)
{
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(1);
    _autofree_ uint8_t *frame = malloc(image_frame_max(len));
    _autofree_ uint8_t *again = malloc(len);
    struct image_chunk chunk;
    if (!packer || !frame || !again)
        return;
    assert(image_chunk_pack(packer, raw, len, frame, &chunk) == 0);
    assert(chunk.length <= image_frame_max(len) && chunk.zero == image_is_zero(raw, len));
    assert(chunk.zero || image_chunk_check(&chunk, frame, chunk.length) == 0);
    assert(image_chunk_unpack(unpacker, frame, chunk.length, again, len) == 0);
    assert(memcmp(raw, again, len) == 0 && image_chunk_holds(&chunk, again, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(image_unpacker_freep) struct image_unpacker *unpacker = image_unpacker_new();
    if (!unpacker || size == 0 || size > RAW_MAX)
        return 0;
    unpack_any(unpacker, data, size);
    pack_and_unpack(unpacker, data, size);
    return 0;
}
