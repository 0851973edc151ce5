/* SPDX-License-Identifier: Apache-2.0 */
/* Images over loopback from the project's own HTTP server to files that stand for disks. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "agent/disk-key.h"
#include "agent/imaging.h"
#include "agent/layout.h"
#include "agent/signature.h"
#include "base/file.h"
#include "base/str.h"
#include "http/server.h"
#include "image/chunk.h"
#include "image/gpt-disk.h"
#include "image/pack.h"

#define MIB ((uint64_t)1 << 20)
#define IMAGE_SIZE (40 * MIB)
#define DISK_SIZE (64 * MIB)
#define CHUNK_SIZE MIB

static uv_loop_t loop;
static struct http_server *server;
static char folder[] = "/tmp/slipway-imaging-XXXXXX";
static char url[64];
static int source_fd = -1, data_fd = -1, disk_fd = -1;
static struct image_manifest manifest;
static uint8_t digest[IMAGE_DIGEST_SIZE];
static struct disk disk;
static struct imaging imaging;
static uint8_t key_block[DISK_KEY_SIZE];

/* A partition table, then data that does not compress, some that does, and holes. */
static int make_source(void)
{
    _autofree_ uint8_t *mib = malloc(MIB);
    struct rng_seeded rng;
    struct gpt gpt;
    struct gpt_guid guid = {{1}}, root = {{2}};
    rng_seeded_init(&rng, 7);
    if (!mib || ftruncate(source_fd, IMAGE_SIZE) < 0)
        return -1;
    for (uint64_t i = 0; i < IMAGE_SIZE / MIB; i++) {
        rng_fill(&rng.rng, mib, MIB);
        if (i % 5 == 4)
            memset(mib + 1000, 'x', MIB - 1000);
        if (i % 7 < 2 || (i > 20 && i < 30))
            continue;
        if (fd_pwrite_full(source_fd, mib, MIB, i * MIB) < 0)
            return -1;
    }
    int r = gpt_init(&gpt, 512, IMAGE_SIZE / 512, guid);
    if (r == 0)
        r = gpt_set(&gpt, 4, 2048, 16384, GPT_TYPE_LINUX, root, "root");
    return r == 0 ? gpt_disk_write(source_fd, &gpt, NULL) : r;
}

static int open_in(const char *name)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static int make_image(void)
{
    struct image_pack_options options = {0};
    struct err err = ERR_INIT;
    int r = image_manifest_init(&manifest, "test", "amd64", IMAGE_SIZE, CHUNK_SIZE, &err);
    if (r == 0)
        r = image_pack(source_fd, data_fd, &options, &manifest, &err);
    if (r < 0)
        print_error("%s\n", err_text(&err));
    memset(digest, 5, sizeof(digest));
    return r;
}

static int serve(void)
{
    struct http_options options = {.loop = &loop};
    struct http_route route = {.path = "/images/", .folder = folder};
    struct http_listen listen = {.transport = HTTP_TCP, .fd = -1, .address = "127.0.0.1"};
    struct http_site *site = NULL;
    struct http_listener *listener = NULL;
    int r = uv_loop_init(&loop);
    if (r == 0)
        r = http_server_new(&options, &server, NULL);
    if (r == 0)
        r = http_site_new(server, &route, 1, &site, NULL);
    if (r == 0)
        r = http_listen(server, site, &listen, &listener, NULL);
    if (r == 0)
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_listener_port(listener));
    return r;
}

