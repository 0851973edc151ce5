/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `slipway-node up`. */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/random.h"
#include "node/host-namespace.h"
#include "node/up.h"

enum { VARIABLES_MAX = 64, READY_SECONDS = 600 };

static const char help_text[] =
    "Usage: slipway-node up [OPTIONS]\n"
    "\n"
    "Makes this host a node of a Kubernetes cluster, without Slipway's server. kubeadm, kubelet,\n"
    "kubectl and a container runtime are there already. When the configuration names no seeder, "
    "this\n"
    "node is it and initialises the cluster; otherwise it joins the seeder.\n"
    "\n"
    "Options:\n"
    "  --config FILE      The NodeConfiguration (without it, everything has its default)\n"
    "  --var PATH=VALUE   Set a field of it, as in --var cluster.networking.podSubnet=10.1.0.0/16\n"
    "  --cni WHAT         Network between pods: none, bridge, or a manifest's file\n"
    "  --addons PATH      Manifests for the cluster: a folder, a file or a URL (the seeder "
    "applies\n"
    "                     them, after those that the configuration names)\n"
    "  --block=false      Do not wait until the node is Ready\n"
    "  --timeout SECONDS  How long to wait for that, behind kubeadm (default 600)\n"
    "  --check            Only look at the configuration, and say what this node would be\n"
    "  --show-token       Print the token with what joining nodes need\n"
    "  --host             Work in the mount namespace of process 1: for a container with the "
    "host's\n"
    "                     process ids\n"
    "  -v, --verbose      Say more\n"
    "  -h, --help         Show this text\n"
    "\n"
    "Environment: SEEDER, TOKEN and CA_CERT_HASH win over the configuration's seeder, token and\n"
    "caCertHash.\n"
    "\n"
    "Exit status: 0 the node is Ready, 1 failed, 2 wrong usage or configuration, 4 the node is\n"
    "up and was not Ready in time, 5 it is, and some manifests were not applied, 6 the host lacks\n"
    "something or is a node already.\n";

struct arguments {
    struct up_options up;
    const char *config;
    const char *variables[VARIABLES_MAX];
    size_t n_variables;
    bool host, check, verbose;
};

static int usage(const char *problem)
{
    log_error("%s. Try: slipway-node up --help", problem);
    return UP_USAGE;
}

static int take_block(const char *text, struct arguments *a)
{
    a->up.block = !str_eq(text, "false");
    return !text || !a->up.block || str_eq(text, "true") ? -1 : usage("--block is true or false");
}

static int take_number(const char *text, struct arguments *a)
{
    int64_t seconds;
    if (str_parse_i64(text, 1, 86400, &seconds) < 0)
        return usage("--timeout is a number of seconds, 1 to 86400");
    a->up.timeout_ms = seconds * 1000;
    return -1;
}

static int take_variable(const char *text, struct arguments *a)
{
    if (a->n_variables == VARIABLES_MAX)
        return usage("too many --var");
    a->variables[a->n_variables++] = text;
    return -1;
}

/* -1: go on; else the exit status. */
static int take_option(int option, struct arguments *a)
{
    switch (option) {
    case 'c':
        a->config = optarg;
        return -1;
    case 'V':
        return take_variable(optarg, a);
    case 'n':
        a->up.cni = optarg;
        return -1;
    case 'a':
        a->up.addons = optarg;
        return -1;
    case 'b':
        return take_block(optarg, a);
    case 't':
        return take_number(optarg, a);
    case 's':
        a->up.show_token = true;
        return -1;
    case 'H':
        a->host = true;
        return -1;
    case 'C':
        a->check = true;
        return -1;
    case 'v':
        a->verbose = true;
        return -1;
    case 'h':
        return fputs(help_text, stdout) < 0 ? UP_FAILED : UP_READY;
    default:
        return usage("unknown option or a value is missing");
    }
}

/* kubeadm's own lines go to the journal; on a terminal there is a bar. */
static void choose_log(const struct arguments *a)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    if (a->verbose)
        log_init(LOG_LEVEL_DEBUG, LOG_STYLE_AUTO);
    else if (terminal)
        log_init(LOG_LEVEL_WARN, LOG_STYLE_AUTO);
}

/* ---- the configuration ---- */

/* A variable's value, which no child inherits and nobody finds in /proc/PID/environ any more. */
static char *take_variable_of(const char *name)
{
    char *value = getenv(name);
    char *copy = value ? strdup(value) : NULL;
    if (value)
        explicit_bzero(value, strlen(value));
    (void)unsetenv(name);
    return copy;
}

static void warn_of_readers(const char *path, const struct node_configuration *configuration)
{
    struct stat st;
    if (path && configuration->token && stat(path, &st) == 0 && st.st_mode & 077)
        log_warn("%s may hold a token and others can read it: chmod 600 it", path);
}

