/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML file that describes an image for `slipway image build`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resource/arena.h"
#include "resource/field.h"
#include "resource/problem.h"

struct image_description_file {
    const char *path;
    const char *mode;    /* "0644" */
    const char *content; /* either this */
    const char *source;  /* or a file, relative to the description's folder */
};

/* What runs containers; containerd is all there is so far. */
enum image_runtime { IMAGE_RUNTIME_UNSET, IMAGE_RUNTIME_CONTAINERD };

struct image_description_kubernetes {
    const char *version;  /* NULL: the image is no Kubernetes node */
    const char *binaries; /* one of these three; paths are relative to the description's folder */
    const char *release;
    const char *repository;
    const char *key; /* with repository */
    const char *const *images;
    size_t n_images;
    enum image_runtime runtime;
    const char *cni_plugins; /* "package" or a folder */
};

struct image_description {
    const char *name;
    const char *description;
    const char *suite;
    const char *architecture;
    const char *variant;
    const char *const *packages;
    size_t n_packages;
    const char *const *components;
    size_t n_components;
    const char *const *mirrors;
    size_t n_mirrors;
    const char *kernel;
    const char *kernel_arguments;
    const char *hostname;
    const char *locale;
    bool documentation;
    uint64_t size;
    bool slipway_node;
    bool cloud_init;
    struct image_description_kubernetes kubernetes;
    const struct image_description_file *files;
    size_t n_files;
    const char *const *commands;
    size_t n_commands;
};

/* One table gives parsing, checking, and the reference page. */
extern const struct field image_description_fields[];

/*
 * Reads and checks a description; everything wrong is added to problems, with line and path. What
 * *ret points to lives in the arena. 0, -EINVAL (there are problems), -ENOMEM, or the error of
 * reading the file (then err says so).
 */
int image_description_read(const char *path, struct arena *arena, struct image_description *ret,
                           struct problems *problems, struct err *err) _must_check_;
