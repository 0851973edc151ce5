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

UNIT_MAIN(cmocka_unit_test(test_many_keys), cmocka_unit_test(test_replace_returns_old),
          cmocka_unit_test(test_remove_while_walking))
