/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/file.h"
#include "base/str.h"
#include "resource/cluster.h"
#include "resource/decode.h"
#include "resource/kube-version.h"
#include "resource/read.h"
#include "resource/validate.h"

static json_t *object_of(const char *spec)
{
    json_t *json =
        json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "slipway.dev/v1alpha1", "kind",
                  "Cluster", "metadata", "name", "c", "spec", json_loads(spec, 0, NULL));
    assert_non_null(json);
    return json;
}

static struct cluster *cluster_of(const char *spec)
{
    json_t *json = object_of(spec);
    struct cluster *cluster;
    struct err err = ERR_INIT;
    if (cluster_decode(json, &cluster, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_decref(json);
    return cluster;
}

static void absent_fields_have_their_defaults(void **state)
{
    (void)state;
    char text[CIDR_TEXT_SIZE];
    _cleanup_(cluster_freep) struct cluster *c = cluster_of("{\"kubernetesVersion\":\"v1.20.2\"}");
    assert_string_equal(cidr_text(c->spec.networking.pod_subnet, text), "10.244.0.0/16");
    assert_string_equal(cidr_text(c->spec.networking.service_subnet, text), "10.96.0.0/12");
    assert_string_equal(c->spec.networking.dns_domain, "cluster.local");
    assert_int_equal(c->spec.endpoint.port, 6443);
    assert_null(c->spec.endpoint.host);
    assert_int_equal(c->spec.cni.driver, CNI_BRIDGE);
    assert_int_equal(c->spec.container_runtime, RUNTIME_CONTAINERD);
    assert_int_equal(c->spec.dns.enabled, TRI_TRUE);
    assert_int_equal(c->spec.join_policy.token_ttl_seconds, 900);
    assert_int_equal(c->spec.join_policy.join_timeout_seconds, 900);
    assert_false(c->spec.join_policy.auto_approve);
    assert_string_equal(c->spec.certificates_dir, "/etc/kubernetes/pki");
    assert_null(c->spec.oidc.client_id);
    assert_null(c->status.initialized_by);
    assert_int_equal(c->status.initialized_at, 0);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    json_t *json = object_of("{\"kubernetesVersion\":\"v1.20.2\"}");
    object_validate(&kind_cluster, json, NULL, &problems);
    assert_int_equal(problems.n, 0);
    json_decref(json);
}

/* Everything that can be said, once. */
static const char whole[] =
    "{\"kubernetesVersion\":\"v1.31.4\",\"controlPlaneEndpoint\":{\"host\":\"10.0.0.100\",\"port\":"
    "8443,"
    "\"virtualIP\":{\"address\":\"10.0.0.100\",\"interface\":\"eth0\",\"provider\":\"keepalived\","
    "\"image\":\"v\"}}"
    ",\"networking\":{\"podSubnet\":\"172.16.0.0/13\",\"serviceSubnet\":\"172.24.0.0/16\","
    "\"dnsDomain\":\"k.example\"},\"apiServer\":{\"certSANs\":[\"*.k.example\",\"10.9.9.9\"],"
    "\"externalFQDN\":\"k.example.com\",\"extraArgs\":{\"v\":\"2\"}},"
    "\"controllerManager\":{\"extraArgs\":{\"v\":\"3\"}},\"scheduler\":{\"extraArgs\":{\"v\":\"4\"}"
    "},\"kubelet\":{\"extraArgs\":{\"v\":\"5\"}},"
    "\"etcd\":{\"serverCertSANs\":[\"e.example\"],\"peerCertSANs\":[\"p.example\"]},"
    "\"proxy\":{\"http\":\"http://p:3128\",\"https\":\"http://p:3128\",\"noProxy\":[\".example\"],"
    "\"systemWide\":true},\"containerRuntime\":\"crio\",\"kubeadmPath\":\"/opt/bin/kubeadm\","
    "\"certificatesDir\":\"/etc/kubernetes/certificates\",\"certificatesFrom\":\"/srv/pki\","
    "\"imageRepository\":\"r.example/k\","
    "\"features\":{\"featureGates\":{\"A\":true,\"B\":false}},"
    "\"oidc\":{\"issuer\":\"https://dex.example\",\"clientID\":\"k\",\"ca\":\"-----BEGIN "
    "CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n\",\"usernameClaim\":\"sub\","
    "\"groupsClaim\":\"roles\"},\"cni\":{\"driver\":\"calico\",\"manifest\":\"/srv/calico.yaml\","
    "\"image\":\"i\",\"binDir\":\"/b\",\"confDir\":\"/c\",\"mtu\":1400},"
    "\"addons\":[{\"name\":\"dex\",\"path\":\"/srv/"
    "dex\",\"template\":true,\"variables\":{\"nodePort\":"
    "\"32000\"},\"variablesFrom\":\"/srv/dex.secret\",\"certificates\":[{\"secret\":\"dex-tls\","
    "\"namespace\":\"dex\",\"names\":[\"{{ .host }}\"]}]}],"
    "\"dns\":{\"enabled\":false},\"joinPolicy\":{\"autoApprove\":true,\"tokenTTLSeconds\":600,"
    "\"joinTimeoutSeconds\":1200},\"rollout\":{\"image\":\"new\",\"maxUnavailable\":2,"
    "\"minReadySeconds\":5,\"paused\":true},\"allowSchedulingOnControlPlanes\":true}";

static void encode_gives_back_what_was_decoded(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = cluster_of(whole);
    assert_int_equal(c->spec.features.n_gates, 2);
    assert_string_equal(c->spec.features.gates[1].value, "false");
    json_t *spec = fields_encode(cluster_spec_fields, &c->spec);
    json_t *want = json_loads(whole, 0, NULL);
    assert_true(json_equal(spec, want));
    json_decref(spec);
    json_decref(want);
    json_t *json = object_of(whole);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    object_validate(&kind_cluster, json, NULL, &problems);
    if (problems_any(&problems))
        fail_msg("%s: %s", problems.items[0].path, problems.items[0].text);
    json_decref(json);
}

/* The problems of an object, "path: text" each, joined by '|'. */
static char *problems_of(const struct problems *problems)
{
    struct buf out = BUF_INIT;
    buf_adds(&out, "");
    for (size_t i = 0; i < problems->n; i++)
        buf_printf(&out, "%s%s: %s", i ? "|" : "", problems->items[i].path,
                   problems->items[i].text);
    return buf_steal(&out);
}

static char *validated(const char *spec)
{
    json_t *json = object_of(spec);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    object_validate(&kind_cluster, json, NULL, &problems);
    json_decref(json);
    return problems_of(&problems);
}

static const struct {
    const char *spec; /* without the version */
    const char *want; /* "": valid */
} contradictions[] = {
    {"\"networking\":{\"podSubnet\":\"10.96.0.0/16\"}",
     "spec.networking.serviceSubnet: overlaps spec.networking.podSubnet 10.96.0.0/16"},
    {"\"networking\":{\"podSubnet\":\"10.0.0.0/8\",\"serviceSubnet\":\"10.96.0.0/16\"}",
     "spec.networking.serviceSubnet: overlaps spec.networking.podSubnet 10.0.0.0/8"},
    {"\"networking\":{\"serviceSubnet\":\"172.0.0.0/11\"}",
     "spec.networking.serviceSubnet: larger than Kubernetes allows: the prefix must be at "
     "least /12"},
    {"\"networking\":{\"serviceSubnet\":\"172.16.0.0/12\"}", ""},
    {"\"networking\":{\"serviceSubnet\":\"172.16.0.0/29\"}",
     "spec.networking.serviceSubnet: too small: the prefix must be at most /28"},
    {"\"networking\":{\"podSubnet\":\"10.244.0.0/25\"}",
     "spec.networking.podSubnet: too small: the prefix must be at most /24"},
    {"\"networking\":{\"podSubnet\":\"10.244.1.0/16\"}",
     "spec.networking.podSubnet: has bits behind its prefix; the subnet is 10.244.0.0/16"},
    {"\"controlPlaneEndpoint\":{\"host\":\"10.244.3.4\"}",
     "spec.controlPlaneEndpoint.host: inside spec.networking.podSubnet 10.244.0.0/16"},
    {"\"controlPlaneEndpoint\":{\"host\":\"10.97.3.4\"}",
     "spec.controlPlaneEndpoint.host: inside spec.networking.serviceSubnet 10.96.0.0/12"},
    {"\"controlPlaneEndpoint\":{\"virtualIP\":{\"address\":\"10.97.0.9\"}}",
     "spec.controlPlaneEndpoint.virtualIP.address: inside spec.networking.serviceSubnet "
     "10.96.0.0/12"},
    {"\"controlPlaneEndpoint\":{\"host\":\"10.0.0.1\",\"virtualIP\":{\"address\":\"10.0.0.2\"}"
     "}",
     "spec.controlPlaneEndpoint.host: another address than "
     "spec.controlPlaneEndpoint.virtualIP.address 10.0.0.2"},
    {"\"controlPlaneEndpoint\":{\"host\":\"10.0.0.2\",\"virtualIP\":{\"address\":\"10.0.0.2\"}"
     "}",
     ""},
    {"\"controlPlaneEndpoint\":{\"host\":\"api.k\",\"virtualIP\":{\"address\":\"10.0.0.2\"}}", ""},
    {"\"controlPlaneEndpoint\":{\"virtualIP\":{\"address\":\"10.0.0.2\"}},\"apiServer\":{"
     "\"bindPort\":7443}",
     "spec.apiServer.bindPort: with a virtualIP it must be spec.controlPlaneEndpoint.port, 6443"},
    {"\"controlPlaneEndpoint\":{\"host\":\"lb.k\",\"port\":443},\"apiServer\":{\"bindPort\":6443}",
     ""},
    {"\"controlPlaneEndpoint\":{\"virtualIP\":{}}",
     "spec.controlPlaneEndpoint.virtualIP.address: required"},
    {"\"controlPlaneEndpoint\":{\"host\":\"API.k\"}",
     "spec.controlPlaneEndpoint.host: not a DNS name in lower case or an IPv4 address: "
     "\"API.k\""},
    {"\"cni\":{\"driver\":\"weave\"}",
     "spec.cni.driver: not one of bridge, flannel, calico, cilium, none: \"weave\""},
    {"\"cni\":{\"driver\":\"none\",\"manifest\":\"/a.yaml\"}",
     "spec.cni.manifest: spec.cni.driver is none"},
    {"\"cni\":{\"manifest\":\"/a.yaml\"}",
     "spec.cni.manifest: spec.cni.driver is bridge, which is built in"},
    {"\"cni\":{\"driver\":\"flannel\"}",
     "spec.cni.manifest: spec.cni.driver flannel is its project's manifest: a file or its URL"},
    {"\"addons\":[{\"name\":\"cni\",\"path\":\"/a\"}]",
     "spec.addons[0].name: is kept for spec.cni.manifest"},
    {"\"addons\":[{\"name\":\"a\",\"path\":\"/a\",\"variables\":{\"a-b\":\"1\"}}]",
     "spec.addons[0].variables: a variable's name is letters, digits, '_' and '.', not \"a-b\""},
    {"\"addons\":[{\"name\":\"a\",\"path\":\"/a\",\"certificates\":[{\"secret\":\"s\"}]}]",
     "spec.addons[0].certificates[0].names: required"},
    {"\"oidc\":{\"clientID\":\"k\",\"issuer\":\"http://dex\"}",
     "spec.oidc.issuer: must begin with https://"},
    {"\"oidc\":{\"issuer\":\"https://dex\"}", "spec.oidc.clientID: required"},
    {"\"oidc\":{\"clientID\":\"k\",\"ca\":\"/etc/ca.crt\"}",
     "spec.oidc.ca: not certificates in PEM form: \"/etc/ca.crt\""},
    {"\"features\":{\"featureGates\":{\"A\":\"true\"}}",
     "spec.features.featureGates.A: must be true or false, not a string: \"true\""},
    {"\"features\":{\"podSecurityPolicy\":true}", ""},
    {"\"certificatesDir\":\"/srv/pki\"", "spec.certificatesDir: must be below /etc/kubernetes"},
    {"\"proxy\":{\"systemWide\":true}",
     "spec.proxy.systemWide: needs spec.proxy.http or spec.proxy.https"},
    {"\"proxy\":{\"http\":\"http://p\",\"noProxy\":[\"a,b\"]}",
     "spec.proxy.noProxy[0]: not a name, an address or a subnet: \"a,b\""},
    {"\"addons\":[{\"name\":\"a\",\"path\":\"/a\"},{\"name\":\"a\",\"path\":\"/b\"}]",
     "spec.addons[1].name: the same as spec.addons[0].name"},
    {"\"addons\":[{\"name\":\"a\",\"path\":\"a\"}]",
     "spec.addons[0].path: not an absolute path or an http or https URL: \"a\""},
    {"\"apiServer\":{\"certSANs\":[\"Upper\"]}",
     "spec.apiServer.certSANs[0]: not a DNS name in lower case, which may begin with \"*.\", "
     "or an IPv4 address: \"Upper\""},
};

static void contradictions_are_refused_with_their_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(contradictions); i++) {
        _autofree_ char *spec =
            str_format("{\"kubernetesVersion\":\"v1.20.2\",%s}", contradictions[i].spec);
        _autofree_ char *found = validated(spec);
        if (!str_eq(found, contradictions[i].want))
            fail_msg("%s: found \"%s\", expected \"%s\"", contradictions[i].spec, found,
                     contradictions[i].want);
    }
}

