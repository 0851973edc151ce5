/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that contradict each other are refused while they are written, with the path of the
 * field: a Machine whose address is a Pod's, an Image that holds another Kubernetes than its
 * Cluster wants. What is not there yet is not missed: then the Machine waits, and says for what.
 */
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"

/* ---- what changes ---- */

static bool same(const json_t *live, const json_t *candidate, const char *path)
{
    const json_t *before = live ? object_get(live, path) : NULL;
    const json_t *after = object_get(candidate, path);
    return before == after || (before && after && json_equal(before, after));
}

static bool any_differs(const json_t *live, const json_t *candidate, const char *const *paths)
{
    for (; *paths; paths++) {
        if (!same(live, candidate, *paths))
            return true;
    }
    return false;
}

/* ---- a Machine and the Image that it gets ---- */

/* A version that the Cluster has or is about to have: a rollout brings the one to the other. */
static bool is_wanted(const struct cluster *cluster, const char *version)
{
    return str_eq(version, cluster->spec.kubernetes_version) ||
           str_eq(version, cluster->status.kubernetes_version);
}

static void check_image(const struct server *server, const struct cluster *cluster,
                        const struct machine_spec *spec, const char *path, const char *whose,
                        struct problems *problems)
{
    const char *name = cluster->meta.name;
    const struct image_facts *facts =
        str_empty(spec->image) ? NULL : images_facts(server, spec->image);
    if (!facts || !facts->ready || !machine_role_joins(spec->role))
        return;
    if (!facts->kubernetes[0])
        problem_add(problems, PROBLEM_INVALID, path,
                    "Image %s%s holds no Kubernetes, and Cluster %s wants %s", spec->image, whose,
                    name, cluster->spec.kubernetes_version);
    else if (!is_wanted(cluster, facts->kubernetes))
        problem_add(problems, PROBLEM_INVALID, path,
                    "Image %s%s holds Kubernetes %s, and Cluster %s wants %s", spec->image, whose,
                    facts->kubernetes, name, cluster->spec.kubernetes_version);
    else if (cluster->spec.container_runtime == RUNTIME_CRIO)
        problem_add(problems, PROBLEM_INVALID, path,
                    "Image %s%s holds containerd, and Cluster %s wants crio "
                    "(spec.containerRuntime)",
                    spec->image, whose, name);
}

/* ---- a Machine ---- */

static void check_address(const struct cluster_entry *entry, const struct machine *machine,
                          struct problems *problems)
{
    static const char path[] = "spec.network.address";
    ipv4 address = machine->spec.network.address.address;
    const struct cluster_member self = {.name = machine->meta.name, .address = address};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    size_t cursor = 0;
    cluster_check_addresses(entry->cluster, &self, 1, &found);
    for (size_t i = 0; i < found.n; i++)
        problem_add(problems, PROBLEM_INVALID, path, "Cluster %s: %s %s", entry->name,
                    found.items[i].path, found.items[i].text);
    for (struct map_entry_view e; address && map_next(entry->members, &cursor, &e);) {
        const struct machine *other = ((const struct cluster_machine *)e.value)->machine;
        if (other->spec.network.address.address == address &&
            !str_eq(other->meta.name, machine->meta.name))
            problem_add(problems, PROBLEM_DUPLICATE, path, "Machine %s has the same address",
                        other->meta.name);
    }
}

/* A member goes elsewhere only after it has left: its Node, its keys and its pods are there. */
static void check_membership(const struct machine *machine, const struct machine_spec *spec,
                             const struct cluster_entry *before, const char *path,
                             struct problems *problems)
{
    bool member = before && before->cluster && machine->status.join.task;
    if (member && !str_eq(before->name, spec->cluster))
        problem_add(problems, PROBLEM_FORBIDDEN, path,
                    "it is a member of Cluster %s: release it first (slipway release %s)",
                    before->name, machine->meta.name);
}

