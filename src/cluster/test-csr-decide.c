/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule is broken once, starting from requests that are approved. */
#include "cluster/csr-decide.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "cluster/kubeadm.h"

#define NOW 1750000000000
#define KEY "sha256:0000000000000000000000000000000000000000000000000000000000000001"
#define OTHER_KEY "sha256:0000000000000000000000000000000000000000000000000000000000000002"

/* One request with all that belongs to it, for a case to change. */
struct scene {
    struct csr_facts facts;
    struct csr csr;
    struct csr_machine machines[3];
    size_t count;
    char *organizations[3], *dns_names[4], *addresses[4];
    const char *groups[4];
    int64_t now_ms;
};

static char *mutable(const char *text)
{
    return (char *)(uintptr_t)text;
}

static const char *const node1_names[] = {"node1.example.org", NULL};
static const char *const node1_addresses[] = {"10.0.0.1", "fd00:0:0:0::1", NULL};
static const char *const node2_addresses[] = {"10.0.0.2", NULL};

/* node1 joins with token abcdef, node2 is a member. */
static void base(struct scene *s)
{
    *s = (struct scene){.now_ms = NOW, .count = 2};
    s->csr = (struct csr){.common_name = mutable("system:node:node1"),
                          .organizations = s->organizations,
                          .dns_names = s->dns_names,
                          .addresses = s->addresses,
                          .key_strong = true,
                          .signature_valid = true,
                          .key_hash = KEY};
    s->organizations[0] = mutable("system:nodes");
    s->machines[0] = (struct csr_machine){.name = "machine-1",
                                          .node_name = "node1",
                                          .dns_names = node1_names,
                                          .addresses = node1_addresses,
                                          .standing = CSR_STANDING_JOINING,
                                          .token_id = "abcdef",
                                          .window_ends_ms = NOW + 1};
    s->machines[1] = (struct csr_machine){.name = "machine-2",
                                          .node_name = "node2",
                                          .addresses = node2_addresses,
                                          .standing = CSR_STANDING_MEMBER,
                                          .token_id = "zzzzzz"};
    s->facts = (struct csr_facts){.name = "csr-1", .groups = s->groups, .request = &s->csr};
}

static void first_request(struct scene *s)
{
    base(s);
    s->facts.signer_name = CSR_SIGNER_KUBELET_CLIENT;
    s->facts.username = "system:bootstrap:abcdef";
    s->groups[0] = "system:bootstrappers";
    s->groups[1] = KUBEADM_GROUP;
    s->groups[2] = "system:authenticated";
    s->facts.usages =
        CSR_USAGE_DIGITAL_SIGNATURE | CSR_USAGE_KEY_ENCIPHERMENT | CSR_USAGE_CLIENT_AUTH;
}

static void renewal(struct scene *s)
{
    first_request(s);
    s->facts.username = "system:node:node1";
    s->groups[0] = "system:nodes";
    s->groups[1] = "system:authenticated";
    s->groups[2] = NULL;
    s->machines[0].standing = CSR_STANDING_MEMBER;
    s->machines[0].token_id = NULL;
    s->machines[0].window_ends_ms = 0;
    s->machines[0].bound_key = OTHER_KEY; /* kubelets make a new key for each certificate */
}

static void serving(struct scene *s)
{
    renewal(s);
    s->facts.signer_name = CSR_SIGNER_KUBELET_SERVING;
    s->facts.usages =
        CSR_USAGE_DIGITAL_SIGNATURE | CSR_USAGE_KEY_ENCIPHERMENT | CSR_USAGE_SERVER_AUTH;
    s->dns_names[0] = mutable("node1");
    s->addresses[0] = mutable("10.0.0.1");
}

/* ---- changes ---- */

static void nothing(struct scene *s)
{
    (void)s;
}
static void without_encipherment(struct scene *s)
{
    s->facts.usages &= ~(unsigned)CSR_USAGE_KEY_ENCIPHERMENT;
}
static void bound_to_this_key(struct scene *s)
{
    s->machines[0].bound_key = KEY;
}
static void asks_usages_itself(struct scene *s)
{
    s->csr.usages = s->facts.usages;
}
static void released_twin(struct scene *s)
{
    s->machines[1].node_name = "node1";
    s->machines[1].standing = CSR_STANDING_RELEASED;
}
static void rejected_twin_first(struct scene *s)
{
    s->machines[2] = s->machines[0];
    s->machines[0].standing = CSR_STANDING_REJECTED;
    s->machines[0].token_id = NULL;
    s->count = 3;
}
static void more_own_names(struct scene *s)
{
    s->dns_names[1] = mutable("node1.example.org");
    s->addresses[1] = mutable("fd00::1");
}
static void names_only(struct scene *s)
{
    s->addresses[0] = NULL;
}
static void addresses_only(struct scene *s)
{
    s->dns_names[0] = NULL;
}
static void still_joining(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_JOINING;
}

