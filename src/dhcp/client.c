/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/client.h"

#include <stdio.h>

#include "base/str.h"
#include "dhcp/client-lease.h"

enum {
    RETRY_FIRST_MS = 1000, /* the RFC begins with four seconds; a boot should not wait that long */
    RETRY_MAX_MS = 64000,
    REQUEST_ATTEMPTS = 4,
    REBOOT_ATTEMPTS = 3,
    RENEW_MIN_MS = 60000,
    CONFLICT_PAUSE_MS = 10000,
    MAX_SIZE = 1500,
};

static const uint8_t parameters[] = {
    DHCP_OPTION_SUBNET_MASK,  DHCP_OPTION_ROUTER,         DHCP_OPTION_DNS,
    DHCP_OPTION_HOSTNAME,     DHCP_OPTION_DOMAIN,         DHCP_OPTION_MTU,
    DHCP_OPTION_NTP,          DHCP_OPTION_LEASE_TIME,     DHCP_OPTION_SERVER_ID,
    DHCP_OPTION_RENEWAL_TIME, DHCP_OPTION_REBINDING_TIME, DHCP_OPTION_CLASSLESS_ROUTES,
};

const char *dhcp_client_state_text(enum dhcp_client_state state)
{
    static const char *const texts[] = {"init",       "selecting", "init-reboot",
                                        "requesting", "probing",   "bound",
                                        "renewing",   "rebinding", "stopped"};
    return texts[state];
}

static void new_transaction(struct dhcp_client *c, int64_t now)
{
    rng_fill(c->config.rng, &c->xid, sizeof(c->xid));
    c->started = now;
    c->attempt = 0;
}

/* Starts over with a DISCOVER after `pause`. */
static void restart(struct dhcp_client *c, int64_t now, int64_t pause)
{
    c->state = DHCP_STATE_INIT;
    c->requested = c->server = 0;
    c->deadline = now + pause;
}

void dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_config *config,
                      int64_t now)
{
    *client = (struct dhcp_client){.config = *config};
    restart(client, now, 0);
    if (config->last_address) {
        new_transaction(client, now);
        client->state = DHCP_STATE_INIT_REBOOT;
        client->requested = config->last_address;
    }
}

/* Doubles from one second up, a quarter of it random, so that a rack does not speak in chorus. */
static int64_t retry_pause(const struct dhcp_client *c)
{
    int64_t pause = RETRY_MAX_MS;
    if (c->attempt < 6)
        pause = (int64_t)RETRY_FIRST_MS << c->attempt;
    uint32_t quarter = (uint32_t)pause / 4;
    return pause - quarter / 2 + rng_below(c->config.rng, quarter + 1);
}

