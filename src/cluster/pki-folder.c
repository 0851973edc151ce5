/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities that lie in a folder as kubeadm keeps them. */
#include <string.h>

#include "base/str.h"
#include "cluster/key-file.h"
#include "cluster/pki.h"
#include "cluster/x509.h"

/* folder/name + suffix; nothing (NULL) where there is no such file. */
static int read_member(const char *folder, const char *name, bool secret, struct key_file *ret,
                       struct err *err)
{
    struct err why = ERR_INIT;
    _autofree_ char *path = str_format("%s/%s", folder, name);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = secret ? key_file_read(path, PKI_PEM_MAX, ret, &why)
                   : key_file_read_public(path, PKI_PEM_MAX, ret, &why);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? err_set(err, r, "%s", err_text(&why)) : 0;
}

static int missing(const char *folder, const char *there, const char *other, struct err *err)
{
    return err_set(err, -EINVAL,
                   "%s/%s is there without %s: expected both, or neither for a new authority",
                   folder, there, other);
}

static int take_authority(const char *folder, const char *name, const struct clock *clock,
                          struct pki_pair *ret, int64_t *ends, struct err *err)
{
    _autokeyfile_ struct key_file certificate = {0}, key = {0};
    _autofree_ char *what = str_format("%s/%s.{crt,key}", folder, name);
    char names[2][32];
    int64_t end = 0;
    (void)snprintf(names[0], sizeof(names[0]), "%s.crt", name);
    (void)snprintf(names[1], sizeof(names[1]), "%s.key", name);
    if (!what)
        return err_set(err, -ENOMEM, "out of memory");
    int r = read_member(folder, names[0], false, &certificate, err);
    if (r == 0)
        r = read_member(folder, names[1], true, &key, err);
    if (r < 0 || (!certificate.data && !key.data))
        return r;
    if (!certificate.data || !key.data)
        return missing(folder, names[!certificate.data], names[!key.data], err);
    r = pki_import(what, (const char *)certificate.data, (const char *)key.data, clock, ret, err);
    if (r == 0 && pki_not_after(ret->certificate, &end) == 0 && end < *ends)
        *ends = end;
    return r;
}

static int check_public(const char *folder, const struct key_file *file, const struct pki *pki,
                        struct err *err)
{
    _autofree_ char *public = x509_public_text((const char *)file->data);
    if (!public || !str_eq(public, pki->sa_pub))
        return err_set(err, -EINVAL, "%s/sa.pub is not the public half of %s/sa.key", folder,
                       folder);
    return 0;
}

static int take_service_account(const char *folder, struct pki *pki, struct err *err)
{
    _autokeyfile_ struct key_file key = {0}, public = {0};
    _autofree_ char *what = str_format("%s/sa.key", folder);
    if (!what)
        return err_set(err, -ENOMEM, "out of memory");
    int r = read_member(folder, "sa.key", true, &key, err);
    if (r == 0)
        r = read_member(folder, "sa.pub", false, &public, err);
    if (r < 0 || (!key.data && !public.data))
        return r;
    if (!key.data)
        return missing(folder, "sa.pub", "sa.key", err);
    r = pki_import_service_account(what, (const char *)key.data, pki, err);
    return r == 0 && public.data ? check_public(folder, &public, pki, err) : r;
}

int pki_import_folder(const char *folder, const struct clock *clock, struct pki *pki,
                      int64_t *ret_ends, struct err *err)
{
    _autopki_ struct pki taken = PKI_INIT;
    int64_t ends = INT64_MAX;
    int r = take_authority(folder, "ca", clock, &taken.ca, &ends, err);
    if (r == 0)
        r = take_authority(folder, "front-proxy-ca", clock, &taken.front_proxy_ca, &ends, err);
    if (r == 0)
        r = take_authority(folder, "etcd/ca", clock, &taken.etcd_ca, &ends, err);
    if (r == 0)
        r = take_service_account(folder, &taken, err);
    if (r < 0)
        return r;
    if (!taken.ca.key && !taken.front_proxy_ca.key && !taken.etcd_ca.key && !taken.sa_key)
        return err_set(err, -ENOENT,
                       "%s holds no authority: expected ca.crt and ca.key there, as kubeadm names "
                       "them",
                       folder);
    *pki = taken;
    taken = PKI_INIT;
    *ret_ends = ends;
    return 0;
}
