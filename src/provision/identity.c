/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/identity.h"

#include <string.h>

#include "provision/fields.h"
#include "provision/value.h"

enum { IDENTITY_JSON_MAX = 16384 };

#define AT(member) .kind = FIELD_TEXT, .offset = offsetof(struct provision_identity, member)

static const struct field identity_fields[] = {
    {.name = "machine",
     AT(machine),
     .max = 253,
     .check = value_is_machine,
     .what = "a Machine name"},
    {.name = "server",
     AT(server),
     .max = 520,
     .check = value_is_url,
     .what = "an http URL",
     .required = true},
    {.name = "serverKey",
     AT(server_key),
     .max = 43,
     .check = value_is_key,
     .what = "a public key in base64url",
     .required = true},
    {.name = "privateKey", AT(private_key), .max = 128, .required = true},
};
static const struct field_table identity_table = {identity_fields, ARRAY_SIZE(identity_fields),
                                                  sizeof(struct provision_identity)};

void provision_identity_free(struct provision_identity *identity)
{
    fields_free(&identity_table, identity);
}

int provision_identity_build(const struct provision_identity *identity, char **ret_text,
                             struct err *err)
{
    int r = fields_check(&identity_table, identity, err);
    if (r < 0)
        return r;
    json_t *json = fields_write(&identity_table, identity);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    *ret_text = text;
    return 0;
}

int provision_identity_parse(const char *text, size_t len, struct provision_identity *ret,
                             struct err *err)
{
    if (len > IDENTITY_JSON_MAX)
        return err_set(err, -EINVAL, "longer than %d bytes", IDENTITY_JSON_MAX);
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return err_set(err, -EINVAL, "not JSON: %s", error.text);
    struct provision_identity identity;
    int r = fields_read(&identity_table, json, &identity, err);
    json_decref(json);
    if (r == 0)
        *ret = identity;
    return r;
}

int provision_identity_put(const struct provision_identity *identity, struct seed *seed,
                           struct err *err)
{
    char *text = NULL;
    int r = provision_identity_build(identity, &text, err);
    if (r == 0)
        r = seed_put(seed, SEED_PATH_IDENTITY, 0600, text, strlen(text), err);
    seed_text_free(text);
    return r;
}
