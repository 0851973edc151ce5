/* SPDX-License-Identifier: Apache-2.0 */
/* From a Machine's specification to the sealed contents of its seed partition. */
#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "provision/hostkey.h"
#include "provision/render.h"
#include "server/private.h"
#include "server/seed-first-boot.h"
#include "server/seed-network.h"

static int add_host_key(const struct server *server, const struct machine *machine,
                        struct provision *p)
{
    _autofree_ char *comment = str_format("root@%s", machine->meta.name);
    struct provision_host_key *key = items_add(&p->host_keys, sizeof(*key));
    if (!comment || !key)
        return -ENOMEM;
    return hostkey_generate(server->rng, comment, key);
}

static int fill(const struct server *server, const struct machine *machine,
                const struct machine_spec *effective, const char *base_url, struct provision *p,
                struct err *err)
{
    const struct image_facts *facts = images_facts(server, effective->image);
    p->style = facts && facts->cloud_init ? PROVISION_CLOUD_INIT : PROVISION_NODE;
    p->generation = (unsigned)effective->install_generation;
    int r = text_set(&p->machine, machine->meta.name);
    if (r == 0)
        r = text_set(&p->server, base_url);
    if (r == 0)
        r = text_set(&p->server_key, server->key_text);
    if (r == 0)
        r = seed_first_boot(&effective->first_boot, p);
    if (r == 0)
        r = add_host_key(server, machine, p);
    p->phone_home_token = machine_phone_home_token(server, machine->meta.name, p->generation);
    if (r < 0 || !p->phone_home_token)
        return err_errno(err, r < 0 ? r : -ENOMEM, "cannot prepare the first boot");
    ipv4 address = effective->network.address.address;
    return seed_network(effective, &machine->status.inventory,
                        address ? networks_of_address(server, address) : NULL, p, err);
}

int machine_seed(const struct server *server, const struct machine *machine,
                 const struct machine_spec *effective, const char *base_url,
                 const struct trust_public *key, char **ret, struct err *err)
{
    _autoprovision_ struct provision p = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    char *text = NULL;
    size_t len = 0;
    int r = fill(server, machine, effective, base_url, &p, err);
    if (r < 0)
        return r;
    r = provision_render(&p, &seed, err);
    if (r < 0) {
        err_wrap(err, "spec.firstBoot");
        return r;
    }
    r = seed_build(&seed, &text, &len);
    if (r == 0)
        r = trust_seal(key, text, len, ret);
    seed_text_free(text);
    return r < 0 ? err_errno(err, r, "cannot seal the seed") : 0;
}
