/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a Machine's specification to the plans that stage2 carries out: plain values to plain
 * values.
 */
#pragma once

#include "protocol/message.h"
#include "resource/image.h"
#include "resource/machine.h"
#include "server/image-facts.h"

/*
 * Fills everything but the sealed seed: names, digest, generation, disk rule, and the kernel
 * arguments, the Image's first, so that the Machine's win where the kernel takes the last one.
 * image may be NULL. 0 or -ENOMEM; the caller frees what *plan owns in either case.
 */
int install_plan_fill(const struct machine_spec *effective, const struct image_spec *image,
                      const struct image_facts *facts, struct protocol_plan *plan) _must_check_;

/*
 * The plan for the open release of a Machine. 0 or -ENOMEM; the caller frees what *wipe owns in
 * either case.
 */
int wipe_plan_fill(const struct machine *machine, const struct machine_spec *effective,
                   struct protocol_wipe *wipe) _must_check_;
