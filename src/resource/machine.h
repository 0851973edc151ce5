/* SPDX-License-Identifier: Apache-2.0 */
/* Machine: a physical or virtual computer that Slipway knows. */
#pragma once

#include "resource/kind.h"

enum machine_phase {
    MACHINE_PHASE_UNSET,
    MACHINE_DISCOVERED,   /* reported itself; waits for approval */
    MACHINE_REJECTED,     /* refused by spec.approved: false */
    MACHINE_AVAILABLE,    /* approved; nothing to install */
    MACHINE_PROVISIONING, /* being installed */
    MACHINE_INSTALLED,    /* image and identity are on its disk */
    MACHINE_RUNNING,      /* the installed system reported back */
    MACHINE_JOINING,
    MACHINE_READY, /* its Node is ready */
    MACHINE_FAILED,
    MACHINE_RELEASING,
    MACHINE_RELEASED,
};
extern const char *const machine_phase_values[];

enum bmc_protocol { BMC_UNSET, BMC_REDFISH, BMC_IPMI };
extern const char *const bmc_protocol_values[];

struct bmc {
    const char *address;
    enum bmc_protocol protocol;
    const char *username;
    const char *credentials_ref;
};

enum machine_role { ROLE_UNSET, ROLE_NONE, ROLE_CONTROL_PLANE, ROLE_WORKER };
extern const char *const machine_role_values[];

/* Whether a Machine of that role becomes a Node of its Cluster. */
static inline bool machine_role_joins(enum machine_role role)
{
    return role == ROLE_CONTROL_PLANE || role == ROLE_WORKER;
}

enum handover { HANDOVER_UNSET, HANDOVER_KEXEC, HANDOVER_REBOOT };
extern const char *const handover_values[];

enum disk_type { DISK_TYPE_UNSET, DISK_NVME, DISK_SSD, DISK_HDD, DISK_VIRTUAL };
extern const char *const disk_type_values[];

/* When an installation begins that becomes due while the installed system runs. */
enum install_when { INSTALL_WHEN_UNSET, INSTALL_NOW, INSTALL_NEXT_BOOT };
extern const char *const install_when_values[];

enum wipe_method {
    WIPE_UNSET,
    WIPE_AUTO, /* what is quickest and certain on each disk */
    WIPE_SECURE_ERASE,
    WIPE_DISCARD,
    WIPE_ZERO,
    WIPE_NONE, /* only the identity is removed */
};
extern const char *const wipe_method_values[];

enum wipe_disks { WIPE_DISKS_UNSET, WIPE_DISKS_ALL, WIPE_DISKS_ROOT };
extern const char *const wipe_disks_values[];

/* Giving the machine back: one-shot, as installing is. See machine_release_is_open(). */
struct machine_release {
    int64_t generation;
    enum wipe_method wipe;
    enum wipe_disks disks;
    int64_t drain_timeout_seconds;
    enum tristate power_off; /* unset: yes */
};

/* Every rule that is given must hold, and exactly one disk may match. */
struct root_disk {
    const char *serial;
    const char *wwn;
    const char *path;
    const char *model;
    uint64_t min_size; /* bytes; 0: no bound */
    uint64_t max_size;
    enum disk_type type;
    enum tristate rotational;
};
extern const struct field root_disk_fields[];

enum bond_mode {
    BOND_UNSET,
    BOND_ACTIVE_BACKUP,
    BOND_802_3AD,
    BOND_BALANCE_RR,
    BOND_BALANCE_XOR,
    BOND_BROADCAST,
    BOND_BALANCE_TLB,
    BOND_BALANCE_ALB,
};
extern const char *const bond_mode_values[];

struct bond {
    enum bond_mode mode;
    const char *const *interfaces; /* names or MAC addresses; empty: all that have a carrier */
    size_t n_interfaces;
};

struct machine_network {
    struct cidr address; /* all zero: by DHCP; a Profile has none */
    ipv4 gateway;        /* 0: the Network's */
    const ipv4 *dns;
    size_t n_dns;
    const char *const *ntp; /* names or addresses */
    size_t n_ntp;
    const char *const *search;
    size_t n_search;
    int64_t vlan; /* 0: untagged */
    int64_t mtu;  /* 0: the Network's */
    struct bond bond;
};

