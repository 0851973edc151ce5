/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/leave.h"

#include "base/cleanup.h"

#define SAY(step, text) ((struct leave){(step), (text)})

/* Where there is nobody left to leave, or nobody who could be asked to let it go. */
static bool is_over(const struct leave_facts *f)
{
    return f->other_control_planes == 0 && (f->control_plane || !f->api_reachable);
}

static struct leave node_step(const struct leave_facts *f)
{
    if (!f->node_marked)
        return SAY(LEAVE_MARK, "its Node is being cordoned");
    return SAY(LEAVE_DRAIN, "its Node is being drained");
}

/* The cluster ends for as long as it takes to install this machine, and then goes on. */
static bool is_lone(const struct leave_facts *f)
{
    return f->reason == LEAVE_REINSTALL && f->control_plane && f->other_control_planes == 0 &&
           (f->joined || f->saved || f->restoring);
}

/* Nobody else has joined, and what etcd holds has not been taken yet. */
static bool changes_etcd_alone(const struct leave_facts *f)
{
    return f->control_plane && f->other_control_planes == 0 && !f->saved && !f->saving;
}

static struct leave lone_step(const struct leave_facts *f)
{
    if (f->saved)
        return SAY(LEAVE_DONE,
                   "what its etcd holds is with the server: its cluster goes on with it");
    if (f->saving)
        return SAY(LEAVE_SAVE, "its control plane stops, and what etcd holds goes to the server");
    if (f->restoring && f->task_under_way)
        return SAY(LEAVE_WAIT, "its task, which brings back what etcd held, has not ended yet");
    if (f->node && f->api_reachable && !f->drained)
        return node_step(f);
    return SAY(LEAVE_SAVE, "it is the only control plane: its system has to save what etcd holds");
}

struct leave leave_decide(const struct leave_facts *f)
{
    if (f->unformed)
        return SAY(LEAVE_DONE, "it was a member of an earlier Cluster of this name");
    if (changes_etcd_alone(f) && f->other_joining)
        return SAY(LEAVE_WAIT,
                   "another control plane is joining, so etcd is about to have a second "
                   "member: when that has ended, this one may go");
    if (is_lone(f))
        return lone_step(f);
    if (!f->control_plane && f->other_control_planes == 0 && f->returns)
        return SAY(LEAVE_WAIT, "the cluster's only control plane is being installed anew");
    if (is_over(f))
        return SAY(LEAVE_DONE, f->control_plane
                                   ? "it was the last control plane, and its cluster ended with it"
                                   : "its cluster has no control plane any more");
    if (f->task_under_way)
        return SAY(LEAVE_WAIT, "its task, which joins it to the cluster, has not ended yet");
    if (!f->api_reachable)
        return SAY(LEAVE_WAIT, "the cluster's API server does not answer");
    if (f->reason == LEAVE_RELEASED && f->control_plane && f->is_endpoint)
        return SAY(LEAVE_WAIT, "the cluster's endpoint is its address, so the others cannot do "
                               "without it: release them before it");
    if (f->node && !f->drained)
        return node_step(f);
    if (f->control_plane && !f->etcd_left)
        return SAY(LEAVE_ETCD, "its etcd member is being removed");
    if (f->control_plane && !f->config_left)
        return SAY(LEAVE_CONFIG, "it is being removed from kubeadm's configuration");
    if (f->node)
        return SAY(LEAVE_DELETE_NODE, "its Node is being deleted");
    if (f->token)
        return SAY(LEAVE_WAIT, "its bootstrap token is being deleted");
    return SAY(LEAVE_DONE, "it is no member of the cluster any more");
}

const char *leave_reason_text(enum leave_reason reason)
{
    static const char *const texts[] = {
        [LEAVE_NOT] = "it stays",
        [LEAVE_REJECTED] = "it was rejected",
        [LEAVE_RELEASED] = "it is being released",
        [LEAVE_REINSTALL] = "it is going to be installed anew",
    };
    return reason < ARRAY_SIZE(texts) ? texts[reason] : "";
}
