/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of a drain. Answers and watch events only note what happened; the timer, set to fire
 * at once, then looks at everything and acts. So there is one place that acts, and it is never
 * inside a callback of something that it may end.
 */
#include "kube/drain.h"

#include "base/str.h"
#include "kube/private.h"
#include "kube/request.h"
#include "kube/watch.h"

enum { DEADLINE_MS = 600000, PARALLEL = 8, REASON_SIZE = 256 };

struct kube_drain;

struct pod {
    struct kube_drain *drain;
    enum kube_drain_pod class;
    struct kube_request *request;    /* its eviction */
    const struct kube_object *entry; /* since the first try */
    unsigned tries;
    uint64_t retry_at; /* uv_now(); 0: at once */
    bool accepted;     /* evicted: to be waited for */
    bool failed;       /* cannot be evicted */
    char reason[REASON_SIZE];
};

struct kube_drain {
    struct kube_client *client;
    struct kube_follower follower;
    struct kube_drain_options options; /* node is owned */
    uv_timer_t timer;
    uint64_t deadline;
    struct kube_request *request; /* cordoning, then discovery */
    struct kube_watch *pods;
    bool cordoned;
    char version[32];  /* of evictions; "" not known yet */
    unsigned tries;    /* of cordoning and discovery */
    uint64_t retry_at; /* of them */
    unsigned asking;   /* evictions under way */
    size_t n_evicted;
    int error; /* that ends it */
    char message[512];
    bool closed;
};

static void on_timer(uv_timer_t *timer);

static uint64_t now(const struct kube_drain *d)
{
    return uv_now(d->timer.loop);
}

static void wake_at(struct kube_drain *d, uint64_t when)
{
    uint64_t at = now(d);
    if (!d->closed)
        (void)uv_timer_start(&d->timer, on_timer, when > at ? when - at : 0, 0);
}

static void wake(struct kube_drain *d)
{
    wake_at(d, 0);
}

static void progress(struct kube_drain *d, const char *format, ...) _printf_(2, 3);
static void progress(struct kube_drain *d, const char *format, ...)
{
    char text[REASON_SIZE + 600];
    va_list args;
    if (!d->options.progress || d->closed)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    d->options.progress(d->options.user, text);
}

/* ---- pods, as the watch sees them ---- */

static void *keep_pod(void *user, json_t *object, void *previous)
{
    struct pod *pod = previous ? previous : calloc(1, sizeof(*pod));
    if (!pod)
        return NULL;
    pod->drain = user;
    pod->class = kube_drain_classify(object);
    return pod;
}

static void drop_pod(void *user, void *kept)
{
    struct kube_drain *d = user;
    struct pod *pod = kept;
    if (pod->request)
        d->asking--;
    kube_request_cancel(pod->request);
    free(pod);
}

static bool is_left(const struct pod *pod)
{
    return pod && pod->class != KUBE_DRAIN_EVICT && pod->class != KUBE_DRAIN_WAIT;
}

static void pod_changed(void *user, enum kube_change change, const struct kube_object *entry,
                        json_t *object)
{
    struct kube_drain *d = user;
    (void)object;
    wake(d);
    if (change != KUBE_DELETED || is_left(entry->kept))
        return;
    d->n_evicted++;
    progress(d, "%s/%s is gone", entry->namespace, entry->name);
}

static void pods_synced(void *user)
{
    wake(user);
}

static void pods_trouble(void *user, int error, const char *text)
{
    (void)error;
    progress(user, "%s", text);
}

static int watch_pods(struct kube_drain *d)
{
    _autofree_ char *selector = str_format("spec.nodeName=%s", d->options.node);
    const struct kube_watch_options options = {.kind = &kube_pods,
                                               .field_selector = selector,
                                               .user = d,
                                               .keep = keep_pod,
                                               .drop = drop_pod,
                                               .changed = pod_changed,
                                               .synced = pods_synced,
                                               .trouble = pods_trouble};
    return selector ? kube_watch_new(d->client, &options, &d->pods) : -ENOMEM;
}

/* ---- evictions ---- */

static void on_evicted(void *user, const struct kube_answer *answer)
{
    struct pod *pod = user;
    struct kube_drain *d = pod->drain;
    enum kube_drain_next next = kube_drain_decide(answer->error);
    d->asking--;
    pod->tries++;
    pod->accepted = next == KUBE_DRAIN_NEXT_WAIT || next == KUBE_DRAIN_NEXT_GONE;
    pod->failed = next == KUBE_DRAIN_NEXT_FAIL;
    if (!pod->accepted) {
        (void)kube_drain_reason(answer->object, answer->status.message, pod->reason,
                                sizeof(pod->reason));
        pod->retry_at =
            now(d) + kube_drain_pause_ms(pod->tries, answer->status.retry_after_seconds);
        progress(d, "%s/%s: %s", pod->entry->namespace, pod->entry->name, pod->reason);
    }
    wake(d);
}

