/* SPDX-License-Identifier: Apache-2.0 */
#include "server/install-plan.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void add_arguments(struct buf *out, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", out->len ? " " : "", items[i]);
}

static int fill_arguments(const struct machine_spec *effective, const struct image_spec *image,
                          char **ret)
{
    _autobuf_ struct buf out = BUF_INIT;
    if (image)
        add_arguments(&out, image->kernel_arguments, image->n_kernel_arguments);
    add_arguments(&out, effective->kernel_arguments, effective->n_kernel_arguments);
    if (buf_error(&out))
        return buf_error(&out);
    *ret = out.len ? buf_steal(&out) : NULL;
    return 0;
}

static int copy_text(char **to, const char *from)
{
    return from ? str_replace(to, from) : 0;
}

static int fill_disk_rule(const struct machine_spec *effective, struct protocol_disk_rule *rule)
{
    const struct root_disk *d = &effective->root_disk;
    rule->min_size = d->min_size;
    rule->max_size = d->max_size;
    rule->rotational = d->rotational == TRI_UNSET ? -1 : d->rotational == TRI_TRUE;
    rule->allow_overwrite = effective->allow_overwrite == TRI_TRUE;
    int r = copy_text(&rule->serial, d->serial);
    if (r == 0)
        r = copy_text(&rule->wwn, d->wwn);
    if (r == 0)
        r = copy_text(&rule->path, d->path);
    if (r == 0)
        r = copy_text(&rule->model, d->model);
    if (r == 0 && d->type != DISK_TYPE_UNSET)
        r = copy_text(&rule->type, field_enum_text(disk_type_values, (int)d->type));
    return r;
}

int install_plan_fill(const struct machine_spec *effective, const struct image_spec *image,
                      const struct image_facts *facts, struct protocol_plan *plan)
{
    memcpy(plan->manifest_digest, facts->digest, sizeof(plan->manifest_digest));
    plan->install_generation = (uint64_t)effective->install_generation;
    plan->reboot = effective->handover == HANDOVER_REBOOT;
    plan->image = strdup(effective->image);
    plan->manifest_path = str_format("/images/%s", facts->manifest_file);
    plan->data_path = str_format("/images/%s", facts->data_file);
    if (!plan->image || !plan->manifest_path || !plan->data_path)
        return -ENOMEM;
    int r = fill_arguments(effective, image, &plan->kernel_arguments);
    return r < 0 ? r : fill_disk_rule(effective, &plan->disk);
}

static enum protocol_wipe_method method_of(enum wipe_method method)
{
    switch (method) {
    case WIPE_UNSET:
    case WIPE_AUTO:
        return PROTOCOL_WIPE_AUTO;
    case WIPE_SECURE_ERASE:
        return PROTOCOL_WIPE_SECURE_ERASE;
    case WIPE_DISCARD:
        return PROTOCOL_WIPE_DISCARD;
    case WIPE_ZERO:
        return PROTOCOL_WIPE_ZERO;
    case WIPE_NONE:
        return PROTOCOL_WIPE_NONE;
    }
    return PROTOCOL_WIPE_AUTO;
}

int wipe_plan_fill(const struct machine *machine, const struct machine_spec *effective,
                   struct protocol_wipe *wipe)
{
    const struct machine_release *release = &effective->release;
    wipe->generation = (uint64_t)machine_release_generation(machine);
    wipe->method = method_of(release->wipe);
    wipe->root_only = release->disks == WIPE_DISKS_ROOT;
    wipe->power_off = release->power_off != TRI_FALSE;
    int r = fill_disk_rule(effective, &wipe->root);
    wipe->root.allow_overwrite = true; /* it is the one that was installed */
    return r;
}