static int setup_all(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    source_fd = open_in("source");
    data_fd = open_in("test.zst");
    disk_fd = open_in("disk");
    return make_source() < 0 || make_image() < 0 || serve() < 0 ? -1 : 0;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static int teardown_all(void **state)
{
    (void)state;
    bool closed = false;
    http_server_close(server, 0, on_closed, &closed);
    while (!closed)
        (void)uv_run(&loop, UV_RUN_ONCE);
    (void)uv_loop_close(&loop);
    image_manifest_clear(&manifest);
    (void)close(source_fd);
    (void)close(data_fd);
    (void)close(disk_fd);
    return tree_remove(folder, NULL);
}

/* A blank disk, and an imaging of it. */
static int setup(void **state)
{
    (void)state;
    if (ftruncate(disk_fd, 0) < 0 || ftruncate(disk_fd, DISK_SIZE) < 0)
        return -1;
    disk = (struct disk){.name = "test", .size = DISK_SIZE, .sector_size = 512};
    memset(&imaging, 0, sizeof(imaging));
    imaging.fd = disk_fd;
    imaging.disk = &disk;
    imaging.manifest = &manifest;
    imaging.digest = digest;
    memset(key_block, 'k', sizeof(key_block));
    imaging.key_block = key_block;
    imaging.server = url;
    imaging.data_path = "/images/test.zst";
    imaging.threads = 3;
    return 0;
}

static void expect_same(uint64_t from, uint64_t to)
{
    _autofree_ uint8_t *a = malloc(MIB);
    _autofree_ uint8_t *b = malloc(MIB);
    for (uint64_t at = from; at < to; at += MIB) {
        assert_int_equal(fd_pread_full(source_fd, a, MIB, at), MIB);
        assert_int_equal(fd_pread_full(disk_fd, b, MIB, at), MIB);
        assert_memory_equal(a, b, MIB);
    }
}

static void write_all(void)
{
    struct err err = ERR_INIT;
    if (imaging_write(&imaging, &err) < 0)
        fail_msg("%s: %s", imaging.reason, err_text(&err));
}

static enum disk_state examine(void);

static int read_disk(void *data, uint64_t offset, void *dst, size_t len)
{
    (void)data;
    return fd_pread_full(disk_fd, dst, len, offset) == (ssize_t)len ? 0 : -EIO;
}

static enum disk_state examine(void)
{
    struct signature_reader reader = {.read = read_disk};
    assert_int_equal(signature_examine(&reader, &disk), 0);
    return disk.state;
}

static void test_everything_but_the_first_chunk_is_written(void **state)
{
    (void)state;
    write_all();
    expect_same(CHUNK_SIZE, IMAGE_SIZE);
    assert_int_equal(imaging.bytes_done, IMAGE_SIZE - CHUNK_SIZE);
    assert_int_equal(imaging.bytes_kept, 0);
    assert_true(imaging.bytes_fetched < manifest.data_size);
    /* Until the commit it is no disk that could be started. */
    assert_int_equal(examine(), DISK_PARTIAL);
    assert_memory_equal(disk.partial_digest, digest, sizeof(digest));
}

static void test_old_contents_do_not_show_through(void **state)
{
    (void)state;
    _autofree_ uint8_t *junk = malloc(MIB);
    memset(junk, 0xaa, MIB);
    for (uint64_t at = 0; at < DISK_SIZE; at += MIB)
        assert_int_equal(fd_pwrite_full(disk_fd, junk, MIB, at), 0);
    assert_int_equal(examine(), DISK_FOREIGN);
    write_all();
    expect_same(CHUNK_SIZE, IMAGE_SIZE);
}

static void test_layout_makes_the_disk_whole(void **state)
{
    (void)state;
    struct seed seed _autoseed_ = SEED_INIT;
    struct err err = ERR_INIT;
    struct rng_seeded rng;
    struct layout layout;
    struct gpt gpt;
    enum gpt_source source;
    rng_seeded_init(&rng, 1);
    assert_int_equal(seed_put(&seed, "meta-data", 0600, "x", 1, &err), 0);
    write_all();
    if (layout_finish(&imaging, &seed, &rng.rng, &layout, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(imaging.bytes_done, IMAGE_SIZE);
    assert_int_equal(gpt_disk_read(disk_fd, DISK_SIZE, 512, &gpt, &source, &err), 0);
    assert_int_equal(source, GPT_SOURCE_PRIMARY);
    assert_int_equal(gpt.sectors, DISK_SIZE / 512);
    assert_int_equal(gpt_find_name(&gpt, "CIDATA"), layout.seed_partition);
    assert_int_equal(examine(), DISK_OURS);
    assert_int_equal(imaging_verify(&imaging, layout.seed_offset, layout.seed_size, &err), 0);
    assert_int_equal(fd_pwrite_full(disk_fd, "!", 1, 10 * MIB), 0);
    assert_int_equal(imaging_verify(&imaging, layout.seed_offset, layout.seed_size, &err),
                     -EBADMSG);
    assert_non_null(strstr(err_text(&err), "chunk 10"));
}

/* How often the key lies somewhere on the disk. */
static size_t count_keys(void)
{
    size_t count = 0;
    _autofree_ uint8_t *bytes = malloc(DISK_SIZE);
    assert_int_equal(fd_pread_full(disk_fd, bytes, DISK_SIZE, 0), DISK_SIZE);
    for (size_t at = 0; at < DISK_SIZE; at += DISK_KEY_SIZE)
        count += memcmp(bytes + at, key_block, DISK_KEY_SIZE) == 0;
    return count;
}

static void test_key_moves_from_the_marker_to_the_end_of_the_seed(void **state)
{
    (void)state;
    struct seed seed _autoseed_ = SEED_INIT;
    struct err err = ERR_INIT;
    struct rng_seeded rng;
    struct layout layout;
    uint8_t block[DISK_KEY_SIZE];
    rng_seeded_init(&rng, 1);
    assert_int_equal(seed_put(&seed, "meta-data", 0600, "x", 1, &err), 0);
    write_all();
    assert_int_equal(examine(), DISK_PARTIAL);
    assert_int_equal(count_keys(), 1);
    assert_int_equal(fd_pread_full(disk_fd, block, sizeof(block), disk.key_offset), sizeof(block));
    assert_memory_equal(block, key_block, sizeof(block));
    assert_int_equal(layout_finish(&imaging, &seed, &rng.rng, &layout, &err), 0);
    assert_int_equal(examine(), DISK_OURS);
    assert_int_equal(disk.key_offset, layout.seed_offset + layout.seed_size - DISK_KEY_SEED_ROOM);
    assert_int_equal(fd_pread_full(disk_fd, block, sizeof(block), disk.key_offset), sizeof(block));
    assert_memory_equal(block, key_block, sizeof(block));
    assert_int_equal(count_keys(), 1);
}

/* The next start has another key when it could not use the one that it found. */
static void test_resumed_installation_has_the_key_of_who_resumes(void **state)
{
    (void)state;
    write_all();
    assert_int_equal(examine(), DISK_PARTIAL);
    memset(key_block, 'n', sizeof(key_block));
    imaging.bytes_kept = 0;
    write_all();
    assert_true(imaging.bytes_kept > 0);
    assert_int_equal(count_keys(), 1);
    memset(key_block, 'k', sizeof(key_block));
    assert_int_equal(count_keys(), 0);
}

/* Whatever the first chunk is, the commit leaves nothing of marker and key. */
static void test_commit_covers_the_key(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {512, 1024, IMAGE_SIZE};
    struct err err = ERR_INIT;
    struct image_manifest *full = &manifest, tiny = {0};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        _autofree_ uint8_t *first = imaging_memory(CHUNK_SIZE);
        assert_int_equal(image_manifest_init(&tiny, "tiny", "amd64", sizes[i], CHUNK_SIZE, &err),
                         0);
        for (size_t chunk = 0; chunk < tiny.chunk_count; chunk++)
            tiny.chunks[chunk].zero = true;
        imaging.manifest = &tiny;
        write_all();
        assert_int_equal(count_keys(), 1);
        assert_int_equal(imaging_first_chunk(&imaging, first, &err), 0);
        assert_int_equal(imaging_write_first(&imaging, first, &err), 0);
        assert_int_equal(imaging_commit(&imaging, first, &err), 0);
        assert_int_equal(count_keys(), 0);
        assert_int_equal(examine(), DISK_BLANK);
        imaging.manifest = full;
        image_manifest_clear(&tiny);
    }
}

static void flip_bit_of(size_t chunk)
{
    uint8_t byte;
    uint64_t at = manifest.chunks[chunk].offset + manifest.chunks[chunk].length / 2;
    assert_int_equal(fd_pread_full(data_fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(fd_pwrite_full(data_fd, &byte, 1, at), 0);
}

static void test_corrupt_chunk_is_named_and_never_written(void **state)
{
    (void)state;
    enum { BAD = 12 };
    _autofree_ uint8_t *raw = malloc(CHUNK_SIZE);
    struct err err = ERR_INIT;
    assert_false(manifest.chunks[BAD].zero);
    flip_bit_of(BAD);
    assert_int_equal(imaging_write(&imaging, &err), -EBADMSG);
    assert_string_equal(imaging.reason, IMAGING_REASON_CHUNK);
    assert_non_null(strstr(err_text(&err), "chunk 12 "));
    assert_int_equal(fd_pread_full(disk_fd, raw, CHUNK_SIZE, BAD * CHUNK_SIZE), CHUNK_SIZE);
    assert_true(image_is_zero(raw, CHUNK_SIZE));
    assert_int_equal(examine(), DISK_PARTIAL);
    /* Repaired, the installation goes on and keeps what was written before. */
    flip_bit_of(BAD);
    imaging.bytes_done = 0;
    uint64_t fetched = imaging.bytes_fetched;
    write_all();
    assert_true(imaging.bytes_kept >= 5 * MIB);
    assert_true(imaging.bytes_fetched - fetched < manifest.data_size);
    expect_same(CHUNK_SIZE, IMAGE_SIZE);
}

static void test_marker_of_another_image_keeps_nothing(void **state)
{
    (void)state;
    write_all();
    assert_int_equal(examine(), DISK_PARTIAL);
    digest[0] ^= 1;
    imaging.bytes_kept = 0;
    write_all();
    assert_int_equal(imaging.bytes_kept, 0);
    assert_int_equal(examine(), DISK_PARTIAL);
    assert_memory_equal(disk.partial_digest, digest, sizeof(digest));
    digest[0] ^= 1;
}

static void test_missing_image_is_an_error_of_the_server(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    imaging.data_path = "/images/none.zst";
    assert_int_equal(imaging_write(&imaging, &err), -EPROTO);
    assert_string_equal(imaging.reason, IMAGING_REASON_FETCH);
    assert_non_null(strstr(err_text(&err), "404"));
}

#define CASE(f) cmocka_unit_test_setup(f, setup)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_everything_but_the_first_chunk_is_written),
        CASE(test_old_contents_do_not_show_through),
        CASE(test_layout_makes_the_disk_whole),
        CASE(test_key_moves_from_the_marker_to_the_end_of_the_seed),
        CASE(test_resumed_installation_has_the_key_of_who_resumes),
        CASE(test_commit_covers_the_key),
        CASE(test_corrupt_chunk_is_named_and_never_written),
        CASE(test_marker_of_another_image_keeps_nothing),
        CASE(test_missing_image_is_an_error_of_the_server),
    };
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