static void unreadable(struct scene *s)
{
    s->facts.request = NULL;
    s->facts.problem = "the subject holds two common names";
}
static void not_signed(struct scene *s)
{
    s->csr.signature_valid = false;
}
static void weak(struct scene *s)
{
    s->csr.key_strong = false;
}
static void no_prefix(struct scene *s)
{
    s->csr.common_name = mutable("node1");
}
static void no_node(struct scene *s)
{
    s->csr.common_name = mutable("system:node:");
}
static void an_admin(struct scene *s)
{
    s->csr.common_name = mutable("kubernetes-admin");
    s->organizations[0] = mutable("system:masters");
}
static void no_organization(struct scene *s)
{
    s->organizations[0] = NULL;
}
static void extra_organization(struct scene *s)
{
    s->organizations[1] = mutable("system:masters");
}
static void wrong_organization(struct scene *s)
{
    s->organizations[0] = mutable("system:masters");
}
static void extra_subject(struct scene *s)
{
    s->csr.has_other_subject = true;
}
static void extra_usage(struct scene *s)
{
    s->facts.usages |= CSR_USAGE_OTHER;
}
static void both_auths(struct scene *s)
{
    s->facts.usages |= CSR_USAGE_SERVER_AUTH | CSR_USAGE_CLIENT_AUTH;
}
static void missing_usage(struct scene *s)
{
    s->facts.usages &= ~(unsigned)CSR_USAGE_DIGITAL_SIGNATURE;
}
static void no_usage(struct scene *s)
{
    s->facts.usages = 0;
}
static void hidden_usage(struct scene *s)
{
    s->csr.usages = CSR_USAGE_OTHER;
}
static void with_email(struct scene *s)
{
    s->csr.has_email = true;
}
static void with_uri(struct scene *s)
{
    s->csr.has_uri = true;
}
static void with_odd_name(struct scene *s)
{
    s->csr.has_other_name = true;
}
static void wants_authority(struct scene *s)
{
    s->csr.has_other_extension = true;
}
static void with_dns_name(struct scene *s)
{
    s->dns_names[0] = mutable("node1");
}
static void with_address(struct scene *s)
{
    s->addresses[0] = mutable("10.0.0.1");
}
static void unknown_node(struct scene *s)
{
    s->csr.common_name = mutable("system:node:node9");
}
static void no_machines(struct scene *s)
{
    s->count = 0;
}
static void other_node(struct scene *s)
{
    s->csr.common_name = mutable("system:node:node2");
}
static void two_of_one_name(struct scene *s)
{
    s->machines[1].node_name = "node1";
}
static void pending(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_PENDING;
}
static void rejected(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_REJECTED;
}
static void released(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_RELEASED;
}
static void senseless(struct scene *s)
{
    s->machines[0].standing = (enum csr_standing)77;
}
static void other_token(struct scene *s)
{
    s->facts.username = "system:bootstrap:zzzzzz";
}
static void longer_token(struct scene *s)
{
    s->facts.username = "system:bootstrap:abcdef0";
}
static void no_token(struct scene *s)
{
    s->machines[0].token_id = NULL;
}
static void empty_token(struct scene *s)
{
    s->machines[0].token_id = "";
    s->facts.username = "system:bootstrap:";
}
static void not_bound(struct scene *s)
{
    s->machines[0].bound_key = "";
}
static void default_group_only(struct scene *s)
{
    s->groups[1] = NULL;
}
static void window_over(struct scene *s)
{
    s->now_ms = NOW + 1;
}
static void other_key(struct scene *s)
{
    s->machines[0].bound_key = OTHER_KEY;
}
static void member_with_token(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_MEMBER;
}
static void asked_by_other_node(struct scene *s)
{
    s->facts.username = "system:node:node2";
}
static void asked_by_person(struct scene *s)
{
    s->facts.username = "kubernetes-admin";
    s->groups[0] = "system:masters";
}
static void asked_by_token(struct scene *s)
{
    s->facts.username = "system:bootstrap:abcdef";
}
static void without_group(struct scene *s)
{
    s->groups[0] = "system:authenticated";
}
static void foreign_dns_name(struct scene *s)
{
    s->dns_names[1] = mutable("node2");
}
static void wildcard(struct scene *s)
{
    s->dns_names[0] = mutable("*");
}
static void api_server_name(struct scene *s)
{
    s->dns_names[1] = mutable("kubernetes.default.svc");
}
/* A worker that has said before that it has the other one's address. */
static void claimed_address(struct scene *s)
{
    static const char *const claimed[] = {"10.0.0.1", "10.0.0.2", NULL};
    s->machines[0].addresses = claimed;
    s->addresses[1] = mutable("10.0.0.2");
}
static void claimed_of_one_that_leaves(struct scene *s)
{
    claimed_address(s);
    s->machines[1].standing = CSR_STANDING_RELEASED;
}
static void claimed_as_given(struct scene *s)
{
    claimed_address(s);
    s->machines[1].addresses = NULL;
    s->machines[1].given_address = "10.0.0.2";
}
static void claimed_by_a_rejected_one(struct scene *s)
{
    s->machines[1].addresses = node1_addresses;
    s->machines[1].standing = CSR_STANDING_REJECTED;
}
static void claimed_from_the_one_it_is_given_to(struct scene *s)
{
    s->machines[1].addresses = node1_addresses;
    s->machines[0].given_address = "10.0.0.1";
    s->addresses[1] = NULL;
}
static void control_plane_with_a_shared_address(struct scene *s)
{
    claimed_address(s);
    s->machines[0].control_plane = true;
}
static void given_only(struct scene *s)
{
    s->machines[0].addresses = NULL;
    s->machines[0].given_address = "10.0.0.1";
    s->addresses[1] = NULL;
}
static void joining_without_a_first_certificate(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_JOINING;
    s->machines[0].token_id = "abcdef";
    s->machines[0].bound_key = NULL;
}
/* kubeadm init signs kubelet's certificate itself */
static void initialising(struct scene *s)
{
    s->machines[0].standing = CSR_STANDING_JOINING;
    s->machines[0].bound_key = NULL;
}
static void foreign_address(struct scene *s)
{
    s->addresses[1] = mutable("10.0.0.2");
}
static void foreign_v6_address(struct scene *s)
{
    s->addresses[1] = mutable("fd00::2");
}
static void mapped_address(struct scene *s)
{
    s->addresses[1] = mutable("::ffff:10.0.0.1");
}
static void no_known_address(struct scene *s)
{
    s->machines[0].addresses = NULL;
}
static void no_names_at_all(struct scene *s)
{
    s->dns_names[0] = s->addresses[0] = NULL;
}
static void other_signer(struct scene *s)
{
    s->facts.signer_name = "kubernetes.io/kube-apiserver-client";
}
static void legacy_signer(struct scene *s)
{
    s->facts.signer_name = "kubernetes.io/legacy-unknown";
}
static void no_signer(struct scene *s)
{
    s->facts.signer_name = NULL;
}
static void decided(struct scene *s)
{
    s->facts.decided = true;
}

