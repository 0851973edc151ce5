/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell completion from the command table. The scripts for the shells only ask the hidden command
 * `slipway complete`, which gets the words so far and prints one candidate per line, so nothing
 * about a command is written in three shell languages.
 */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

/* What to offer for the last of the words (which may be empty). */
struct completion {
    struct buf candidates; /* "WORD\tdescription\n" each */
    enum complete dynamic; /* also names of files, folders, objects: the caller knows how */
    const char *kind;      /* COMPLETE_NAME: the kind that was typed before; borrowed */
    const char *prefix;    /* the word to be completed, behind "--option=" if so; borrowed */
};

/* Pure. words are those behind "slipway", count at least 1. */
void completion_find(const char *const *words, size_t count, struct completion *ret);
