/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-join.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "resource/format.h"
#include "resource/node-configuration.h"
#include "resource/read.h"

enum { JOIN_FILE_MAX = 64 << 10 };

char *up_join_text(const struct up_join *join)
{
    struct buf out = BUF_INIT;
    buf_printf(&out, "apiVersion: %s\nkind: %s\n", kind_api_version(&kind_node_configuration),
               kind_node_configuration.kind);
    buf_printf(&out, "seeder: \"%s\"\ncaCertHash: \"%s\"\n", join->seeder, join->ca_hash);
    if (join->token)
        buf_printf(&out, "token: \"%s\"\n", join->token);
    else
        buf_printf(&out, "# token: as in %s of the seeder\n", UP_JOIN_FILE);
    char *text = buf_steal(&out);
    buf_free(&out);
    return text;
}

int up_join_save(const struct node *node, const struct up_join *join, struct err *err)
{
    char *text = up_join_text(join);
    int r = text ? node_write_durably(node, UP_JOIN_FILE, text, 0600, err) : -ENOMEM;
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return r;
}

char *up_join_token(const struct node *node)
{
    _autofree_ char *text = NULL;
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    size_t len = 0;
    if (node_read(node, UP_JOIN_FILE, JOIN_FILE_MAX, &text, &len, NULL) < 0)
        return NULL;
    int r = yaml_parse(NULL, text, len, &documents, &problems);
    explicit_bzero(text, len);
    const char *token =
        r == 0 && documents.n ? object_text(documents.items[0].json, "token") : NULL;
    return token && format_bootstrap_token.check(token) ? strdup(token) : NULL;
}
