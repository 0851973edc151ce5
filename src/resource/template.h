/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a specification that a Machine has and a Profile may give to many Machines: what to
 * install, where, and how the installed system starts. Both kinds list TEMPLATE_FIELDS directly
 * under spec, and struct profile_spec starts with a struct machine_spec, so the two cannot drift
 * apart.
 */
#pragma once

#include "resource/machine.h"

struct problems;

/* clang-format off */
#define TEMPLATE_FIELDS                                                                            \
    F_STRING(struct machine_spec, image, "image", .format = &format_name,                          \
             .flags = FIELD_SELECTABLE, .doc = "Name of the Image to install."),                   \
    F_STRING(struct machine_spec, cluster, "cluster", .format = &format_name,                      \
             .flags = FIELD_SELECTABLE,                                                            \
             .doc = "Name of the Cluster that the machine belongs to."),                           \
    F_ENUM(struct machine_spec, role, "role", machine_role_values, .flags = FIELD_SELECTABLE,      \
           .doc = "Role in the cluster.", .late = "none"),                                         \
    F_ENUM(struct machine_spec, handover, "handover", handover_values,                             \
           .doc = "How stage2 starts the installed system: kexec spares the firmware's start and " \
                  "is left for a reboot where it does not work; reboot goes through the firmware " \
                  "at once, for hardware that a kexec confuses.", .late = "kexec"),                \
    F_STRINGS(struct machine_spec, kernel_arguments, "kernelArguments", 0, .max_items = 64,        \
              .doc = "Arguments added to the kernel command line of the installed system."),       \
    F_OBJECT(struct machine_spec, root_disk, "rootDisk", struct root_disk, root_disk_fields,       \
             .flags = FIELD_ATOMIC,                                                                \
             .doc = "Which disk the image is written to. All rules must hold, and exactly one "    \
                    "disk may match. Without rules the machine must have exactly one disk."),      \
    F_TRI(struct machine_spec, allow_overwrite, "allowOverwrite",                                  \
          .doc = "Whether the image may be written over a disk that holds data which Slipway did " \
                 "not write.", .late = "false"),                                                   \
    F_OBJECT(struct machine_spec, first_boot, "firstBoot", struct first_boot, first_boot_fields,   \
             .doc = "What is configured when the installed system first starts.")
/* clang-format on */

/* The network of a Machine (with an address) and of a Profile (without). */
extern const struct field machine_network_fields[];
extern const struct field profile_network_fields[];

/* TEMPLATE_FIELDS and the network, for inheriting. */
extern const struct field template_fields[];

/* Rules between fields. */
void template_check(const struct machine_spec *spec, struct problems *problems);

/* Takes from src what dst lacks: shallow, so dst then borrows from src. */
void fields_inherit(const struct field *fields, void *dst, const void *src);
