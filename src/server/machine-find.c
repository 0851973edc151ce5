/* SPDX-License-Identifier: Apache-2.0 */
/* From what a client says of itself to the Machine it is. */
#include "base/str.h"
#include "server/private.h"

struct found {
    const char *name;
    bool ambiguous;
};

/* Keeps the first match; a second, different Machine makes the claim ambiguous. */
static void take(struct found *found, const char *name)
{
    if (!name)
        return;
    if (found->name && !str_eq(found->name, name))
        found->ambiguous = true;
    else
        found->name = name;
}

/* Serial numbers and UUIDs of cheap boards repeat: several matches mean none. */
static void find_text(const struct server *server, struct found *found, enum store_index index,
                      const char *text)
{
    if (!found->name && !str_empty(text))
        take(found, store_find_name(server->store, index, text, NULL));
}

const char *machine_find_name(const struct server *server, const struct machine_claim *claim,
                              bool *ret_ambiguous)
{
    struct found found = {0};
    for (size_t i = 0; i < claim->mac_count; i++) {
        char mac[MAC_TEXT_SIZE];
        take(&found, store_find_name(server->store, STORE_MACHINE_BY_MAC,
                                     mac_text(claim->macs[i], mac), NULL));
    }
    find_text(server, &found, STORE_MACHINE_BY_UUID, claim->uuid);
    find_text(server, &found, STORE_MACHINE_BY_SERIAL, claim->serial);
    *ret_ambiguous = found.ambiguous;
    return found.ambiguous ? NULL : found.name;
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