static void versions_are_refused_with_their_path(void **state)
{
    (void)state;
    _autofree_ char *none = validated("{}");
    assert_string_equal(none, "spec.kubernetesVersion: required");
    _autofree_ char *odd = validated("{\"kubernetesVersion\":\"1.20.2\"}");
    assert_string_equal(odd, "spec.kubernetesVersion: not a version of Kubernetes such as "
                             "\"v1.20.2\": \"1.20.2\"");
    _autofree_ char *old = validated("{\"kubernetesVersion\":\"v1.14.9\"}");
    assert_string_equal(old, "spec.kubernetesVersion: older than v1.15, the first that Slipway can "
                             "set up");
    _autofree_ char *psp =
        validated("{\"kubernetesVersion\":\"v1.25.0\",\"features\":{\"podSecurityPolicy\":true}}");
    assert_string_equal(psp, "spec.features.podSecurityPolicy: Kubernetes has it no more since "
                             "v1.25");
}

static void version_texts(void **state)
{
    (void)state;
    struct kube_version v;
    assert_int_equal(kube_version_parse("v1.31.0-rc.1+abc-2", &v), 0);
    assert_true(v.major == 1 && v.minor == 31 && v.patch == 0);
    assert_true(kube_version_at_least(v, 1, 31));
    assert_false(kube_version_at_least(v, 1, 32));
    assert_true(kube_version_at_least(v, 0, 99));
    static const char *const bad[] = {"",          "v",        "v1",          "v1.2",
                                      "1.2.3",     "v1.2.3.4", "v1.2.3-",     "v1.2.3+",
                                      "v01.2.3",   "v1.2.x",   "v1.2.3 ",     "v1.2.3-a/",
                                      "v1.2.+b-a", "V1.2.3",   "v1.2.9999999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (kube_version_parse(bad[i], &v) == 0)
            fail_msg("\"%s\" was taken for a version", bad[i]);
    }
}

