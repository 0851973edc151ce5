/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "sandbox/config.h"

static struct sandbox_machine parse(const char *text)
{
    struct err err = ERR_INIT;
    struct sandbox_machine m = {0};
    json_auto_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int r = sandbox_machine_parse(json, &m, &err);
    if (r < 0)
        fail_msg("%s", err_text(&err));
    return m;
}

/* The error of a machine that must be refused, in a buffer of the caller's. */
static const char *refused(const char *text, struct err *err)
{
    struct sandbox_machine m;
    json_auto_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    *err = ERR_INIT;
    assert_int_equal(sandbox_machine_parse(json, &m, err), -EINVAL);
    return err_text(err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct sandbox_machine m = parse("{\"name\":\"node1\"}");
    assert_int_equal(m.firmware, SANDBOX_BIOS);
    assert_int_equal(m.boot, SANDBOX_BOOT_NETWORK);
    assert_int_equal(m.memory, (uint64_t)1 << 30);
    assert_int_equal(m.cpus, 2);
    assert_int_equal(m.disk_count, 1);
    assert_int_equal(m.disks[0].size, (uint64_t)8 << 30);
    assert_int_equal(m.disks[0].block_size, 512);
    assert_string_equal(m.disks[0].serial, "node1-0");
    assert_int_equal(m.nic_count, 1);
    assert_true(m.nics[0].link);
    assert_string_equal(m.serial, "SANDBOX-node1");
    assert_int_equal(strlen(m.uuid), 36);
    assert_int_equal(m.uuid[14], '4');
}

static void test_derived_names_repeat_and_differ(void **state)
{
    (void)state;
    struct sandbox_machine a = parse("{\"name\":\"a\",\"nics\":[{},{}]}");
    struct sandbox_machine again = parse("{\"name\":\"a\"}");
    struct sandbox_machine b = parse("{\"name\":\"b\"}");
    assert_true(mac_eq(a.nics[0].mac, again.nics[0].mac));
    assert_false(mac_eq(a.nics[0].mac, a.nics[1].mac));
    assert_false(mac_eq(a.nics[0].mac, b.nics[0].mac));
    assert_string_equal(a.uuid, again.uuid);
    assert_string_not_equal(a.uuid, b.uuid);
    assert_int_equal(a.nics[0].mac.b[0], 0x52);
}

static void test_every_field(void **state)
{
    (void)state;
    struct sandbox_machine m =
        parse("{\"name\":\"n\",\"firmware\":\"uefi\",\"boot\":\"disk\",\"memory\":\"512Mi\","
              "\"cpus\":1,\"serial\":\"S1\",\"uuid\":\"1b4e28ba-2fa1-41d2-883f-0016d3cca427\","
              "\"clock\":\"2001-01-01T00:00:00Z\",\"vnc\":true,\"disks\":[\"1Gi\",{\"size\":"
              "\"2Gi\",\"model\":\"nvme\","
              "\"serial\":\"FAST\",\"blockSize\":4096,\"writeRate\":\"10Mi\"}],"
              "\"nics\":[{\"mac\":\"52:54:00:00:00:01\",\"model\":\"e1000e\",\"link\":false}]}");
    assert_int_equal(m.firmware, SANDBOX_UEFI);
    assert_int_equal(m.boot, SANDBOX_BOOT_DISK);
    assert_int_equal(m.memory, (uint64_t)512 << 20);
    assert_int_equal(m.cpus, 1);
    assert_string_equal(m.serial, "S1");
    assert_string_equal(m.clock, "2001-01-01T00:00:00Z");
    assert_true(m.vnc);
    assert_int_equal(m.disk_count, 2);
    assert_int_equal(m.disks[1].model, SANDBOX_DISK_NVME);
    assert_int_equal(m.disks[1].block_size, 4096);
    assert_int_equal(m.disks[0].write_rate, 0);
    assert_int_equal(m.disks[1].write_rate, 10 << 20);
    assert_string_equal(m.disks[1].serial, "FAST");
    assert_int_equal(m.nics[0].model, SANDBOX_NIC_E1000E);
    assert_false(m.nics[0].link);
}

static void test_errors_name_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *expected;
    } cases[] = {
        {"{}", "name: missing"},
        {"{\"name\":\"A\"}", "name: not a name"},
        {"{\"name\":\"a,b\"}", "name: not a name"},
        {"{\"name\":\"n\",\"cpu\":2}", "cpu: unknown field"},
        {"{\"name\":\"n\",\"cpus\":0}", "cpus: expected a whole number from 1"},
        {"{\"name\":\"n\",\"memory\":\"1000\"}", "memory: expected a positive multiple"},
        {"{\"name\":\"n\",\"disks\":[\"8Gi\",{\"model\":\"nvme\"}]}", "disks: [1]: size: missing"},
        {"{\"name\":\"n\",\"disks\":[\"x\"]}", "disks: [0]: expected a size"},
        {"{\"name\":\"n\",\"nics\":[{\"mac\":\"01:00:00:00:00:01\"}]}",
         "nics: [0]: mac: not a MAC"},
        {"{\"name\":\"n\",\"serial\":\"a,file=/etc/passwd\"}", "serial: expected printable"},
        {"{\"name\":\"n\",\"uuid\":\"1b4e28ba\"}", "uuid: not a UUID"},
        {"{\"name\":\"n\",\"clock\":\"yesterday\"}", "clock: expected a time such as"},
        {"{\"name\":\"n\",\"firmware\":\"efi\"}", "firmware: expected one of bios, uefi"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err;
        const char *text = refused(cases[i].json, &err);
        if (!strstr(text, cases[i].expected))
            fail_msg("%s: expected \"%s\", found \"%s\"", cases[i].json, cases[i].expected, text);
    }
}

