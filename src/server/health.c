/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the server does its work. After a write that failed, small probes go on until one
 * reaches the disk: without them nobody would notice that there is room again.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/str.h"
#include "server/notify.h"
#include "server/private.h"

enum { PROBE_MS = 5000 };

struct health {
    struct server *server;
    uv_timer_t timer;
    bool troubled; /* as was told last */
};

/* ---- can it store? ---- */

static void tell(struct health *health, const struct err *trouble)
{
    bool troubled = trouble != NULL;
    if (troubled == health->troubled)
        return;
    health->troubled = troubled;
    if (troubled)
        log_error("nothing can be stored, so no leases are given and no changes taken: %s",
                  err_text(trouble));
    else
        log_info("storing works again");
    (void)notify_service_manager(troubled ? "STATUS=nothing can be stored" : "STATUS=serving");
}

static void probe_done(void *data, int rc, json_t *object, const struct err *err)
{
    const struct server *server = data;
    (void)rc, (void)object, (void)err;
    if (server->health)
        tell(server->health, store_trouble(server->store));
}

static void probe(struct health *health)
{
    static const char key[] = "probe";
    char value[24];
    int n = snprintf(value, sizeof(value), "%" PRId64, clock_wall(health->server->clock));
    (void)!store_record_put(health->server->store, "health", key, sizeof(key) - 1, value, (size_t)n,
                            probe_done, health->server);
}

static void on_timer(uv_timer_t *timer)
{
    struct health *health = timer->data;
    const struct err *trouble = store_trouble(health->server->store);
    tell(health, trouble);
    if (trouble)
        probe(health);
}

/* ---- /readyz ---- */

/* One line; why is NULL or "" when the check passed. */
static bool check(const char *name, const char *why, bool reasons, struct buf *out)
{
    bool ok = str_empty(why);
    if (ok)
        buf_printf(out, "[+]%s ok\n", name);
    else
        buf_printf(out, "[-]%s failed: %s\n", name, reasons ? why : "reason withheld");
    return ok;
}

bool server_ready(void *data, bool reasons, struct buf *out)
{
    const struct server *s = data;
    const struct err *trouble = store_trouble(s->store);
    bool ok = check("store", trouble ? err_text(trouble) : NULL, reasons, out);
    ok &= check("images", images_scanned(s) ? NULL : "files are being looked at", reasons, out);
    if (s->dhcp)
        ok &= check("dhcp", networks_problem(s), reasons, out);
    return ok;
}

/* ---- life ---- */

int health_new(struct server *server, struct err *err)
{
    struct health *health = calloc(1, sizeof(*health));
    if (!health)
        return err_set(err, -ENOMEM, "out of memory");
    health->server = server;
    (void)uv_timer_init(&server->loop, &health->timer);
    health->timer.data = health;
    (void)uv_timer_start(&health->timer, on_timer, PROBE_MS, PROBE_MS);
    server->health = health;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void health_free(struct server *server)
{
    struct health *health = server->health;
    if (!health)
        return;
    server->health = NULL;
    uv_close((uv_handle_t *)&health->timer, on_timer_closed);
}