struct first_boot_file {
    const char *path;
    const char *content;
    enum { FILE_ENCODING_UNSET, FILE_ENCODING_TEXT, FILE_ENCODING_BASE64 } encoding;
    const char *permissions; /* octal text, "0644" */
    const char *owner;       /* "user" or "user:group" */
    bool template;           /* {{ .variables }} in the content are replaced */
};

struct first_boot_user {
    const char *name;
    const char *const *groups;
    size_t n_groups;
    const char *shell;
    const char *password_hash; /* crypt(5) */
    const char *const *ssh_authorized_keys;
    size_t n_ssh_authorized_keys;
    bool sudo; /* without a password */
};

struct first_boot {
    const char *hostname; /* NULL: the Machine's name */
    const char *const *ssh_authorized_keys;
    size_t n_ssh_authorized_keys;
    const struct first_boot_user *users;
    size_t n_users;
    const struct first_boot_file *files;
    size_t n_files;
    const char *const *commands; /* each run by sh -c, in order */
    size_t n_commands;
    const char *timezone;
};
extern const struct field first_boot_fields[];

struct machine_spec {
    const struct mac *mac_addresses;
    size_t n_mac_addresses;
    const char *uuid;
    const char *serial;
    const char *profile;
    enum tristate approved;     /* unset: undecided; false: rejected */
    const char *approved_key;   /* that the approval is bound to; NULL: the first that asks */
    int64_t install_generation; /* install while above status.installed_generation; default 1 */
    enum install_when install_when;
    struct machine_release release;
    struct bmc bmc;

    /* What a Profile may give too: see machine_effective(). */
    const char *image;
    const char *cluster;
    enum machine_role role;
    enum handover handover;
    const char *const *kernel_arguments;
    size_t n_kernel_arguments;
    struct root_disk root_disk;
    enum tristate allow_overwrite; /* may install over a disk with data that is not Slipway's */
    struct machine_network network;
    struct first_boot first_boot;
};

struct machine_identity {
    const char *public_key;  /* base64url without padding, Ed25519 */
    const char *fingerprint; /* hex */
    const char *words;       /* the same as words, as consoles show it */
};

/* A key that asks as the machine but is not the approved one. */
struct machine_candidate {
    const char *public_key;
    const char *fingerprint;
    const char *words;
    int64_t seen;
};

struct machine_dmi {
    const char *manufacturer;
    const char *product;
    const char *serial;
    const char *uuid;
    const char *bios_version;
};

enum firmware { FIRMWARE_UNSET, FIRMWARE_BIOS, FIRMWARE_UEFI };
extern const char *const firmware_values[];

struct machine_cpu {
    const char *model;
    int64_t count; /* logical processors */
    int64_t sockets;
};

struct machine_nic {
    const char *name;
    struct mac mac;
    const char *driver;
    int64_t speed_mbps; /* 0: unknown */
    bool carrier;
    const char *pci_address;
};

struct machine_disk {
    const char *name; /* "nvme0n1" */
    const char *path; /* "/dev/disk/by-path/..." or "/dev/nvme0n1" */
    const char *serial;
    const char *wwn;
    const char *model;
    int64_t size_bytes;
    int64_t sector_size;
    bool rotational;
    enum disk_type type;
    const char *contents; /* what is on it: "empty", "gpt", "ext4", "slipway", ... */
};

struct machine_inventory {
    struct machine_dmi dmi;
    const char *architecture; /* "amd64" */
    enum firmware firmware;
    bool secure_boot;
    struct machine_cpu cpu;
    int64_t memory_bytes;
    const struct machine_nic *nics;
    size_t n_nics;
    const struct machine_disk *disks;
    size_t n_disks;
};

struct machine_progress {
    const char *step;
    int64_t bytes_done;
    int64_t bytes_total;
    const char *message;
    int64_t updated_at;
};

struct machine_address {
    const char *type; /* "InternalIP" or "Hostname", as on a Node */
    const char *address;
};

struct machine_failure {
    const char *step;
    const char *reason; /* CamelCase */
    const char *message;
    int64_t time;
};

struct machine_timeline {
    int64_t time;  /* of the last one */
    int64_t count; /* 0: once */
    const char *event;
    const char *message;
};

