/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EFI load options (UEFI 2.10 section 3.1.3) and the decision what to put into BootOrder and
 * BootNext. Pure functions over the variables' bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/gpt.h"

enum {
    EFI_OPTION_MAX = 4096, /* bytes of one load option that we read */
    EFI_DESCRIPTION_SIZE = 128,
    EFI_LOADER_SIZE = 256,
    EFI_ORDER_MAX = 512,
    EFI_LOAD_OPTION_ACTIVE = 1,
};

/* A load option as far as it matters here. */
struct efi_option {
    uint32_t attributes;
    char description[EFI_DESCRIPTION_SIZE]; /* what is not ASCII is '?' */
    bool has_partition;                     /* its path starts at a GPT partition */
    struct gpt_guid partition;              /* unique GUID */
    char loader[EFI_LOADER_SIZE];           /* "\EFI\debian\shimx64.efi", or "" */
    bool network;                           /* its path goes through a network adapter */
};

/* The partition that holds the loader, as the device path names it. */
struct efi_target {
    const char *description; /* ASCII */
    const char *loader;      /* with backslashes */
    uint32_t number;
    uint64_t first, sectors;
    struct gpt_guid partition;
};

/* Parses the bytes of a Boot#### variable (without efivarfs' attributes). 0 or -EBADMSG. */
int efi_option_parse(const void *data, size_t len, struct efi_option *ret) _must_check_;

/* Builds one: hard drive and file path, active. 0, -EINVAL (not ASCII) or -EMSGSIZE. */
int efi_option_build(const struct efi_target *target, void *dst, size_t size, size_t *ret_len)
    _must_check_;

/* True when the option starts this loader of this partition. */
bool efi_option_is(const struct efi_option *option, const struct efi_target *target);

/* One Boot#### as the firmware has it. */
struct efi_entry {
    uint16_t number;
    struct efi_option option;
};

/* What to change. */
struct efi_plan {
    uint16_t number;  /* of our entry: one that was there for the same loader, or a free one */
    bool write_entry; /* whether it must be written */
    bool write_order;
    uint16_t order[EFI_ORDER_MAX];
    size_t order_count;
};

/*
 * Puts our entry behind the network entries that lead the order, so that the server still decides
 * first; without any, at the front. All others keep their places. An entry for the same loader, or
 * one of the same description from an earlier installation, is used again. 0, or -ENOSPC when no
 * number or place is free.
 */
int efi_plan(const struct efi_entry *entries, size_t count, const uint16_t *order,
             size_t order_count, const struct efi_target *target, struct efi_plan *ret)
    _must_check_;

/* Takes a number out of an order, wherever it is. The new count. */
size_t efi_order_without(uint16_t *order, size_t count, uint16_t number);

/*
 * The entry to start next for a boot from the network: the first active one of the order whose path
 * goes through an adapter. 0 and *ret_number, or -ENOENT.
 */
int efi_network_entry(const struct efi_entry *entries, size_t count, const uint16_t *order,
                      size_t order_count, uint16_t *ret_number) _must_check_;
