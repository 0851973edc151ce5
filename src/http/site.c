/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "base/str.h"
#include "http/private.h"

static int route_init(struct http_site_route *to, const struct http_route *from, struct err *err)
{
    to->root = -1;
    if (!from->path || from->path[0] != '/' || !from->folder == !from->handler)
        return err_set(err, -EINVAL, "route needs a path and either a folder or a handler");
    to->path = strdup(from->path);
    if (!to->path)
        return err_set(err, -ENOMEM, "out of memory");
    to->length = strlen(to->path);
    to->prefix = to->path[to->length - 1] == '/';
    to->handler = from->handler;
    to->data = from->data;
    to->body_max = from->body_max;
    if (!from->folder)
        return 0;
    if (!to->prefix)
        return err_set(err, -EINVAL, "route %s of a folder must end in '/'", to->path);
    to->root = open(from->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (to->root < 0)
        return err_errno(err, -errno, "%s", from->folder);
    return 0;
}

static int longer_first(const void *a, const void *b)
{
    const struct http_site_route *x = a, *y = b;
    return (x->length < y->length) - (x->length > y->length);
}

int http_site_new(struct http_server *server, const struct http_route *routes, size_t count,
                  struct http_site **ret, struct err *err)
{
    struct http_site *site = calloc(1, sizeof(*site) + count * sizeof(site->routes[0]));
    if (!site)
        return err_set(err, -ENOMEM, "out of memory");
    list_init(&site->item);
    for (size_t i = 0; i < count; i++) {
        site->count = i + 1;
        int r = route_init(&site->routes[i], &routes[i], err);
        if (r < 0) {
            http_site_free(site);
            return r;
        }
        site->has_files |= site->routes[i].root >= 0;
    }
    qsort(site->routes, count, sizeof(site->routes[0]), longer_first);
    list_append(&server->sites, &site->item);
    *ret = site;
    return 0;
}

void http_site_free(struct http_site *site)
{
    for (size_t i = 0; i < site->count; i++) {
        free(site->routes[i].path);
        if (site->routes[i].root >= 0)
            (void)close(site->routes[i].root);
    }
    list_remove(&site->item);
    free(site);
}

const struct http_site_route *http_site_match(const struct http_site *site, const char *path)
{
    for (size_t i = 0; i < site->count; i++) {
        const struct http_site_route *r = &site->routes[i];
        if (strncmp(path, r->path, r->length) == 0 && (r->prefix || !path[r->length]))
            return r;
    }
    return NULL;
}