struct variant {
    void (*start)(struct scene *);
    void (*change)(struct scene *);
    const char *reason; /* NULL: approved; "": ignored */
    const char *text;   /* in the message; may be NULL */
};

static void run(const struct variant *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct scene s;
        struct csr_decision d;
        cases[i].start(&s);
        cases[i].change(&s);
        csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
        enum csr_action expected = !cases[i].reason     ? CSR_APPROVE
                                   : cases[i].reason[0] ? CSR_DENY
                                                        : CSR_IGNORE;
        if (d.action != expected || (expected == CSR_DENY && !str_eq(d.reason, cases[i].reason)) ||
            (cases[i].text && !strstr(d.message, cases[i].text)))
            fail_msg("case %zu: %d %s: %s", i, (int)d.action, d.reason, d.message);
        assert_true(d.action == CSR_APPROVE || !d.bind_key);
        if (d.action != CSR_IGNORE)
            assert_int_equal(d.message[strlen(d.message) - 1], '.');
    }
}

static void test_approved(void **state)
{
    (void)state;
    static const struct variant cases[] = {
        {first_request, nothing, NULL, "first client certificate of Machine machine-1"},
        {first_request, without_encipherment, NULL, NULL},
        {first_request, bound_to_this_key, NULL, NULL},
        {first_request, not_bound, NULL, NULL},
        {first_request, asks_usages_itself, NULL, NULL},
        {first_request, released_twin, NULL, NULL},
        {first_request, rejected_twin_first, NULL, NULL},
        {renewal, nothing, NULL, "renewal of the client certificate of Machine machine-1"},
        {renewal, without_encipherment, NULL, NULL},
        {renewal, still_joining, NULL, NULL},
        {renewal, released_twin, NULL, NULL},
        {serving, nothing, NULL, "serving certificate of Machine machine-1"},
        {serving, without_encipherment, NULL, NULL},
        {serving, asks_usages_itself, NULL, NULL},
        {serving, more_own_names, NULL, NULL},
        {serving, names_only, NULL, NULL},
        {serving, addresses_only, NULL, NULL},
        {serving, still_joining, NULL, NULL},
        {serving, initialising, NULL, NULL},
        {serving, claimed_by_a_rejected_one, NULL, NULL},
        {serving, claimed_from_the_one_it_is_given_to, NULL, NULL},
        {serving, control_plane_with_a_shared_address, NULL, NULL},
        {serving, given_only, NULL, NULL},
    };
    run(cases, ARRAY_SIZE(cases));
}