/* The problems of changing a cluster from one spec to another. */
static char *changed(const char *initialized_by, const char *before, const char *after)
{
    json_t *old = object_of(before), *new = object_of(after);
    assert_int_equal(object_set(old, "status.kubernetesVersion", json_string("v1.20.2")), 0);
    if (initialized_by)
        assert_int_equal(object_set(old, "status.initializedBy", json_string(initialized_by)), 0);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    object_validate_update(&kind_cluster, old, new, &problems);
    json_decref(old);
    json_decref(new);
    return problems_of(&problems);
}

static void what_a_cluster_stands_on_is_kept(void **state)
{
    (void)state;
    static const char before[] = "{\"kubernetesVersion\":\"v1.20.2\"}";
    static const char after[] =
        "{\"kubernetesVersion\":\"v1.21.0\",\"networking\":{\"podSubnet\":\"10.32.0.0/16\","
        "\"dnsDomain\":\"x\"},\"controlPlaneEndpoint\":{\"host\":\"api\",\"port\":443},"
        "\"certificatesDir\":\"/etc/kubernetes/x\"}";
    _autofree_ char *early = changed(NULL, before, after);
    assert_string_equal(early, "");
    _autofree_ char *late = changed("a", before, after);
#define KEPT ": may not be changed once the cluster is being initialised"
    assert_string_equal(late, "spec.networking.podSubnet" KEPT "|spec.networking.dnsDomain" KEPT
                              "|spec.controlPlaneEndpoint.host" KEPT
                              "|spec.controlPlaneEndpoint.port" KEPT "|spec.certificatesDir" KEPT);
    /* Defaults that are written out are the same as none. */
    _autofree_ char *same = changed("a", before,
                                    "{\"kubernetesVersion\":\"v1.20.15\",\"networking\":{"
                                    "\"podSubnet\":\"10.244.0.0/16\"},\"cni\":{\"mtu\":1400}}");
    assert_string_equal(same, "");
    _autofree_ char *back = changed("a", before, "{\"kubernetesVersion\":\"v1.19.9\"}");
    assert_string_equal(back, "spec.kubernetesVersion: a cluster cannot go back from v1.20.2");
    _autofree_ char *far = changed("a", before, "{\"kubernetesVersion\":\"v1.22.0\"}");
    assert_string_equal(far, "spec.kubernetesVersion: more than one minor version above v1.20.2");
    _autofree_ char *twice =
        changed("a", "{\"kubernetesVersion\":\"v1.21.0\"}", "{\"kubernetesVersion\":\"v1.22.0\"}");
    assert_string_equal(twice, far);
}

