/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeadm's configuration against golden files, one per API version, task and Cluster. With
 * SLIPWAY_GOLDEN_WRITE=1 they are written anew; look at the difference before committing it.
 */
#include "base/test.h"

#include "base/file.h"
#include "base/str.h"
#include "cluster/kubeadm.h"
#include "resource/read.h"

#define CA "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
#define TOKEN "abcdef.0123456789abcdef"

/* A Cluster that says nothing but its version, and one that says everything. */
static const char plain[] = "{\"kubernetesVersion\":\"%s\"}";
static const char whole[] =
    "{\"kubernetesVersion\":\"%s\",\"controlPlaneEndpoint\":{\"host\":\"api.example.com\","
    "\"port\":443,\"virtualIP\":{\"address\":\"10.0.0.100\","
    "\"provider\":\"kube-vip\"}},"
    "\"networking\":{\"podSubnet\":\"172.16.0.0/13\",\"serviceSubnet\":\"172.24.0.0/16\","
    "\"dnsDomain\":\"k.example\"},"
    "\"apiServer\":{\"certSANs\":[\"*.k.example\",\"10.9.9.9\",\"10.0.0.100\"],"
    "\"externalFQDN\":\"k.example.com\",\"extraArgs\":{\"v\":\"2\",\"oidc-username-claim\":\"sub\"}"
    "},\"controllerManager\":{\"extraArgs\":{\"v\":\"3\"}},"
    "\"scheduler\":{\"extraArgs\":{\"v\":\"4\"}},"
    "\"kubelet\":{\"extraArgs\":{\"v\":\"5\",\"max-pods\":\"50\"}},"
    "\"etcd\":{\"serverCertSANs\":[\"e.example\"],\"peerCertSANs\":[\"p.example\",\"10.9.9.8\"]},"
    "\"proxy\":{\"http\":\"http://u%%41:p\\\"@proxy:3128\",\"noProxy\":[\".example\",\"10.0.0.0/"
    "24\"],\"systemWide\":true},"
    "\"containerRuntime\":\"crio\",\"certificatesDir\":\"/etc/kubernetes/certificates\","
    "\"imageRepository\":\"registry.example/k\","
    "\"features\":{%s\"featureGates\":{\"EphemeralContainers\":true,\"TTLAfterFinished\":false}},"
    "\"oidc\":{\"clientID\":\"kubernetes\",\"ca\":\"-----BEGIN CERTIFICATE-----\\nAA==\\n-----END "
    "CERTIFICATE-----\\n\"},\"dns\":{\"enabled\":false},"
    "\"joinPolicy\":{\"joinTimeoutSeconds\":1200},\"allowSchedulingOnControlPlanes\":true}";

static const char psp[] = "\"podSecurityPolicy\":true,";

