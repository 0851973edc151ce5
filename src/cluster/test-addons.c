/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/str.h"
#include "cluster/addons.h"

/* ---- objects ---- */

static void add(struct addon_objects *objects, const char *text, struct buf *problems)
{
    assert_int_equal(addon_objects_add(objects, "demo", "a.yaml", text, strlen(text), problems), 0);
}

static const char *id_of(const struct addon_object *o, char dst[static ADDON_ID_SIZE])
{
    return addon_object_id(o->api_version, o->kind, o->namespace, o->name, dst);
}

static void objects_come_in_the_order_of_need(void **state)
{
    (void)state;
    static const char text[] =
        "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t, namespace: ns}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n"
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: things.example.org}\n---\n"
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: ns}\n"
        "---\n"
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s, namespace: ns}\n---\n"
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n";
    static const char *const want[] = {"Namespace ns",
                                       "Secret tls",
                                       "Role.rbac.authorization.k8s.io ns/r",
                                       "ServiceAccount ns/s",
                                       ("CustomResourceDefinition.apiextensions.k8s.io "
                                        "things.example.org"),
                                       "Thing.example.org ns/t",
                                       "Deployment.apps d"};
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    char id[ADDON_ID_SIZE];
    add(&objects, text, &problems);
    assert_int_equal(addon_objects_add_certificate(&objects, "demo", "default", "tls",
                                                   json_pack("[s]", "a.example")),
                     0);
    addon_objects_sort(&objects, &problems);
    assert_string_equal(buf_str(&problems), "");
    assert_int_equal(objects.n, ARRAY_SIZE(want));
    for (size_t i = 0; i < objects.n; i++) {
        const json_t *labels =
            json_object_get(json_object_get(objects.items[i].json, "metadata"), "labels");
        assert_string_equal(id_of(&objects.items[i], id), want[i]);
        assert_string_equal(json_string_value(json_object_get(labels, ADDON_LABEL)), "demo");
    }
}

static void lists_are_taken_apart_and_bad_items_named(void **state)
{
    (void)state;
    static const char text[] =
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMapList\", \"items\": [\n"
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}},\n"
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"generateName\": "
        "\"b\"}},"
        "\n{\"kind\": \"ConfigMap\"}, 3]}";
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    add(&objects, text, &problems);
    assert_int_equal(objects.n, 1);
    assert_string_equal(buf_str(&problems),
                        "a.yaml:1: has a generateName: it would be created anew each time\n"
                        "a.yaml:1: has no apiVersion or kind\na.yaml:1: is no object\n");
}

static void broken_text_is_told_with_its_line(void **state)
{
    (void)state;
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    add(&objects, "apiVersion: v1\nkind: [\n", &problems);
    assert_int_equal(objects.n, 0);
    assert_non_null(strstr(buf_str(&problems), "a.yaml:"));
}

static void an_object_is_there_once(void **state)
{
    (void)state;
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    add(&objects,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: default}\n",
        &problems);
    addon_objects_sort(&objects, &problems);
    assert_int_equal(objects.n, 1);
    assert_string_equal(buf_str(&problems), "Secret a is there twice\n");
}

static void objects_are_counted(void **state)
{
    (void)state;
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT, text = BUF_INIT;
    for (int i = 0; i <= ADDON_OBJECTS_MAX; i++)
        buf_printf(&text, "---\napiVersion: v1\nkind: Secret\nmetadata: {name: a%d}\n", i);
    assert_int_equal(addon_objects_add(&objects, "demo", "a.yaml", text.data, text.len, &problems),
                     -E2BIG);
    assert_int_equal(objects.n, ADDON_OBJECTS_MAX);
    assert_string_equal(buf_str(&problems), "a.yaml: the add-on has more than 1000 objects\n");
}

static void a_digest_is_of_the_content(void **state)
{
    (void)state;
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    add(&objects,
        "apiVersion: v1\nkind: A\nmetadata: {name: a}\nx: 1\n---\n"
        "x: 1\nkind: A\nmetadata: {name: a}\napiVersion: v1\nstatus: {y: 1}\n---\n"
        "apiVersion: v1\nkind: A\nmetadata: {name: a}\nx: 2\n",
        &problems);
    assert_memory_equal(objects.items[0].digest, objects.items[1].digest, ADDON_DIGEST_SIZE);
    assert_memory_not_equal(objects.items[0].digest, objects.items[2].digest, ADDON_DIGEST_SIZE);
}

/* ---- values ---- */

static struct cluster_addon dex = {.name = "dex", .path = "/srv/dex", .template = TRI_FALSE};

