/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual address: what a control plane's machine is given for it. */
#include "base/test.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster/kubeadm.h"

#define CONFIG "/etc/kubernetes/keepalived/keepalived.conf"
#define ENVIRONMENT "/etc/kubernetes/keepalived/environment"
#define KUBE_VIP "/etc/kubernetes/manifests/kube-vip.yaml"

static struct cluster *cluster_of(const char *vip)
{
    struct cluster *cluster;
    struct err err = ERR_INIT;
    json_t *json = json_pack("{s:{s:s}, s:{s:s, s:{s:o}}}", "metadata", "name", "demo", "spec",
                             "kubernetesVersion", "v1.20.2", "controlPlaneEndpoint", "virtualIP",
                             json_loads(vip, 0, NULL));
    if (cluster_decode(json, &cluster, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_decref(json);
    return cluster;
}

static struct kubeadm_request request_of(const struct cluster *cluster, enum machine_role role)
{
    return (struct kubeadm_request){
        .cluster = cluster,
        .machine = {.name = "cp1", .address = 0x0a00000b, .role = role},
        .version = "v1.20.2",
        .task = role == ROLE_WORKER ? KUBEADM_JOIN : KUBEADM_INIT,
        .first = 0x0a00000b,
        .token = "abcdef.0123456789abcdef",
        .ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    };
}

static const char *file_of(const struct kubeadm_files *files, const char *path)
{
    for (size_t i = 0; i < files->n; i++) {
        if (str_eq(files->items[i].path, path))
            return files->items[i].data;
    }
    return NULL;
}

/* tests/netns/virtual-ip runs the real keepalived with the same file. */
static void check_golden(const char *text, const char *name)
{
    _autofree_ char *path = str_format("%s/%s", getenv("SLIPWAY_GOLDEN"), name);
    _autofree_ char *golden = NULL;
    struct err err = ERR_INIT;
    if (file_read(path, 1 << 16, &golden, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_non_null(text);
    assert_string_equal(text, golden);
}

static void control_planes_are_given_keepalived(void **state)
{
    _cleanup_(cluster_freep) struct cluster *cluster = cluster_of("{\"address\": \"10.0.0.100\"}");
    _autokubeadmfiles_ struct kubeadm_files files = {.n = 0};
    const struct kubeadm_request request = request_of(cluster, ROLE_CONTROL_PLANE);
    (void)state;
    assert_int_equal(kubeadm_files(&request, &files, NULL), 0);
    check_golden(file_of(&files, CONFIG), "keepalived.conf");
    assert_string_equal(file_of(&files, ENVIRONMENT), "ADDRESS=10.0.0.11\nINTERFACE=\n");
    assert_null(file_of(&files, KUBE_VIP));
}

static void what_is_given_is_used(void **state)
{
    _cleanup_(cluster_freep) struct cluster *cluster =
        cluster_of("{\"address\": \"10.0.0.0\", \"interface\": \"bond0\", \"routerID\": 7}");
    _autokubeadmfiles_ struct kubeadm_files files = {.n = 0};
    const struct kubeadm_request request = request_of(cluster, ROLE_CONTROL_PLANE);
    (void)state;
    assert_int_equal(kubeadm_files(&request, &files, NULL), 0);
    assert_non_null(strstr(file_of(&files, CONFIG), "virtual_router_id 7\n"));
    assert_string_equal(file_of(&files, ENVIRONMENT), "ADDRESS=10.0.0.11\nINTERFACE=bond0\n");
}

static void a_last_byte_of_zero_is_no_router_id(void **state)
{
    _cleanup_(cluster_freep) struct cluster *cluster = cluster_of("{\"address\": \"10.0.1.0\"}");
    _autokubeadmfiles_ struct kubeadm_files files = {.n = 0};
    const struct kubeadm_request request = request_of(cluster, ROLE_CONTROL_PLANE);
    (void)state;
    assert_int_equal(kubeadm_files(&request, &files, NULL), 0);
    assert_non_null(strstr(file_of(&files, CONFIG), "virtual_router_id 255\n"));
}

static void others_are_given_nothing(void **state)
{
    _cleanup_(cluster_freep) struct cluster *cluster = cluster_of("{\"address\": \"10.0.0.100\"}");
    _cleanup_(cluster_freep) struct cluster *other =
        cluster_of("{\"address\": \"10.0.0.100\", \"provider\": \"kube-vip\"}");
    _autokubeadmfiles_ struct kubeadm_files worker = {.n = 0}, pod = {.n = 0};
    const struct kubeadm_request of_worker = request_of(cluster, ROLE_WORKER);
    const struct kubeadm_request of_pod = request_of(other, ROLE_CONTROL_PLANE);
    (void)state;
    assert_int_equal(kubeadm_files(&of_worker, &worker, NULL), 0);
    assert_null(file_of(&worker, CONFIG));
    assert_null(file_of(&worker, ENVIRONMENT));
    assert_int_equal(kubeadm_files(&of_pod, &pod, NULL), 0);
    assert_null(file_of(&pod, CONFIG));
    assert_non_null(file_of(&pod, KUBE_VIP));
}

UNIT_MAIN(cmocka_unit_test(control_planes_are_given_keepalived),
          cmocka_unit_test(what_is_given_is_used),
          cmocka_unit_test(a_last_byte_of_zero_is_no_router_id),
          cmocka_unit_test(others_are_given_nothing))
