/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/str.h"
#include "cluster/upgrade.h"
#include "resource/kind.h"

static const char proxy_text[] =
    "{'metadata':{'name':'kube-proxy'},'spec':{'updateStrategy':{'type':'RollingUpdate',"
    "'rollingUpdate':{'maxUnavailable':1}},'template':{'spec':{'containers':["
    "{'name':'other','image':'a:1'},{'name':'kube-proxy','image':'k8s.gcr.io/kube-proxy:v1.20.2'}"
    "]}}}}";

static json_t *json_of(const char *text)
{
    _autofree_ char *copy = strdup(text);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *json = json_loads(copy, 0, NULL);
    assert_non_null(json);
    return json;
}

static void assert_json(const json_t *json, const char *want)
{
    json_auto_t *wanted = json_of(want);
    _autofree_ char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    if (!json_equal(json, wanted))
        fail_msg("%s is not %s", text, want);
}

static void check_image(const char *known, const char *repository, const char *current,
                        const char *version, const char *want)
{
    _autofree_ char *image = NULL;
    assert_int_equal(upgrade_addon_image(known, repository, current, version, &image), 0);
    assert_string_equal(image, want);
}

static void an_add_on_gets_the_image_of_its_version(void **state)
{
    (void)state;
    char *image = NULL;
    check_image("k8s.gcr.io/coredns/coredns:v1.8.0", NULL, "k8s.gcr.io/coredns:1.7.0", NULL,
                "k8s.gcr.io/coredns/coredns:v1.8.0");
    check_image("k8s.gcr.io/coredns/coredns:v1.8.0", "r.test:5000/k", "r.test:5000/k/coredns:1.7.0",
                NULL, "r.test:5000/k/coredns:v1.8.0");
    check_image("", NULL, "r.test:5000/kube-proxy:v1.20.2", "v1.21.0",
                "r.test:5000/kube-proxy:v1.21.0");
    check_image(NULL, "r.test", "k/kube-proxy:v1.20.2", "v1.21.0", "k/kube-proxy:v1.21.0");
    assert_int_equal(upgrade_addon_image("", NULL, "k/coredns:1.7.0", NULL, &image), -ENOENT);
    assert_int_equal(upgrade_addon_image("", NULL, "r.test:5000/proxy", "v1", &image), -EBADMSG);
    assert_int_equal(upgrade_addon_image("", NULL, "proxy@sha256:00", "v1", &image), -EBADMSG);
    assert_int_equal(upgrade_addon_image("", NULL, NULL, "v1", &image), -EBADMSG);
}

static void kubelets_find_their_configuration_under_the_new_name(void **state)
{
    (void)state;
    json_auto_t *old = json_of("{'metadata':{'name':'kubelet-config-1.20','uid':'1'},"
                               "'data':{'kubelet':'kind: KubeletConfiguration'}}");
    json_auto_t *none = json_of("{'metadata':{'name':'kubelet-config-1.20'}}");
    json_auto_t *copy = NULL;
    assert_int_equal(upgrade_kubelet_config(old, "kubelet-config-1.21", &copy), 0);
    assert_json(copy, "{'apiVersion':'v1','kind':'ConfigMap','metadata':"
                      "{'name':'kubelet-config-1.21'},"
                      "'data':{'kubelet':'kind: KubeletConfiguration'}}");
    assert_int_equal(upgrade_kubelet_config(none, "x", &copy), -EBADMSG);
}

static void kubeadm_finds_what_the_cluster_says_now(void **state)
{
    (void)state;
    json_auto_t *map = json_of("{'data':{'ClusterConfiguration':'old','ClusterStatus':'s'}}");
    json_auto_t *patch = NULL;
    assert_int_equal(upgrade_kubeadm_config(map, "new", &patch), 0);
    assert_json(patch, "{'data':{'ClusterConfiguration':'new'}}");
    assert_int_equal(upgrade_kubeadm_config(map, "old", &patch), -ENOENT);
}

