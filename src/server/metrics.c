/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: the counters of all parts, which live where the events happen, as one text. */
#include <stdatomic.h>

#include "base/str.h"
#include "server/api.h"
#include "server/metric-text.h"
#include "server/private.h"
#include "tftp/server.h"

#define COUNTER "counter"
#define GAUGE "gauge"

static void sample1(struct buf *out, const char *name, const char *label, const char *value,
                    uint64_t number)
{
    metric_sample(out, name, &(struct metric_label){label, value}, 1, number);
}

static void write_process(const struct server *s, struct buf *out)
{
    metric_family(out, "slipway_build_info", GAUGE, "The version that runs; always 1.");
    sample1(out, "slipway_build_info", "version", SLIPWAY_VERSION, 1);
    metric_single(out, "process_start_time_seconds", GAUGE,
                  "Start of the process, in seconds since 1970.", (uint64_t)(s->started_ms / 1000));
}

static void write_machines(const struct server *s, struct buf *out)
{
    metric_family(out, "slipway_machines", GAUGE, "Machines by phase.");
    for (enum machine_phase phase = MACHINE_PHASE_UNSET; phase <= MACHINE_RELEASED; phase++)
        sample1(out, "slipway_machines", "phase",
                phase == MACHINE_PHASE_UNSET ? "none" : machine_phase_text(phase),
                machines_in_phase(s, phase));
}

static void write_networks(const struct server *s, struct buf *out)
{
    struct networks_use use;
    metric_family(out, "slipway_network_addresses", GAUGE, "Addresses in a Network's ranges.");
    for (size_t cursor = 0; networks_next_use(s, &cursor, &use);)
        sample1(out, "slipway_network_addresses", "network", use.name, use.size);
    metric_family(out, "slipway_network_leases", GAUGE,
                  "Addresses of a Network's ranges that are leased, offered or set aside.");
    for (size_t cursor = 0; networks_next_use(s, &cursor, &use);)
        sample1(out, "slipway_network_leases", "network", use.name, use.taken);
}

static void write_dhcp_messages(const struct dhcp_server_counters *c, struct buf *out)
{
    static const char name[] = "slipway_dhcp_messages_total";
    metric_family(out, name, COUNTER, "DHCP requests by type and outcome.");
    for (enum dhcp_type type = DHCP_NO_TYPE; type <= DHCP_INFORM; type++) {
        const char *text = dhcp_type_text(type);
        if (type == DHCP_OFFER || type == DHCP_ACK || type == DHCP_NAK)
            continue; /* servers' */
        metric_sample(out, name, (struct metric_label[]){{"type", text}, {"outcome", "answered"}},
                      2, c->answered_by_type[type]);
        metric_sample(out, name, (struct metric_label[]){{"type", text}, {"outcome", "dropped"}}, 2,
                      c->dropped_by_type[type]);
    }
}

static void write_dhcp(const struct server *s, struct buf *out)
{
    if (!s->dhcp)
        return;
    const struct dhcp_server_counters *c = dhcp_server_counters(s->dhcp);
    write_dhcp_messages(c, out);
    metric_family(out, "slipway_dhcp_drops_total", COUNTER,
                  "DHCP requests without answer, by why.");
    for (enum dhcp_drop drop = DHCP_DROP_NONE + 1; drop <= DHCP_DROP_TOO_BIG; drop++)
        sample1(out, "slipway_dhcp_drops_total", "reason", dhcp_drop_name(drop), c->by_drop[drop]);
    metric_single(out, "slipway_dhcp_datagrams_total", COUNTER, "Datagrams received.", c->received);
    metric_single(out, "slipway_dhcp_malformed_total", COUNTER, "Datagrams that are not DHCP.",
                  c->malformed);
    metric_single(out, "slipway_dhcp_send_errors_total", COUNTER, "Answers that could not be sent.",
                  c->send_errors);
    metric_single(out, "slipway_dhcp_conflicts_total", COUNTER,
                  "Addresses that were in use on the wire.", c->conflicts);
    metric_single(out, "slipway_dhcp_acks_waiting", GAUGE, "ACKs that wait for the disk.",
                  c->acks_held);
    metric_single(out, "slipway_dhcp_acks_lost_total", COUNTER,
                  "ACKs not sent, because their leases could not be stored in time.",
                  c->acks_expired);
}

static void write_tftp(const struct server *s, struct buf *out)
{
    static const char name[] = "slipway_tftp_transfers_total";
    struct tftp_counters c;
    if (!s->tftp)
        return;
    tftp_server_counters(s->tftp, &c);
    metric_family(out, name, COUNTER, "TFTP transfers by how they ended.");
    sample1(out, name, "outcome", "completed", c.completed);
    sample1(out, name, "outcome", "probed", c.probed);
    sample1(out, name, "outcome", "failed", c.failed);
    sample1(out, name, "outcome", "refused", c.refused);
    metric_single(out, "slipway_tftp_bytes_total", COUNTER, "Bytes of files that clients have.",
                  c.bytes);
    metric_single(out, "slipway_tftp_transfers_running", GAUGE, "TFTP transfers under way.",
                  c.running);
    metric_single(out, "slipway_tftp_malformed_total", COUNTER, "Datagrams that are not TFTP.",
                  c.malformed);
    metric_single(out, "slipway_tftp_limited_total", COUNTER,
                  "Requests left unanswered because of a limit.", c.dropped);
}

static void write_http(const struct server *s, struct buf *out)
{
    static const char name[] = "slipway_http_requests_total";
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_counters c;
    http_server_counters(s->http, &c);
    metric_family(out, name, COUNTER, "HTTP requests by the class of their status.");
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        sample1(out, name, "status", classes[i], c.status[i]);
    metric_single(out, "slipway_http_bytes_total", COUNTER, "Bytes of complete HTTP answers.",
                  c.bytes);
    metric_single(out, "slipway_http_connections", GAUGE, "HTTP connections that are open.",
                  c.open);
    metric_single(out, "slipway_http_refused_total", COUNTER,
                  "HTTP connections closed because of a limit.", c.refused);
    metric_single(out, "slipway_http_timeouts_total", COUNTER,
                  "HTTP connections cut because they were too slow.", c.timeouts);
    metric_single(out, "slipway_image_requests_total", COUNTER,
                  "Requests for image data that were served, of one or several chunks.",
                  atomic_load(&s->image_data.requests));
    metric_single(out, "slipway_image_bytes_total", COUNTER, "Bytes of image data served.",
                  atomic_load(&s->image_data.bytes));
}

static void write_store(const struct server *s, struct buf *out)
{
    struct store_counters c;
    struct api_counters api;
    store_get_counters(s->store, &c);
    api_get_counters(s->api, &api);
    metric_single(out, "slipway_store_commits_total", COUNTER,
                  "Transactions that reached the disk.", c.commits);
    metric_single(out, "slipway_store_commit_errors_total", COUNTER,
                  "Transactions that did not reach the disk.", c.failed);
    metric_single(out, "slipway_api_watches", GAUGE, "Watches that are open.", api.watches);
}

void server_metrics(void *data, struct buf *out)
{
    const struct server *s = data;
    write_process(s, out);
    write_machines(s, out);
    write_networks(s, out);
    write_dhcp(s, out);
    write_tftp(s, out);
    write_http(s, out);
    write_store(s, out);
}