static void authorities_are_brought_before_there_are_any(void **state)
{
    (void)state;
    json_t *old = object_of("{\"kubernetesVersion\":\"v1.20.2\"}");
    json_t *new = object_of("{\"kubernetesVersion\":\"v1.20.2\",\"certificatesFrom\":\"/pki\"}");
    _autoproblems_ struct problems early = PROBLEMS_INIT, late = PROBLEMS_INIT;
    object_validate_update(&kind_cluster, old, new, &early);
    _autofree_ char *none = problems_of(&early);
    assert_string_equal(none, "");
    assert_int_equal(object_set(old, "status.caHash", json_string("sha256:00")), 0);
    object_validate_update(&kind_cluster, old, new, &late);
    _autofree_ char *one = problems_of(&late);
    assert_string_equal(one, "spec.certificatesFrom: may not be changed: the cluster has its "
                             "authorities");
    json_decref(old);
    json_decref(new);
}

static char *members(const char *spec, const struct cluster_member *list, size_t n)
{
    _cleanup_(cluster_freep) struct cluster *c = cluster_of(spec);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    cluster_check_members(c, list, n, &problems);
    return problems_of(&problems);
}

static void members_are_looked_at_together(void **state)
{
    (void)state;
    static const char bare[] = "{\"kubernetesVersion\":\"v1.20.2\"}";
    static const char named[] = "{\"kubernetesVersion\":\"v1.20.2\",\"controlPlaneEndpoint\":{"
                                "\"host\":\"api.example\"}}";
    static const char first[] = "{\"kubernetesVersion\":\"v1.20.2\",\"controlPlaneEndpoint\":{"
                                "\"host\":\"10.0.0.1\"}}";
    static const struct cluster_member list[] = {
        {"a", ROLE_CONTROL_PLANE, 0x0a000001},
        {"b", ROLE_CONTROL_PLANE, 0x0a000002},
        {"c", ROLE_CONTROL_PLANE, 0x0a000003},
        {"w", ROLE_WORKER, 0x0a000004},
    };
    _autofree_ char *nobody = members(bare, NULL, 0);
    assert_string_equal(nobody, "");
    _autofree_ char *one = members(bare, list, 1);
    assert_string_equal(one, "");
    _autofree_ char *worker = members(bare, list + 3, 1);
    assert_string_equal(worker, ": no Machine has the role controlPlane");
    _autofree_ char *two = members(named, list, 2);
    assert_string_equal(two, ": 2 control planes survive no more failures than 1: etcd needs a "
                             "majority");
    _autofree_ char *three = members(named, list, 4);
    assert_string_equal(three, "");
#define LASTING                                                                                    \
    "spec.controlPlaneEndpoint: 3 control planes need an endpoint that outlives each of them: a "  \
    "name, a load balancer or a virtualIP"
    _autofree_ char *without = members(bare, list, 4);
    assert_string_equal(without, LASTING);
    _autofree_ char *of_one = members(first, list, 4);
    assert_string_equal(of_one, LASTING);
#define OFF " is off, and 3 control planes have to elect a leader"
    static const char manager[] =
        "{\"kubernetesVersion\":\"v1.20.2\",\"controlPlaneEndpoint\":{\"host\":\"api.example\"},"
        "\"controllerManager\":{\"extraArgs\":{\"a\":\"b\",\"leader-elect\":\"false\"}}}";
    static const char scheduler[] =
        "{\"kubernetesVersion\":\"v1.20.2\",\"controlPlaneEndpoint\":{\"host\":\"api.example\"},"
        "\"controllerManager\":{\"extraArgs\":{\"leader-elect\":\"true\"}},"
        "\"scheduler\":{\"extraArgs\":{\"leader-elect\":\"F\"}}}";
    _autofree_ char *unelected = members(manager, list, 4);
    assert_string_equal(unelected, "spec.controllerManager.extraArgs: leader-elect" OFF);
    _autofree_ char *unscheduled = members(scheduler, list, 4);
    assert_string_equal(unscheduled, "spec.scheduler.extraArgs: leader-elect" OFF);
    _autofree_ char *alone = members(manager, list, 1);
    assert_string_equal(alone, "");
    static const struct cluster_member odd[] = {
        {"a", ROLE_CONTROL_PLANE, 0x0af40001}, /* 10.244.0.1 */
        {"b", ROLE_WORKER, 0x0af40001},
        {"c", ROLE_WORKER, 0},
        {"d", ROLE_WORKER, 0},
    };
    _autofree_ char *inside = members(bare, odd, 4);
    assert_string_equal(inside,
                        "spec.networking.podSubnet: holds 10.244.0.1, the address of Machine "
                        "a|spec.networking.podSubnet: holds 10.244.0.1, the address of "
                        "Machine b|: Machines a and b have "
                        "the same address");
}