static struct cluster sample(void)
{
    struct cluster c = {.meta.name = "demo"};
    c.spec.kubernetes_version = "v1.20.2";
    c.spec.endpoint.host = "api.example";
    c.spec.endpoint.port = 6443;
    c.spec.networking.pod_subnet = (struct cidr){0x0af40000, 16};
    c.spec.networking.service_subnet = (struct cidr){0x0a600000, 12};
    c.spec.networking.dns_domain = "cluster.local";
    c.spec.cni.driver = CNI_FLANNEL;
    c.spec.cni.manifest = "https://example.org/flannel.yml";
    c.spec.cni.bin_dir = "/opt/cni/bin";
    c.spec.cni.conf_dir = "/etc/cni/net.d";
    c.spec.addons = &dex;
    c.spec.n_addons = 1;
    return c;
}

static const char *value(const json_t *input, const char *name)
{
    return json_string_value(json_object_get(json_object_get(input, "values"), name));
}

static void input_is_the_clusters(void **state)
{
    (void)state;
    struct cluster c = sample();
    json_t *input = NULL;
    assert_int_equal(addons_input(&c, "PEM\n", &input), 0);
    assert_string_equal(value(input, "apiServer"), "https://api.example:6443");
    assert_string_equal(value(input, "podSubnet"), "10.244.0.0/16");
    assert_string_equal(value(input, "caData"), "UEVNCg==");
    assert_null(value(input, "oidcIssuer"));
    assert_null(value(input, "cniMTU"));
    const json_t *addons = json_object_get(input, "addons");
    assert_int_equal(json_array_size(addons), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(addons, 0), "name")),
                        "cni");
    assert_true(json_is_true(json_object_get(json_array_get(addons, 0), "template")));
    assert_true(json_is_false(json_object_get(json_array_get(addons, 1), "template")));
    json_decref(input);
}

static void own_variables_win(void **state)
{
    (void)state;
    json_t *own = json_pack("{s:s}", "a", "own"),
           *values = json_pack("{s:s, s:s}", "a", "x", "b", "y");
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    static const char text[] = "{{ .a }} {{ .b }}";
    assert_int_equal(addons_render(text, strlen(text), own, values, &out, &err), 0);
    assert_string_equal(buf_str(&out), "own y");
    assert_int_equal(addons_render("{{ .c }}", 8, own, values, &out, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "no variable .c"));
    json_decref(own);
    json_decref(values);
}

/* ---- addresses ---- */

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void addresses_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "# a comment\n\n https://a.example/x.yaml \r\nhttp://b/ sha256:" EMPTY;
    struct addon_urls urls;
    assert_int_equal(addon_urls_parse(text, strlen(text), &urls, NULL), 0);
    assert_int_equal(urls.n, 2);
    assert_string_equal(urls.items[0].url, "https://a.example/x.yaml");
    assert_false(urls.items[0].pinned);
    assert_true(urls.items[1].pinned);
    assert_int_equal(urls.items[1].sha256[0], 0xe3);
    addon_urls_free(&urls);
}

static void wrong_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"file:///etc/passwd", "https://a md5:00",
                                        "https://a sha256:00", "https://a sha256:" EMPTY " x"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct addon_urls urls;
        struct err err = ERR_INIT;
        assert_int_equal(addon_urls_parse(wrong[i], strlen(wrong[i]), &urls, &err), -EINVAL);
        assert_non_null(strstr(err_text(&err), "line 1"));
    }
}

/* ---- inventory and pruning ---- */

static void an_inventory_reads_back(void **state)
{
    (void)state;
    struct addon_inventory inventory = {0};
    _autobuf_ struct buf text = BUF_INIT;
    char id[ADDON_ID_SIZE];
    assert_int_equal(addon_inventory_read(&inventory, "apps/v1 Deployment n d\nnonsense\n"), 0);
    assert_int_equal(addon_inventory_add(&inventory, "v1", "Namespace", "", "n"), 1);
    /* another version of its group is the one that it is found by, and the namespace that none
     * means */
    assert_int_equal(addon_inventory_add(&inventory, "apps/v2", "Deployment", "n", "d"), 1);
    assert_int_equal(addon_inventory_add(&inventory, "apps/v2", "Deployment", "n", "d"), 0);
    assert_int_equal(addon_inventory_add(&inventory, "v1", "Secret", "", "s"), 1);
    assert_int_equal(addon_inventory_add(&inventory, "v1", "Secret", "default", "s"), 0);
    assert_true(addon_inventory_has(&inventory, addon_object_id("v1", "Namespace", "", "n", id)));
    addon_inventory_remove(&inventory, 0);
    assert_false(addon_inventory_has(&inventory, addon_object_id("v1", "Namespace", "", "n", id)));
    addon_inventory_write(&inventory, &text);
    assert_string_equal(buf_str(&text), "apps/v2 Deployment n d\nv1 Secret - s\n");
    addon_inventory_free(&inventory);
}

