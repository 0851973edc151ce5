/* SPDX-License-Identifier: Apache-2.0 */
/* What the DHCP server did, told to people: log lines and timelines. */
#include "base/log.h"
#include "server/private.h"

/* Silence is routine where another server or nobody was asked; else somebody wonders why. */
static enum log_level drop_level(enum dhcp_drop drop)
{
    switch (drop) {
    case DHCP_DROP_NO_NETWORK:
    case DHCP_DROP_UNKNOWN:
        return LOG_LEVEL_INFO;
    case DHCP_DROP_AMBIGUOUS:
    case DHCP_DROP_REFUSED:
    case DHCP_DROP_NO_ADDRESS:
    case DHCP_DROP_STRANGERS:
    case DHCP_DROP_ADDRESS_IN_USE:
    case DHCP_DROP_QUARANTINED:
    case DHCP_DROP_TOO_BIG:
        return LOG_LEVEL_WARN;
    default:
        return LOG_LEVEL_DEBUG;
    }
}

static enum log_level level_of(const struct dhcp_event *event)
{
    switch (event->kind) {
    case DHCP_EVENT_DROPPED:
        return drop_level(event->drop);
    case DHCP_EVENT_ANSWERED:
        return LOG_LEVEL_INFO;
    case DHCP_EVENT_INTERFACE:
        return event->error ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    case DHCP_EVENT_CONFLICT:
    case DHCP_EVENT_OTHER_SERVER:
    case DHCP_EVENT_SEND_FAILED:
        break;
    }
    return LOG_LEVEL_WARN;
}

static void write_line(struct server *s, const struct dhcp_event *event)
{
    unsigned left_out;
    enum log_level level = level_of(event);
    if (level > log_get_level())
        return;
    bool allowed = log_limit_allows(&s->dhcp_lines, clock_now(s->clock), &left_out);
    if (left_out)
        log_warn("dhcp: %u lines were left out, too many packets came", left_out);
    if (allowed)
        log_at(level, "dhcp: %s", event->text);
}

void dhcp_events_note(void *data, const struct dhcp_event *event)
{
    struct server *s = data;
    write_line(s, event);
    bool boots = event->firmware && event->firmware->kind != DHCP_CLIENT_PLAIN;
    if (event->host[0] && (boots || event->kind != DHCP_EVENT_ANSWERED))
        timelines_note(s, event->host, "DHCP", event->text);
}