static struct cluster *cluster_of(const char *text)
{
    json_error_t error;
    json_t *spec = json_loads(text, 0, &error);
    if (!spec)
        fail_msg("%s: %s", text, error.text);
    json_t *json = json_pack("{s:{s:s}, s:o}", "metadata", "name", "demo", "spec", spec);
    struct cluster *cluster;
    struct err err = ERR_INIT;
    if (cluster_decode(json, &cluster, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_decref(json);
    return cluster;
}

static struct cluster *plain_cluster(const char *version)
{
    _autofree_ char *text = str_format(plain, version);
    return cluster_of(text);
}

static struct cluster *whole_cluster(const char *version, bool with_psp)
{
    _autofree_ char *text = str_format(whole, version, with_psp ? psp : "");
    return cluster_of(text);
}

static const struct pair labels[] = {{"rack", "r1"}, {"node.kubernetes.io/kind", "metal"}};
static const struct kubeadm_taint taints[] = {{"dedicated", "storage", "NoSchedule"},
                                              {"slow", NULL, "PreferNoSchedule"}};
static const struct pair kubelet_args[] = {{"max-pods", "20"}};

static struct kubeadm_request request_for(const struct cluster *cluster, enum kubeadm_task task,
                                          enum machine_role role, bool full)
{
    struct kubeadm_request request = {
        .cluster = cluster,
        .machine = {.name = role == ROLE_WORKER ? "node2" : "node1",
                    .address = role == ROLE_WORKER ? 0x0a000002 : 0x0a000001,
                    .role = role},
        .version = cluster->spec.kubernetes_version,
        .task = task,
        .first = 0x0a000001,
        .token = task == KUBEADM_JOIN ? TOKEN : NULL,
        .ca = task == KUBEADM_JOIN ? CA : NULL,
    };
    if (full) {
        request.machine.labels = labels;
        request.machine.n_labels = ARRAY_SIZE(labels);
        request.machine.taints = taints;
        request.machine.n_taints = ARRAY_SIZE(taints);
        request.machine.kubelet_args = kubelet_args;
        request.machine.n_kubelet_args = ARRAY_SIZE(kubelet_args);
        request.machine.has_crictl = true;
    }
    return request;
}

/* ---- golden files ---- */

static const char *golden_folder(void)
{
    const char *folder = getenv("SLIPWAY_GOLDEN");
    return folder ? folder : "src/cluster/golden";
}

static void compare(const char *name, const char *text)
{
    _autofree_ char *path = str_format("%s/%s", golden_folder(), name);
    _autofree_ char *want = NULL;
    if (getenv("SLIPWAY_GOLDEN_WRITE"))
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    if (file_read(path, 1 << 20, &want, NULL, NULL) < 0)
        fail_msg("no golden file %s", path);
    if (!str_eq(text, want))
        fail_msg("%s: found\n%s", path, text);
}

/* All that a task consists of, in one text. */
static char *render(const struct kubeadm_request *request)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    _autokubeadmfiles_ struct kubeadm_files files = {0};
    json_t *arguments = NULL;
    if (kubeadm_files(request, &files, &err) < 0 ||
        kubeadm_arguments(request, &arguments, &err) < 0)
        fail_msg("%s", err_text(&err));
    char *line = json_dumps(arguments, 0);
    buf_printf(&out, "# arguments: %s\n", line);
    for (size_t i = 0; i < files.n; i++)
        buf_printf(&out, "# file: %s %s%s\n%s", files.items[i].mode, files.items[i].path,
                   files.items[i].remove_after ? " (removed)" : "", files.items[i].data);
    free(line);
    json_decref(arguments);
    return buf_steal(&out);
}

static void check_tasks(const char *api, const char *variant, const struct cluster *cluster,
                        bool full)
{
    static const struct {
        const char *name;
        enum kubeadm_task task;
        enum machine_role role;
    } tasks[] = {
        {"init", KUBEADM_INIT, ROLE_CONTROL_PLANE},
        {"join-control-plane", KUBEADM_JOIN, ROLE_CONTROL_PLANE},
        {"join-worker", KUBEADM_JOIN, ROLE_WORKER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
        struct kubeadm_request request = request_for(cluster, tasks[i].task, tasks[i].role, full);
        _autofree_ char *name = str_format("%s-%s-%s.yaml", api, tasks[i].name, variant);
        _autofree_ char *text = render(&request);
        compare(name, text);
    }
}

static void every_version_and_task_is_as_golden(void **state)
{
    (void)state;
    static const struct {
        const char *api, *version;
        bool psp;
    } versions[] = {
        {"v1beta2", "v1.20.2", true},
        {"v1beta3", "v1.29.4", false},
        {"v1beta4", "v1.33.1", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        _cleanup_(cluster_freep) struct cluster *small = plain_cluster(versions[i].version);
        _cleanup_(cluster_freep) struct cluster *large =
            whole_cluster(versions[i].version, versions[i].psp);
        check_tasks(versions[i].api, "plain", small, false);
        check_tasks(versions[i].api, "whole", large, true);
    }
}

/* Without a server: a join by the hash of the authority's key, by its certificate, by nothing. */
static void a_cluster_alone_is_as_golden(void **state)
{
    (void)state;
    static const struct kubeadm_alone by_hash = {
        .ca_hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    static const struct kubeadm_alone plain_trust = {0}, no_trust = {.skip_ca = true};
    static const struct {
        const char *name;
        enum kubeadm_task task;
        const struct kubeadm_alone *alone;
        const char *ca;
    } tasks[] = {
        {"init", KUBEADM_INIT, &plain_trust, NULL},
        {"join-hash", KUBEADM_JOIN, &by_hash, NULL},
        {"join-ca", KUBEADM_JOIN, &plain_trust, CA},
        {"join-unsafe", KUBEADM_JOIN, &no_trust, NULL},
    };
    static const struct {
        const char *api, *version;
    } versions[] = {{"v1beta2", "v1.20.2"}, {"v1beta3", "v1.29.4"}, {"v1beta4", "v1.33.1"}};
    for (size_t v = 0; v < ARRAY_SIZE(versions); v++) {
        _cleanup_(cluster_freep) struct cluster *c = plain_cluster(versions[v].version);
        for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
            bool init = tasks[i].task == KUBEADM_INIT;
            struct kubeadm_request request =
                request_for(c, tasks[i].task, init ? ROLE_CONTROL_PLANE : ROLE_WORKER, false);
            request.alone = tasks[i].alone;
            request.token = TOKEN;
            request.ca = tasks[i].ca;
            _autofree_ char *name = str_format("%s-alone-%s.yaml", versions[v].api, tasks[i].name);
            _autofree_ char *text = render(&request);
            compare(name, text);
        }
    }
}

/* ---- what golden files do not show ---- */

static void a_join_alone_trusts_only_what_it_was_told_to(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = plain_cluster("v1.20.2");
    struct kubeadm_request join = request_for(c, KUBEADM_JOIN, ROLE_WORKER, false);
    static const struct kubeadm_alone none = {0}, short_hash = {.ca_hash = "sha256:12"},
                                      odd_hash = {.ca_hash = "md5:12", .skip_ca = true};
    static const struct kubeadm_alone *const wrong[] = {NULL, &none, &short_hash, &odd_hash};
    _autofree_ char *text = NULL;
    join.ca = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        join.alone = wrong[i];
        assert_int_equal(kubeadm_config(&join, &text, NULL), -EINVAL);
    }
    struct kubeadm_request init = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
    init.alone = &none; /* kubeadm would make a token for a day */
    assert_int_equal(kubeadm_config(&init, &text, NULL), -EINVAL);
}

static void keys_are_ecdsa_where_kubeadm_can(void **state)
{
    (void)state;
    static const struct {
        const char *version, *text;
    } all[] = {{"v1.18.20", NULL},
               {"v1.19.0", "PublicKeysECDSA: true"},
               {"v1.30.0", "PublicKeysECDSA: true"},
               {"v1.31.0", "encryptionAlgorithm: ECDSA-P256"}};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        _cleanup_(cluster_freep) struct cluster *c = plain_cluster(all[i].version);
        struct kubeadm_request init = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
        _autofree_ char *text = NULL;
        assert_int_equal(kubeadm_config(&init, &text, NULL), 0);
        assert_int_equal(strstr(text, "ECDSA") != NULL, all[i].text != NULL);
        if (all[i].text)
            assert_non_null(strstr(text, all[i].text));
    }
}

static json_t *arguments_of(const struct kubeadm_request *request)
{
    json_t *arguments = NULL;
    struct err err = ERR_INIT;
    if (kubeadm_arguments(request, &arguments, &err) < 0)
        fail_msg("%s", err_text(&err));
    return arguments;
}

static bool has_argument(const struct kubeadm_request *request, const char *part)
{
    json_t *arguments = arguments_of(request);
    bool found = false;
    size_t i;
    json_t *item;
    json_array_foreach (arguments, i, item)
        found |= strstr(json_string_value(item), part) != NULL;
    json_decref(arguments);
    return found;
}

static void phases_and_checks_depend_on_crictl_and_version(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool has_crictl, skips;
    } cases[] = {{"v1.20.2", false, true},
                 {"v1.20.2", true, false},
                 {"v1.30.9", false, true},
                 {"v1.31.0", false, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(cluster_freep) struct cluster *c = plain_cluster(cases[i].version);
        struct kubeadm_request init = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
        struct kubeadm_request join = request_for(c, KUBEADM_JOIN, ROLE_CONTROL_PLANE, false);
        struct kubeadm_request worker = request_for(c, KUBEADM_JOIN, ROLE_WORKER, false);
        init.machine.has_crictl = join.machine.has_crictl = worker.machine.has_crictl =
            cases[i].has_crictl;
        assert_int_equal(has_argument(&init, "preflight"), cases[i].skips);
        assert_int_equal(has_argument(&join, "=preflight"), cases[i].skips);
        assert_false(has_argument(&worker, "=preflight"));
        assert_int_equal(has_argument(&worker, "FileExisting-crictl"), cases[i].skips);
        /* Nothing that Kubernetes would approve by itself. */
        assert_true(has_argument(&init, "bootstrap-token"));
    }
}

static void an_etcd_that_has_data_is_taken_as_it_is(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = plain_cluster("v1.31.0");
    struct kubeadm_request init = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
    assert_false(has_argument(&init, "addon"));
    assert_false(has_argument(&init, "var-lib-etcd"));
    init.restored = true;
    assert_true(has_argument(&init, "--skip-phases=bootstrap-token,addon"));
    assert_true(has_argument(&init, "--ignore-preflight-errors=DirAvailable--var-lib-etcd"));
}

static void secrets_are_in_files_only_their_owner_reads(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = whole_cluster("v1.20.2", true);
    struct kubeadm_request join = request_for(c, KUBEADM_JOIN, ROLE_CONTROL_PLANE, true);
    assert_false(has_argument(&join, "0123456789abcdef"));
    _autokubeadmfiles_ struct kubeadm_files files = {0};
    assert_int_equal(kubeadm_files(&join, &files, NULL), 0);
    size_t holders = 0;
    for (size_t i = 0; i < files.n; i++) {
        if (!strstr(files.items[i].data, "0123456789abcdef"))
            continue;
        holders++;
        assert_string_equal(files.items[i].mode, "0600");
        assert_true(files.items[i].remove_after);
    }
    assert_int_equal(holders, 1);
}

static void versions_have_their_api(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        int rc;
        const char *api;
    } cases[] = {
        {"v1.15.0", 0, "kubeadm.k8s.io/v1beta2"},
        {"v1.21.14", 0, "kubeadm.k8s.io/v1beta2"},
        {"v1.22.0", 0, "kubeadm.k8s.io/v1beta3"},
        {"v1.30.14", 0, "kubeadm.k8s.io/v1beta3"},
        {"v1.31.0", 0, "kubeadm.k8s.io/v1beta4"},
        {"v1.40.0-rc.0", 0, "kubeadm.k8s.io/v1beta4"},
        {"v1.14.10", -EOPNOTSUPP, NULL},
        {"1.20.2", -EINVAL, NULL},
        {"", -EINVAL, NULL},
        {NULL, -EINVAL, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum kubeadm_api api = KUBEADM_V1BETA2;
        assert_int_equal(kubeadm_version_api(cases[i].version, &api, NULL), cases[i].rc);
        if (cases[i].api)
            assert_string_equal(kubeadm_api_text(api), cases[i].api);
    }
    struct kubeadm_config_maps maps;
    assert_int_equal(kubeadm_config_maps("v1.20.2", &maps), 0);
    assert_string_equal(maps.names[1], "kubelet-config-1.20");
    assert_int_equal(kubeadm_config_maps("v1.24.0", &maps), 0);
    assert_string_equal(maps.names[1], "kubelet-config");
    assert_null(maps.names[3]);
}

/* What kubeadm_config() answers to a request that is not as it should be. */
static void refused(const struct kubeadm_request *request, int code, const char *want)
{
    char *text = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(kubeadm_config(request, &text, &err), code);
    assert_null(text);
    assert_string_equal(err_text(&err), want);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = plain_cluster("v1.20.2");
    const struct kubeadm_request init = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
    const struct kubeadm_request join = request_for(c, KUBEADM_JOIN, ROLE_WORKER, false);
    struct kubeadm_request r = init;
    r.version = "v1.20.3";
    refused(&r, -EINVAL, "node1: the image holds Kubernetes v1.20.3, not v1.20.2");
    r = init;
    r.version = "v1.2.0";
    refused(&r, -EOPNOTSUPP, "Kubernetes v1.2.0: kubeadm of v1.15 or later is needed");
    r = init;
    r.machine.role = ROLE_WORKER;
    refused(&r, -EINVAL, "node1: only a control plane initialises a cluster");
    r = init;
    r.machine.role = ROLE_NONE;
    refused(&r, -EINVAL, "node1: neither controlPlane nor worker");
    r = init;
    r.machine.address = 0;
    refused(&r, -EINVAL, "node1: its address is not known");
    r = init;
    r.machine.name = "Node_1";
    refused(&r, -EINVAL, "not the name of a Node: \"Node_1\"");
    r = join;
    r.first = 0;
    refused(&r, -EINVAL, "the cluster's endpoint is not known");
    static const char *const tokens[] = {NULL,
                                         "",
                                         "abcdef",
                                         "abcdef.0123456789abcde",
                                         "abcdef.0123456789abcdeff",
                                         "ABCDEF.0123456789abcdef"};
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        r = join;
        r.token = tokens[i];
        refused(&r, -EINVAL, "node2: no valid bootstrap token");
    }
    r = join;
    r.ca = "";
    refused(&r, -EINVAL, "node2: no certificate of the cluster's authority");
    static const struct pair master = {"node-role.kubernetes.io/master", ""};
    r = join;
    r.machine.labels = &master;
    r.machine.n_labels = 1;
    refused(&r, -EINVAL, "a Node may not give itself the label \"node-role.kubernetes.io/master\"");
    static const struct pair odd = {"rack", "a b"};
    r.machine.labels = &odd;
    refused(&r, -EINVAL, "not a label: \"rack=a b\"");
}

