/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipway-node up` is told, by file, environment and command line, and the task it makes. */
#include "node/up-config.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "node/up-host.h"
#include "node/up-progress.h"
#include "node/up-task.h"

#define HEAD "apiVersion: slipway.dev/v1alpha1\nkind: NodeConfiguration\n"
#define TOKEN "abcdef.0123456789abcdef"
#define HASH "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The configuration, or NULL with all that is wrong in *ret_text. */
static struct node_configuration *read_config(struct up_sources sources, char **ret_text)
{
    _autoupdocument_ struct up_document document = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    struct node_configuration *configuration = NULL;
    struct buf text = BUF_INIT;
    sources.len = sources.text ? strlen(sources.text) : 0;
    int r = up_config_read(&sources, &document, &problems);
    if (r == 0)
        r = up_config_finish(&sources, &document, "v1.20.2", &configuration, &problems);
    problems_write(&problems, &text);
    *ret_text = text.data ? buf_steal(&text) : strdup("");
    assert_true(r == 0 || r == -EINVAL);
    assert_int_equal(r == 0, configuration != NULL);
    return configuration;
}

static struct node_configuration *good(struct up_sources sources)
{
    _autofree_ char *text = NULL;
    struct node_configuration *configuration = read_config(sources, &text);
    if (!configuration)
        fail_msg("%s", text);
    return configuration;
}

static char *bad(struct up_sources sources)
{
    char *text;
    struct node_configuration *configuration = read_config(sources, &text);
    assert_null(configuration);
    assert_true(text[0]);
    return text;
}

static void who_names_no_seeder_is_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct up_environment environment;
        enum up_role role;
    } cases[] = {
        {NULL, {0}, UP_SEED},
        {"", {0}, UP_SEED},
        {HEAD, {0}, UP_SEED},
        {HEAD "seeder:\n", {0}, UP_SEED},
        {HEAD "token: " TOKEN "\n", {0}, UP_SEED},
        {HEAD "seeder: a\ntoken: " TOKEN "\ncaCertHash: " HASH "\n", {0}, UP_JOIN},
        {HEAD "caCertHash: " HASH "\n", {.seeder = "a", .token = TOKEN}, UP_JOIN},
        {NULL, {.seeder = "a", .token = TOKEN, .ca_cert_hash = HASH}, UP_JOIN},
        {HEAD, {.seeder = "", .token = ""}, UP_SEED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(node_configuration_freep) struct node_configuration *c =
            good((struct up_sources){.text = cases[i].text, .environment = cases[i].environment});
        assert_int_equal(up_role(c), cases[i].role);
    }
}

static void environment_and_command_line_win(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "seeder: file\ntoken: 000000.0000000000000000\n"
             "caCertHash: " HASH "\ncluster:\n  kubernetesVersion: v1.19.0\n";
    static const char *const variables[] = {"cluster.kubernetesVersion=v1.20.2",
                                            "cluster.networking.podSubnet=10.1.0.0/16",
                                            "cluster.apiServer.certSANs=[a.example, 10.9.9.9]",
                                            "nodeName=0x10",
                                            "cluster.joinPolicy.autoApprove=false",
                                            "cluster.joinPolicy.tokenTTLSeconds=600",
                                            "labels={rack: r1}"};
    _cleanup_(node_configuration_freep) struct node_configuration *c =
        good((struct up_sources){.text = text,
                                 .environment = {.seeder = "env:7443", .token = TOKEN},
                                 .variables = variables,
                                 .n_variables = ARRAY_SIZE(variables),
                                 .cni = "none"});
    char subnet[CIDR_TEXT_SIZE];
    assert_string_equal(c->seeder, "env:7443");
    assert_string_equal(c->token, TOKEN);
    assert_string_equal(c->cluster.kubernetes_version, "v1.20.2");
    assert_string_equal(cidr_text(c->cluster.networking.pod_subnet, subnet), "10.1.0.0/16");
    assert_int_equal(c->cluster.api_server.n_cert_sans, 2);
    assert_string_equal(c->node_name, "0x10");
    assert_false(c->cluster.join_policy.auto_approve);
    assert_int_equal(c->cluster.join_policy.token_ttl_seconds, 600);
    assert_int_equal(c->n_labels, 1);
    assert_int_equal(c->cluster.cni.driver, CNI_NONE);
}

static void a_wrong_command_line_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *want;
    } cases[] = {
        {"x", "PATH=VALUE"},
        {"=x", "PATH=VALUE"},
        {"token=" TOKEN, "everybody on this host sees"},
        {"sedeer=x", "unknown field"},
        {"cluster.networking=[", "not a value"},
        {"cluster.kubernetesVersion.x=1", "cluster.kubernetesVersion"},
        {"bind.address=1", "bind.address"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *said =
            bad((struct up_sources){.text = HEAD "cluster: {kubernetesVersion: v1.20.2}\n",
                                    .variables = &cases[i].variable,
                                    .n_variables = 1});
        if (!strstr(said, cases[i].want))
            fail_msg("%s: %s", cases[i].variable, said);
        assert_null(strstr(said, "0123456789abcdef"));
    }
}

static void a_wrong_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"[]", "one NodeConfiguration"},
        {HEAD "---\n" HEAD, "one NodeConfiguration"},
        {"kind: Cluster\napiVersion: slipway.dev/v1alpha1\n", "kind: must be NodeConfiguration"},
        {"{", "f.yaml:"},
        {HEAD "cluster: []\n", "cluster: "},
        {HEAD "a: 1\nb: 2\n", "f.yaml:4: b: unknown field"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *said = bad((struct up_sources){.file = "f.yaml", .text = cases[i].text});
        if (!strstr(said, cases[i].want))
            fail_msg("%s: %s", cases[i].text, said);
    }
}

/* ---- the task ---- */

static const char *file_of(const struct protocol_task *task, const char *name)
{
    for (size_t i = 0; i < task->file_count; i++) {
        if (str_ends_with(task->files[i].path, name))
            return task->files[i].data;
    }
    return NULL;
}

static const struct up_host host = {
    .name = "node1", .address = 0x0a000005, .subnet = {0x0a000000, 24}, .version = "v1.20.2"};

static void make(const char *text, struct protocol_task *ret)
{
    _cleanup_(node_configuration_freep) struct node_configuration *c =
        good((struct up_sources){.text = text});
    struct err err = ERR_INIT;
    if (up_task(c, &host, "up-x", "inits1.0123456789abcdef", ret, &err) < 0)
        fail_msg("%s", err_text(&err));
    char *built = NULL;
    if (protocol_task_build(ret, &built, &err) < 0) /* a task as a server's */
        fail_msg("%s", err_text(&err));
    protocol_task_text_free(built);
}

static void the_seeder_initialises(void **state)
{
    (void)state;
    _autotask_ struct protocol_task task = {0};
    make(HEAD "token: " TOKEN "\n", &task);
    const char *config = file_of(&task, "/kubeadm.yaml");
    assert_int_equal(task.kind, PROTOCOL_TASK_INIT);
    assert_non_null(strstr(config, "advertiseAddress: 10.0.0.5"));
    assert_non_null(strstr(config, "controlPlaneEndpoint: \"10.0.0.5:6443\""));
    assert_non_null(strstr(config, "token: inits1.0123456789abcdef"));
    /* The one that others wait with comes when nobody is approved against the configuration. */
    assert_null(strstr(config, TOKEN));
    assert_int_equal(task.remove_after_count, 1);
}

static void others_join_what_they_were_told_to_trust(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want, *never;
    } cases[] = {
        {"caCertHash: " HASH "\n", "caCertHashes:\n    - " HASH, "unsafe"},
        {"unsafeSkipCAVerification: true\n", "unsafeSkipCAVerification: true", "caCertHashes"},
        {"caCert: |\n  -----BEGIN CERTIFICATE-----\n  AA==\n  -----END CERTIFICATE-----\n",
         "kubeConfigPath: ", "unsafe"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autotask_ struct protocol_task task = {0};
        _autofree_ char *text =
            str_format(HEAD "seeder: Seed.Example\ntoken: " TOKEN "\n%s", cases[i].text);
        make(text, &task);
        const char *config = file_of(&task, "/kubeadm.yaml");
        const char *discovery = file_of(&task, "/discovery.conf");
        assert_int_equal(task.kind, PROTOCOL_TASK_JOIN);
        if (!strstr(config, cases[i].want) || strstr(config, cases[i].never))
            fail_msg("%s", config);
        assert_non_null(strstr(discovery ? discovery : config, "seed.example:6443"));
        for (size_t k = 0; k < task.argument_count; k++)
            assert_null(strstr(task.arguments[k], "0123456789abcdef"));
    }
}

static void tasks_are_known_by_their_role(void **state)
{
    (void)state;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    _autofree_ char *seed = up_task_id(UP_SEED, &rng.rng);
    _autofree_ char *join = up_task_id(UP_JOIN, &rng.rng);
    assert_true(up_task_is(seed, UP_SEED));
    assert_false(up_task_is(seed, UP_JOIN));
    assert_true(up_task_is(join, UP_JOIN));
    assert_false(up_task_is("of-a-server", UP_SEED));
    assert_false(up_task_is(NULL, UP_SEED));
}

static void host_names_become_names_of_nodes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *want;
    } cases[] = {{"Node1", "node1"}, {"a.Example", "a.example"},
                 {"a_b", NULL},      {"", NULL},
                 {"-a", NULL},       {"(none)", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char name[254];
        assert_int_equal(up_host_name(cases[i].name, name, sizeof(name)),
                         cases[i].want ? 0 : -EINVAL);
        if (cases[i].want)
            assert_string_equal(name, cases[i].want);
    }
}

/* ---- progress ---- */

static char *shown(bool bar)
{
    char *text = NULL;
    size_t size;
    struct clock_fake clock;
    clock_fake_init(&clock, 1000, 0);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    struct up_progress progress = {
        .out = out, .clock = &clock.clock, .role = UP_SEED, .bar = bar, .started = 1000};
    up_progress_phase(&progress, "certs");
    clock_fake_advance(&clock, 61000);
    up_progress_phase(&progress, "ready");
    up_progress_end(&progress);
    (void)fclose(out);
    return text;
}

static void phases_are_lines_and_bars_only_on_terminals(void **state)
{
    (void)state;
    _autofree_ char *lines = shown(false);
    _autofree_ char *bar = shown(true);
    assert_string_equal(lines, "    0s  certs\n   61s  ready\n");
    assert_non_null(strstr(bar, "\r\033[K[###########################...] 61s  ready\n"));
    int before = 0;
    static const char *const phases[] = {"files",  "runtime",    "certs",   "wait-control-plane",
                                         "addons", "api-server", "network", "ready"};
    for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
        int percent = up_progress_percent(UP_SEED, phases[i]);
        assert_true(percent > before && percent < 100);
        before = percent;
    }
    assert_int_equal(up_progress_percent(UP_SEED, "?"), -1);
}

UNIT_MAIN(cmocka_unit_test(who_names_no_seeder_is_it),
          cmocka_unit_test(environment_and_command_line_win),
          cmocka_unit_test(a_wrong_command_line_is_refused),
          cmocka_unit_test(a_wrong_file_is_refused), cmocka_unit_test(the_seeder_initialises),
          cmocka_unit_test(others_join_what_they_were_told_to_trust),
          cmocka_unit_test(tasks_are_known_by_their_role),
          cmocka_unit_test(host_names_become_names_of_nodes),
          cmocka_unit_test(phases_are_lines_and_bars_only_on_terminals))
