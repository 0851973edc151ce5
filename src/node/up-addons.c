/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-addons.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "resource/kind.h"

enum { APPLY_MS = 300000, ESTABLISHED_MS = 90000 };

#define FOLDER_NAME "up" /* the add-on that --addons makes */

bool up_addons_any(const struct up_addons *addons)
{
    return addons->cni || addons->folder || addons->spec->cni.manifest || addons->spec->n_addons;
}

/* ---- what there is ---- */

/* In the words of cluster/addons.h, the folder behind the Cluster's own. */
static int make_input(const struct up_addons *addons, json_t **ret)
{
    struct cluster cluster = {.spec = *addons->spec};
    char host[IPV4_TEXT_SIZE];
    const size_t n = addons->spec->n_addons;
    _autofree_ struct cluster_addon *list = calloc(n + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = addons->spec->addons[i];
    list[n] = (struct cluster_addon){.name = FOLDER_NAME, .path = addons->folder};
    cluster.spec.addons = list;
    cluster.spec.n_addons = n + (addons->folder != NULL);
    if (addons->cni)
        cluster.spec.cni.manifest = addons->cni;
    if (!cluster.spec.endpoint.host && !cluster.spec.endpoint.virtual_ip.address)
        cluster.spec.endpoint.host = ipv4_text(addons->address, host);
    return addons_input(&cluster, addons->authority, ret);
}

/* ---- applying ---- */

static void tell(const char *addon, const char *text, size_t *failures)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        if (n) {
            log_error("add-on %s: %.*s", addon, (int)n, line);
            ++*failures;
        }
        line += n + (line[n] == '\n');
    }
}

static size_t lines_in(const struct buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n;
}

/* A List of the objects [from, to); NULL: out of memory. */
static json_t *list_of(const struct addon_objects *objects, size_t from, size_t to)
{
    json_t *items = json_array();
    for (size_t i = from; i < to; i++)
        (void)json_array_append(items, objects->items[i].json);
    return json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "List", "items", items);
}

static int wait_for_definitions(const struct up_addons *addons, json_t *list, struct err *err)
{
    static const char *const arguments[] = {"wait", "--for=condition=Established", "--timeout=60s",
                                            "--filename=-", NULL};
    _autofree_ char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text ? up_kubectl(addons->kubectl, arguments, text, ESTABLISHED_MS, NULL, err) : -ENOMEM;
}

/* Objects that belong to one step; what kubectl does not name was not applied. */
static void apply_step(const struct up_addons *addons, const char *name,
                       const struct addon_objects *objects, size_t from, size_t to,
                       size_t *failures)
{
    struct err err = ERR_INIT;
    _autobuf_ struct buf applied = BUF_INIT_MAX(1 << 20);
    int r = up_apply(addons->kubectl, list_of(objects, from, to), APPLY_MS, &applied, &err);
    size_t done = lines_in(&applied), wanted = to - from;
    log_info("add-on %s: %zu of %zu objects applied", name, done < wanted ? done : wanted, wanted);
    if (r < 0) {
        log_error("add-on %s: %s", name, err_text(&err));
        *failures += done < wanted ? wanted - done : 1;
    }
    if (objects->items[from].order != ADDON_DEFINITIONS)
        return;
    err = ERR_INIT;
    if (wait_for_definitions(addons, list_of(objects, from, to), &err) < 0) {
        log_error("add-on %s: its definitions are not Established: %s", name, err_text(&err));
        ++*failures;
    }
}

static void apply_one(const struct up_addons *addons, const json_t *addon, const json_t *values,
                      size_t *failures)
{
    const char *name = object_text(addon, "name");
    _automanifests_ struct up_manifests manifests = {.problems = BUF_INIT_MAX(1 << 20)};
    up_manifests_load(addons, addon, values, &manifests);
    tell(name, buf_str(&manifests.problems), failures);
    const struct addon_objects *objects = &manifests.objects;
    for (size_t from = 0, to; from < objects->n; from = to) {
        for (to = from; to < objects->n; to++) {
            if (objects->items[to].order != objects->items[from].order)
                break;
        }
        apply_step(addons, name, objects, from, to, failures);
    }
}

int up_addons_apply(const struct up_addons *addons, size_t *ret_failures, struct err *err)
{
    json_auto_t *input = NULL;
    size_t i;
    json_t *addon;
    *ret_failures = 0;
    if (make_input(addons, &input) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    json_array_foreach (json_object_get(input, "addons"), i, addon)
        apply_one(addons, addon, json_object_get(input, "values"), ret_failures);
    return 0;
}