static bool config_has(const struct kubeadm_request *request, const char *part)
{
    _autofree_ char *text = NULL;
    struct err err = ERR_INIT;
    if (kubeadm_config(request, &text, &err) < 0)
        fail_msg("%s", err_text(&err));
    return strstr(text, part) != NULL;
}

/* kubeadm adds its own taint only where the configuration has none: ours must not lose it. */
static void control_planes_keep_their_taint(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool master, control_plane;
    } cases[] = {{"v1.23.0", true, false}, {"v1.24.0", true, true}, {"v1.25.0", false, true}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(cluster_freep) struct cluster *c = plain_cluster(cases[i].version);
        struct kubeadm_request r = request_for(c, KUBEADM_INIT, ROLE_CONTROL_PLANE, false);
        assert_false(config_has(&r, "taints"));
        r.machine.taints = taints;
        r.machine.n_taints = 1;
        assert_true(config_has(&r, "dedicated"));
        assert_int_equal(config_has(&r, "node-role.kubernetes.io/master"), cases[i].master);
        assert_int_equal(config_has(&r, "node-role.kubernetes.io/control-plane"),
                         cases[i].control_plane);
        c->spec.allow_scheduling_on_control_planes = true;
        assert_false(config_has(&r, "node-role.kubernetes.io"));
        r.machine.n_taints = 0;
        assert_true(config_has(&r, "taints: []"));
    }
}

