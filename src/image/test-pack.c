/* SPDX-License-Identifier: Apache-2.0 */
/* Packing a sparse disk, reading it back, and what damage does. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/random.h"
#include "base/str.h"
#include "image/chunk.h"
#include "image/store.h"

enum { CHUNK = 64 << 10, CHUNKS = 40 };
#define DISK_SIZE ((uint64_t)CHUNKS * CHUNK - 1536)

struct place {
    char folder[32];
    int disk_fd;
};

static int make_place(void **state)
{
    static struct place place;
    assert_int_equal(str_copy(place.folder, sizeof(place.folder), "/tmp/test-pack-XXXXXX"), 0);
    assert_non_null(mkdtemp(place.folder));
    place.disk_fd = open(place.folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(place.disk_fd >= 0);
    assert_int_equal(ftruncate(place.disk_fd, (off_t)DISK_SIZE), 0);
    struct rng_seeded rng;
    rng_seeded_init(&rng, 3);
    for (size_t i = 0; i < CHUNKS; i += 3) { /* data, hole, written zeros, data... */
        uint8_t data[5000];
        uint8_t zeros[5000] = {0};
        rng_fill(&rng.rng, data, sizeof(data));
        assert_int_equal(fd_pwrite_full(place.disk_fd, data, sizeof(data), i * CHUNK + i), 0);
        if (i + 2 < CHUNKS)
            assert_int_equal(fd_pwrite_full(place.disk_fd, zeros, sizeof(zeros), (i + 2) * CHUNK),
                             0);
    }
    *state = &place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    (void)close(place->disk_fd);
    return tree_remove(place->folder, NULL);
}

static int save(const struct place *place, const char *name, unsigned threads,
                const struct image_progress *progress)
{
    _automanifest_ struct image_manifest m = {0};
    struct image_pack_options options = {.threads = threads, .progress = progress};
    assert_int_equal(image_manifest_init(&m, name, "amd64", DISK_SIZE, CHUNK, NULL), 0);
    return image_save(place->folder, place->disk_fd, &options, &m, NULL);
}

static char *path_of(const struct place *place, const char *name)
{
    char *path = str_format("%s/%s", place->folder, name);
    assert_non_null(path);
    return path;
}

static char *contents(const struct place *place, const char *name, size_t *ret_len)
{
    char *data = NULL;
    _autofree_ char *path = path_of(place, name);
    assert_int_equal(file_read(path, 64 << 20, &data, ret_len, NULL), 0);
    return data;
}

static void test_threads_do_not_show(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "one", 1, NULL), 0);
    assert_int_equal(save(place, "many", 7, NULL), 0);
    size_t one_len = 0, many_len = 0;
    _autofree_ char *one = contents(place, "one.zst", &one_len);
    _autofree_ char *many = contents(place, "many.zst", &many_len);
    assert_int_equal(one_len, many_len);
    assert_memory_equal(one, many, one_len);
}

static void test_zstd_yields_the_disk(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "disk", 2, NULL), 0);
    _autobuf_ struct buf out = BUF_INIT;
    _autofree_ char *path = path_of(place, "disk.zst");
    const char *const argv[] = {"zstd", "-q", "-dc", path, NULL};
    struct proc_options options = {.output = &out};
    assert_int_equal(proc_run(argv, &options, NULL, NULL), 0);
    _autofree_ uint8_t *disk = malloc(DISK_SIZE);
    assert_int_equal(fd_pread_full(place->disk_fd, disk, DISK_SIZE, 0), DISK_SIZE);
    assert_int_equal(out.len, DISK_SIZE);
    assert_memory_equal(out.data, disk, DISK_SIZE);
}

static void test_export_gives_the_disk_with_holes(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "disk", 2, NULL), 0);
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    _autofree_ char *path = path_of(place, "disk");
    assert_int_equal(image_reader_open(path, &image, NULL), 0);
    _autofd_ int fd = open(place->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(image_export(&image, fd, NULL, NULL), 0);
    _autofree_ uint8_t *disk = malloc(DISK_SIZE);
    _autofree_ uint8_t *out = malloc(DISK_SIZE);
    assert_int_equal(fd_pread_full(place->disk_fd, disk, DISK_SIZE, 0), DISK_SIZE);
    assert_int_equal(fd_pread_full(fd, out, DISK_SIZE, 0), DISK_SIZE);
    assert_memory_equal(disk, out, DISK_SIZE);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, DISK_SIZE);
    assert_true((uint64_t)st.st_blocks * 512 < DISK_SIZE / 2);
}

struct bad {
    size_t count, index;
};

