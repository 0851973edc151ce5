/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/node-configuration.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "resource/cluster-check.h"
#include "resource/format.h"

#define TOKEN_TTL_SECONDS 86400
#define DEFAULT_PORT "6443"

/* ---- formats ---- */

static bool is_seeder(const char *text)
{
    char endpoint[NODE_SEEDER_SIZE];
    return node_seeder_normalize(text, endpoint) == 0;
}

static const struct format format_seeder = {
    .what = "a host, or a host and a port", .pattern = NULL, .check = is_seeder};

/* ---- the table ---- */

#define S struct node_bind
static const struct field bind_fields[] = {
    F_IPV4(S, address, "address", .doc = "Address by which the cluster knows this node.",
           .late = "the first of interface"),
    F_STRING(S, interface, "interface", .format = &format_link,
             .doc = "Interface whose first address it is.",
             .late =
                 "the one that leads to the seeder, on a seeder the one with the default route"),
    {0}};
#undef S

#define S struct node_configuration
static const struct field node_configuration_fields[] = {
    F_STRING(S, seeder, "seeder", .format = &format_seeder,
             .doc = "Node to join: its name or address, and a port if it is not 6443. The "
                    "environment variable SEEDER wins.",
             .late = "this node is the seeder: it initialises the cluster"),
    F_STRING(S, token, "token", .format = &format_bootstrap_token, .flags = FIELD_SECRET,
             .doc =
                 "Bootstrap token: on the seeder the one that nodes join with, on others the one "
                 "to join with. The environment variable TOKEN wins.",
             .late = "the seeder draws one"),
    F_STRING(S, ca_cert_hash, "caCertHash", .format = &format_key_hash,
             .doc = "Hash of the public key of the cluster's authority, as kubeadm writes it. To "
                    "join, this, caCert or unsafeSkipCAVerification is needed. The environment "
                    "variable CA_CERT_HASH wins."),
    F_STRING(S, ca_cert, "caCert", .format = &format_certificates, .max_length = 65536,
             .doc = "The authority's certificate itself, in PEM."),
    F_BOOL(S, unsafe_skip_ca_verification, "unsafeSkipCAVerification",
           .doc = "Whether to join whoever answers. Somebody on the network can then be the "
                  "cluster, and run what it likes on this node."),
    F_STRING(S, node_name, "nodeName", .format = &format_name, .max_length = 253,
             .doc = "Name of the Node.", .late = "the host's name in lower case"),
    F_OBJECT(S, bind, "bind", struct node_bind, bind_fields, .doc = "Where this node is found."),
    F_MAP(S, labels, "labels", .max_items = 64,
          .doc = "Labels of the Node, of those that it may give to itself."),
    F_OBJECT(S, cluster, "cluster", struct cluster_spec, cluster_spec_fields,
             .doc =
                 "The Cluster, in the words of its kind. On a node that joins only what concerns "
                 "the host matters. kubernetesVersion may be left out: it is the one of the "
                 "host's kubeadm. joinPolicy.autoApprove is true and joinPolicy.tokenTTLSeconds "
                 "86400 where nothing else is said; paths are of the host."),
    {0}};
#undef S

/* ---- rules between fields ---- */

/* "spec.": what Cluster's rules call it. */
static void in_our_words(const char *text, struct buf *out)
{
    for (const char *at; (at = strstr(text, "spec.")); text = at + 5) {
        bool word = at == text || !isalnum((unsigned char)at[-1]);
        buf_add(out, text, (size_t)(at - text));
        buf_adds(out, word ? "cluster." : "spec.");
    }
    buf_adds(out, text);
}

static void check_cluster(const struct cluster_spec *spec, struct problems *problems)
{
    struct cluster cluster = {.spec = *spec};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    cluster_check(&cluster, &found);
    for (size_t i = 0; i < found.n; i++) {
        _autobuf_ struct buf path = BUF_INIT, text = BUF_INIT;
        in_our_words(found.items[i].path, &path);
        in_our_words(found.items[i].text, &text);
        problem_add(problems, found.items[i].reason, buf_str(&path), "%s", buf_str(&text));
    }
    problems->failed |= found.failed;
}