/* What every message carries. All of it fits: the sizes are fixed. */
static int begin(const struct dhcp_client *c, enum dhcp_type type, int64_t now,
                 struct dhcp_message *m)
{
    uint8_t id[7] = {1}, uuid[17] = {0}, class[] = "\007slipway";
    int64_t secs = (now - c->started) / 1000;
    *m = (struct dhcp_message){.op = DHCP_OP_REQUEST, .htype = 1, .hlen = 6, .xid = c->xid};
    m->secs = (uint16_t)(secs < UINT16_MAX ? secs : UINT16_MAX);
    memcpy(m->chaddr, c->config.mac.b, sizeof(c->config.mac.b));
    memcpy(id + 1, c->config.mac.b, sizeof(c->config.mac.b));
    memcpy(uuid + 1, c->config.uuid, sizeof(c->config.uuid));
    struct dhcp_options *o = &m->options;
    int r = dhcp_options_add_u8(o, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type);
    r |= dhcp_options_add(o, DHCP_OPTION_CLIENT_ID, id, sizeof(id));
    if (c->config.has_uuid)
        r |= dhcp_options_add(o, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    if (type == DHCP_DECLINE || type == DHCP_RELEASE) /* RFC 2131 table 5: nothing else */
        return r;
    r |= dhcp_options_add(o, DHCP_OPTION_PARAMETERS, parameters, sizeof(parameters));
    r |= dhcp_options_add_u16(o, DHCP_OPTION_MAX_SIZE, MAX_SIZE);
    r |= dhcp_options_add_text(o, DHCP_OPTION_VENDOR_CLASS, "slipway");
    r |= dhcp_options_add(o, DHCP_OPTION_USER_CLASS, class, sizeof(class) - 1);
    if (!str_empty(c->config.hostname))
        r |= dhcp_options_add_text(o, DHCP_OPTION_HOSTNAME, c->config.hostname);
    return r;
}

static void finish(struct dhcp_client_output *out, int r)
{
    out->send = r == 0;
    if (!out->dest)
        out->dest = UINT32_MAX;
}

static void send_discover(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    finish(out, begin(c, DHCP_DISCOVER, now, &out->message));
}

/* SELECTING and INIT-REBOOT name the address in option 50, and only the former the server. */
static void send_request(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    struct dhcp_options *o = &out->message.options;
    int r = begin(c, DHCP_REQUEST, now, &out->message);
    r |= dhcp_options_add_u32(o, DHCP_OPTION_REQUESTED_ADDRESS, c->requested);
    if (c->state == DHCP_STATE_REQUESTING)
        r |= dhcp_options_add_u32(o, DHCP_OPTION_SERVER_ID, c->server);
    finish(out, r);
}

/* RENEWING goes to the server, REBINDING to whoever hears it. */
static void send_renewal(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    int r = begin(c, DHCP_REQUEST, now, &out->message);
    out->message.ciaddr = out->source = c->lease.address.address;
    if (c->state == DHCP_STATE_RENEWING)
        out->dest = c->lease.server;
    finish(out, r);
}

static void step_init(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    if (c->state == DHCP_STATE_INIT) {
        new_transaction(c, now);
        c->state = DHCP_STATE_SELECTING;
    }
    send_discover(c, now, out);
    c->deadline = now + retry_pause(c);
    c->attempt++;
}

static void step_requesting(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    unsigned most = c->state == DHCP_STATE_REQUESTING ? REQUEST_ATTEMPTS : REBOOT_ATTEMPTS;
    if (c->attempt >= most) {
        (void)snprintf(c->why, sizeof(c->why), "no answer to REQUEST");
        restart(c, now, 0);
        step_init(c, now, out);
        return;
    }
    send_request(c, now, out);
    c->deadline = now + retry_pause(c);
    c->attempt++;
}

/* RFC 2131 section 4.4.5: after half of the time that is left, but not within a minute. */
static int64_t next_renewal(int64_t now, int64_t end)
{
    int64_t left = end - now;
    return left / 2 >= RENEW_MIN_MS ? now + left / 2 : end;
}

static void step_bound(struct dhcp_client *c, int64_t now, struct dhcp_client_output *out)
{
    if (now >= c->lease.expires_at) {
        (void)snprintf(c->why, sizeof(c->why), "the lease expired");
        c->bound = false;
        out->event = DHCP_CLIENT_LOST;
        restart(c, now, 0);
        step_init(c, now, out);
        return;
    }
    if (c->state == DHCP_STATE_BOUND)
        new_transaction(c, now);
    c->state = now >= c->lease.rebind_at ? DHCP_STATE_REBINDING : DHCP_STATE_RENEWING;
    int64_t end = c->state == DHCP_STATE_RENEWING ? c->lease.rebind_at : c->lease.expires_at;
    send_renewal(c, now, out);
    c->deadline = next_renewal(now, end);
}

void dhcp_client_step(struct dhcp_client *c, int64_t now, struct dhcp_client_output *ret)
{
    *ret = (struct dhcp_client_output){0};
    if (now < c->deadline)
        return;
    switch (c->state) {
    case DHCP_STATE_INIT:
    case DHCP_STATE_SELECTING:
        step_init(c, now, ret);
        break;
    case DHCP_STATE_INIT_REBOOT:
    case DHCP_STATE_REQUESTING:
        step_requesting(c, now, ret);
        break;
    case DHCP_STATE_BOUND:
    case DHCP_STATE_RENEWING:
    case DHCP_STATE_REBINDING:
        step_bound(c, now, ret);
        break;
    case DHCP_STATE_PROBING:
    case DHCP_STATE_STOPPED:
        break;
    }
}

static bool is_for_us(const struct dhcp_client *c, const struct dhcp_message *m)
{
    return m->op == DHCP_OP_REPLY && m->xid == c->xid && mac_eq(dhcp_message_mac(m), c->config.mac);
}

static void on_offer(struct dhcp_client *c, const struct dhcp_message *m, int64_t now,
                     struct dhcp_client_output *out)
{
    struct dhcp_client_lease offer;
    if (c->state != DHCP_STATE_SELECTING || dhcp_client_lease_read(m, now, &offer) < 0)
        return;
    c->state = DHCP_STATE_REQUESTING;
    c->requested = offer.address.address;
    c->server = offer.server;
    c->attempt = 0;
    step_requesting(c, now, out);
}

static void use_lease(struct dhcp_client *c, const struct dhcp_client_lease *lease,
                      enum dhcp_client_event event, struct dhcp_client_output *out)
{
    c->lease = *lease;
    c->state = DHCP_STATE_BOUND;
    c->deadline = lease->renew_at;
    c->bound = true;
    c->conflicts = 0;
    c->why[0] = '\0';
    out->event = event;
}

/* The same settings but for the times? */
static bool is_same(const struct dhcp_client_lease *a, const struct dhcp_client_lease *b)
{
    bool same = a->address.address == b->address.address &&
                a->address.prefix == b->address.prefix && a->router == b->router &&
                a->mtu == b->mtu && a->dns_count == b->dns_count && a->ntp_count == b->ntp_count &&
                a->route_count == b->route_count;
    for (size_t i = 0; same && i < a->dns_count; i++)
        same = a->dns[i] == b->dns[i];
    for (size_t i = 0; same && i < a->ntp_count; i++)
        same = a->ntp[i] == b->ntp[i];
    for (size_t i = 0; same && i < a->route_count; i++)
        same = a->routes[i].gateway == b->routes[i].gateway &&
               a->routes[i].dest.address == b->routes[i].dest.address &&
               a->routes[i].dest.prefix == b->routes[i].dest.prefix;
    return same && str_eq(a->hostname, b->hostname) && str_eq(a->domain, b->domain);
}

/* Is this the server that was asked? In INIT-REBOOT and REBINDING any may answer. */
static bool is_expected_server(const struct dhcp_client *c, ipv4 server)
{
    if (c->state == DHCP_STATE_REQUESTING)
        return server == c->server;
    return c->state != DHCP_STATE_RENEWING || server == c->lease.server;
}

static void on_ack(struct dhcp_client *c, const struct dhcp_message *m, int64_t now,
                   struct dhcp_client_output *out)
{
    struct dhcp_client_lease lease;
    bool asked = c->state == DHCP_STATE_REQUESTING || c->state == DHCP_STATE_INIT_REBOOT;
    bool renewing = c->state == DHCP_STATE_RENEWING || c->state == DHCP_STATE_REBINDING;
    if ((!asked && !renewing) || dhcp_client_lease_read(m, now, &lease) < 0 ||
        !is_expected_server(c, lease.server))
        return;
    if (renewing) {
        bool same = is_same(&lease, &c->lease);
        use_lease(c, &lease, same ? DHCP_CLIENT_RENEWED : DHCP_CLIENT_BOUND, out);
        return;
    }
    if (lease.address.address != c->requested)
        return;
    if (!c->config.probe) {
        use_lease(c, &lease, DHCP_CLIENT_BOUND, out);
        return;
    }
    c->pending = lease;
    c->state = DHCP_STATE_PROBING;
    c->deadline = INT64_MAX;
    out->probe = true;
}

static void on_nak(struct dhcp_client *c, const struct dhcp_message *m, int64_t now,
                   struct dhcp_client_output *out)
{
    ipv4 server = dhcp_options_ipv4(&m->options, DHCP_OPTION_SERVER_ID);
    if (c->state != DHCP_STATE_REQUESTING && c->state != DHCP_STATE_INIT_REBOOT &&
        c->state != DHCP_STATE_RENEWING && c->state != DHCP_STATE_REBINDING)
        return;
    if (!server || !is_expected_server(c, server))
        return;
    char text[64], quoted[64];
    size_t len = dhcp_options_text(&m->options, DHCP_OPTION_MESSAGE, text, sizeof(text));
    for (size_t i = 0; i <= len; i++)
        quoted[i] = (char)(text[i] == 0 || (text[i] >= 0x20 && text[i] < 0x7f) ? text[i] : '?');
    (void)snprintf(c->why, sizeof(c->why), "NAK: %s", len ? quoted : "no reason given");
    if (c->bound)
        out->event = DHCP_CLIENT_LOST;
    c->bound = false;
    /* a server that offers and refuses must not be asked without pause */
    restart(c, now, c->state == DHCP_STATE_REQUESTING ? RETRY_FIRST_MS : 0);
}

void dhcp_client_receive(struct dhcp_client *c, const struct dhcp_message *m, int64_t now,
                         struct dhcp_client_output *ret)
{
    *ret = (struct dhcp_client_output){0};
    if (!is_for_us(c, m))
        return;
    switch (dhcp_message_type(m)) {
    case DHCP_OFFER:
        on_offer(c, m, now, ret);
        break;
    case DHCP_ACK:
        on_ack(c, m, now, ret);
        break;
    case DHCP_NAK:
        on_nak(c, m, now, ret);
        break;
    default:
        break;
    }
}

void dhcp_client_probed(struct dhcp_client *c, bool conflict, int64_t now,
                        struct dhcp_client_output *ret)
{
    *ret = (struct dhcp_client_output){0};
    if (c->state != DHCP_STATE_PROBING)
        return;
    if (!conflict) {
        use_lease(c, &c->pending, DHCP_CLIENT_BOUND, ret);
        return;
    }
    char text[IPV4_TEXT_SIZE];
    ipv4 address = c->pending.address.address;
    (void)snprintf(c->why, sizeof(c->why), "%s is in use by another host",
                   ipv4_text(address, text));
    int r = begin(c, DHCP_DECLINE, now, &ret->message);
    r |= dhcp_options_add_u32(&ret->message.options, DHCP_OPTION_REQUESTED_ADDRESS, address);
    r |= dhcp_options_add_u32(&ret->message.options, DHCP_OPTION_SERVER_ID, c->pending.server);
    finish(ret, r);
    ret->event = DHCP_CLIENT_CONFLICT;
    /* the first time another address is likely to come at once; then as slowly as the RFC wants */
    restart(c, now, c->conflicts++ ? CONFLICT_PAUSE_MS : RETRY_FIRST_MS);
}

void dhcp_client_stop(struct dhcp_client *c, int64_t now, struct dhcp_client_output *ret)
{
    *ret = (struct dhcp_client_output){0};
    if (c->bound) {
        int r = begin(c, DHCP_RELEASE, now, &ret->message);
        r |= dhcp_options_add_u32(&ret->message.options, DHCP_OPTION_SERVER_ID, c->lease.server);
        ret->message.ciaddr = ret->source = c->lease.address.address;
        ret->dest = c->lease.server;
        finish(ret, r);
    }
    c->bound = false;
    c->state = DHCP_STATE_STOPPED;
    c->deadline = INT64_MAX;
}
