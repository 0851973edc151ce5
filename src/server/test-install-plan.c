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

UNIT_MAIN(cmocka_unit_test(the_images_arguments_come_first), cmocka_unit_test(either_may_have_none),
          cmocka_unit_test(files_disk_and_generation))