static void the_proxy_has_every_form(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = whole_cluster("v1.20.2", true);
    const struct kubeadm_machine machine = {
        .name = "node1", .address = 0x0a000001, .subnet = {0x0a000001, 24}};
    _autobuf_ struct buf environment = BUF_INIT, service = BUF_INIT, manager = BUF_INIT;
    _autobuf_ struct buf shell = BUF_INIT;
    kubeadm_proxy(c, &machine, 0, KUBEADM_PROXY_ENVIRONMENT, &environment);
    kubeadm_proxy(c, &machine, 0, KUBEADM_PROXY_SERVICE, &service);
    kubeadm_proxy(c, &machine, 0, KUBEADM_PROXY_MANAGER, &manager);
    kubeadm_proxy(c, &machine, 0, KUBEADM_PROXY_SHELL, &shell);
#define INSIDE                                                                                     \
    "localhost,127.0.0.0/8,169.254.0.0/16,172.16.0.0/13,172.24.0.0/"                               \
    "16,.svc,.k.example,10.0.0.1,10.0.0.0/24,"                                                     \
    "api.example.com,.example,10.0.0.0/24"
    assert_string_equal(buf_str(&environment), "HTTP_PROXY=\"http://u%41:p\\\"@proxy:3128\"\n"
                                               "http_proxy=\"http://u%41:p\\\"@proxy:3128\"\n"
                                               "NO_PROXY=\"" INSIDE "\"\n"
                                               "no_proxy=\"" INSIDE "\"\n");
    assert_string_equal(buf_str(&service),
                        "[Service]\n"
                        "Environment=\"HTTP_PROXY=http://u%%41:p\\\"@proxy:3128\"\n"
                        "Environment=\"http_proxy=http://u%%41:p\\\"@proxy:3128\"\n"
                        "Environment=\"NO_PROXY=" INSIDE "\"\n"
                        "Environment=\"no_proxy=" INSIDE "\"\n");
    assert_string_equal(buf_str(&manager),
                        "[Manager]\n"
                        "DefaultEnvironment=\"HTTP_PROXY=http://u%%41:p\\\"@proxy:3128\"\n"
                        "DefaultEnvironment=\"http_proxy=http://u%%41:p\\\"@proxy:3128\"\n"
                        "DefaultEnvironment=\"NO_PROXY=" INSIDE "\"\n"
                        "DefaultEnvironment=\"no_proxy=" INSIDE "\"\n");
    assert_string_equal(buf_str(&shell), "export HTTP_PROXY='http://u%41:p\"@proxy:3128'\n"
                                         "export http_proxy='http://u%41:p\"@proxy:3128'\n"
                                         "export NO_PROXY='" INSIDE "'\n"
                                         "export no_proxy='" INSIDE "'\n");
#undef INSIDE
    _cleanup_(cluster_freep) struct cluster *none = plain_cluster("v1.20.2");
    for (int form = KUBEADM_PROXY_ENVIRONMENT; form <= KUBEADM_PROXY_SHELL; form++) {
        _autobuf_ struct buf out = BUF_INIT;
        kubeadm_proxy(none, &machine, 0, (enum kubeadm_proxy_form)form, &out);
        assert_string_equal(buf_str(&out), "");
    }
}

