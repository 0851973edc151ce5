/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki-provide.h"

#include "base/str.h"

/* A cluster that exists has one authority for ever. */
static int check_hash(const struct pki_wanted *wanted, const struct pki *pki, struct err *err)
{
    char hash[PKI_HASH_TEXT_SIZE];
    int r = pki_hash(pki->ca.certificate, hash);
    if (r < 0)
        return err_errno(err, r, "cannot read the authority's certificate");
    if (str_eq(hash, wanted->hash))
        return 0;
    return err_set(err, -EKEYREJECTED,
                   "the server keeps another authority for this cluster (%s) than the one it was "
                   "formed with (%s): bring the right keys back",
                   hash, wanted->hash);
}

/* What the folder holds is written as it would have been when it was taken from there. */
static int check_folder(const struct pki_wanted *wanted, const struct clock *clock,
                        const struct pki *pki, struct err *err)
{
    struct pki_file brought[PKI_FILE_COUNT], kept[PKI_FILE_COUNT];
    _autopki_ struct pki there = PKI_INIT;
    int64_t ends;
    int r = pki_import_folder(wanted->from, clock, &there, &ends, err);
    if (r < 0)
        return r;
    pki_files(&there, brought);
    pki_files(pki, kept);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++) {
        if (brought[i].data && !str_eq(brought[i].data, kept[i].data))
            return err_set(err, -EKEYREJECTED,
                           "the server keeps another %s for a cluster of this name than %s/%s: "
                           "expected no such folder, or no keys kept",
                           brought[i].path, wanted->from, brought[i].path);
    }
    return 0;
}

static int check_kept(const struct pki_wanted *wanted, const struct clock *clock,
                      const struct pki *pki, struct err *err)
{
    if (wanted->hash)
        return check_hash(wanted, pki, err);
    return wanted->from ? check_folder(wanted, clock, pki, err) : 0;
}

static int make(struct pki_store *store, const struct pki_wanted *wanted, const struct clock *clock,
                struct pki_provided *p, struct err *err)
{
    int r = 0;
    p->origin = wanted->from ? PKI_IMPORTED : PKI_CREATED;
    if (wanted->from)
        r = pki_import_folder(wanted->from, clock, &p->pki, &p->ends, err);
    if (r == 0)
        r = pki_create(&p->pki, PKI_EC, clock, err);
    return r < 0 ? r : pki_store_save(store, wanted->cluster, &p->pki, err);
}

static int provide(struct pki_store *store, const struct pki_wanted *wanted,
                   const struct clock *clock, struct pki_provided *p, struct err *err)
{
    struct err why = ERR_INIT;
    int r = pki_store_load(store, wanted->cluster, &p->pki, &why);
    if (r == 0)
        return check_kept(wanted, clock, &p->pki, err);
    if (r == -ENOENT && !wanted->hash)
        return make(store, wanted, clock, p, err);
    if (r == -ENOENT)
        return err_set(err, r,
                       "%s: expected the authority that the cluster was formed with (%s), which "
                       "cannot be made anew: bring the file back",
                       err_text(&why), wanted->hash);
    return err_set(err, r, "%s", err_text(&why));
}

int pki_provide(struct pki_store *store, const struct pki_wanted *wanted, const struct clock *clock,
                struct pki_provided *ret, struct err *err)
{
    struct pki_provided p = {.pki = PKI_INIT, .origin = PKI_KEPT, .ends = INT64_MAX};
    int r = provide(store, wanted, clock, &p, err);
    if (r < 0)
        pki_clear(&p.pki);
    else
        *ret = p;
    return r;
}
