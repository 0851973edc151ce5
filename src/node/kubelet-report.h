/* SPDX-License-Identifier: Apache-2.0 */
/* What the kubelet of a member does whose Node is not Ready. */
#pragma once

#include "protocol/message.h"

/*
 * Fills a report of PROTOCOL_STEP_KUBELET with what the end of kubelet's journal tells, and with
 * that end itself: redacted, printable and short. journalctl is the program's name. Waits for it,
 * seconds at most. 0 or -ENOMEM; free the report in either case.
 */
int kubelet_report(const char *journalctl, struct protocol_report *ret) _must_check_;
