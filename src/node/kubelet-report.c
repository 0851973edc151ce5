/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubelet-report.h"

#include "base/str.h"
#include "node/cluster-kubeadm.h"
#include "node/kubeadm-output.h"

enum { TAIL_BYTES = 1500 };

int kubelet_report(const char *journalctl, struct protocol_report *ret)
{
    _cleanup_(cluster_tail_free) struct cluster_tail log = {0};
    _autobuf_ struct buf all = BUF_INIT;
    _autobuf_ struct buf end = BUF_INIT;
    cluster_kubelet_log(journalctl, &log);
    cluster_tail_text(&log, SIZE_MAX, &all);
    cluster_tail_text(&log, TAIL_BYTES, &end);
    const struct kubeadm_verdict verdict = kubelet_judge(buf_str(&all));
    ret->step = strdup(PROTOCOL_STEP_KUBELET);
    ret->failure = strdup(verdict.failure);
    ret->message = log.count ? str_format("%s\nkubelet said:\n%s", verdict.sentence, buf_str(&end))
                             : strdup("kubelet's log is empty, or cannot be read");
    return ret->step && ret->failure && ret->message ? 0 : -ENOMEM;
}
