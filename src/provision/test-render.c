/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden files: each NAME.json of GOLDEN_DIR is rendered, and all that comes out must be
 * NAME.golden. With UPDATE_GOLDEN in the environment those files are written instead; read the
 * difference then.
 */
#include "provision/render.h"

#include <dirent.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "provision/networkd.h"

static void add_part(struct buf *out, const char *name, const void *data, size_t len)
{
    buf_printf(out, "=== %s\n", name);
    buf_add(out, data, len);
    if (len && ((const char *)data)[len - 1] != '\n')
        buf_adds(out, "\n");
}

static void render_all(const struct provision *p, struct buf *out)
{
    _autoseed_ struct seed seed = SEED_INIT;
    _autonetworkd_ struct networkd_files files = {0};
    struct err err = ERR_INIT;
    if (provision_render(p, &seed, &err) < 0)
        fail_msg("%s", err_text(&err));
    for (size_t i = 0; i < seed.count; i++)
        add_part(out, seed.files[i].path, seed.files[i].data, seed.files[i].len);
    assert_int_equal(networkd_render(p, &files), 0);
    for (size_t i = 0; i < files.list.count; i++)
        add_part(out, files.list.items[i].name, files.list.items[i].text,
                 strlen(files.list.items[i].text));
}

static void check_case(const char *name)
{
    struct err err = ERR_INIT;
    _autofree_ char *json_path = str_format(GOLDEN_DIR "/%s.json", name);
    _autofree_ char *golden_path = str_format(GOLDEN_DIR "/%s.golden", name);
    _autofree_ char *json = NULL, *golden = NULL;
    size_t len = 0;
    _autoprovision_ struct provision p = {0};
    _autobuf_ struct buf out = BUF_INIT;
    if (file_read(json_path, PROVISION_JSON_MAX, &json, &len, &err) < 0 ||
        provision_parse(json, len, &p, &err) < 0)
        fail_msg("%s: %s", name, err_text(&err));
    render_all(&p, &out);
    if (getenv("UPDATE_GOLDEN"))
        assert_int_equal(file_write_atomic(golden_path, out.data, out.len, 0644, &err), 0);
    if (file_read(golden_path, 1 << 20, &golden, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(buf_str(&out), golden);
}

static void test_golden_files(void **state)
{
    (void)state;
    static const char *const cases[] = {"minimal", "cloud-init", "node", "bond-vlan"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_case(cases[i]);
}

static void test_template_errors_name_the_file(void **state)
{
    (void)state;
    static const char json[] = "{\"machine\":\"a\",\"files\":[{\"path\":\"/etc/x\",\"content\":"
                               "\"Cnt7IC5ub3BlIH19\",\"template\":true}]}";
    _autoprovision_ struct provision p = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(provision_parse(json, strlen(json), &p, NULL), 0);
    assert_int_equal(provision_render(&p, &seed, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "files[0] (/etc/x): line 2: no variable .nope"));
    assert_int_equal(seed.count, 0);
    assert_true(p.files.items[0].template);
}

UNIT_MAIN(cmocka_unit_test(test_golden_files), cmocka_unit_test(test_template_errors_name_the_file))
