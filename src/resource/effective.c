/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/profile.h"
#include "resource/template.h"

struct machine_spec machine_effective(const struct machine *machine, const struct profile *profile)
{
    struct machine_spec spec = machine->spec;
    if (profile) {
        fields_inherit(template_fields, &spec, &profile->spec.machine);
        if (spec.approved == TRI_UNSET && profile->spec.auto_approve == TRI_TRUE)
            spec.approved = TRI_TRUE;
    }
    if (spec.role == ROLE_UNSET)
        spec.role = ROLE_NONE;
    if (spec.handover == HANDOVER_UNSET)
        spec.handover = HANDOVER_KEXEC;
    if (spec.allow_overwrite == TRI_UNSET)
        spec.allow_overwrite = TRI_FALSE;
    return spec;
}
