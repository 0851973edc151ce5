/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get and list. A list is streamed in pieces straight from the store, so that ten thousand objects
 * never stand in memory at once. Its resourceVersion is the one at its start: changes that happen
 * while it is sent may or may not be in it, and a watch from that version shows all of them, as
 * with the pieces of a Kubernetes list.
 */
#include "base/buf.h"
#include "base/str.h"
#include "resource/print.h"
#include "server/api-internal.h"
#include "server/api-table.h"

#define PIECE_OBJECTS 64
#define PIECE_BYTES ((size_t)256 * 1024)

bool api_selects(const struct api_request *request, const json_t *object)
{
    const char *namespace = request->path.namespace, *name = request->path.name;
    if (*name && !str_eq(object_name(object), name))
        return false;
    if (*namespace && !str_eq(object_meta_text(object, "namespace"), namespace))
        return false;
    return api_labels_match(request->options.labels, object) &&
           api_fields_match(request->options.fields, object);
}

bool api_store_match(void *data, const json_t *object)
{
    return api_selects(data, object);
}

void api_get(struct api_request *request)
{
    json_auto_t *object =
        store_get(request->api->setup.store, request->path.kind, request->path.name);
    if (!object || !api_selects(request, object))
        api_fail(request, api_status_not_found(request->path.kind, request->path.name));
    else
        api_send_object(request, 200, object);
}

/* ---- list ---- */

struct listing {
    struct api_job job;
    struct api_request *request;
    struct buf piece; /* made but not yet taken by the stream */
    uint64_t version; /* of the list's start */
    char after[API_NAME_SIZE];
    size_t left; /* of the limit; meaningful with request->options.limit */
    size_t in_piece;
    bool any;  /* an item was written */
    bool more; /* the store has more */
    bool tail_written;
    int64_t now_ms;
};

static void listing_free(struct listing *l)
{
    list_remove(&l->job.item);
    buf_free(&l->piece);
    api_request_free(l->request);
    free(l);
}

static bool is_table(enum api_form form)
{
    return form == API_FORM_TABLE || form == API_FORM_TABLE_BETA;
}

/* Appends the value; steals it. */
static void add_json(struct buf *out, json_t *value)
{
    _autofree_ char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (text)
        buf_adds(out, text);
    else
        out->error = -ENOMEM;
}

static void add_head(struct listing *l)
{
    const struct kind *kind = l->request->path.kind;
    bool beta = l->request->form == API_FORM_TABLE_BETA;
    if (is_table(l->request->form)) {
        buf_printf(&l->piece, "{\"kind\":\"Table\",\"apiVersion\":\"%s\",\"columnDefinitions\":",
                   api_table_version(beta));
        add_json(&l->piece, table_columns(kind));
        buf_adds(&l->piece, ",\"rows\":[");
    } else if (l->request->form == API_FORM_PARTIAL) {
        buf_adds(&l->piece, "{\"kind\":\"PartialObjectMetadataList\","
                            "\"apiVersion\":\"meta.k8s.io/v1\",\"items\":[");
    } else {
        buf_printf(&l->piece, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"items\":[", kind->kind,
                   kind_api_version(kind));
    }
}

static void add_tail(struct listing *l)
{
    buf_printf(&l->piece, "],\"metadata\":{\"resourceVersion\":\"%llu\"",
               (unsigned long long)l->version);
    if (l->more) {
        _autofree_ char *token = api_continue_token(l->version, l->after);
        if (!token)
            l->piece.error = -ENOMEM;
        buf_printf(&l->piece, ",\"continue\":\"%s\"", token ? token : "");
    }
    buf_adds(&l->piece, "}}\n");
    l->tail_written = true;
}