static void check_join(const struct node_configuration *c, struct problems *problems)
{
    if (!c->token)
        problem_add(problems, PROBLEM_REQUIRED, "token", "required to join a seeder");
    if (!c->ca_cert_hash && !c->ca_cert && !c->unsafe_skip_ca_verification)
        problem_add(problems, PROBLEM_REQUIRED, "caCertHash",
                    "required to join a seeder, or caCert: without them anybody on the network "
                    "could be the cluster (unsafeSkipCAVerification: true takes that risk)");
    if (c->unsafe_skip_ca_verification && (c->ca_cert_hash || c->ca_cert))
        problem_add(problems, PROBLEM_INVALID, "unsafeSkipCAVerification",
                    "contradicts %s, which is there to be checked",
                    c->ca_cert_hash ? "caCertHash" : "caCert");
}

static void node_configuration_check(const void *object, struct problems *problems)
{
    const struct node_configuration *c = object;
    if (c->seeder)
        check_join(c, problems);
    if (c->ca_cert_hash && c->ca_cert)
        problem_add(problems, PROBLEM_INVALID, "caCertHash", "caCert is given too: one is enough");
    if (c->cluster.certificates_from)
        problem_add(problems, PROBLEM_FORBIDDEN, "cluster.certificatesFrom",
                    "is for a server: here authorities are taken from cluster.certificatesDir, "
                    "where they are put before the first `slipway-node up`");
    check_cluster(&c->cluster, problems);
}

const struct kind kind_node_configuration = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "NodeConfiguration",
    .singular = "node-configuration",
    .doc = "What slipway-node(8) makes of a host when there is no server: the file of "
           "`slipway-node up --config`.",
    .fields = node_configuration_fields,
    .size = sizeof(struct node_configuration),
    .check = node_configuration_check,
};

int node_configuration_decode(const json_t *json, struct node_configuration **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_node_configuration, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void node_configuration_free(struct node_configuration *configuration)
{
    object_free(configuration);
}

/* ---- before it is checked ---- */

/* What stands in the way is told by the check. */
static int set_absent(json_t *json, const char *path, json_t *value)
{
    json_t *there = object_get(json, path);
    if (there && !json_is_null(there)) {
        json_decref(value);
        return 0;
    }
    int r = object_set(json, path, value);
    return r == -EINVAL ? 0 : r;
}

int node_configuration_complete(json_t *json, const char *version)
{
    int r = 0;
    if (version)
        r = set_absent(json, "cluster.kubernetesVersion", json_string(version));
    if (r == 0)
        r = set_absent(json, "cluster.joinPolicy.autoApprove", json_true());
    if (r == 0)
        r = set_absent(json, "cluster.joinPolicy.tokenTTLSeconds", json_integer(TOKEN_TTL_SECONDS));
    return r;
}

int node_seeder_normalize(const char *text, char dst[static NODE_SEEDER_SIZE])
{
    char host[NODE_SEEDER_SIZE];
    uint64_t port;
    const char *behind = str_after(text, "https://");
    if (str_copy(host, sizeof(host), behind ? behind : text) < 0)
        return -EINVAL;
    size_t len = strlen(host);
    if (len && behind && host[len - 1] == '/')
        host[len - 1] = '\0';
    for (char *c = host; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    char *colon = strchr(host, ':');
    const char *digits = colon ? colon + 1 : DEFAULT_PORT;
    if (str_parse_u64(digits, 1, 65535, &port) < 0)
        return -EINVAL;
    if (colon)
        *colon = '\0';
    if (strlen(host) > 253 || !format_dns_host.check(host))
        return -EINVAL;
    (void)snprintf(dst, NODE_SEEDER_SIZE, "%s:%llu", host, (unsigned long long)port);
    return 0;
}
