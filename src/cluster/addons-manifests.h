/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An add-on's manifests: from a file, a folder or an address into objects. Reads files and waits
 * for whoever fetches, so it belongs into a thread of its own where somebody else waits.
 */
#pragma once

#include "cluster/addons.h"

struct addon_source {
    const char *name;              /* the add-on's */
    bool template;                 /* whether {{ .variables }} are replaced */
    const json_t *own;             /* its variables, see addons_render() */
    const json_t *values;          /* the Cluster's */
    const _Atomic bool *cancelled; /* looked at between files; NULL: it cannot be cancelled */
    void *data;                    /* for fetch */
    /* Appends what the URL names. 0, or a negative errno with a text that names the URL. */
    int (*fetch)(void *data, const char *url, struct buf *out, struct err *err);
};

/*
 * Adds the objects of `path`: an http(s) URL, a file, or a folder of *.yaml, *.yml, *.json and
 * *.url in the order of their names. Bounded by ADDON_FILE_MAX, ADDON_TOTAL_MAX and
 * ADDON_FILES_MAX. What cannot be used is told in `problems`, one line each, and the rest is taken.
 * Contents of files are wiped from memory behind it, because they may hold passwords.
 */
void addon_manifests_read(const struct addon_source *source, const char *path,
                          struct addon_objects *objects, struct buf *problems);