static int tell_problems(const struct problems *problems)
{
    _autobuf_ struct buf text = BUF_INIT;
    problems_write(problems, &text);
    for (const char *line = buf_str(&text); *line;) {
        size_t n = strcspn(line, "\n");
        log_error("%.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    return UP_USAGE;
}

struct input {
    char *text; /* of the file */
    char *seeder, *token, *ca_cert_hash;
};

static void input_free(struct input *input)
{
    char **const secrets[] = {&input->text, &input->token};
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        if (*secrets[i])
            explicit_bzero(*secrets[i], strlen(*secrets[i]));
        free(*secrets[i]);
    }
    free(input->seeder);
    free(input->ca_cert_hash);
}

/* The version of Kubernetes is the host's, which need not be there when it is only looked at what
 * is said. */
static int find_version(const struct arguments *a, const struct up_document *document, char *ret,
                        size_t size)
{
    struct err err = ERR_INIT;
    const char *said = object_text(document->json, "cluster.kubernetesVersion");
    if (a->check && said)
        return str_copy(ret, size, said);
    int r = up_kubeadm_version(up_config_kubeadm(document), ret, size, &err);
    if (r < 0)
        log_error("%s", err_text(&err));
    return r;
}

/* An exit status, or -1 with the configuration. */
static int load(const struct arguments *a, const struct input *input, size_t len,
                struct node_configuration **ret)
{
    const struct up_sources sources = {
        .file = a->config,
        .text = input->text,
        .len = len,
        .environment = {input->seeder, input->token, input->ca_cert_hash},
        .variables = a->variables,
        .n_variables = a->n_variables,
        .cni = a->up.cni,
    };
    _autoupdocument_ struct up_document document = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    char version[64] = "";
    if (up_config_read(&sources, &document, &problems) < 0)
        return tell_problems(&problems);
    if (find_version(a, &document, version, sizeof(version)) < 0)
        return UP_UNPREPARED;
    if (up_config_finish(&sources, &document, version, ret, &problems) < 0)
        return tell_problems(&problems);
    return -1;
}

static int tell_role(const struct node_configuration *configuration)
{
    char seeder[NODE_SEEDER_SIZE];
    bool joins = up_role(configuration) == UP_JOIN;
    if (joins && node_seeder_normalize(configuration->seeder, seeder) == 0)
        return printf("joins %s\n", seeder) < 0 ? UP_FAILED : UP_READY;
    return printf("seeds a cluster of Kubernetes %s\n", configuration->cluster.kubernetes_version) <
                   0
               ? UP_FAILED
               : UP_READY;
}

static int run(const struct arguments *a, const struct input *input, size_t len,
               const struct cluster_tools *tools)
{
    static const struct node node = {.root = "", .clock = &clock_system};
    const struct up_context context = {
        .node = &node, .tools = tools, .kubectl = "kubectl", .rng = &rng_system};
    _cleanup_(node_configuration_freep) struct node_configuration *configuration = NULL;
    int status = load(a, input, len, &configuration);
    if (!configuration)
        return status;
    warn_of_readers(a->config, configuration);
    if (configuration->unsafe_skip_ca_verification)
        log_warn("unsafeSkipCAVerification: WHOEVER ANSWERS IS BELIEVED TO BE THE CLUSTER. Anybody "
                 "on the network can take this node over; say caCertHash instead.");
    return a->check ? tell_role(configuration) : up_run(&context, configuration, &a->up);
}

static int start(const struct arguments *a, const struct cluster_tools *tools)
{
    struct err err = ERR_INIT;
    size_t len = 0;
    _cleanup_(input_free) struct input input = {
        .seeder = take_variable_of("SEEDER"),
        .token = take_variable_of("TOKEN"),
        .ca_cert_hash = take_variable_of("CA_CERT_HASH"),
    };
    if (a->host && host_namespace_enter(&err) < 0) {
        log_error("%s", err_text(&err));
        return UP_UNPREPARED;
    }
    if (a->config && file_read(a->config, YAML_SIZE_MAX, &input.text, &len, &err) < 0) {
        log_error("%s", err_text(&err));
        return UP_USAGE;
    }
    return run(a, &input, len, tools);
}

int up_main(int argc, char **argv, const struct cluster_tools *tools)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"var", required_argument, NULL, 'V'},
        {"cni", required_argument, NULL, 'n'},    {"addons", required_argument, NULL, 'a'},
        {"block", optional_argument, NULL, 'b'},  {"timeout", required_argument, NULL, 't'},
        {"check", no_argument, NULL, 'C'},        {"show-token", no_argument, NULL, 's'},
        {"host", no_argument, NULL, 'H'},         {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct arguments a = {.up = {.block = true, .timeout_ms = READY_SECONDS * 1000}};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "hv", options, NULL)) != -1;) {
        int status = take_option(option, &a);
        if (status >= 0)
            return status;
    }
    if (optind < argc)
        return usage("too many arguments");
    choose_log(&a);
    return start(&a, tools);
}
