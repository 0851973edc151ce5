/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "resource/condition.h"
#include "resource/decode.h"
#include "resource/event.h"
#include "resource/image.h"
#include "resource/network.h"
#include "resource/profile.h"

static json_t *load(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static struct machine *machine_from(const char *text)
{
    json_t *json = load(text);
    struct machine *machine;
    struct err err = ERR_INIT;
    if (machine_decode(json, &machine, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_decref(json);
    return machine;
}

static const char machine_text[] =
    "{\"apiVersion\":\"slipway.dev/v1alpha1\",\"kind\":\"Machine\",\"metadata\":{\"name\":\"a\","
    "\"labels\":{\"rack\":\"r1\"},\"generation\":3,\"creationTimestamp\":\"2026-01-31T12:00:00Z\"},"
    "\"spec\":{\"macAddresses\":[\"52:54:00:00:00:01\",\"52-54-00-00-00-02\"],\"role\":\"worker\","
    "\"rootDisk\":{\"minSize\":\"10Gi\",\"rotational\":false},\"approved\":true,"
    "\"network\":{\"address\":\"10.0.0.5/24\",\"dns\":[\"10.0.0.1\"],\"vlan\":7},"
    "\"firstBoot\":{\"files\":[{\"path\":\"/a\",\"content\":\"x\\n\"}],\"commands\":[\"true\"]}},"
    "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Imaged\",\"status\":\"True\"}],"
    "\"inventory\":{\"cpu\":{\"count\":4},\"disks\":[{\"name\":\"vda\",\"sizeBytes\":5}]}}}";

static void machine_fields_arrive(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m = machine_from(machine_text);
    assert_string_equal(m->meta.name, "a");
    assert_string_equal(meta_label(&m->meta, "rack"), "r1");
    assert_null(meta_label(&m->meta, "row"));
    assert_int_equal(m->meta.generation, 3);
    assert_int_equal(m->meta.creation_timestamp, 1769860800000);
    assert_int_equal(m->spec.n_mac_addresses, 2);
    assert_int_equal(m->spec.mac_addresses[1].b[5], 2);
    assert_int_equal(m->spec.role, ROLE_WORKER);
    assert_true(m->spec.root_disk.min_size == 10ull << 30);
    assert_int_equal(m->spec.root_disk.rotational, TRI_FALSE);
    assert_int_equal(m->spec.approved, TRI_TRUE);
    assert_int_equal(m->spec.network.address.address, 0x0a000005);
    assert_int_equal(m->spec.network.address.prefix, 24);
    assert_int_equal(m->spec.network.dns[0], 0x0a000001);
    assert_int_equal(m->spec.network.vlan, 7);
    assert_string_equal(m->spec.first_boot.files[0].content, "x\n");
    assert_string_equal(m->spec.first_boot.commands[0], "true");
    assert_int_equal(m->status.phase, MACHINE_RUNNING);
    assert_int_equal(m->status.conditions[0].status, CONDITION_TRUE);
    assert_int_equal(m->status.inventory.cpu.count, 4);
    assert_int_equal(m->status.inventory.disks[0].size_bytes, 5);
}

static void absent_fields_have_their_defaults(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m = machine_from("{\"metadata\":{\"name\":\"a\"}}");
    assert_int_equal(m->spec.install_generation, 1);
    assert_int_equal(m->spec.role, ROLE_UNSET);
    assert_int_equal(m->spec.approved, TRI_UNSET);
    json_t *json = load("{\"spec\":{\"subnet\":\"10.0.0.0/24\",\"mode\":\"proxy\"}}");
    _cleanup_(network_freep) struct network *network = NULL;
    assert_int_equal(network_decode(json, &network, NULL), 0);
    json_decref(json);
    assert_int_equal(network->spec.lease_seconds, 3600);
    assert_int_equal(network->spec.unknown_clients, UNKNOWN_CLIENTS_IGNORE);
    json = load("{}");
    _cleanup_(profile_freep) struct profile *profile = NULL;
    assert_int_equal(profile_decode(json, &profile, NULL), 0);
    json_decref(json);
    assert_int_equal(profile->spec.quantity, -1);
}

static void wrong_form_names_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{\"spec\":{\"macAddresses\":[\"52:54:00:00:00:01\",\"zz\"]}}", "spec.macAddresses[1]: "},
        {"{\"spec\":{\"macAddresses\":\"x\"}}", "spec.macAddresses: not a list"},
        {"{\"spec\":3}", "spec: "},
        {"{\"spec\":{\"role\":\"king\"}}", "spec.role: "},
        {"{\"metadata\":{\"labels\":{\"a\":1}}}", "metadata: labels: "},
        {"{\"spec\":{\"rootDisk\":{\"minSize\":-1}}}", "spec.rootDisk.minSize: "},
        {"{\"status\":{\"timeline\":[{\"time\":\"now\"}]}}", "status.timeline[0].time: "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *json = load(cases[i].text);
        struct machine *m = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(machine_decode(json, &m, &err), -EINVAL);
        if (!str_after(err_text(&err), cases[i].want))
            fail_msg("\"%s\" does not start with \"%s\"", err_text(&err), cases[i].want);
        json_decref(json);
    }
}

static void encode_gives_back_what_was_decoded(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m = machine_from(machine_text);
    json_t *spec = fields_encode(machine_spec_fields, &m->spec);
    json_t *status = fields_encode(machine_status_fields, &m->status);
    json_t *want = load(machine_text);
    /* Two texts have a canonical form, and the stored default is written out. */
    json_array_set_new(object_get(want, "spec.macAddresses"), 1, json_string("52:54:00:00:00:02"));
    assert_int_equal(object_set(want, "spec.installGeneration", json_integer(1)), 0);
    assert_true(json_equal(spec, json_object_get(want, "spec")));
    assert_true(json_equal(status, json_object_get(want, "status")));
    json_decref(spec);
    json_decref(status);
    json_decref(want);
}

static struct profile *profile_from(const char *text)
{
    json_t *json = load(text);
    struct profile *profile;
    struct err err = ERR_INIT;
    if (profile_decode(json, &profile, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_decref(json);
    return profile;
}

static void effective_prefers_the_machine(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m =
        machine_from("{\"spec\":{\"image\":\"own\",\"rootDisk\":{\"serial\":\"S\"},"
                     "\"network\":{\"address\":\"10.0.0.5/24\",\"dns\":[\"10.0.0.9\"]}}}");
    _cleanup_(profile_freep) struct profile *p = profile_from(
        "{\"spec\":{\"image\":\"theirs\",\"role\":\"worker\",\"rootDisk\":{\"model\":\"M\"},"
        "\"autoApprove\":true,\"allowOverwrite\":true,\"kernelArguments\":[\"quiet\"],"
        "\"network\":{\"gateway\":\"10.0.0.1\",\"dns\":[\"10.0.0.1\",\"10.0.0.2\"]},"
        "\"firstBoot\":{\"timezone\":\"Europe/Berlin\"}}}");
    struct machine_spec spec = machine_effective(m, p);
    assert_string_equal(spec.image, "own");
    assert_int_equal(spec.role, ROLE_WORKER);
    assert_string_equal(spec.root_disk.serial, "S");
    assert_null(spec.root_disk.model);
    assert_int_equal(spec.approved, TRI_TRUE);
    assert_int_equal(spec.allow_overwrite, TRI_TRUE);
    assert_int_equal(spec.n_kernel_arguments, 1);
    assert_int_equal(spec.network.gateway, 0x0a000001);
    assert_int_equal(spec.network.n_dns, 1);
    assert_int_equal(spec.network.dns[0], 0x0a000009);
    assert_int_equal(spec.network.address.address, 0x0a000005);
    assert_string_equal(spec.first_boot.timezone, "Europe/Berlin");
    assert_int_equal(spec.handover, HANDOVER_KEXEC);
}

static void a_rejected_machine_stays_rejected(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m = machine_from("{\"spec\":{\"approved\":false}}");
    _cleanup_(profile_freep) struct profile *p =
        profile_from("{\"spec\":{\"image\":\"i\",\"autoApprove\":true}}");
    struct machine_spec spec = machine_effective(m, p);
    assert_int_equal(spec.approved, TRI_FALSE);
}

static void profile_selects_by_every_rule(void **state)
{
    (void)state;
    _cleanup_(machine_freep) struct machine *m = machine_from(
        "{\"metadata\":{\"labels\":{\"rack\":\"r1\"}},\"status\":{\"inventory\":{"
        "\"dmi\":{\"manufacturer\":\"QEMU\",\"product\":\"PC\"},\"memoryBytes\":8589934592,"
        "\"cpu\":{\"count\":4},\"disks\":[{\"sizeBytes\":5},{\"sizeBytes\":10737418240}]}}}");
    static const struct {
        const char *selector;
        bool want;
    } cases[] = {
        {"{}", false},
        {"{\"manufacturer\":\"qemu\"}", true},
        {"{\"manufacturer\":\"qemu\",\"product\":\"other\"}", false},
        {"{\"matchLabels\":{\"rack\":\"r1\"},\"minMemory\":\"8Gi\"}", true},
        {"{\"matchLabels\":{\"rack\":\"r2\"}}", false},
        {"{\"matchLabels\":{\"row\":\"r1\"}}", false},
        {"{\"minMemory\":\"9Gi\"}", false},
        {"{\"minDisk\":\"10Gi\",\"minCPUs\":4}", true},
        {"{\"minDisk\":\"11Gi\"}", false},
        {"{\"minCPUs\":5}", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *text = str_format("{\"spec\":{\"selector\":%s}}", cases[i].selector);
        _cleanup_(profile_freep) struct profile *p = profile_from(text);
        assert_int_equal(profile_selects(p, m), cases[i].want);
    }
}

static void kinds_are_found_as_people_type_them(void **state)
{
    (void)state;
    static const char *const names[] = {"machine",  "machines", "mach",
                                        "Machines", "MACHINE",  "machines.slipway.dev"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_ptr_equal(kind_find_typed(names[i]), &kind_machine);
    assert_null(kind_find_typed("machines.example.com"));
    assert_null(kind_find_typed(""));
    assert_ptr_equal(kind_find("v1", "Event"), &kind_event);
    assert_null(kind_find("slipway.dev/v1alpha1", "Event"));
    assert_ptr_equal(kind_find_plural("slipway.dev", "profiles"), &kind_profile);
}

static void some_fields_are_for_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool want;
    } cases[] = {
        {"metadata.name", true},
        {"status.phase", true},
        {"status.identity.fingerprint", true},
        {"metadata.uid", false},
        {"spec.serial", false},
        {"status", false},
        {"status.phase.x", false},
        {"", false},
        {"metadata", false},
        {"nowhere.at.all", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (kind_selectable(&kind_machine, cases[i].path) != cases[i].want)
            fail_msg("%s", cases[i].path);
    }
    assert_true(kind_selectable(&kind_event, "involvedObject.uid"));
    assert_true(kind_selectable(&kind_event, "reason"));
}

static void events_of_one_happening_share_a_name(void **state)
{
    (void)state;
    json_t *object = load(machine_text);
    json_t *a = event_new(object, false, "Booted", "seen", "slipway", 1000);
    json_t *b = event_new(object, false, "Booted", "seen", "slipway", 9000);
    json_t *c = event_new(object, true, "Booted", "seen", "slipway", 9000);
    assert_string_equal(object_name(a), object_name(b));
    assert_string_not_equal(object_name(a), object_name(c));
    assert_int_equal(event_repeat(a, 9000), 0);
    _cleanup_(event_freep) struct event *event = NULL;
    assert_int_equal(event_decode(a, &event, NULL), 0);
    assert_int_equal(event->count, 2);
    assert_int_equal(event->first_timestamp, 1000);
    assert_int_equal(event->last_timestamp, 9000);
    assert_string_equal(event->involved_object.name, "a");
    json_decref(a);
    json_decref(b);
    json_decref(c);
    json_decref(object);
}

static void timeline_is_bounded(void **state)
{
    (void)state;
    json_t *m = object_new(&kind_machine, "a");
    for (int i = 0; i < MACHINE_TIMELINE_MAX + 5; i++)
        assert_int_equal(machine_timeline_add(m, (i + 1) * 1000, "Seen", NULL), 0);
    json_t *timeline = object_get(m, "status.timeline");
    assert_int_equal(json_array_size(timeline), MACHINE_TIMELINE_MAX);
    assert_string_equal(json_string_value(json_object_get(json_array_get(timeline, 0), "time")),
                        "1970-01-01T00:00:06Z");
    json_decref(m);
}

static void expect_entry(const json_t *machine, size_t i, const char *event, const char *time,
                         int count)
{
    const json_t *entry = json_array_get(object_get(machine, "status.timeline"), i);
    assert_string_equal(object_text(entry, "event"), event);
    assert_string_equal(object_text(entry, "time"), time);
    assert_int_equal(json_integer_value(json_object_get(entry, "count")), count);
}

static void timeline_counts_what_repeats(void **state)
{
    (void)state;
    json_t *m = object_new(&kind_machine, "a");
    assert_int_equal(machine_timeline_count(m, 1000, "Offer", "x", 1), 0);
    assert_int_equal(machine_timeline_count(m, 2000, "Ack", "x", 1), 0);
    assert_int_equal(machine_timeline_count(m, 5000, "Offer", "x", 7), 0);
    assert_int_equal(machine_timeline_count(m, 3000, "Offer", "another", 1), 0);
    assert_int_equal(json_array_size(object_get(m, "status.timeline")), 3);
    expect_entry(m, 0, "Ack", "1970-01-01T00:00:02Z", 0);
    expect_entry(m, 1, "Offer", "1970-01-01T00:00:03Z", 0);
    expect_entry(m, 2, "Offer", "1970-01-01T00:00:05Z", 8);
    /* an older entry is another story */
    assert_int_equal(machine_timeline_count(m, 6000 + MACHINE_TIMELINE_MERGE_MS, "Offer", "x", 1),
                     0);
    assert_int_equal(json_array_size(object_get(m, "status.timeline")), 4);
    expect_entry(m, 3, "Offer", "1970-01-01T00:10:06Z", 0);
    json_decref(m);
}

static void condition_keeps_its_time_while_it_holds(void **state)
{
    (void)state;
    json_t *m = object_new(&kind_machine, "a");
    assert_int_equal(object_set_condition(m, "Imaged", CONDITION_FALSE, "Waiting", "w", 1000), 0);
    assert_int_equal(object_set_condition(m, "Booted", CONDITION_FALSE, NULL, NULL, 1000), 0);
    assert_int_equal(object_set_condition(m, "Imaged", CONDITION_FALSE, "Writing", "x", 2000), 0);
    json_t *first = json_array_get(object_get(m, "status.conditions"), 0);
    assert_string_equal(object_text(first, "lastTransitionTime"), "1970-01-01T00:00:01Z");
    assert_string_equal(object_text(first, "reason"), "Writing");
    assert_int_equal(object_set_condition(m, "Imaged", CONDITION_TRUE, "Written", NULL, 3000), 0);
    assert_string_equal(object_text(first, "lastTransitionTime"), "1970-01-01T00:00:03Z");
    assert_null(object_text(first, "message"));
    assert_int_equal(json_array_size(object_get(m, "status.conditions")), 2);
    json_decref(m);
}

UNIT_MAIN(cmocka_unit_test(machine_fields_arrive),
          cmocka_unit_test(absent_fields_have_their_defaults),
          cmocka_unit_test(wrong_form_names_its_path),
          cmocka_unit_test(encode_gives_back_what_was_decoded),
          cmocka_unit_test(effective_prefers_the_machine),
          cmocka_unit_test(a_rejected_machine_stays_rejected),
          cmocka_unit_test(profile_selects_by_every_rule),
          cmocka_unit_test(kinds_are_found_as_people_type_them),
          cmocka_unit_test(some_fields_are_for_selectors),
          cmocka_unit_test(events_of_one_happening_share_a_name),
          cmocka_unit_test(timeline_is_bounded), cmocka_unit_test(timeline_counts_what_repeats),
          cmocka_unit_test(condition_keeps_its_time_while_it_holds))