static void the_endpoint_is_what_is_known_of_it(void **state)
{
    (void)state;
    char text[CLUSTER_ENDPOINT_SIZE];
    _cleanup_(cluster_freep) struct cluster *bare =
        cluster_of("{\"kubernetesVersion\":\"v1.20.2\",\"controlPlaneEndpoint\":{\"port\":443}}");
    assert_int_equal(cluster_endpoint_text(bare, 0, text), -ENODATA);
    assert_int_equal(cluster_endpoint_text(bare, 0x0a000001, text), 0);
    assert_string_equal(text, "10.0.0.1:443");
    assert_int_equal(cluster_bind_port(bare), 443);
    bare->spec.api_server.bind_port = 6443;
    assert_int_equal(cluster_bind_port(bare), 6443);
    bare->status.endpoint = "10.0.0.7:443";
    assert_int_equal(cluster_endpoint_text(bare, 0x0a000001, text), 0);
    assert_string_equal(text, "10.0.0.7:443");
    bare->spec.endpoint.virtual_ip.address = 0x0a000064;
    assert_int_equal(cluster_endpoint_text(bare, 0x0a000001, text), 0);
    assert_string_equal(text, "10.0.0.100:443");
    bare->spec.endpoint.host = "api.example.com";
    assert_int_equal(cluster_endpoint_text(bare, 0, text), 0);
    assert_string_equal(text, "api.example.com:443");
}

