/* SPDX-License-Identifier: Apache-2.0 */
/* Image resources: their files are read on worker threads, the facts are kept in memory. */
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "resource/condition.h"
#include "resource/image.h"
#include "server/follow.h"
#include "server/private.h"

enum { CHECK_INTERVAL_MS = 5000 };

struct images {
    struct server *server;
    struct follow *follow;
    struct map *by_name; /* struct entry */
    uv_timer_t timer;
};

struct entry {
    char *name, *manifest;
    struct image *image;
    struct image_facts facts;
    bool checked; /* facts have been read at least once */
};

/* A check under way: owns all it needs, because the entry may go meanwhile. */
struct check {
    uv_work_t work;
    struct server *server;
    char *folder, *name, *manifest;
    int64_t known_ns; /* of the facts that are there */
    bool ready;
    struct image_facts facts;
    bool fresh; /* facts were read */
};

static void entry_free(void *value)
{
    struct entry *entry = value;
    free(entry->name);
    free(entry->manifest);
    image_freep(&entry->image);
    free(entry);
}

static void check_free(struct check *check)
{
    free(check->folder);
    free(check->name);
    free(check->manifest);
    free(check);
}

/* ---- status ---- */

struct status_update {
    struct image_facts facts;
    int64_t now, generation;
};

static int write_facts(const struct image_facts *facts, json_t *object)
{
    _autofree_ char *digest = str_hex(facts->digest, sizeof(facts->digest));
    int r = object_set(object, "status.sizeBytes", json_integer((json_int_t)facts->disk_size));
    if (r == 0)
        r = object_set(object, "status.compressedBytes",
                       json_integer((json_int_t)facts->data_size));
    if (r == 0)
        r = object_set(object, "status.chunkCount", json_integer((json_int_t)facts->chunk_count));
    if (r == 0 && digest)
        r = object_set(object, "status.digest", json_string(digest));
    if (r == 0)
        r = object_set(object, "status.architecture", json_string(facts->architecture));
    (void)json_object_del(object_get(object, "status"), "kubernetesVersion");
    if (r == 0 && facts->kubernetes[0])
        r = object_set(object, "status.kubernetesVersion", json_string(facts->kubernetes));
    return r;
}

static int write_status(void *data, json_t *object, struct err *err)
{
    const struct status_update *u = data;
    const struct image_facts *f = &u->facts;
    (void)err;
    int r = object_set(object, "status.phase", json_string(f->ready ? "Ready" : "Failed"));
    if (r == 0)
        r = object_set(object, "status.observedGeneration",
                       json_integer((json_int_t)u->generation));
    if (r == 0 && f->ready)
        r = write_facts(f, object);
    if (r == 0)
        r = object_set_condition(object, "Ready", f->ready ? CONDITION_TRUE : CONDITION_FALSE,
                                 f->ready ? "Verified" : "Unreadable",
                                 f->ready ? "manifest and size of the data agree" : f->problem,
                                 u->now);
    return r;
}

static void status_done(void *data, int rc, json_t *object, const struct err *err)
{
    (void)rc, (void)object, (void)err;
    free(data);
}

static void update_status(struct server *server, const struct entry *entry)
{
    struct status_update *u = calloc(1, sizeof(*u));
    if (!u)
        return;
    *u = (struct status_update){
        .facts = entry->facts,
        .now = clock_wall(server->clock),
        .generation = entry->image->meta.generation,
    };
    if (store_mutate(server->store, &kind_image, STORE_STATUS, entry->name, write_status,
                     status_done, u) < 0)
        free(u);
}

/* ---- checking ---- */

static void check_work(uv_work_t *work)
{
    struct check *check = container_of(work, struct check, work);
    if (check->ready && image_facts_changed(check->folder, check->manifest) == check->known_ns)
        return;
    image_facts_read(check->folder, check->manifest, &check->facts);
    check->fresh = true;
}

