/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/profile.h"

#include <strings.h>

#include "base/str.h"
#include "resource/format.h"
#include "resource/problem.h"
#include "resource/template.h"

/* TEMPLATE_FIELDS address struct machine_spec and are used for struct profile_spec here. */
_Static_assert(offsetof(struct profile_spec, machine) == 0, "machine comes first");

#define S struct profile_selector
const struct field profile_selector_fields[] = {
    F_MAP(S, match_labels, "matchLabels", .max_items = 32,
          .doc = "Labels that the Machine must have."),
    F_STRING(S, manufacturer, "manufacturer", .doc = "System manufacturer, in any case."),
    F_STRING(S, product, "product", .doc = "Product name, in any case."),
    F_SIZE(S, min_memory, "minMemory", .doc = "The machine has at least this much memory."),
    F_SIZE(S, min_disk, "minDisk", .doc = "The machine has a disk of at least this size."),
    F_INT(S, min_cpus, "minCPUs", .min = 1, .max = 65536,
          .doc = "The machine has at least this many logical processors."),
    {0}};
#undef S

#define S struct profile_spec
const struct field profile_spec_fields[] = {
    F_TRI(S, auto_approve, "autoApprove",
          .doc = "Whether Machines of this Profile are approved without being asked about.",
          .late = "false"),
    F_INT(S, quantity, "quantity", .min = 0, .max = INT32_MAX, .absent = -1,
          .doc = "At most this many Machines are selected.", .late = "any number"),
    F_OBJECT(S, selector, "selector", struct profile_selector, profile_selector_fields,
             .doc =
                 "Which Machines that name no Profile get this one. All rules must hold. Without "
                 "rules only Machines that name the Profile have it."),
    TEMPLATE_FIELDS,
    F_OBJECT(struct machine_spec, network, "network", struct machine_network,
             profile_network_fields, .doc = "How the installed systems reach the network."),
    {0}};
#undef S

#define S struct profile_status
const struct field profile_status_fields[] = {
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this status is about."),
    F_OBJECTS(S, conditions, "conditions", struct condition, condition_fields, 0, .max_items = 32,
              .doc = "Conditions of the Profile."),
    F_INT(S, matched, "matched", .doc = "Number of Machines that have this Profile."),
    {0}};
#undef S

static const struct field profile_fields[] = {
    F_OBJECT(struct profile, spec, "spec", struct profile_spec, profile_spec_fields,
             .doc = "What the Profile gives to its Machines."),
    F_OBJECT(struct profile, status, "status", struct profile_status, profile_status_fields,
             .doc = "What the server knows about the Profile."),
    {0}};

static const struct column profile_columns[] = {
    {"Image", "string", ".spec.image", "Image to install", 0},
    {"Role", "string", ".spec.role", "Role in the cluster", 0},
    {"Quantity", "integer", ".spec.quantity", "At most this many Machines", 0},
    {"Matched", "integer", ".status.matched", "Machines that have this Profile", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since the Profile was created", 0},
    {"AutoApprove", "boolean", ".spec.autoApprove", "Whether Machines are approved unasked", 1},
    {0}};

static void profile_check(const void *object, struct problems *problems)
{
    const struct profile *profile = object;
    template_check(&profile->spec.machine, problems);
}

const struct kind kind_profile = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "Profile",
    .singular = "profile",
    .plural = "profiles",
    .short_names = (const char *const[]){"prof", NULL},
    .categories = (const char *const[]){"slipway", NULL},
    .doc = "Settings that many Machines share.",
    .has_status = true,
    .fields = profile_fields,
    .columns = profile_columns,
    .size = sizeof(struct profile),
    .check = profile_check,
};

int profile_decode(const json_t *json, struct profile **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_profile, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void profile_free(struct profile *profile)
{
    object_free(profile);
}

static bool labels_match(const struct profile_selector *selector, const struct meta *meta)
{
    for (size_t i = 0; i < selector->n_match_labels; i++) {
        const char *value = meta_label(meta, selector->match_labels[i].key);
        if (!value || !str_eq(value, selector->match_labels[i].value))
            return false;
    }
    return true;
}

static bool text_matches(const char *rule, const char *value)
{
    return !rule || (value && strcasecmp(rule, value) == 0);
}

static bool disk_matches(uint64_t min_disk, const struct machine_inventory *inventory)
{
    if (!min_disk)
        return true;
    for (size_t i = 0; i < inventory->n_disks; i++) {
        int64_t size = inventory->disks[i].size_bytes;
        if (size > 0 && (uint64_t)size >= min_disk)
            return true;
    }
    return false;
}

bool profile_selects(const struct profile *profile, const struct machine *machine)
{
    const struct profile_selector *rule = &profile->spec.selector;
    const struct machine_inventory *inventory = &machine->status.inventory;
    if (!rule->n_match_labels && !rule->manufacturer && !rule->product && !rule->min_memory &&
        !rule->min_disk && !rule->min_cpus)
        return false;
    uint64_t memory = inventory->memory_bytes > 0 ? (uint64_t)inventory->memory_bytes : 0;
    return labels_match(rule, &machine->meta) &&
           text_matches(rule->manufacturer, inventory->dmi.manufacturer) &&
           text_matches(rule->product, inventory->dmi.product) && memory >= rule->min_memory &&
           inventory->cpu.count >= rule->min_cpus && disk_matches(rule->min_disk, inventory);
}
