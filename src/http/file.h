/* SPDX-License-Identifier: Apache-2.0 */
/* What a GET or HEAD for a file below a folder is answered with. */
#pragma once

#include "base/cleanup.h"
#include "http/select.h"

/* The media type by a name's ending; "application/octet-stream" when unknown. */
const char *http_media_type(const char *name);

struct http_file_answer {
    struct http_selection selection; /* its status may also be 403, 404 or 503 */
    int fd;                          /* owned; -1 when there is nothing to send */
    const char *type;                /* media type; NULL when there is no content */
    char etag[64];                   /* "" on 403, 404, 503; so is last_modified */
    char last_modified[HTTP_DATE_SIZE];
    char content_range[80]; /* "" unless 206 or 416 */
};

/* Decides on and opens the file for a GET or HEAD. The caller closes ret->fd. */
void http_file_prepare(int root, const char *name, const struct http_conditions *conditions,
                       struct http_file_answer *ret);
