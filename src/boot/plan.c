/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/plan.h"

struct boot_plan boot_plan_unknown(bool serve_unknown)
{
    if (serve_unknown)
        return (struct boot_plan){BOOT_STAGE2, "unknown machine: booting to take its inventory"};
    return (struct boot_plan){BOOT_NOTHING, "unknown machine, and its Network ignores those"};
}

struct boot_plan boot_plan(const struct boot_facts *facts)
{
    if (!facts->known)
        return boot_plan_unknown(facts->serve_unknown);
    if (facts->rejected)
        return (struct boot_plan){BOOT_NOTHING, "the Machine is rejected"};
    bool install = facts->has_image && facts->install_generation > facts->installed_generation;
    /* Its part of the Cluster, such as a member of etcd, is needed until it has left. */
    if (facts->member && facts->installed_generation > 0 && (facts->releasing || install))
        return (struct boot_plan){BOOT_LOCAL, "leaves its Cluster first: booting its own disk"};
    if (facts->releasing)
        return (struct boot_plan){BOOT_STAGE2, "the Machine is being released"};
    if (facts->released)
        return (struct boot_plan){BOOT_STAGE2, "released: waits until it is to be used again"};
    if (install)
        return (struct boot_plan){BOOT_STAGE2, "an installation is wanted"};
    if (facts->installed_generation > 0)
        return (struct boot_plan){BOOT_LOCAL, "installed: booting its own disk"};
    return (struct boot_plan){BOOT_STAGE2, "no Image is assigned: taking its inventory"};
}
