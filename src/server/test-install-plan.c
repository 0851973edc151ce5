/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/install-plan.h"

static const struct image_facts facts = {
    .manifest_file = "debian.json", .data_file = "debian.zst", .digest = {7}};
static const char *const of_image[] = {"console=ttyS0", "quiet"};
static const char *const of_machine[] = {"console=tty0"};

static struct protocol_answer planned(const struct machine_spec *spec,
                                      const struct image_spec *image)
{
    struct protocol_answer answer = {.has_plan = true};
    assert_int_equal(install_plan_fill(spec, image, &facts, &answer.plan), 0);
    return answer;
}

static void the_images_arguments_come_first(void **state)
{
    (void)state;
    const struct image_spec image = {.kernel_arguments = of_image, .n_kernel_arguments = 2};
    const struct machine_spec spec = {
        .image = "debian", .kernel_arguments = of_machine, .n_kernel_arguments = 1};
    struct protocol_answer a = planned(&spec, &image);
    assert_string_equal(a.plan.kernel_arguments, "console=ttyS0 quiet console=tty0");
    protocol_answer_free(&a);
}

static void either_may_have_none(void **state)
{
    (void)state;
    const struct image_spec image = {.kernel_arguments = of_image, .n_kernel_arguments = 2};
    struct machine_spec spec = {.image = "debian"};
    struct protocol_answer a = planned(&spec, &image);
    assert_string_equal(a.plan.kernel_arguments, "console=ttyS0 quiet");
    protocol_answer_free(&a);
    a = planned(&spec, NULL);
    assert_null(a.plan.kernel_arguments);
    assert_false(a.plan.reboot);
    protocol_answer_free(&a);
    spec.kernel_arguments = of_machine;
    spec.n_kernel_arguments = 1;
    a = planned(&spec, NULL);
    assert_string_equal(a.plan.kernel_arguments, "console=tty0");
    protocol_answer_free(&a);
}

static void files_disk_and_generation(void **state)
{
    (void)state;
    const struct machine_spec spec = {
        .image = "debian",
        .install_generation = 3,
        .handover = HANDOVER_REBOOT,
        .allow_overwrite = TRI_TRUE,
        .root_disk = {.serial = "S1", .min_size = 5, .type = DISK_NVME, .rotational = TRI_FALSE},
    };
    struct protocol_answer a = planned(&spec, NULL);
    assert_string_equal(a.plan.image, "debian");
    assert_string_equal(a.plan.manifest_path, "/images/debian.json");
    assert_string_equal(a.plan.data_path, "/images/debian.zst");
    assert_true(a.plan.reboot);
    assert_int_equal(a.plan.manifest_digest[0], 7);
    assert_int_equal(a.plan.install_generation, 3);
    assert_string_equal(a.plan.disk.serial, "S1");
    assert_string_equal(a.plan.disk.type, "nvme");
    assert_null(a.plan.disk.wwn);
    assert_int_equal(a.plan.disk.min_size, 5);
    assert_int_equal(a.plan.disk.rotational, 0);
    assert_true(a.plan.disk.allow_overwrite);
    protocol_answer_free(&a);
}

static struct protocol_wipe wiping(const struct machine_release *release)
{
    struct machine machine = {.spec = {.release = *release}};
    struct protocol_wipe wipe = {0};
    machine.spec.root_disk.wwn = "0x5000";
    machine.status.wiping_generation = 2;
    assert_int_equal(wipe_plan_fill(&machine, &machine.spec, &wipe), 0);
    return wipe;
}

static void wipe_of_a_release(void **state)
{
    (void)state;
    struct protocol_wipe wipe = wiping(&(struct machine_release){.generation = 1});
    assert_int_equal(wipe.generation, 2); /* the one that was begun */
    assert_int_equal(wipe.method, PROTOCOL_WIPE_AUTO);
    assert_false(wipe.root_only);
    assert_true(wipe.power_off);
    assert_true(wipe.root.allow_overwrite);
    assert_string_equal(wipe.root.wwn, "0x5000");
    free(wipe.root.wwn);
    static const enum protocol_wipe_method methods[] = {
        [WIPE_AUTO] = PROTOCOL_WIPE_AUTO,       [WIPE_SECURE_ERASE] = PROTOCOL_WIPE_SECURE_ERASE,
        [WIPE_DISCARD] = PROTOCOL_WIPE_DISCARD, [WIPE_ZERO] = PROTOCOL_WIPE_ZERO,
        [WIPE_NONE] = PROTOCOL_WIPE_NONE,
    };
    for (enum wipe_method m = WIPE_AUTO; m <= WIPE_NONE; m++) {
        wipe = wiping(&(struct machine_release){
            .generation = 3, .wipe = m, .disks = WIPE_DISKS_ROOT, .power_off = TRI_FALSE});
        assert_int_equal(wipe.method, methods[m]);
        assert_int_equal(wipe.generation, 3);
        assert_true(wipe.root_only);
        assert_false(wipe.power_off);
        free(wipe.root.wwn);
    }
}

UNIT_MAIN(cmocka_unit_test(the_images_arguments_come_first), cmocka_unit_test(either_may_have_none),
          cmocka_unit_test(files_disk_and_generation), cmocka_unit_test(wipe_of_a_release))