/* store_each() callback: appends one item; 1 ends the piece. */
static int add_item(void *data, json_t *object)
{
    struct listing *l = data;
    const struct api_request *r = l->request;
    bool beta = r->form == API_FORM_TABLE_BETA;
    const char *name = object_name(object);
    if (!name || str_copy(l->after, sizeof(l->after), name) < 0)
        return 0;
    if (l->any)
        buf_addc(&l->piece, ',');
    l->any = true;
    l->in_piece++;
    if (is_table(r->form))
        add_json(&l->piece, api_table_row(r->path.kind, object, &r->options, beta, l->now_ms));
    else if (r->form == API_FORM_PARTIAL)
        add_json(&l->piece, api_partial_metadata(object));
    else
        add_json(&l->piece, json_incref(object));
    return l->piece.len >= PIECE_BYTES;
}

/* Fills the next piece; 0 or a negative errno. */
static int next_piece(struct listing *l)
{
    struct api_request *r = l->request;
    struct store_list list = {.after = *l->after ? l->after : NULL,
                              .limit = PIECE_OBJECTS,
                              .match = api_store_match,
                              .match_data = r};
    if (r->options.limit && l->left < list.limit)
        list.limit = l->left;
    l->in_piece = 0;
    bool more = false;
    int rc = store_each(r->api->setup.store, r->path.kind, &list, add_item, l, &more);
    if (rc < 0)
        return rc;
    l->more = more || rc > 0;
    if (r->options.limit)
        l->left -= l->in_piece;
    bool complete = !l->more || (r->options.limit && l->left == 0);
    if (complete)
        add_tail(l);
    return buf_error(&l->piece);
}

static void on_list_closed(struct http_request *http, void *data)
{
    (void)http;
    listing_free(data);
}

static void end_list(struct listing *l)
{
    http_stream_end(l->request->http);
    listing_free(l);
}

/* Hands a part of the piece to the stream; what a full stream did not take stays. */
static int write_some(struct http_request *http, struct buf *piece)
{
    size_t n = piece->len < PIECE_BYTES ? piece->len : PIECE_BYTES;
    int r = http_stream_write(http, buf_str(piece), n);
    if (r == 0)
        buf_consume(piece, n);
    return r;
}

/* Sends the piece, makes the next one, and leaves that to the loop's next turn. */
static void pump_list(struct listing *l)
{
    int r = l->request->api->closing ? -ESHUTDOWN : 0;
    while (r == 0 && l->piece.len > 0)
        r = write_some(l->request->http, &l->piece);
    if (r == -EAGAIN)
        return; /* on_list_writable() goes on */
    /* after a failure the answer ends early: no client takes that for the whole list */
    if (r < 0 || l->tail_written || next_piece(l) < 0)
        end_list(l);
    else
        api_later(l->request->api, &l->job);
}

static void on_list_writable(struct http_request *http, void *data)
{
    (void)http;
    pump_list(data);
}

static void run_list(struct api_job *job)
{
    pump_list(container_of(job, struct listing, job));
}

/* A watch from such a version would be refused, so the list is, too. */
static bool version_is_gone(const struct api_request *request)
{
    const struct api_options *o = &request->options;
    struct store *store = request->api->setup.store;
    if (o->continued_version && o->continued_version < store_watch_oldest(store))
        return true;
    return o->exact_version && o->resource_version && o->resource_version != store_version(store);
}

static bool start_list(struct api_request *request)
{
    struct listing *l = calloc(1, sizeof(*l));
    if (!l)
        return false;
    const struct api_options *o = &request->options;
    api_job_init(&l->job, run_list);
    l->request = request;
    l->version =
        o->continued_version ? o->continued_version : store_version(request->api->setup.store);
    l->left = o->limit;
    l->now_ms = clock_wall(request->api->setup.clock);
    memcpy(l->after, o->after, sizeof(l->after));
    add_head(l);
    http_on_close(request->http, on_list_closed, l);
    http_stream_start(request->http, 200, "application/json", 4 * PIECE_BYTES);
    http_stream_on_writable(request->http, on_list_writable, l);
    pump_list(l);
    return true;
}

void api_list(struct api_request *request)
{
    if (version_is_gone(request))
        api_fail(request, api_status_expired("the provided continue parameter or resourceVersion "
                                             "is too old: list from the start"));
    else if (!start_list(request))
        api_fail(request, NULL);
}
