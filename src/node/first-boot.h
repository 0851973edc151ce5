/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the installed system what its seed says, once for each installation: applies every step,
 * keeps identity and provision under NODE_STATE_DIR, records that it is done, and then wipes what
 * was secret from the seed. A power cut anywhere in between makes the next boot start again.
 */
#pragma once

#include "node/node.h"
#include "node/seed-source.h"

enum first_boot_result {
    FIRST_BOOT_DONE,    /* configured now */
    FIRST_BOOT_BEFORE,  /* was configured before by this installation */
    FIRST_BOOT_NO_SEED, /* the seed is for somebody else, or none */
};

/*
 * 0 and *ret, or a negative errno when a step failed (each was logged and recorded, the others were
 * applied) or the seed cannot be used. force: also when it was done before.
 */
int first_boot(const struct node *node, struct seed_source *source, bool force,
               enum first_boot_result *ret, struct err *err) _must_check_;