static bool wants_eviction(const struct pod *pod)
{
    return pod->class == KUBE_DRAIN_EVICT && !pod->request && !pod->accepted && !pod->failed;
}

/* When it is to be tried next; UINT64_MAX: nothing to try. */
static uint64_t try_eviction(struct kube_drain *d, const struct kube_object *entry)
{
    struct pod *pod = entry->kept;
    if (!wants_eviction(pod))
        return UINT64_MAX;
    if (pod->retry_at > now(d))
        return pod->retry_at;
    if (d->asking >= d->options.parallel)
        return UINT64_MAX; /* an answer wakes us */
    const struct kube_then then = {on_evicted, pod, &pod->request};
    pod->entry = entry;
    int r = kube_evict(d->client, entry->namespace, entry->name, d->version, entry->uid,
                       d->options.grace_seconds, then);
    if (r == 0) {
        d->asking++;
        return UINT64_MAX;
    }
    pod->retry_at = now(d) + kube_drain_pause_ms(++pod->tries, 0);
    return pod->retry_at;
}

/* ---- the end ---- */

static const char *why_still_there(const struct pod *pod)
{
    if (!pod)
        return "out of memory";
    if (pod->class == KUBE_DRAIN_WAIT || pod->accepted)
        return "is still terminating";
    return pod->reason[0] ? pod->reason : "its eviction was not answered";
}

/* Nothing has to come of it before the node counts as empty. */
static bool is_settled(const struct kube_drain *d, const struct pod *pod)
{
    return is_left(pod) ||
           (d->options.dead && pod && (pod->class == KUBE_DRAIN_WAIT || pod->accepted));
}

static size_t list_blockers(const struct kube_drain *d, struct kube_drain_blocker *dst)
{
    size_t cursor = 0, n = 0;
    for (const struct kube_object *o; d->pods && (o = kube_watch_next(d->pods, &cursor));) {
        if (is_settled(d, o->kept))
            continue;
        dst[n++] = (struct kube_drain_blocker){o->namespace, o->name, why_still_there(o->kept)};
    }
    return n;
}

/* A pod that was refused says more than one that is about to go. */
static const struct kube_object *telling_pod(const struct kube_drain *d, size_t *ret_count)
{
    const struct kube_object *best = NULL;
    size_t cursor = 0;
    *ret_count = 0;
    for (const struct kube_object *o; (o = kube_watch_next(d->pods, &cursor));) {
        const struct pod *pod = o->kept;
        if (is_settled(d, pod))
            continue;
        ++*ret_count;
        if (!best || (pod && pod->reason[0] && !pod->accepted))
            best = o;
    }
    return best;
}

const char *kube_drain_describe(const struct kube_drain *d, char *dst, size_t size)
{
    size_t count;
    if (!d->pods || !kube_watch_is_synced(d->pods)) {
        (void)snprintf(dst, size, "its pods are not known yet");
        return dst;
    }
    const struct kube_object *pod = telling_pod(d, &count);
    if (pod)
        (void)snprintf(dst, size, "%zu pod%s left; %s/%s: %s", count, count == 1 ? "" : "s",
                       pod->namespace, pod->name, why_still_there(pod->kept));
    else
        (void)snprintf(dst, size, "no pods left");
    return dst;
}

static void on_closed(uv_handle_t *handle)
{
    struct kube_drain *d = handle->data;
    free((char *)(uintptr_t)d->options.node);
    free(d);
}

void kube_drain_cancel(struct kube_drain *drain)
{
    if (!drain || drain->closed)
        return;
    drain->closed = true;
    kube_request_cancel(drain->request);
    kube_watch_free(TAKE_PTR(drain->pods));
    list_remove(&drain->follower.item);
    uv_close((uv_handle_t *)&drain->timer, on_closed);
}

static void finish(struct kube_drain *d, int error, const char *message)
{
    size_t n = d->pods ? kube_watch_count(d->pods) : 0;
    _autofree_ struct kube_drain_blocker *blockers = calloc(n + 1, sizeof(*blockers));
    const struct kube_drain_result result = {
        .error = error,
        .message = message,
        .blockers = blockers,
        .n_blockers = blockers ? list_blockers(d, blockers) : 0,
        .n_evicted = d->n_evicted,
    };
    d->options.done(d->options.user, &result);
    kube_drain_cancel(d);
}

static void on_client_gone(struct kube_follower *follower)
{
    struct kube_drain *d = container_of(follower, struct kube_drain, follower);
    finish(d, -ECANCELED, "the client of the API ended");
}

/* ---- cordoning and discovery ---- */

