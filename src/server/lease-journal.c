/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP leases as records in the store: written before their ACK leaves, read back at start. */
#include <string.h>

#include "base/log.h"
#include "server/private.h"

#define LEASE_BUCKET "leases"

/* One call of the journal hook: many records, one answer. */
struct batch {
    struct server *server;
    uint64_t id;
    size_t waiting;
    int error; /* the first */
};

static void batch_part_done(void *data, int rc, json_t *object, const struct err *err)
{
    struct batch *batch = data;
    (void)object;
    if (rc < 0 && batch->error == 0) {
        batch->error = rc;
        log_error("leases could not be saved, clients will ask again: %s", err_text(err));
    }
    if (--batch->waiting > 0)
        return;
    dhcp_server_durable(batch->server->dhcp, batch->id, batch->error);
    free(batch);
}

static int put(struct server *server, struct batch *batch, const struct dhcp_lease *lease,
               int64_t wall_offset)
{
    char line[DHCP_RECORD_TEXT_SIZE], address[IPV4_TEXT_SIZE];
    int len = dhcp_lease_print(lease, wall_offset, line, sizeof(line));
    if (len < 0)
        return len;
    (void)ipv4_text(lease->address, address);
    return store_record_put(server->store, LEASE_BUCKET, address, strlen(address), line,
                            (size_t)len, batch_part_done, batch);
}

void lease_journal_write(void *data, uint64_t id, const struct dhcp_lease *leases, size_t count,
                         int64_t wall_offset)
{
    struct server *server = data;
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch) {
        dhcp_server_durable(server->dhcp, id, -ENOMEM);
        return;
    }
    /* One more than there are records: the batch ends here even when none could be queued. */
    *batch = (struct batch){.server = server, .id = id, .waiting = 1};
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        batch->waiting++;
        r = put(server, batch, &leases[i], wall_offset);
        if (r < 0)
            batch->waiting--;
    }
    struct err err = {.code = r};
    batch_part_done(batch, r, NULL, &err);
}

struct restore {
    struct dhcp_leases *leases;
    int64_t wall_offset;
    size_t restored, unreadable;
};

static int restore_one(void *data, const void *key, size_t key_len, const void *value,
                       size_t value_len)
{
    struct restore *restore = data;
    struct dhcp_lease lease;
    char line[DHCP_RECORD_TEXT_SIZE];
    (void)key, (void)key_len;
    if (value_len >= sizeof(line)) {
        restore->unreadable++;
        return 0;
    }
    memcpy(line, value, value_len);
    line[value_len] = '\0';
    if (dhcp_lease_parse(line, restore->wall_offset, &lease) < 0) {
        restore->unreadable++;
        return 0;
    }
    restore->restored++;
    return dhcp_leases_restore(restore->leases, &lease);
}

int lease_journal_restore(struct server *server, struct err *err)
{
    struct restore restore = {
        .leases = dhcp_server_leases(server->dhcp),
        .wall_offset = clock_wall(server->clock) - clock_now(server->clock),
    };
    int r = store_record_each(server->store, LEASE_BUCKET, restore_one, &restore, err);
    if (r < 0) {
        err_wrap(err, "reading the leases");
        return r;
    }
    if (restore.unreadable)
        log_warn("%zu lease records are not readable and were left out", restore.unreadable);
    if (restore.restored)
        log_info("%zu leases restored", restore.restored);
    return 0;
}