/* What a reader copies from examples/ is valid as it stands. */
static void the_example_is_valid(void **state)
{
    (void)state;
    const char *folder = getenv("SLIPWAY_EXAMPLES");
    if (!folder)
        skip();
    _autofree_ char *path = str_format("%s/cluster/cluster.yaml", folder);
    _autofree_ char *text = NULL;
    size_t len;
    assert_int_equal(file_read(path, 1 << 16, &text, &len, NULL), 0);
    _autoresources_ struct resources resources = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    if (resources_parse("cluster.yaml", text, len, &resources, &problems) < 0)
        fail_msg("%d: %s", problems.items[0].line, problems.items[0].text);
    bool found = false;
    for (size_t i = 0; i < resources.n; i++)
        found |= resources.items[i].kind == &kind_cluster;
    assert_true(found);
}

UNIT_MAIN(cmocka_unit_test(absent_fields_have_their_defaults),
          cmocka_unit_test(encode_gives_back_what_was_decoded),
          cmocka_unit_test(contradictions_are_refused_with_their_path),
          cmocka_unit_test(versions_are_refused_with_their_path), cmocka_unit_test(version_texts),
          cmocka_unit_test(what_a_cluster_stands_on_is_kept),
          cmocka_unit_test(authorities_are_brought_before_there_are_any),
          cmocka_unit_test(members_are_looked_at_together),
          cmocka_unit_test(the_endpoint_is_what_is_known_of_it),
          cmocka_unit_test(the_example_is_valid))
