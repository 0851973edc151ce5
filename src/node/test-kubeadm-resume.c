/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubeadm-resume.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"

#define DONE "preflight,certs,kubeconfig,kubelet-start,control-plane,etcd,wait-control-plane"

static void test_phases(void **state)
{
    (void)state;
    static const char *const can[] = {"upload-config", "upload-config/kubelet", "addon/kube-proxy",
                                      "addon", "kubelet-finalize/experimental-cert-rotation"};
    static const char *const cannot[] = {"", "wait-control-plane", "certs/ca", "addons", "upload"};
    for (size_t i = 0; i < ARRAY_SIZE(can); i++)
        assert_true(kubeadm_can_resume(can[i]));
    for (size_t i = 0; i < ARRAY_SIZE(cannot); i++)
        assert_false(kubeadm_can_resume(cannot[i]));
}

static void assert_arguments(const char *const *arguments, size_t count, const char *last,
                             size_t expected_count)
{
    char **list = kubeadm_resume_arguments(arguments, count);
    size_t n = 0;
    assert_non_null(list);
    while (list[n])
        n++;
    assert_int_equal(n, expected_count);
    assert_string_equal(list[0], "init");
    assert_string_equal(list[n - 1], last);
    kubeadm_resume_arguments_free(list);
}

static void test_arguments(void **state)
{
    (void)state;
    static const char *const plain[] = {"init", "--config", "x"};
    static const char *const skips[] = {"init", "--skip-phases=preflight,bootstrap-token"};
    static const char *const empty[] = {"init", "--skip-phases="};
    assert_arguments(plain, 3, "--skip-phases=" DONE, 4);
    assert_arguments(skips, 2, "--skip-phases=" DONE ",preflight,bootstrap-token", 2);
    assert_arguments(empty, 2, "--skip-phases=" DONE, 2);
    kubeadm_resume_arguments_free(NULL);
}

UNIT_MAIN(cmocka_unit_test(test_phases), cmocka_unit_test(test_arguments))