static enum addon_fate fate(const char *kind, const char *owner, const char *asked)
{
    json_t *o = json_pack("{s:s, s:{s:{s:s}, s:{s:s*}}}", "kind", kind, "metadata", "labels",
                          ADDON_LABEL, owner, "annotations", ADDON_PRUNE, asked);
    enum addon_fate ret = addon_prune(o, "demo");
    json_decref(o);
    return ret;
}

static void only_what_is_ours_is_pruned(void **state)
{
    (void)state;
    assert_int_equal(fate("Deployment", "demo", NULL), ADDON_DELETE);
    assert_int_equal(fate("Deployment", "other", NULL), ADDON_FOREIGN);
    assert_int_equal(fate("Deployment", "other", "true"), ADDON_FOREIGN);
    assert_int_equal(fate("Deployment", "demo", "false"), ADDON_KEEP);
    assert_int_equal(fate("Namespace", "demo", NULL), ADDON_KEEP);
    assert_int_equal(fate("Namespace", "demo", "true"), ADDON_DELETE);
    assert_int_equal(fate("CustomResourceDefinition", "demo", NULL), ADDON_KEEP);
    assert_int_equal(fate("PersistentVolumeClaim", "demo", NULL), ADDON_KEEP);
}

/* ---- certificates and times ---- */

static void certificates_are_renewed(void **state)
{
    (void)state;
    json_t *names = json_pack("[s, s]", "a", "b"), *others = json_pack("[s]", "a");
    json_t *secret =
        json_pack("{s:{s:{s:s}}, s:{s:s, s:s, s:s}}", "metadata", "annotations", ADDON_NAMES, "a,b",
                  "data", "ca.crt", "UEVNCg==", "tls.crt", "eA==", "tls.key", "eA==");
    assert_true(addon_certificate_is_due(NULL, names, "PEM\n", 0, 300, 0));
    assert_false(addon_certificate_is_due(secret, names, "PEM\n", 200000, 300, 100000));
    assert_true(addon_certificate_is_due(secret, names, "PEM\n", 200000, 300, 100001));
    assert_true(addon_certificate_is_due(secret, others, "PEM\n", 200000, 300, 0));
    assert_true(addon_certificate_is_due(secret, names, "other\n", 200000, 300, 0));
    (void)json_object_del(json_object_get(secret, "data"), "tls.key");
    assert_true(addon_certificate_is_due(secret, names, "PEM\n", 200000, 300, 0));
    json_decref(names);
    json_decref(others);
    json_decref(secret);
}

static void passes_come_when_they_are_due(void **state)
{
    (void)state;
    struct addons_when when = {.last_ms = 1000};
    assert_int_equal(addons_due_in(&when, 1000), ADDONS_DRIFT_MS);
    assert_int_equal(addons_due_in(&when, 1000 + ADDONS_DRIFT_MS), 0);
    when.failed = true;
    when.failures = 1;
    assert_int_equal(addons_due_in(&when, 1000), ADDONS_RETRY_MIN_MS);
    when.failures = 3;
    assert_int_equal(addons_due_in(&when, 1000), 4 * ADDONS_RETRY_MIN_MS);
    when.failures = 1000;
    assert_int_equal(addons_due_in(&when, 1000), ADDONS_RETRY_MAX_MS);
    when.changed = true;
    assert_int_equal(addons_due_in(&when, 1000), 0);
}

UNIT_MAIN(cmocka_unit_test(objects_come_in_the_order_of_need),
          cmocka_unit_test(lists_are_taken_apart_and_bad_items_named),
          cmocka_unit_test(broken_text_is_told_with_its_line),
          cmocka_unit_test(an_object_is_there_once), cmocka_unit_test(objects_are_counted),
          cmocka_unit_test(a_digest_is_of_the_content), cmocka_unit_test(input_is_the_clusters),
          cmocka_unit_test(own_variables_win), cmocka_unit_test(addresses_are_read),
          cmocka_unit_test(wrong_addresses_are_refused), cmocka_unit_test(an_inventory_reads_back),
          cmocka_unit_test(only_what_is_ours_is_pruned), cmocka_unit_test(certificates_are_renewed),
          cmocka_unit_test(passes_come_when_they_are_due))
