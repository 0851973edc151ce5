/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for: its path and query as plain values. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "resource/kind.h"
#include "server/api-selector.h"

enum api_path_type {
    API_PATH_NONE,     /* nothing of the API is there */
    API_PATH_CORE,     /* /api */
    API_PATH_GROUPS,   /* /apis */
    API_PATH_GROUP,    /* /apis/GROUP */
    API_PATH_VERSION,  /* /api/v1 and /apis/GROUP/VERSION */
    API_PATH_RESOURCE, /* a kind below it, with or without a name */
};

#define API_NAME_SIZE 254
#define API_SEGMENT_SIZE 64

struct api_path {
    enum api_path_type type;
    char group[API_SEGMENT_SIZE]; /* "" for the core group */
    const struct kind *kind;
    char namespace[API_SEGMENT_SIZE];   /* "": all of them, or the kind has none */
    char name[API_NAME_SIZE];           /* "": the whole collection */
    char subresource[API_SEGMENT_SIZE]; /* "status" or "" */
};

/* Reads a decoded path. API_PATH_NONE for what does not exist, also an unknown kind or version. */
struct api_path api_path_parse(const char *path);

enum api_field_validation { API_FIELDS_WARN, API_FIELDS_STRICT, API_FIELDS_IGNORE };

#define API_MANAGER_SIZE 129
#define API_LIMIT_MAX 100000

/* The query parameters of resource requests. */
struct api_options {
    struct api_selector *labels; /* NULL: none */
    struct api_selector *fields;
    uint64_t resource_version; /* meaningful with has_resource_version */
    bool has_resource_version;
    bool exact_version;         /* resourceVersionMatch=Exact */
    size_t limit;               /* 0: none */
    char after[API_NAME_SIZE];  /* from continue: only names behind this one */
    uint64_t continued_version; /* resourceVersion of the list's first piece; 0: this is it */
    bool watch;
    bool bookmarks;
    bool send_initial_events;
    unsigned timeout_seconds; /* 0: the server's choice */
    bool dry_run;
    bool force;
    char manager[API_MANAGER_SIZE]; /* fieldManager; "": not given */
    enum api_field_validation field_validation;
    enum { API_INCLUDE_METADATA, API_INCLUDE_NONE, API_INCLUDE_OBJECT } include_object;
};

/*
 * Reads the options; get returns a parameter's decoded value or NULL. -EINVAL with err naming the
 * parameter; -ENOMEM. api_options_clear() releases what is in it, also after a failure.
 */
int api_options_parse(const char *(*get)(const void *data, const char *name), const void *data,
                      struct api_options *ret, struct err *err) _must_check_;
void api_options_clear(struct api_options *options);

/* The continue parameter for the piece behind `after`; malloc'd, NULL when out of memory. */
char *api_continue_token(uint64_t version, const char *after);

/* "kubectl" of "kubectl/v1.32.4 (linux/amd64) ...": who changes fields when fieldManager is absent.
 */
void api_manager_of_agent(const char *user_agent, char ret[static API_MANAGER_SIZE]);