static void test_network(void **state)
{
    (void)state;
    struct sandbox_network n;
    json_auto_t *empty = json_object();
    assert_int_equal(sandbox_network_parse(empty, &n, NULL), 0);
    assert_int_equal(n.address.address, 0x0a4d0001);
    assert_int_equal(n.address.prefix, 24);
    assert_false(n.nat);
    json_auto_t *subnet = json_pack("{s:s}", "network", "10.1.0.0/24");
    struct err err = ERR_INIT;
    assert_int_equal(sandbox_network_parse(subnet, &n, &err), -EINVAL);
    assert_non_null(strstr(err.text, "network: expected an address"));
    json_auto_t *unknown = json_pack("{s:s}", "networks", "10.1.0.1/24");
    assert_int_equal(sandbox_network_parse(unknown, &n, NULL), -EINVAL);
}

static void test_flag(void **state)
{
    (void)state;
    json_t *json = NULL;
    assert_int_equal(
        sandbox_machine_flag("n1,firmware=uefi,cpus=1,memory=256Mi,disk=1Gi/nvme/"
                             "FAST/4096,disk=2Gi,nic=e1000e/52:54:00:00:00:09/down,nic=",
                             &json, NULL),
        0);
    json_auto_t *owned = json;
    struct sandbox_machine m;
    struct err err = ERR_INIT;
    if (sandbox_machine_parse(owned, &m, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(m.name, "n1");
    assert_int_equal(m.firmware, SANDBOX_UEFI);
    assert_int_equal(m.cpus, 1);
    assert_int_equal(m.disk_count, 2);
    assert_int_equal(m.disks[0].model, SANDBOX_DISK_NVME);
    assert_int_equal(m.disks[0].block_size, 4096);
    assert_string_equal(m.disks[0].serial, "FAST");
    assert_int_equal(m.disks[1].size, (uint64_t)2 << 30);
    assert_int_equal(m.nic_count, 2);
    assert_int_equal(m.nics[0].model, SANDBOX_NIC_E1000E);
    assert_int_equal(m.nics[0].mac.b[5], 9);
    assert_false(m.nics[0].link);
    assert_true(m.nics[1].link);
}

static void test_flag_without_value(void **state)
{
    (void)state;
    json_t *json = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(sandbox_machine_flag("n1,uefi", &json, &err), -EINVAL);
    assert_non_null(strstr(err.text, "uefi: expected FIELD=VALUE"));
    assert_null(json);
}

UNIT_MAIN(cmocka_unit_test(test_defaults), cmocka_unit_test(test_derived_names_repeat_and_differ),
          cmocka_unit_test(test_every_field), cmocka_unit_test(test_errors_name_the_field),
          cmocka_unit_test(test_network), cmocka_unit_test(test_flag),
          cmocka_unit_test(test_flag_without_value))