/* Notes a failure: to be tried again, or the end. */
static void note_failure(struct kube_drain *d, const struct kube_answer *answer)
{
    if (!kube_error_is_transient(answer->error) && answer->error != -EACCES) {
        d->error = answer->error;
        (void)snprintf(d->message, sizeof(d->message), "%s", answer->status.message);
        return;
    }
    d->tries++;
    d->retry_at = now(d) + kube_drain_pause_ms(d->tries, answer->status.retry_after_seconds);
    progress(d, "%s", answer->status.message);
}

static void on_cordoned(void *user, const struct kube_answer *answer)
{
    struct kube_drain *d = user;
    if (answer->error == 0)
        d->cordoned = true;
    else
        note_failure(d, answer);
    wake(d);
}

static void on_discovered(void *user, const struct kube_answer *answer)
{
    struct kube_drain *d = user;
    const char *version = kube_drain_eviction_version(answer->object);
    if (answer->error < 0) {
        note_failure(d, answer);
    } else if (!version) {
        d->error = -EOPNOTSUPP;
        (void)snprintf(d->message, sizeof(d->message), "this API server evicts no pods");
    } else {
        (void)snprintf(d->version, sizeof(d->version), "%s", version);
    }
    wake(d);
}

int kube_cordon(struct kube_client *client, const char *node, bool on, struct kube_then then)
{
    const struct kube_path path = {&kube_nodes, NULL, node, NULL};
    json_auto_t *patch = json_pack("{s:{s:b}}", "spec", "unschedulable", on);
    return patch ? kube_patch(client, &path, KUBE_PATCH_MERGE, patch, NULL, then) : -ENOMEM;
}

static int prepare(struct kube_drain *d)
{
    if (!d->cordoned)
        return kube_cordon(d->client, d->options.node, true,
                           (struct kube_then){on_cordoned, d, &d->request});
    if (!d->version[0])
        return kube_call(d->client, &(struct kube_call){.path = "/api/v1"},
                         (struct kube_then){on_discovered, d, &d->request});
    return d->pods ? 0 : watch_pods(d);
}

/* ---- the step ---- */

struct tally {
    size_t there;  /* pods that have to go */
    size_t failed; /* of them: those that cannot be evicted */
    uint64_t next; /* when to look again */
};

static struct tally evict_pods(struct kube_drain *d)
{
    struct tally t = {.next = d->deadline};
    size_t cursor = 0;
    for (const struct kube_object *o; (o = kube_watch_next(d->pods, &cursor));) {
        const struct pod *pod = o->kept;
        if (is_settled(d, pod))
            continue;
        t.there++;
        if (!pod)
            continue;
        t.failed += pod->failed && pod->class == KUBE_DRAIN_EVICT;
        uint64_t next = try_eviction(d, o);
        if (next < t.next)
            t.next = next;
    }
    return t;
}

static void step_pods(struct kube_drain *d)
{
    struct tally t = evict_pods(d);
    if (t.there == 0)
        finish(d, 0, "the node is empty");
    else if (t.there == t.failed)
        finish(d, -EBUSY, "the pods that are left cannot be evicted");
    else
        wake_at(d, t.next);
}

static void step_prepare(struct kube_drain *d)
{
    int r = d->request || d->retry_at > now(d) ? 0 : prepare(d);
    if (r < 0)
        finish(d, r, "the API cannot be asked");
    else
        wake_at(d, d->retry_at > now(d) && d->retry_at < d->deadline ? d->retry_at : d->deadline);
}

static void on_timer(uv_timer_t *timer)
{
    struct kube_drain *d = timer->data;
    if (d->error < 0)
        finish(d, d->error, d->message);
    else if (now(d) >= d->deadline)
        finish(d, -ETIMEDOUT, "the time for draining the node is over");
    else if (d->pods && kube_watch_is_synced(d->pods))
        step_pods(d);
    else
        step_prepare(d);
}

int kube_drain_start(struct kube_client *client, const struct kube_drain_options *options,
                     struct kube_drain **ret)
{
    if (str_empty(options->node) || !options->done)
        return -EINVAL;
    if (client->closing)
        return -ESHUTDOWN;
    struct kube_drain *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->client = client;
    d->options = *options;
    d->options.node = strdup(options->node);
    if (!d->options.node) {
        free(d);
        return -ENOMEM;
    }
    if (!d->options.parallel)
        d->options.parallel = PARALLEL;
    d->follower.client_gone = on_client_gone;
    list_append(&client->followers, &d->follower.item);
    (void)uv_timer_init(client->loop, &d->timer);
    d->timer.data = d;
    uv_update_time(client->loop);
    d->deadline = now(d) + (options->deadline_ms ? options->deadline_ms : DEADLINE_MS);
    wake(d);
    *ret = d;
    return 0;
}