/* The field that says so, the Machine's own or that which names its Profile. */
static const char *field_of(const json_t *candidate, const char *path)
{
    return object_get(candidate, path) ? path : "spec.profile";
}

static void check_machine(const struct server *server, const json_t *live, const json_t *candidate,
                          struct problems *problems)
{
    static const char *const paths[] = {"spec.cluster", "spec.role",    "spec.image",
                                        "spec.network", "spec.profile", NULL};
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (!any_differs(live, candidate, paths) || machine_decode(candidate, &machine, NULL) < 0)
        return;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, machine);
    struct machine_spec spec = machine_effective(machine, profile);
    check_membership(machine, &spec, clusters_of_machine(server, machine->meta.name),
                     field_of(candidate, "spec.cluster"), problems);
    const struct cluster_entry *entry =
        str_empty(spec.cluster) ? NULL : clusters_find(server, spec.cluster);
    if (!entry || !entry->cluster)
        return;
    check_address(entry, machine, problems);
    check_image(server, entry->cluster, &spec, field_of(candidate, "spec.image"), "", problems);
}

/* ---- a Cluster ---- */

static void check_images(const struct server *server, const struct cluster_entry *entry,
                         const struct cluster *cluster, struct problems *problems)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        const struct machine_spec spec = {.image = member->image, .role = member->role};
        char whose[320];
        (void)snprintf(whose, sizeof(whose), " of Machine %s", member->machine->meta.name);
        check_image(server, cluster, &spec, "spec.kubernetesVersion", whose, problems);
    }
}

static void check_cluster(const struct server *server, const json_t *live, const json_t *candidate,
                          struct problems *problems)
{
    static const char *const subnets[] = {"spec.networking", "spec.controlPlaneEndpoint", NULL};
    static const char *const versions[] = {"spec.kubernetesVersion", "spec.containerRuntime", NULL};
    bool moves = any_differs(live, candidate, subnets);
    bool other_version = any_differs(live, candidate, versions);
    const struct cluster_entry *entry = clusters_find(server, object_name(candidate));
    _cleanup_(cluster_freep) struct cluster *cluster = NULL;
    _autofree_ struct cluster_member *members = NULL;
    size_t n;
    if (!entry || (!moves && !other_version) || cluster_decode(candidate, &cluster, NULL) < 0 ||
        cluster_members_list(entry, &members, &n) < 0)
        return;
    if (moves)
        cluster_check_addresses(cluster, members, n, problems);
    /* Once it is formed another version comes by a rollout, which looks at its Image itself. */
    if (!cluster->status.initialized_by && other_version)
        check_images(server, entry, cluster, problems);
}

/* ---- a Profile ---- */

/* With another Cluster in its Profile a member would leave its own without a word. */
static void check_profile(const struct server *server, const json_t *live, const json_t *candidate,
                          struct problems *problems)
{
    static const char path[] = "spec.cluster";
    const char *before = live ? object_text(live, path) : NULL;
    const struct cluster_entry *entry = str_empty(before) ? NULL : clusters_find(server, before);
    size_t cursor = 0;
    if (same(live, candidate, path) || !entry || !entry->cluster)
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct machine *m = ((const struct cluster_machine *)e.value)->machine;
        if (!m->status.join.task || !str_eq(m->spec.profile, object_name(candidate)) ||
            !str_empty(m->spec.cluster))
            continue;
        problem_add(problems, PROBLEM_FORBIDDEN, path,
                    "Machine %s is a member of Cluster %s by this Profile: release it first "
                    "(slipway release %s)",
                    m->meta.name, before, m->meta.name);
        return;
    }
}

void admission_check(void *data, const struct kind *kind, const json_t *live,
                     const json_t *candidate, struct problems *problems)
{
    const struct server *server = data;
    if (kind == &kind_machine)
        check_machine(server, live, candidate, problems);
    else if (kind == &kind_cluster)
        check_cluster(server, live, candidate, problems);
    else if (kind == &kind_profile)
        check_profile(server, live, candidate, problems);
}
