/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "agent/disk-key.h"
#include "agent/layout.h"
#include "agent/signature.h"
#include "image/mbr.h"

enum { FIRST = 4 << 20 };
#define MIB ((uint64_t)1 << 20)
#define IMAGE (256 * MIB)
#define DISK (1024 * MIB)

static uint8_t *first;
static struct rng_seeded rng;
static struct layout_plan plan;

static int setup(void **state)
{
    (void)state;
    first = calloc(1, FIRST);
    rng_seeded_init(&rng, 1);
    return first ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(first);
    return 0;
}

static void make_gpt(bool with_seed)
{
    struct gpt gpt;
    struct gpt_guid guid = {{9}}, one = {{1}}, two = {{2}}, three = {{3}};
    assert_int_equal(gpt_init(&gpt, 512, IMAGE / 512, guid), 0);
    assert_int_equal(gpt_set(&gpt, 2, 4096, 65536, GPT_TYPE_ESP, one, "ESP"), 0);
    if (with_seed)
        assert_int_equal(gpt_set(&gpt, 3, 69632, 16384, GPT_TYPE_BASIC_DATA, two, "CIDATA"), 0);
    assert_int_equal(gpt_set(&gpt, 4, 86016, 204800, GPT_TYPE_LINUX, three, "root"), 0);
    gpt_print_head(&gpt, first);
}

static struct gpt parse_both(void)
{
    struct gpt head, tail;
    assert_int_equal(gpt_parse_head(first, FIRST, 512, DISK / 512, &head), 0);
    assert_int_equal(gpt_parse_tail(plan.tail, plan.tail_size, 512, DISK / 512, &tail), 0);
    assert_memory_equal(&head.entries, &tail.entries, sizeof(head.entries));
    return head;
}

static void test_built_image_keeps_its_seed_and_grows_to_the_end(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    make_gpt(true);
    assert_int_equal(layout_plan(first, FIRST, 512, DISK, true, &rng.rng, &plan, &err), 0);
    assert_true(plan.is_gpt && plan.layout.has_esp);
    assert_int_equal(plan.layout.seed_partition, 3);
    assert_int_equal(plan.layout.seed_offset, 69632 * 512);
    assert_int_equal(plan.layout.seed_size, 8 * MIB);
    assert_int_equal(plan.layout.esp.number, 2);
    assert_int_equal(plan.layout.esp.sectors, 65536);
    struct gpt gpt = parse_both();
    assert_int_equal(gpt.sectors, DISK / 512);
}

static void test_imported_image_gets_a_seed_at_the_end(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    make_gpt(false);
    assert_int_equal(layout_plan(first, FIRST, 512, DISK, true, &rng.rng, &plan, &err), 0);
    struct gpt gpt = parse_both();
    assert_int_equal(gpt_find_name(&gpt, "CIDATA"), plan.layout.seed_partition);
    assert_int_equal(plan.layout.seed_size, LAYOUT_SEED_SIZE);
    assert_true(plan.layout.seed_offset > IMAGE);
    assert_true(plan.layout.seed_offset + plan.layout.seed_size < DISK);
}

static void test_without_a_seed_only_the_table_grows(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    make_gpt(false);
    assert_int_equal(layout_plan(first, FIRST, 512, DISK, false, &rng.rng, &plan, &err), 0);
    assert_int_equal(plan.layout.seed_size, 0);
    (void)parse_both();
}

static void test_disk_of_dos_partitions_gets_a_seed(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct mbr mbr = {.entries = {{.type = MBR_TYPE_LINUX, .first = 2048, .count = 4096}}};
    mbr_print(&mbr, first);
    assert_int_equal(layout_plan(first, FIRST, 512, DISK, true, &rng.rng, &plan, &err), 0);
    assert_false(plan.is_gpt);
    assert_int_equal(mbr_parse(first, FIRST, &mbr), 0);
    assert_int_equal((uint64_t)mbr.entries[plan.layout.seed_partition - 1].first * 512,
                     plan.layout.seed_offset);
}

static void test_disk_without_a_table_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_true(layout_plan(first, FIRST, 512, DISK, true, &rng.rng, &plan, &err) < 0);
    make_gpt(true);
    first[600] ^= 1;
    assert_int_equal(layout_plan(first, FIRST, 512, DISK, true, &rng.rng, &plan, &err), -EBADMSG);
}

static void test_seed_is_a_labelled_fat_with_the_files(void **state)
{
    (void)state;
    struct layout layout = {.seed_size = LAYOUT_SEED_SIZE, .seed_offset = MIB};
    struct seed seed _autoseed_ = SEED_INIT;
    struct err err = ERR_INIT;
    uint8_t *bytes = NULL;
    assert_int_equal(seed_put(&seed, "meta-data", 0600, "instance-id: x\n", 15, &err), 0);
    assert_int_equal(seed_put(&seed, "slipway/node.json", 0600, "{}", 2, &err), 0);
    assert_int_equal(layout_seed(&layout, &seed, 512, &bytes, &err), 0);
    /* It leaves the end of the partition for the machine's key. */
    size_t size = LAYOUT_SEED_SIZE - DISK_KEY_SEED_ROOM;
    assert_string_equal(signature_of(bytes, size), "vfat");
    assert_non_null(memmem(bytes, size, "CIDATA", 6));
    assert_non_null(memmem(bytes, size, "instance-id: x", 14));
    free(bytes);
    layout.seed_size = DISK_KEY_SEED_ROOM;
    assert_int_equal(layout_seed(&layout, &seed, 512, &bytes, &err), -ENOSPC);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
UNIT_MAIN(CASE(test_built_image_keeps_its_seed_and_grows_to_the_end),
          CASE(test_imported_image_gets_a_seed_at_the_end),
          CASE(test_without_a_seed_only_the_table_grows),
          CASE(test_disk_of_dos_partitions_gets_a_seed), CASE(test_disk_without_a_table_is_refused),
          CASE(test_seed_is_a_labelled_fat_with_the_files))
