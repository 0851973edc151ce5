/* SPDX-License-Identifier: Apache-2.0 */
/* A kubeconfig from anywhere: what is taken can be written and is taken again as the same. */
#include <assert.h>

#include "base/str.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct kube_config *c)
{
    const struct kube_config_parts parts = {.server = c->server,
                                            .authority = c->authority,
                                            .certificate = c->certificate,
                                            .key = c->key,
                                            .token = c->token};
    _autokubeconfig_ struct kube_config again = {0};
    _autofree_ char *text = kube_config_text(&parts);
    struct err err = ERR_INIT;
    if (!text)
        return;
    int r = kube_config_read(NULL, text, strlen(text), NULL, &again, &err);
    assert(r == 0);
    assert(str_eq(c->server, again.server) && str_eq(c->authority, again.authority));
    assert(str_eq(c->key, again.key) && str_eq(c->token, again.token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autokubeconfig_ struct kube_config config = {0};
    struct err err = ERR_INIT;
    if (kube_config_read(NULL, (const char *)data, size, NULL, &config, &err) < 0)
        return 0;
    assert(config.server && str_after(config.server, "https://"));
    write_and_read(&config);
    return 0;
}