static void test_first_certificate_denied(void **state)
{
    (void)state;
    static const struct variant cases[] = {
        {first_request, unreadable, "Unreadable", "two common names"},
        {first_request, not_signed, "WrongSignature", NULL},
        {first_request, weak, "WeakKey", NULL},
        {first_request, no_prefix, "WrongSubject", "found \"node1\""},
        {first_request, no_node, "WrongSubject", NULL},
        {first_request, an_admin, "WrongSubject", "kubernetes-admin"},
        {first_request, no_organization, "WrongSubject", "found 0"},
        {first_request, extra_organization, "WrongSubject", "found 2"},
        {first_request, wrong_organization, "WrongSubject", "system:masters"},
        {first_request, extra_subject, "WrongSubject", "more in it"},
        {first_request, extra_usage, "WrongUsages", "client auth, others"},
        {first_request, both_auths, "WrongUsages", "server auth"},
        {first_request, missing_usage, "WrongUsages", NULL},
        {first_request, no_usage, "WrongUsages", "found: none"},
        {first_request, hidden_usage, "WrongUsages", "itself asks"},
        {first_request, with_email, "WrongNames", "e-mail"},
        {first_request, with_uri, "WrongNames", "URI"},
        {first_request, with_odd_name, "WrongNames", "unusual"},
        {first_request, wants_authority, "WrongNames", "another extension"},
        {first_request, with_dns_name, "WrongNames", "\"node1\""},
        {first_request, with_address, "WrongNames", "\"10.0.0.1\""},
        {first_request, unknown_node, "UnknownMachine", "node9"},
        {first_request, no_machines, "UnknownMachine", NULL},
        {first_request, other_node, "WrongToken", "made for Machine machine-2"},
        {first_request, two_of_one_name, "AmbiguousMachine", "machine-1 and machine-2"},
        {first_request, pending, "NotApproved", "machine-1 is not approved"},
        {first_request, rejected, "Rejected", "machine-1 was rejected"},
        {first_request, released, "Released", "machine-1 was released"},
        {first_request, senseless, "NotApproved", NULL},
        {first_request, other_token, "WrongToken", "system:bootstrap:zzzzzz"},
        {first_request, longer_token, "WrongToken", NULL},
        {first_request, no_token, "WrongToken", NULL},
        {first_request, empty_token, "WrongToken", NULL},
        {first_request, default_group_only, "WrongGroup", KUBEADM_GROUP},
        {first_request, window_over, "WindowClosed", NULL},
        {first_request, other_key, "WrongKey", KEY},
        {first_request, member_with_token, "NotJoining", NULL},
        {first_request, asked_by_other_node, "WrongUser", "\"system:node:node2\""},
        {first_request, asked_by_person, "WrongUser", "kubernetes-admin"},
    };
    run(cases, ARRAY_SIZE(cases));
}

