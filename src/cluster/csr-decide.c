/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/csr-decide.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cluster/kubeadm.h"

#define NODE_PREFIX "system:node:"
#define TOKEN_PREFIX "system:bootstrap:"
#define NODES_GROUP "system:nodes"

enum { QUOTED_SIZE = 96 };

struct decision {
    const struct csr_facts *facts;
    const struct csr *request;
    const struct csr_machine *machines;
    size_t count;
    int64_t now_ms;
    bool serving;                      /* for which of the two signers */
    const char *node_name;             /* that the request is about */
    const struct csr_machine *machine; /* that has this node name */
    bool first;                        /* the first certificate, asked for with a token */
    struct csr_decision *ret;
};

/* One rule: true when the request keeps it, else the decision is filled in. */
typedef bool (*rule)(struct decision *d);

/* ---- words ---- */

static bool deny(struct decision *d, const char *reason, const char *format, ...) _printf_(3, 4);
static bool deny(struct decision *d, const char *reason, const char *format, ...)
{
    char text[sizeof(d->ret->message)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    d->ret->action = CSR_DENY;
    d->ret->reason = reason;
    (void)log_quote(d->ret->message, sizeof(d->ret->message), text, strlen(text));
    return false;
}

/* At most QUOTED_SIZE - 1 printable bytes of a stranger's text. */
#define QUOTE(text) log_quote((char[QUOTED_SIZE]){0}, QUOTED_SIZE, (text), strlen(text))

static size_t list_count(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static bool list_has(const char *const *list, const char *text)
{
    for (size_t i = 0; list && list[i]; i++)
        if (str_eq(list[i], text))
            return true;
    return false;
}

static const char *const *as_list(char *const *list)
{
    return (const char *const *)list;
}

/* "digital signature, client auth" */
static const char *usages_text(unsigned usages, char dst[static QUOTED_SIZE])
{
    static const char *const words[] = {"digital signature", "key encipherment", "client auth",
                                        "server auth", "others"};
    dst[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        size_t used = strlen(dst);
        if (usages & 1u << i)
            (void)snprintf(dst + used, QUOTED_SIZE - used, "%s%s", used ? ", " : "", words[i]);
    }
    return dst[0] ? dst : "none";
}

/* ---- what holds for both signers ---- */

static bool is_readable(struct decision *d)
{
    if (d->request)
        return true;
    const char *problem = d->facts->problem ? d->facts->problem : "";
    return deny(d, "Unreadable", "The request cannot be read: %s.", QUOTE(problem));
}

static bool has_key(struct decision *d)
{
    if (!d->request->signature_valid)
        return deny(d, "WrongSignature", "The request is not signed by the key that it carries.");
    if (!d->request->key_strong)
        return deny(d, "WeakKey",
                    "Expected an ECDSA key of 256 bits or more, Ed25519, or RSA of 2048 bits or "
                    "more; the request's key is none of these.");
    return true;
}

static bool names_a_node(struct decision *d)
{
    const struct csr *request = d->request;
    d->node_name = str_after(request->common_name, NODE_PREFIX);
    if (str_empty(d->node_name))
        return deny(d, "WrongSubject", "Expected the common name %sNAME, found \"%s\".",
                    NODE_PREFIX, QUOTE(request->common_name));
    size_t n = list_count(as_list(request->organizations));
    if (n != 1)
        return deny(d, "WrongSubject", "Expected the one organisation %s, found %zu.", NODES_GROUP,
                    n);
    if (!str_eq(request->organizations[0], NODES_GROUP))
        return deny(d, "WrongSubject", "Expected the organisation %s, found \"%s\".", NODES_GROUP,
                    QUOTE(request->organizations[0]));
    if (request->has_other_subject)
        return deny(d, "WrongSubject",
                    "Expected a subject of a common name and an organisation, found more in it.");
    return true;
}

/* Kubernetes takes both sets; kubelets with elliptic keys leave key encipherment out since 1.27. */
static bool has_usages(struct decision *d)
{
    const unsigned purpose = d->serving ? CSR_USAGE_SERVER_AUTH : CSR_USAGE_CLIENT_AUTH;
    const unsigned least = CSR_USAGE_DIGITAL_SIGNATURE | purpose;
    const unsigned most = least | CSR_USAGE_KEY_ENCIPHERMENT;
    char expected[QUOTED_SIZE], found[QUOTED_SIZE];
    const unsigned asked[] = {d->facts->usages, d->request->usages};
    if (asked[0] != least && asked[0] != most)
        return deny(d, "WrongUsages",
                    "Expected the usages %s (key encipherment may be left out), found: %s.",
                    usages_text(most, expected), usages_text(asked[0], found));
    if (asked[1] & ~most)
        return deny(d, "WrongUsages",
                    "The request itself asks for other usages than its object; expected at most "
                    "%s, found: %s.",
                    usages_text(most, expected), usages_text(asked[1], found));
    return true;
}

static bool has_no_odd_names(struct decision *d)
{
    const struct csr *request = d->request;
    const char *odd = request->has_email             ? "an e-mail address"
                      : request->has_uri             ? "a URI"
                      : request->has_other_name      ? "a name of an unusual kind"
                      : request->has_other_extension ? "another extension"
                                                     : NULL;
    if (odd)
        return deny(d, "WrongNames",
                    "Expected at most DNS names and addresses as further names, found %s.", odd);
    return true;
}

static bool is_approved(const struct csr_machine *machine)
{
    return machine->standing == CSR_STANDING_JOINING || machine->standing == CSR_STANDING_MEMBER;
}

/* Of several Machines with one name the approved one is meant; only two of these are a conflict. */
static bool is_known(struct decision *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct csr_machine *m = &d->machines[i], *other = d->machine;
        if (!str_eq(m->node_name, d->node_name))
            continue;
        if (other && is_approved(other) && is_approved(m))
            return deny(d, "AmbiguousMachine",
                        "Expected one approved Machine with the node name \"%s\", found two: %s "
                        "and %s.",
                        QUOTE(d->node_name), QUOTE(other->name), QUOTE(m->name));
        if (!other || is_approved(m))
            d->machine = m;
    }
    d->ret->machine = d->machine;
    if (!d->machine)
        return deny(d, "UnknownMachine", "No Machine of this cluster has the node name \"%s\".",
                    QUOTE(d->node_name));
    return true;
}

static bool stands_well(struct decision *d)
{
    static const struct {
        const char *reason, *text;
    } standings[] = {[CSR_STANDING_PENDING] = {"NotApproved", "is not approved"},
                     [CSR_STANDING_REJECTED] = {"Rejected", "was rejected"},
                     [CSR_STANDING_RELEASED] = {"Released", "was released"}};
    if (is_approved(d->machine))
        return true;
    const enum csr_standing standing = d->machine->standing;
    if ((size_t)standing >= ARRAY_SIZE(standings))
        return deny(d, "NotApproved", "Machine %s has no standing.", QUOTE(d->machine->name));
    return deny(d, standings[standing].reason, "Machine %s %s.", QUOTE(d->machine->name),
                standings[standing].text);
}

/* ---- who asks ---- */

static bool is_asked_by_node(struct decision *d)
{
    const char *asking = d->facts->username;
    if (!str_eq(asking, d->request->common_name))
        return deny(d, "WrongUser", "Expected %s%s itself to ask, but \"%s\" did.", NODE_PREFIX,
                    QUOTE(d->node_name), QUOTE(asking));
    if (!list_has(d->facts->groups, NODES_GROUP))
        return deny(d, "WrongGroup", "Expected the user to be in the group %s.", NODES_GROUP);
    /* Who asks as this node already does so with a certificate of an earlier installation. */
    if (d->machine->standing == CSR_STANDING_JOINING && !str_empty(d->machine->token_id) &&
        str_empty(d->machine->bound_key))
        return deny(d, "NotJoined",
                    "Expected the first certificate of Machine %s to be asked for with its "
                    "bootstrap token, but its node asked for another one before.",
                    QUOTE(d->machine->name));
    return true;
}

static bool is_asked_by_token(struct decision *d)
{
    const char *id = str_after(d->facts->username, TOKEN_PREFIX);
    const struct csr_machine *machine = d->machine;
    if (str_empty(machine->token_id) || !str_eq(id, machine->token_id))
        return deny(d, "WrongToken",
                    "Expected the bootstrap token that was made for Machine %s, but \"%s\" asked.",
                    QUOTE(machine->name), QUOTE(d->facts->username));
    if (!list_has(d->facts->groups, KUBEADM_GROUP))
        return deny(d, "WrongGroup", "Expected the bootstrap token to be in the group %s.",
                    KUBEADM_GROUP);
    return true;
}

static bool is_joining(struct decision *d)
{
    const struct csr_machine *machine = d->machine;
    if (machine->standing != CSR_STANDING_JOINING)
        return deny(d, "NotJoining", "Machine %s is not joining: its node is in the cluster.",
                    QUOTE(machine->name));
    if (d->now_ms >= machine->window_ends_ms)
        return deny(d, "WindowClosed", "The time in which Machine %s may join is over.",
                    QUOTE(machine->name));
    if (!str_empty(machine->bound_key) && !str_eq(machine->bound_key, d->request->key_hash))
        return deny(d, "WrongKey",
                    "The first certificate of Machine %s was approved for the key %s, found %s.",
                    QUOTE(machine->name), QUOTE(machine->bound_key), d->request->key_hash);
    return true;
}

/* ---- the two signers ---- */

static bool has_no_names(struct decision *d)
{
    if (d->request->dns_names[0])
        return deny(d, "WrongNames",
                    "Expected no further names in a client certificate, found \"%s\".",
                    QUOTE(d->request->dns_names[0]));
    if (d->request->addresses[0])
        return deny(d, "WrongNames", "Expected no addresses in a client certificate, found \"%s\".",
                    QUOTE(d->request->addresses[0]));
    return true;
}

static bool is_asked_rightly(struct decision *d)
{
    d->first = str_after(d->facts->username, TOKEN_PREFIX) != NULL;
    return d->first ? is_asked_by_token(d) && is_joining(d) : is_asked_by_node(d);
}

static bool has_own_names(struct decision *d)
{
    char *const *names = d->request->dns_names;
    for (size_t i = 0; names[i]; i++)
        if (!str_eq(names[i], d->machine->node_name) && !list_has(d->machine->dns_names, names[i]))
            return deny(d, "WrongNames",
                        "Expected only names of Machine %s, such as %s, found \"%s\".",
                        QUOTE(d->machine->name), QUOTE(d->machine->node_name), QUOTE(names[i]));
    if (!names[0] && !d->request->addresses[0])
        return deny(d, "WrongNames", "Expected at least one DNS name or address, found none.");
    return true;
}

/* Compares addresses, not how they are written. */
static bool same_address(const char *a, const char *b)
{
    uint8_t x[16], y[16];
    if (inet_pton(AF_INET, a, x) == 1)
        return inet_pton(AF_INET, b, y) == 1 && memcmp(x, y, 4) == 0;
    return inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1 &&
           memcmp(x, y, sizeof(x)) == 0;
}

static bool is_given(const struct csr_machine *machine, const char *address)
{
    return !str_empty(machine->given_address) && same_address(address, machine->given_address);
}

static bool has_address(const struct csr_machine *machine, const char *address)
{
    bool known = is_given(machine, address);
    for (size_t i = 0; !known && machine->addresses && machine->addresses[i]; i++)
        known = same_address(address, machine->addresses[i]);
    return known;
}

static bool has_own_addresses(struct decision *d)
{
    char *const *asked = d->request->addresses;
    for (size_t i = 0; asked[i]; i++)
        if (!has_address(d->machine, asked[i]))
            return deny(d, "WrongAddress", "Expected only addresses of Machine %s, found %s.",
                        QUOTE(d->machine->name), asked[i]);
    return true;
}

/* One that is in the cluster, be it on its way out: others trust who answers at its addresses. */
static bool is_in_use(const struct csr_machine *machine)
{
    return is_approved(machine) || machine->standing == CSR_STANDING_RELEASED;
}

/* Whoever serves with another Machine's address is believed to be that one, the API server too. */
static bool has_no_foreign_address(struct decision *d)
{
    char *const *asked = d->request->addresses;
    for (size_t i = 0; asked[i] && !d->machine->control_plane; i++) {
        if (is_given(d->machine, asked[i]))
            continue;
        for (size_t j = 0; j < d->count; j++) {
            const struct csr_machine *other = &d->machines[j];
            if (other != d->machine && is_in_use(other) && has_address(other, asked[i]))
                return deny(d, "SharedAddress",
                            "Expected addresses that only Machine %s has, found %s, which Machine "
                            "%s has, too; spec.network.address tells whose it is.",
                            QUOTE(d->machine->name), asked[i], QUOTE(other->name));
        }
    }
    return true;
}

static bool keeps(const rule *rules, struct decision *d)
{
    for (; *rules; rules++)
        if (!(*rules)(d))
            return false;
    return true;
}

static void approve(struct decision *d)
{
    const char *what = d->serving ? "serving certificate"
                       : d->first ? "first client certificate"
                                  : "renewal of the client certificate";
    d->ret->action = CSR_APPROVE;
    d->ret->reason = "MachineApproved";
    d->ret->bind_key = d->first;
    (void)snprintf(d->ret->message, sizeof(d->ret->message),
                   "The %s of Machine %s: name, key, groups, usages and addresses match.", what,
                   QUOTE(d->machine->name));
}

void csr_decide(const struct csr_facts *facts, const struct csr_machine *machines, size_t count,
                int64_t now_ms, struct csr_decision *ret)
{
    static const rule both[] = {is_readable,      has_key,  names_a_node, has_usages,
                                has_no_odd_names, is_known, stands_well,  NULL};
    static const rule client[] = {has_no_names, is_asked_rightly, NULL};
    static const rule serving[] = {is_asked_by_node, has_own_names, has_own_addresses,
                                   has_no_foreign_address, NULL};
    struct decision d = {.facts = facts,
                         .request = facts->request,
                         .machines = machines,
                         .count = count,
                         .now_ms = now_ms,
                         .serving = str_eq(facts->signer_name, CSR_SIGNER_KUBELET_SERVING),
                         .ret = ret};
    *ret = (struct csr_decision){.action = CSR_IGNORE, .reason = "NotOurs"};
    if (facts->decided || (!d.serving && !str_eq(facts->signer_name, CSR_SIGNER_KUBELET_CLIENT)))
        return;
    if (keeps(both, &d) && keeps(d.serving ? serving : client, &d))
        approve(&d);
}
