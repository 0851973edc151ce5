/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an imported image reports in: cloud-init's phone_home posts its instance-id to a URL with a
 * token. The token is a keyed digest of Machine and generation, so nothing has to be stored, and it
 * says nothing but "this installation runs".
 */
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "server/machine-act.h"
#include "server/private.h"

enum { TOKEN_BYTES = 20 };

char *machine_phone_home_token(const struct server *server, const char *name, uint64_t generation)
{
    uint8_t digest[TOKEN_BYTES], key[crypto_generichash_KEYBYTES];
    static const char purpose[] = "slipway phone-home 1";
    (void)crypto_generichash(key, sizeof(key), server->key.secret, sizeof(server->key.secret),
                             (const uint8_t *)purpose, sizeof(purpose));
    _autofree_ char *text = str_format("%s %llu", name, (unsigned long long)generation);
    if (text)
        (void)crypto_generichash(digest, sizeof(digest), (const uint8_t *)text, strlen(text), key,
                                 sizeof(key));
    sodium_memzero(key, sizeof(key));
    return text ? str_hex(digest, sizeof(digest)) : NULL;
}

int machine_phone_home_instance(const char *body, char *name, size_t size, uint64_t *ret_generation)
{
    const char *field = strstr(body, "instance_id=");
    if (!field)
        return -EBADMSG;
    field += strlen("instance_id=");
    size_t len = strcspn(field, "&");
    if (len >= size)
        return -EBADMSG;
    memcpy(name, field, len);
    name[len] = '\0';
    char *dash = strrchr(name, '-');
    if (!dash || str_parse_u64(dash + 1, 1, INT64_MAX, ret_generation) < 0)
        return -EBADMSG;
    *dash = '\0';
    return 0;
}

static void on_noted(void *data, int rc, const struct machine_change *change,
                     const struct machine *machine, const struct machine_spec *effective)
{
    (void)change, (void)machine, (void)effective;
    http_reply_text(data, rc < 0 ? 503 : 200, "text/plain", rc < 0 ? "try again\n" : "noted\n");
}

/* Anybody may call, with any name. */
static void warn_of_wrong_token(struct server *server, const char *name)
{
    char quoted[128];
    unsigned left_out;
    if (log_limit_allows(&server->phone_home_lines, clock_now(server->clock), &left_out))
        log_warn("a call with a wrong token for \"%s\" was refused",
                 log_quote(quoted, sizeof(quoted), name, strlen(name)));
}

void machine_route_phone_home(struct http_request *request, void *data)
{
    struct server *server = data;
    char name[254];
    uint64_t generation = 0;
    const char *token = http_request_rest(request);
    const char *body = http_request_body(request, NULL);
    if (machine_phone_home_instance(body, name, sizeof(name), &generation) < 0) {
        http_reply_text(request, 400, "text/plain", "expected a form with instance_id\n");
        return;
    }
    _autofree_ char *expected = machine_phone_home_token(server, name, generation);
    if (!expected || strlen(token) != strlen(expected) ||
        sodium_memcmp(token, expected, strlen(expected)) != 0) {
        warn_of_wrong_token(server, name);
        http_reply_text(request, 403, "text/plain", "wrong token\n");
        return;
    }
    const struct machine_act act = {.type = MACHINE_EVENT_PHONE_HOME,
                                    .generation = generation,
                                    .done = on_noted,
                                    .data = request};
    machine_act(server, name, &act);
}