enum join_state { JOIN_UNSET, JOIN_RUNNING, JOIN_DONE, JOIN_FAILED };
extern const char *const join_state_values[];

/* The task that makes the machine a member of its Cluster. */
struct machine_join {
    const char *task; /* its id */
    enum join_state state;
    const char *phase;   /* of kubeadm, as the node reports it */
    const char *failure; /* CamelCase */
    const char *message; /* why it failed, for people */
    const char *node_name;
    int64_t started_at;
    int64_t ended_at;
    int64_t attempts;
    const char *token_id; /* of the bootstrap token that was made for it; not secret */
    int64_t token_expires_at;
    const char *bound_key; /* hash of the key that its first certificate was approved for */
};

struct machine_status {
    enum machine_phase phase;
    int64_t observed_generation;
    const struct condition *conditions;
    size_t n_conditions;
    struct machine_identity identity;
    struct machine_candidate candidate;
    const char *boot_id; /* of the stage2 that was heard of last */
    struct machine_inventory inventory;
    struct machine_progress progress;
    const struct machine_address *addresses;
    size_t n_addresses;
    const char *image; /* that applies: spec.image or the Profile's */
    const char *cluster;
    enum machine_role role;
    int64_t installed_generation;
    const char *installed_image;  /* NULL once it was released */
    const char *installing_image; /* that stage2 was told to write; NULL: it writes none */
    int64_t released_generation;
    int64_t wiping_generation; /* of the release whose wiping has begun: no way back from there */
    const char *revoked_key;   /* that the machine gave up when it was released */
    int64_t restarted_at;      /* when the installed system was last told to restart */
    int64_t attempts;          /* of the installation or release that is under way */
    struct machine_join join;
    struct machine_failure failure;
    const struct machine_timeline *timeline; /* oldest first */
    size_t n_timeline;
    int64_t last_seen;
};

struct machine {
    struct meta meta;
    struct machine_spec spec;
    struct machine_status status;
};

/* For decoding or encoding parts, as fields_encode(machine_status_fields, &status). */
extern const struct field machine_spec_fields[];
extern const struct field machine_status_fields[];
extern const struct field machine_inventory_fields[];
extern const struct field machine_join_fields[];

enum { MACHINE_TIMELINE_MAX = 32, MACHINE_TIMELINE_MERGE_MS = 10 * 60000 };

/* object_decode() and object_free() for this kind. */
int machine_decode(const json_t *json, struct machine **ret, struct err *err) _must_check_;
void machine_free(struct machine *machine);
DEFINE_CLEANUP(struct machine *, machine_free)

struct profile;

/*
 * The specification that holds for a machine: its own values, then its Profile's for what it does
 * not say, then the defaults (role none, boot mode auto, installing over foreign data not allowed).
 * Lists and atomic objects (rootDisk, bond) are taken whole from one side. profile may be NULL. The
 * result borrows from both arguments and must not outlive them. Undecided approval becomes true
 * where the Profile approves by itself.
 */
struct machine_spec machine_effective(const struct machine *machine, const struct profile *profile);

/*
 * Whether a release was asked for that has not ended, or cannot be undone any more because its
 * wiping has begun.
 */
bool machine_release_is_open(const struct machine *machine);
/* Which one: 0 when none is open. */
int64_t machine_release_generation(const struct machine *machine);

/* Whether the machine was released and no installation has been asked for since. */
bool machine_is_released(const struct machine *machine);

/* "Discovered"; "" for MACHINE_PHASE_UNSET. */
const char *machine_phase_text(enum machine_phase phase);

/*
 * Appends to status.timeline of a Machine's JSON, dropping the oldest entries beyond
 * MACHINE_TIMELINE_MAX. 0, -EINVAL (the status has another form) or -ENOMEM.
 */
int machine_timeline_add(json_t *machine, int64_t now_ms, const char *event, const char *message)
    _must_check_;

/*
 * The same for what may repeat, seen `count` times, the last time at seen_ms: an equal entry that
 * is not older than MACHINE_TIMELINE_MERGE_MS is counted up, and goes to where its time belongs.
 */
int machine_timeline_count(json_t *machine, int64_t seen_ms, const char *event, const char *message,
                           int64_t count) _must_check_;
