/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/bootstrap-token.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#define ALPHABET "0123456789abcdefghijklmnopqrstuvwxyz"
#define GROUP_PREFIX "system:bootstrappers:"

static void draw(struct rng *rng, char *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = ALPHABET[rng_below(rng, sizeof(ALPHABET) - 1)];
    dst[n] = '\0';
}

void kube_token_make(struct rng *rng, struct kube_token *ret)
{
    draw(rng, ret->id, KUBE_TOKEN_ID_LEN);
    draw(rng, ret->secret, KUBE_TOKEN_SECRET_LEN);
}

void kube_token_wipe(struct kube_token *token)
{
    explicit_bzero(token, sizeof(*token));
}

const char *kube_token_text(const struct kube_token *token, char dst[static KUBE_TOKEN_TEXT_SIZE])
{
    (void)snprintf(dst, KUBE_TOKEN_TEXT_SIZE, "%s.%s", token->id, token->secret);
    return dst;
}

int kube_token_parse(const char *text, struct kube_token *ret)
{
    if (strlen(text) != KUBE_TOKEN_TEXT_SIZE - 1 || text[KUBE_TOKEN_ID_LEN] != '.')
        return -EINVAL;
    const char *secret = text + KUBE_TOKEN_ID_LEN + 1;
    if (strspn(text, ALPHABET) != KUBE_TOKEN_ID_LEN ||
        strspn(secret, ALPHABET) != KUBE_TOKEN_SECRET_LEN)
        return -EINVAL;
    memcpy(ret->id, text, KUBE_TOKEN_ID_LEN);
    ret->id[KUBE_TOKEN_ID_LEN] = '\0';
    memcpy(ret->secret, secret, KUBE_TOKEN_SECRET_LEN + 1);
    return 0;
}

const char *kube_token_secret_name(const char *id, char dst[static KUBE_TOKEN_NAME_SIZE])
{
    (void)snprintf(dst, KUBE_TOKEN_NAME_SIZE, "bootstrap-token-%s", id);
    return dst;
}

/* What the API server's bootstrapapi.ValidateBootstrapGroupName takes:
 * system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9] */
static bool is_group(const char *group)
{
    const char *rest = group ? str_after(group, GROUP_PREFIX) : NULL;
    size_t n = rest ? strlen(rest) : 0;
    return n > 0 && n <= 256 && strspn(rest, ALPHABET ":-") == n && rest[n - 1] != ':' &&
           rest[n - 1] != '-';
}

static int join_groups(const struct kube_token_options *options, struct buf *ret)
{
    for (size_t i = 0; i < options->n_groups; i++) {
        if (!is_group(options->groups[i]))
            return -EINVAL;
        buf_printf(ret, "%s%s", i > 0 ? "," : "", options->groups[i]);
    }
    return buf_error(ret);
}

static json_t *pairs_of(const char *const *pairs)
{
    json_t *object = json_object();
    for (size_t i = 0; pairs && pairs[i] && pairs[i + 1]; i += 2)
        (void)json_object_set_new(object, pairs[i], json_string(pairs[i + 1]));
    return object;
}

static json_t *data_of(const struct kube_token *token, const struct kube_token_options *options,
                       const char *groups)
{
    char expiration[CLOCK_TEXT_SIZE];
    const char *when = clock_text((options->expires_wall_ms + 999) / 1000 * 1000, expiration);
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s}", "token-id", token->id, "token-secret",
                             token->secret, "expiration", when, "usage-bootstrap-authentication",
                             options->authentication ? "true" : "false", "usage-bootstrap-signing",
                             options->signing ? "true" : "false");
    if (data && groups[0])
        (void)json_object_set_new(data, "auth-extra-groups", json_string(groups));
    if (data && options->description)
        (void)json_object_set_new(data, "description", json_string(options->description));
    return data;
}

int kube_token_secret(const struct kube_token *token, const struct kube_token_options *options,
                      json_t **ret)
{
    _autobuf_ struct buf groups = BUF_INIT_MAX(4096);
    char name[KUBE_TOKEN_NAME_SIZE];
    int r = options->expires_wall_ms > 0 ? join_groups(options, &groups) : -EINVAL;
    if (r < 0)
        return r;
    json_t *secret = json_pack(
        "{s:s, s:s, s:s, s:{s:s, s:s, s:o, s:o}, s:o}", "apiVersion", "v1", "kind", "Secret",
        "type", KUBE_TOKEN_TYPE, "metadata", "name", kube_token_secret_name(token->id, name),
        "namespace", "kube-system", "labels", pairs_of(options->labels), "annotations",
        pairs_of(options->annotations), "stringData", data_of(token, options, buf_str(&groups)));
    if (!secret)
        return -ENOMEM;
    *ret = secret;
    return 0;
}