/* A shell must not run what a URL says. */
static void a_quote_stays_a_quote(void **state)
{
    (void)state;
    const struct kubeadm_machine machine = {.name = "node1"};
    _cleanup_(cluster_freep) struct cluster *c = plain_cluster("v1.20.2");
    _autobuf_ struct buf shell = BUF_INIT;
    c->spec.proxy.http = "http://'$(x)";
    kubeadm_proxy(c, &machine, 0, KUBEADM_PROXY_SHELL, &shell);
    assert_non_null(str_after(buf_str(&shell), "export HTTP_PROXY='http://'\\''$(x)'\n"));
}

/* The first control plane is the endpoint of a Cluster that names none. */
static void the_endpoint_needs_no_proxy(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = plain_cluster("v1.20.2");
    const struct kubeadm_machine machine = {
        .name = "node2", .address = 0x0a010002, .subnet = {0x0a010002, 24}};
    _autobuf_ struct buf out = BUF_INIT;
    c->spec.proxy.http = "http://proxy:3128";
    kubeadm_proxy(c, &machine, 0x0a000001, KUBEADM_PROXY_ENVIRONMENT, &out);
    assert_non_null(strstr(buf_str(&out), ",.cluster.local,10.1.0.2,10.1.0.0/24,10.0.0.1\"\n"));
}

