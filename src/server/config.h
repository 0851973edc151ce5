/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's configuration: a YAML file (default /etc/slipway/server.yaml, which may be missing),
 * overridden by flags. What it serves (Machines, Images, Networks, Profiles, Clusters) is not
 * configuration: those are resources in the store.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "resource/arena.h"
#include "resource/field.h"

#define CONFIG_PATH_DEFAULT "/etc/slipway/server.yaml"
#define STATE_DIR_DEFAULT "/var/lib/slipway"

enum config_log_level {
    CONFIG_LOG_UNSET,
    CONFIG_LOG_ERROR,
    CONFIG_LOG_WARN,
    CONFIG_LOG_INFO,
    CONFIG_LOG_DEBUG,
};

struct config_http {
    int64_t port; /* of the boot server, on every Network's server address */
};

struct config_api {
    ipv4 address;      /* for TLS */
    int64_t port;      /* -1: no TLS listener */
    const char *group; /* its members may use the Unix socket besides root; NULL: nobody */
};

struct config_dhcp {
    enum tristate enabled; /* default: true */
};

struct config_tftp {
    enum tristate enabled; /* default: true */
    bool single_port;      /* answer from port 69: for clients behind NAT */
};

struct config_stage2 {
    const char *const *kernel_arguments;
    size_t n_kernel_arguments;
};

struct config_deadlines {
    int64_t provisioning_seconds;
    int64_t first_boot_seconds;
    int64_t node_ready_seconds;
    int64_t attempts;
};

struct server_config {
    struct arena *arena; /* owns what was parsed */
    const char *state_dir;
    const char *boot_dir;   /* stage2 and boot programs; NULL: STATE/boot */
    const char *images_dir; /* NULL: STATE/images */
    const char *key_file;   /* encrypts Clusters' keys in the state folder; NULL: they are plain */
    enum config_log_level log_level;
    struct config_http http;
    struct config_api api;
    struct config_dhcp dhcp;
    struct config_tftp tftp;
    struct config_stage2 stage2;
    struct config_deadlines deadlines;
};

/* The fields that the file may have, for validation and for the reference page. */
extern const struct field server_config_fields[];

/*
 * Reads the file. A missing file is an empty one unless `required`. On failure err names file, line
 * and field of the first problem, and *ret is untouched. 0 or a negative errno.
 */
int server_config_load(const char *path, bool required, struct server_config *ret, struct err *err)
    _must_check_;
void server_config_free(struct server_config *config);

struct server_options;

/* Puts the flags over what the file says; the strings stay the caller's. 0 or -EINVAL. */
int server_config_override(struct server_config *config, const struct server_options *options,
                           struct err *err) _must_check_;

/* Says in the log which changes take effect only after a restart. */
void server_config_note_restart(const struct server_config *before,
                                const struct server_config *after);

enum log_level server_config_log_level(const struct server_config *config);