static void on_bad(void *data, size_t index, const char *text)
{
    struct bad *bad = data;
    assert_non_null(strstr(text, "digest"));
    bad->count++;
    bad->index = index;
}

static void test_verify_names_the_damaged_chunk(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "disk", 2, NULL), 0);
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    _autofree_ char *path = path_of(place, "disk.json");
    _autofree_ char *data = path_of(place, "disk.zst");
    size_t count = 9;
    struct bad bad = {0};
    assert_int_equal(image_reader_open(path, &image, NULL), 0);
    assert_int_equal(image_verify(&image, NULL, on_bad, &bad, &count, NULL), 0);
    assert_int_equal(count, 0);
    const struct image_chunk *chunk = &image.manifest.chunks[6];
    assert_false(chunk->zero);
    _autofd_ int fd = open(data, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    assert_int_equal(fd_pread_full(fd, &byte, 1, chunk->offset + 100), 1);
    byte ^= 4;
    assert_int_equal(fd_pwrite_full(fd, &byte, 1, chunk->offset + 100), 0);
    assert_int_equal(image_verify(&image, NULL, on_bad, &bad, &count, NULL), -EBADMSG);
    assert_int_equal(count, 1);
    assert_int_equal(bad.count, 1);
    assert_int_equal(bad.index, 6);
    _autofd_ int target = open(place->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(image_export(&image, target, NULL, NULL), -EBADMSG);
}

static void test_open_refuses_what_does_not_belong_together(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "disk", 2, NULL), 0);
    struct image_reader image = IMAGE_READER_INIT;
    struct err err = ERR_INIT;
    _autofree_ char *data = path_of(place, "disk.zst");
    _autofree_ char *none = path_of(place, "none");
    assert_int_equal(image_reader_open(none, &image, NULL), -ENOENT);
    assert_int_equal(truncate(data, 1000), 0);
    assert_int_equal(image_reader_open(data, &image, &err), -EBADMSG);
    assert_non_null(strstr(err_text(&err), "1000 bytes"));
}

static size_t files_in(const struct place *place)
{
    _autobuf_ struct buf out = BUF_INIT;
    const char *const argv[] = {"find", place->folder, "-type", "f", NULL};
    struct proc_options options = {.output = &out};
    assert_int_equal(proc_run(argv, &options, NULL, NULL), 0);
    size_t n = 0;
    for (size_t i = 0; i < out.len; i++)
        n += out.data[i] == '\n';
    return n;
}

struct cancelling {
    volatile sig_atomic_t cancel;
    int steps;
};

static void cancel_at_third(void *data, const char *step, uint64_t done, uint64_t total)
{
    struct cancelling *c = data;
    (void)step;
    assert_true(done <= total);
    if (++c->steps == 3)
        c->cancel = 1;
}

static void test_cancelled_leaves_nothing(void **state)
{
    const struct place *place = *state;
    struct cancelling c = {0};
    struct image_progress progress = {.on_step = cancel_at_third, .data = &c, .cancel = &c.cancel};
    assert_int_equal(save(place, "disk", 2, &progress), -EINTR);
    assert_int_equal(c.steps, 3);
    assert_int_equal(files_in(place), 0);
}

static void test_failed_write_keeps_the_old_image(void **state)
{
    const struct place *place = *state;
    assert_int_equal(save(place, "disk", 2, NULL), 0);
    struct rlimit old, low = {.rlim_cur = 20000, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int r = save(place, "disk", 2, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(files_in(place), 2);
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    _autofree_ char *path = path_of(place, "disk");
    assert_int_equal(image_reader_open(path, &image, NULL), 0);
    assert_int_equal(image_verify(&image, NULL, NULL, NULL, NULL, NULL), 0);
}

static void test_short_disk_is_an_error(void **state)
{
    struct place *place = *state;
    assert_int_equal(ftruncate(place->disk_fd, (off_t)DISK_SIZE - 512), 0);
    assert_int_equal(save(place, "disk", 2, NULL), -ENODATA);
    assert_int_equal(files_in(place), 0);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

UNIT_MAIN(WITH_PLACE(test_threads_do_not_show), WITH_PLACE(test_zstd_yields_the_disk),
          WITH_PLACE(test_export_gives_the_disk_with_holes),
          WITH_PLACE(test_verify_names_the_damaged_chunk),
          WITH_PLACE(test_open_refuses_what_does_not_belong_together),
          WITH_PLACE(test_cancelled_leaves_nothing),
          WITH_PLACE(test_failed_write_keeps_the_old_image),
          WITH_PLACE(test_short_disk_is_an_error))