/* What a strategic merge patch makes of it, as far as these patches go. */
static void apply(json_t *object, const json_t *patch)
{
    const char *name, *image = upgrade_container_image(patch, "kube-proxy");
    json_t *item, *annotations = object_get(patch, "metadata.annotations");
    json_t *strategy = object_get(patch, "spec.updateStrategy");
    if (image)
        (void)json_object_set_new(
            json_array_get(object_get(object, "spec.template.spec.containers"), 1), "image",
            json_string(image));
    json_object_foreach (strategy, name, item)
        (void)json_object_set(object_get(object, "spec.updateStrategy"), name, item);
    if (annotations)
        assert_int_equal(object_set(object, "metadata.annotations", json_deep_copy(annotations)),
                         0);
}

static void kube_proxy_is_replaced_machine_by_machine(void **state)
{
    (void)state;
    json_auto_t *proxy = json_of(proxy_text);
    json_auto_t *first = NULL, *second = NULL, *last = NULL, *none = NULL;
    assert_int_equal(upgrade_proxy_end(proxy, &none), -ENOENT);
    assert_int_equal(upgrade_proxy_begin(proxy, "k8s.gcr.io/kube-proxy:v1.20.2", &none), -ENOENT);
    assert_int_equal(upgrade_proxy_begin(proxy, "k8s.gcr.io/kube-proxy:v1.21.0", &first), 0);
    assert_json(first,
                "{'metadata':{'annotations':{'slipway.dev/update-strategy':'RollingUpdate'}},"
                "'spec':{'updateStrategy':{'type':'OnDelete','rollingUpdate':null},'template':"
                "{'spec':{'containers':[{'name':'kube-proxy',"
                "'image':'k8s.gcr.io/kube-proxy:v1.21.0'}]}}}}");
    apply(proxy, first);
    assert_int_equal(upgrade_proxy_begin(proxy, "k8s.gcr.io/kube-proxy:v1.21.0", &none), -ENOENT);
    /* another one before that has ended */
    assert_int_equal(upgrade_proxy_begin(proxy, "k8s.gcr.io/kube-proxy:v1.22.0", &second), 0);
    assert_null(json_object_get(second, "metadata"));
    apply(proxy, second);
    assert_int_equal(upgrade_proxy_end(proxy, &last), 0);
    assert_json(last, "{'metadata':{'annotations':{'slipway.dev/update-strategy':null}},"
                      "'spec':{'updateStrategy':{'type':'RollingUpdate'}}}");
    assert_null(none);
}

static void who_wants_another_strategy_keeps_it(void **state)
{
    (void)state;
    json_auto_t *proxy = json_of(proxy_text);
    json_auto_t *patch = NULL;
    assert_int_equal(object_set(proxy, "spec.updateStrategy.type", json_string("OnDelete")), 0);
    assert_int_equal(upgrade_proxy_begin(proxy, "kube-proxy:v2", &patch), 0);
    assert_null(json_object_get(patch, "metadata"));
    apply(proxy, patch);
    json_auto_t *none = NULL;
    assert_int_equal(upgrade_proxy_end(proxy, &none), -ENOENT);
}

static void dns_gets_its_image(void **state)
{
    (void)state;
    json_auto_t *dns = json_of("{'spec':{'template':{'spec':{'containers':"
                               "[{'name':'coredns','image':'c:1'}]}}}}");
    json_auto_t *other = json_of("{'spec':{'template':{'spec':{'containers':[]}}}}");
    json_auto_t *patch = NULL, *none = NULL;
    assert_int_equal(upgrade_dns(dns, "c:2", &patch), 0);
    assert_json(patch, "{'spec':{'template':{'spec':{'containers':"
                       "[{'name':'coredns','image':'c:2'}]}}}}");
    assert_int_equal(upgrade_dns(dns, "c:1", &none), -ENOENT);
    assert_int_equal(upgrade_dns(other, "c:1", &none), -ENOENT);
}

UNIT_MAIN(cmocka_unit_test(an_add_on_gets_the_image_of_its_version),
          cmocka_unit_test(kubelets_find_their_configuration_under_the_new_name),
          cmocka_unit_test(kubeadm_finds_what_the_cluster_says_now),
          cmocka_unit_test(kube_proxy_is_replaced_machine_by_machine),
          cmocka_unit_test(who_wants_another_strategy_keeps_it),
          cmocka_unit_test(dns_gets_its_image))
