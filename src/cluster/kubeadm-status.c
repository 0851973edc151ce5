/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kubeadm-status.h"

#include <string.h>

#include "base/str.h"
#include "resource/print.h"
#include "resource/read.h"

static int read_status(const char *text, struct documents *ret)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    int r = yaml_parse(NULL, text, strlen(text), ret, &problems);
    if (r == -ENOMEM)
        return r;
    return r == 0 && ret->n == 1 && json_is_object(ret->items[0].json) ? 0 : -EBADMSG;
}

int kubeadm_status_remove(const char *text, const char *node, char **ret)
{
    _autodocuments_ struct documents documents = {0};
    _autobuf_ struct buf out = BUF_INIT;
    int r = read_status(text, &documents);
    if (r < 0)
        return r;
    json_t *endpoints = json_object_get(documents.items[0].json, "apiEndpoints");
    if (json_object_del(endpoints, node) < 0)
        return -ENOENT;
    r = yaml_write(documents.items[0].json, &out);
    *ret = r == 0 ? buf_steal(&out) : NULL;
    return *ret ? 0 : -ENOMEM;
}
