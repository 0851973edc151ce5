/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/str.h"
#include "base/test.h"

static void test_many_keys(void **state)
{
    (void)state;
    _cleanup_(map_freep) struct map *map = map_new();
    static int values[2000];
    for (int i = 0; i < 2000; i++) {
        values[i] = i;
        assert_int_equal(map_put(map, &i, sizeof(i), &values[i], NULL), 0);
    }
    assert_int_equal(map_count(map), 2000);
    for (int i = 0; i < 2000; i += 2)
        assert_ptr_equal(map_remove(map, &i, sizeof(i)), &values[i]);
    for (int i = 0; i < 2000; i++) {
        int *value = map_get(map, &i, sizeof(i));
        assert_ptr_equal(value, i % 2 ? &values[i] : NULL);
    }
}

/* Short keys lie in the table, long ones beside it: both survive growing, removal and walking. */
static void test_keys_of_any_length(void **state)
{
    (void)state;
    _cleanup_(map_freep) struct map *map = map_new();
    static char text[64] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop";
    for (size_t len = 0; len < 60; len++)
        assert_int_equal(map_put(map, text, len, text + len, NULL), 0);
    for (size_t len = 0; len < 60; len += 3)
        assert_ptr_equal(map_remove(map, text, len), text + len);
    for (size_t len = 0; len < 60; len++)
        assert_ptr_equal(map_get(map, text, len), len % 3 ? text + len : NULL);
    size_t cursor = 0, seen = 0;
    for (struct map_entry_view e; map_next(map, &cursor, &e); seen++) {
        assert_memory_equal(e.key, text, e.len);
        assert_int_equal(((const char *)e.key)[e.len], '\0');
        assert_ptr_equal(e.value, text + e.len);
    }
    assert_int_equal(seen, 40);
}

static void test_replace_returns_old(void **state)
{
    (void)state;
    _cleanup_(map_freep) struct map *map = map_new();
    char a = 'a', b = 'b';
    void *old = &a;
    assert_int_equal(map_puts(map, "k", &a, &old), 0);
    assert_null(old);
    assert_int_equal(map_puts(map, "k", &b, &old), 0);
    assert_ptr_equal(old, &a);
    assert_ptr_equal(map_gets(map, "k"), &b);
    assert_null(map_removes(map, "other"));
}

static void test_remove_while_walking(void **state)
{
    (void)state;
    _cleanup_(map_freep) struct map *map = map_new();
    static int seen[300];
    for (int i = 0; i < 300; i++)
        assert_int_equal(map_put(map, &i, sizeof(i), &seen[i], NULL), 0);
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(map, &cursor, &e)) {
        (*(int *)e.value)++;
        assert_non_null(map_remove(map, e.key, e.len));
    }
    assert_int_equal(map_count(map), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(seen[i], 1);
}

UNIT_MAIN(cmocka_unit_test(test_many_keys), cmocka_unit_test(test_keys_of_any_length),
          cmocka_unit_test(test_replace_returns_old), cmocka_unit_test(test_remove_while_walking))