static bool brings(const struct cluster *cluster, const char *path)
{
    struct kubeadm_request r = request_for(cluster, KUBEADM_JOIN, ROLE_WORKER, false);
    _autokubeadmfiles_ struct kubeadm_files files = {0};
    struct err err = ERR_INIT;
    if (kubeadm_files(&r, &files, &err) < 0)
        fail_msg("%s", err_text(&err));
    for (size_t i = 0; i < files.n; i++) {
        if (str_eq(files.items[i].path, path))
            return true;
    }
    return false;
}

static void only_a_proxy_for_all_is_everybodys(void **state)
{
    (void)state;
    _cleanup_(cluster_freep) struct cluster *c = whole_cluster("v1.20.2", true);
    assert_true(brings(c, KUBEADM_PROXY_SERVICES));
    assert_true(brings(c, KUBEADM_PROXY_LOGINS));
    c->spec.proxy.system_wide = false;
    assert_false(brings(c, KUBEADM_PROXY_SERVICES));
    assert_false(brings(c, KUBEADM_PROXY_LOGINS));
    assert_true(brings(c, "/etc/systemd/system/kubelet.service.d/20-slipway-proxy.conf"));
}

UNIT_MAIN(cmocka_unit_test(every_version_and_task_is_as_golden),
          cmocka_unit_test(a_cluster_alone_is_as_golden),
          cmocka_unit_test(keys_are_ecdsa_where_kubeadm_can),
          cmocka_unit_test(a_join_alone_trusts_only_what_it_was_told_to),
          cmocka_unit_test(phases_and_checks_depend_on_crictl_and_version),
          cmocka_unit_test(an_etcd_that_has_data_is_taken_as_it_is),
          cmocka_unit_test(secrets_are_in_files_only_their_owner_reads),
          cmocka_unit_test(versions_have_their_api), cmocka_unit_test(contradictions_are_refused),
          cmocka_unit_test(control_planes_keep_their_taint),
          cmocka_unit_test(the_proxy_has_every_form), cmocka_unit_test(a_quote_stays_a_quote),
          cmocka_unit_test(the_endpoint_needs_no_proxy),
          cmocka_unit_test(only_a_proxy_for_all_is_everybodys))
