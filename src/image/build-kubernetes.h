/* SPDX-License-Identifier: Apache-2.0 */
/* What a build puts into an image that is to be a Kubernetes node, and where it comes from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Exactly one of binaries, release and repository is not NULL. */
struct image_kubernetes {
    const char *version;    /* "v1.20.2" (image_kubernetes_version_valid()): what is expected */
    const char *binaries;   /* folder with kubeadm, kubelet and kubectl */
    const char *release;    /* a release's node or server tarball for linux-amd64, or its folder */
    const char *repository; /* sources.list line of an archive like pkgs.k8s.io's */
    const char *key;        /* with repository: the file of its key, ASCII-armored */
    const char *const *images; /* archives and folders of them; NULL-terminated, or NULL */
    const char *cni_plugins;   /* folder with them; NULL: those of Debian's package */
    bool podnet;               /* the files hold slipway-podnet: install its libraries */
};

enum { IMAGE_KUBERNETES_BINARIES = 3, IMAGE_KUBERNETES_PACKAGES = 24 };

/* What a build in progress holds of it. Descriptors are for children to inherit. */
struct image_kubernetes_files {
    int binaries[IMAGE_KUBERNETES_BINARIES]; /* kubeadm, kubelet, kubectl; -1: from packages */
    int *images;
    size_t image_count;
    char *packages[IMAGE_KUBERNETES_PACKAGES + 1]; /* to install; NULL-terminated */
    char *sources; /* path of a file for apt's sources.list.d; NULL: none */
};
#define IMAGE_KUBERNETES_FILES_INIT ((struct image_kubernetes_files){.binaries = {-1, -1, -1}})

void image_kubernetes_close(struct image_kubernetes_files *files);

/*
 * Finds and opens everything; work is a folder for what has to be unpacked. *files is to be closed
 * whatever the result. 0; -ENOENT when something is not where it should be, -EINVAL when it is not
 * what it should be; or another negative errno.
 */
int image_kubernetes_open(const struct image_kubernetes *k, const char *work,
                          struct image_kubernetes_files *files, struct err *err) _must_check_;

/*
 * The pure part of `repository`: a sources.list line and the text of its key as one stanza in the
 * format of deb822(5). The brackets may hold arch= only. 0, -EINVAL or -ENOMEM.
 */
int image_kubernetes_sources(const char *line, const char *key, struct buf *ret, struct err *err)
    _must_check_;
