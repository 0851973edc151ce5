/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>
#include <zstd.h>

#include "base/random.h"
#include "image/chunk.h"

enum { RAW = 1 << 20 };

static uint8_t *sample(size_t len)
{
    struct rng_seeded rng;
    rng_seeded_init(&rng, 7);
    uint8_t *data = malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i += 4096) {
        uint8_t word[8];
        rng_fill(&rng.rng, word, sizeof(word));
        for (size_t k = i; k < i + 4096 && k < len; k++)
            data[k] = word[k % 8];
    }
    return data;
}

static void test_pack_unpack(void **state)
{
    (void)state;
    _autofree_ uint8_t *raw = sample(RAW);
    _autofree_ uint8_t *frame = malloc(image_frame_max(RAW));
    _autofree_ uint8_t *out = malloc(RAW);
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(3);
    _cleanup_(image_unpacker_freep) struct image_unpacker *unpacker = image_unpacker_new();
    struct image_chunk chunk;
    assert_int_equal(image_chunk_pack(packer, raw, RAW, frame, &chunk), 0);
    assert_false(chunk.zero);
    assert_true(chunk.length < RAW);
    assert_int_equal(image_chunk_check(&chunk, frame, chunk.length), 0);
    assert_int_equal(image_chunk_unpack(unpacker, frame, chunk.length, out, RAW), 0);
    assert_memory_equal(raw, out, RAW);
    assert_true(image_chunk_holds(&chunk, out, RAW));
    out[RAW - 1] ^= 1;
    assert_false(image_chunk_holds(&chunk, out, RAW));
}

static void test_flipped_bit_is_refused(void **state)
{
    (void)state;
    _autofree_ uint8_t *raw = sample(RAW);
    _autofree_ uint8_t *frame = malloc(image_frame_max(RAW));
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(3);
    struct image_chunk chunk;
    assert_int_equal(image_chunk_pack(packer, raw, RAW, frame, &chunk), 0);
    frame[chunk.length / 2] ^= 0x10;
    assert_int_equal(image_chunk_check(&chunk, frame, chunk.length), -EBADMSG);
    frame[chunk.length / 2] ^= 0x10;
    assert_int_equal(image_chunk_check(&chunk, frame, chunk.length - 1), -EBADMSG);
    assert_int_equal(image_chunk_check(&chunk, frame, chunk.length), 0);
}

static void test_unpack_wants_one_whole_frame(void **state)
{
    (void)state;
    _autofree_ uint8_t *raw = sample(RAW);
    _autofree_ uint8_t *frame = calloc(1, 2 * image_frame_max(RAW));
    _autofree_ uint8_t *out = malloc(RAW);
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(3);
    _cleanup_(image_unpacker_freep) struct image_unpacker *u = image_unpacker_new();
    struct image_chunk chunk;
    assert_int_equal(image_chunk_pack(packer, raw, RAW, frame, &chunk), 0);
    assert_int_equal(image_chunk_unpack(u, frame, chunk.length, out, RAW - 1), -EBADMSG);
    assert_int_equal(image_chunk_unpack(u, frame, chunk.length - 1, out, RAW), -EBADMSG);
    assert_int_equal(image_chunk_unpack(u, frame, chunk.length + 1, out, RAW), -EBADMSG);
    assert_int_equal(image_chunk_unpack(u, frame, 0, out, RAW), -EBADMSG);
    assert_int_equal(image_chunk_unpack(u, frame, chunk.length, out, RAW), 0);
}

static void test_same_bytes_same_frame(void **state)
{
    (void)state;
    _autofree_ uint8_t *raw = sample(RAW);
    _autofree_ uint8_t *a = malloc(image_frame_max(RAW));
    _autofree_ uint8_t *b = malloc(image_frame_max(RAW));
    _cleanup_(image_packer_freep) struct image_packer *fresh = image_packer_new(3);
    _cleanup_(image_packer_freep) struct image_packer *used = image_packer_new(3);
    struct image_chunk one, two;
    assert_int_equal(image_chunk_pack(used, raw + 5000, RAW - 5000, a, &one), 0);
    assert_int_equal(image_chunk_pack(used, raw, RAW, a, &one), 0);
    assert_int_equal(image_chunk_pack(fresh, raw, RAW, b, &two), 0);
    assert_int_equal(one.length, two.length);
    assert_memory_equal(a, b, one.length);
}

static void test_zero_frames_are_zstd(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 512, 131072, 131073, RAW, IMAGE_CHUNK_SIZE_DEFAULT};
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(3);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        _autofree_ uint8_t *raw = calloc(1, sizes[i]);
        _autofree_ uint8_t *out = malloc(sizes[i]);
        _autofree_ uint8_t *frame = malloc(image_frame_max(sizes[i]));
        memset(out, 0xff, sizes[i]);
        struct image_chunk chunk;
        assert_int_equal(image_chunk_pack(packer, raw, sizes[i], frame, &chunk), 0);
        assert_true(chunk.zero);
        assert_int_equal(chunk.length, image_zero_frame_length(sizes[i]));
        assert_int_equal(ZSTD_decompress(out, sizes[i], frame, chunk.length), sizes[i]);
        assert_memory_equal(raw, out, sizes[i]);
        assert_true(image_chunk_holds(&chunk, raw, sizes[i]));
    }
}

static void test_is_zero(void **state)
{
    (void)state;
    uint8_t data[100] = {0};
    for (size_t len = 0; len <= sizeof(data); len++)
        assert_true(image_is_zero(data, len));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = 1;
        assert_false(image_is_zero(data, sizeof(data)));
        assert_true(image_is_zero(data, i));
        data[i] = 0;
    }
}

static void test_digest_is_blake2b_256(void **state)
{
    (void)state;
    /* BLAKE2b with a 32-byte result of "abc". */
    static const uint8_t expected[4] = {0xbd, 0xdd, 0x81, 0x3c};
    uint8_t digest[IMAGE_DIGEST_SIZE];
    image_digest("abc", 3, digest);
    assert_memory_equal(digest, expected, sizeof(expected));
}

UNIT_MAIN(cmocka_unit_test(test_pack_unpack), cmocka_unit_test(test_flipped_bit_is_refused),
          cmocka_unit_test(test_unpack_wants_one_whole_frame),
          cmocka_unit_test(test_same_bytes_same_frame), cmocka_unit_test(test_zero_frames_are_zstd),
          cmocka_unit_test(test_is_zero), cmocka_unit_test(test_digest_is_blake2b_256))