static bool same_facts(const struct image_facts *a, const struct image_facts *b)
{
    return a->ready == b->ready && a->changed_ns == b->changed_ns &&
           str_eq(a->problem, b->problem) && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static void take_facts(struct images *images, struct entry *entry, const struct image_facts *facts)
{
    if (entry->checked && same_facts(&entry->facts, facts))
        return;
    entry->facts = *facts;
    entry->checked = true;
    if (facts->ready)
        log_info("Image %s is ready", entry->name);
    else
        log_warn("Image %s is not ready: %s", entry->name, facts->problem);
    update_status(images->server, entry);
    machines_recheck(images->server);
    clusters_image_changed(images->server, entry->name);
}

static void check_done(uv_work_t *work, int status)
{
    struct check *check = container_of(work, struct check, work);
    struct images *images = check->server->images;
    struct entry *entry = images ? map_gets(images->by_name, check->name) : NULL;
    if (status == 0 && entry && check->fresh && str_eq(entry->manifest, check->manifest))
        take_facts(images, entry, &check->facts);
    check_free(check);
}

static void begin_check(struct images *images, const struct entry *entry)
{
    struct check *check = calloc(1, sizeof(*check));
    if (!check)
        return;
    check->server = images->server;
    check->folder = strdup(images->server->images_dir);
    check->name = strdup(entry->name);
    check->manifest = strdup(entry->manifest);
    check->known_ns = entry->facts.changed_ns;
    check->ready = entry->facts.ready;
    if (!check->folder || !check->name || !check->manifest ||
        uv_queue_work(&images->server->loop, &check->work, check_work, check_done) < 0)
        check_free(check);
}

static void on_timer(uv_timer_t *timer)
{
    struct images *images = timer->data;
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(images->by_name, &cursor, &e))
        begin_check(images, e.value);
}

/* ---- following ---- */

static struct entry *entry_of(struct images *images, const char *name)
{
    struct entry *entry = map_gets(images->by_name, name);
    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->name = strdup(name);
    if (!entry->name || map_puts(images->by_name, name, entry, NULL) < 0) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

static void forget(struct images *images, const char *name)
{
    struct entry *gone = map_removes(images->by_name, name);
    if (gone)
        entry_free(gone);
}

static void on_object(void *data, enum store_change change, json_t *object)
{
    struct images *images = data;
    _cleanup_(image_freep) struct image *image = NULL;
    const char *name = object_name(object);
    if (change == STORE_DELETED) {
        forget(images, name);
        return;
    }
    struct entry *entry = image_decode(object, &image, NULL) == 0 ? entry_of(images, name) : NULL;
    const char *given = image ? image->spec.manifest : NULL;
    _autofree_ char *manifest = given ? strdup(given) : str_format("%s.json", name);
    if (!entry || !manifest)
        return;
    image_freep(&entry->image);
    entry->image = TAKE_PTR(image);
    if (str_eq(entry->manifest, manifest))
        return;
    free(entry->manifest);
    entry->manifest = TAKE_PTR(manifest);
    entry->checked = false;
    entry->facts = (struct image_facts){0};
    begin_check(images, entry);
}

int images_new(struct server *server, struct err *err)
{
    struct images *images = calloc(1, sizeof(*images));
    if (!images)
        return err_set(err, -ENOMEM, "out of memory");
    images->server = server;
    images->by_name = map_new();
    if (!images->by_name) {
        free(images);
        return err_set(err, -ENOMEM, "out of memory");
    }
    server->images = images;
    (void)uv_timer_init(&server->loop, &images->timer);
    images->timer.data = images;
    (void)uv_timer_start(&images->timer, on_timer, CHECK_INTERVAL_MS, CHECK_INTERVAL_MS);
    const struct follow_options follow = {
        .loop = &server->loop,
        .store = server->store,
        .kind = &kind_image,
        .data = images,
        .on_object = on_object,
    };
    int r = follow_new(&follow, &images->follow);
    return r < 0 ? err_errno(err, r, "cannot follow Images") : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct images *images = handle->data;
    map_free_with(images->by_name, entry_free);
    free(images);
}

void images_free(struct server *server)
{
    struct images *images = server->images;
    if (!images)
        return;
    server->images = NULL;
    follow_free(images->follow);
    uv_close((uv_handle_t *)&images->timer, on_timer_closed);
}

const struct image_facts *images_facts(const struct server *server, const char *name)
{
    const struct entry *entry = map_gets(server->images->by_name, name);
    return entry ? &entry->facts : NULL;
}

const struct image_spec *images_spec(const struct server *server, const char *name)
{
    const struct entry *entry = map_gets(server->images->by_name, name);
    return entry && entry->image ? &entry->image->spec : NULL;
}

bool images_scanned(const struct server *server)
{
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(server->images->by_name, &cursor, &e)) {
        if (!((const struct entry *)e.value)->checked)
            return false;
    }
    return true;
}
