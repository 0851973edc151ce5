/* SPDX-License-Identifier: Apache-2.0 */
/* From what a client says of itself to the Machine it is. */
#include "base/str.h"
#include "server/private.h"

struct found {
    json_t *object;
    bool ambiguous;
};

/* Keeps the first match; a second, different Machine makes the claim ambiguous. Steals object. */
static void take(struct found *found, json_t *object, size_t count)
{
    if (count > 1)
        found->ambiguous = true;
    if (!object)
        return;
    if (found->object && !str_eq(object_name(found->object), object_name(object)))
        found->ambiguous = true;
    if (found->object)
        json_decref(object);
    else
        found->object = object;
}

static void find_text(const struct server *server, struct found *found, enum store_index index,
                      const char *text)
{
    size_t count = 0;
    if (found->object || str_empty(text))
        return;
    json_t *object = store_find(server->store, index, text, &count);
    /* Serial numbers and UUIDs of cheap boards repeat: several matches mean none. */
    take(found, object, count > 1 ? 0 : count);
}

struct machine *machine_find(const struct server *server, const struct machine_claim *claim,
                             bool *ret_ambiguous)
{
    struct found found = {0};
    struct machine *machine = NULL;
    for (size_t i = 0; i < claim->mac_count; i++) {
        json_t *object = store_find_mac(server->store, claim->macs[i]);
        take(&found, object, object ? 1 : 0);
    }
    find_text(server, &found, STORE_MACHINE_BY_UUID, claim->uuid);
    find_text(server, &found, STORE_MACHINE_BY_SERIAL, claim->serial);
    if (ret_ambiguous)
        *ret_ambiguous = found.ambiguous;
    if (found.object && !found.ambiguous)
        (void)!machine_decode(found.object, &machine, NULL);
    json_decref(found.object);
    return machine;
}

struct profile *machine_profile(const struct server *server, const struct machine *machine)
{
    struct profile *profile = NULL;
    if (str_empty(machine->spec.profile))
        return NULL;
    json_auto_t *object = store_get(server->store, &kind_profile, machine->spec.profile);
    if (object)
        (void)!profile_decode(object, &profile, NULL);
    return profile;
}