static void test_renewal_denied(void **state)
{
    (void)state;
    static const struct variant cases[] = {
        {renewal, asked_by_other_node, "WrongUser", NULL},
        {renewal, asked_by_token, "WrongToken", NULL},
        {renewal, other_node, "WrongUser", "\"system:node:node1\""},
        {renewal, without_group, "WrongGroup", "system:nodes"},
        {renewal, pending, "NotApproved", NULL},
        {renewal, rejected, "Rejected", NULL},
        {renewal, released, "Released", NULL},
        {renewal, with_address, "WrongNames", NULL},
        {renewal, two_of_one_name, "AmbiguousMachine", NULL},
        {renewal, extra_organization, "WrongSubject", NULL},
    };
    run(cases, ARRAY_SIZE(cases));
}

static void test_serving_denied(void **state)
{
    (void)state;
    static const struct variant cases[] = {
        {serving, unreadable, "Unreadable", NULL},
        {serving, asked_by_other_node, "WrongUser", NULL},
        {serving, asked_by_token, "WrongUser", NULL},
        {serving, asked_by_person, "WrongUser", NULL},
        {serving, without_group, "WrongGroup", NULL},
        {serving, rejected, "Rejected", NULL},
        {serving, released, "Released", NULL},
        {serving, foreign_dns_name, "WrongNames", "found \"node2\""},
        {serving, wildcard, "WrongNames", "\"*\""},
        {serving, api_server_name, "WrongNames", "kubernetes.default.svc"},
        {serving, foreign_address, "WrongAddress", "found 10.0.0.2"},
        {serving, claimed_address, "SharedAddress", "found 10.0.0.2, which Machine machine-2 has"},
        {serving, claimed_of_one_that_leaves, "SharedAddress", "machine-2"},
        {serving, claimed_as_given, "SharedAddress", "machine-2"},
        {serving, joining_without_a_first_certificate, "NotJoined", "machine-1"},
        {renewal, joining_without_a_first_certificate, "NotJoined", "machine-1"},
        {serving, foreign_v6_address, "WrongAddress", "fd00::2"},
        {serving, mapped_address, "WrongAddress", NULL},
        {serving, no_known_address, "WrongAddress", NULL},
        {serving, no_names_at_all, "WrongNames", "at least one"},
        {serving, with_email, "WrongNames", "e-mail"},
        {serving, with_uri, "WrongNames", "URI"},
        {serving, wants_authority, "WrongNames", NULL},
        {serving, both_auths, "WrongUsages", NULL},
        {serving, missing_usage, "WrongUsages", NULL},
        {serving, no_prefix, "WrongSubject", NULL},
    };
    run(cases, ARRAY_SIZE(cases));
}

static void test_ignored(void **state)
{
    (void)state;
    static const struct variant cases[] = {
        {first_request, other_signer, "", NULL},
        {first_request, legacy_signer, "", NULL},
        {first_request, no_signer, "", NULL},
        {first_request, decided, "", NULL},
        {serving, decided, "", NULL},
    };
    run(cases, ARRAY_SIZE(cases));
}

/* Only a first certificate binds the key; the decision names its Machine. */
static void test_binding(void **state)
{
    (void)state;
    struct scene s;
    struct csr_decision d;
    first_request(&s);
    csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
    assert_true(d.bind_key);
    assert_ptr_equal(d.machine, &s.machines[0]);
    renewal(&s);
    csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
    assert_int_equal(d.action, CSR_APPROVE);
    assert_false(d.bind_key);
    serving(&s);
    csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
    assert_int_equal(d.action, CSR_APPROVE);
    assert_false(d.bind_key);
}

/* What a stranger wrote cannot fill the message or forge lines of a log. */
static void test_hostile_texts(void **state)
{
    (void)state;
    struct scene s;
    struct csr_decision d;
    char name[600];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    first_request(&s);
    s.csr.common_name = name;
    csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
    assert_int_equal(d.action, CSR_DENY);
    assert_true(strlen(d.message) < 300);
    first_request(&s);
    s.facts.username = "a\nerror: forged";
    csr_decide(&s.facts, s.machines, s.count, s.now_ms, &d);
    assert_int_equal(d.action, CSR_DENY);
    assert_null(strchr(d.message, '\n'));
}

UNIT_MAIN(cmocka_unit_test(test_approved), cmocka_unit_test(test_first_certificate_denied),
          cmocka_unit_test(test_renewal_denied), cmocka_unit_test(test_serving_denied),
          cmocka_unit_test(test_ignored), cmocka_unit_test(test_binding),
          cmocka_unit_test(test_hostile_texts))
