/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The membership of a cluster's etcd, and which of its members may be removed. etcd's JSON gateway
 * (etcd 3.4 and later) speaks of it: POST with a JSON object, 64-bit numbers as decimal texts.
 *
 * Everything is pure and thread safe.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/addr.h"

#define ETCD_LIST_PATH "/v3/cluster/member/list"
#define ETCD_REMOVE_PATH "/v3/cluster/member/remove"
#define ETCD_STATUS_PATH "/v3/maintenance/status"

enum { ETCD_MEMBERS_MAX = 16, ETCD_CLIENT_PORT = 2379, ETCD_TEXT_SIZE = 256 };

struct etcd_member {
    char *id;         /* a decimal number */
    char *name;       /* of the Node that it runs on; "" when it was added and never started */
    char *client_url; /* NULL: not started */
    ipv4 address;     /* by which the other members find it; 0: not known */
    bool healthy;     /* it answers and knows a leader; etcd_members_parse() leaves it false */
};

struct etcd_members {
    struct etcd_member items[ETCD_MEMBERS_MAX];
    size_t n;
};

/*
 * The answer to ETCD_LIST_PATH. 0, -EBADMSG (not such an answer), -E2BIG (more than
 * ETCD_MEMBERS_MAX) or -ENOMEM; *ret is untouched on failure.
 */
int etcd_members_parse(const json_t *answer, struct etcd_members *ret) _must_check_;
void etcd_members_free(struct etcd_members *members);
#define _autoetcdmembers_ _cleanup_(etcd_members_free)

/* Whether an answer to ETCD_STATUS_PATH is that of a member that knows a leader. */
bool etcd_status_is_healthy(const json_t *answer);

/* The body for ETCD_REMOVE_PATH: a new reference, NULL when out of memory. */
json_t *etcd_remove_body(const struct etcd_member *member);

/* What etcd says of a failure, for people; or NULL. Borrowed from the answer. */
const char *etcd_error_text(const json_t *answer);

/*
 * Whether that member may go now: what is left must have a quorum, and so must the membership that
 * decides about it. A member that does not answer may always go where the others have a quorum.
 * 0; -EBUSY with a sentence in text; -EDOM: it is the only one, and etcd would end with it.
 */
int etcd_may_remove(const struct etcd_members *members, size_t index, char text[ETCD_TEXT_SIZE])
    _must_check_;

/*
 * The member of a control plane: of that name, or one that never started at its address (0: not
 * known). NULL: there is none.
 */
const struct etcd_member *etcd_find(const struct etcd_members *members, const char *name,
                                    ipv4 address);

/*
 * A member that has to go before the control plane `joiner` joins, because its vote is lost: one
 * that never started (nobody else is joining), one of the joiner's own name, and one that does not
 * answer and is of no control plane in `known`. Others are left alone, whoever brought them. NULL:
 * there is none.
 */
const struct etcd_member *etcd_stale(const struct etcd_members *members, const char *joiner,
                                     const char *const *known, size_t n_known);
