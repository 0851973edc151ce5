/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one Machine shall be after its first boot, as plain values. The server fills this from the
 * Machine, its Profile and its Network and renders it (render.h); slipway-node reads it back from
 * slipway/node.json and applies it. Strings are malloc'd and owned by the struct: fill them with
 * strdup() or str_replace(), lists with texts_add() and items_add().
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"
#include "provision/lists.h"

/* The longest slipway/node.json that is read. */
#define PROVISION_JSON_MAX ((size_t)4 << 20)

/* Who configures the installed system. */
enum provision_style {
    PROVISION_NODE,       /* slipway-node: the image was built by Slipway */
    PROVISION_CLOUD_INIT, /* cloud-init: an imported image */
};

struct provision_user {
    char *name; /* "root" too */
    struct texts ssh_authorized_keys;
    struct texts groups;
    char *password_hash; /* crypt(5); NULL: no password login */
    char *shell;         /* NULL: /bin/bash */
    bool sudo;           /* root rights without a password */
};

/* An OpenSSH host key pair; see hostkey.h for making one. */
struct provision_host_key {
    char *type;    /* "ed25519", "ecdsa" or "rsa" */
    char *private; /* PEM, ends with a newline */
    char *public;  /* one line */
};

struct provision_file {
    char *path; /* absolute */
    mode_t mode;
    char *owner; /* "user" or "user:group"; NULL: root:root */
    struct bytes content;
    bool template; /* content has {{ .variables }}, which rendering replaces */
};

enum provision_link_kind {
    PROVISION_ETHERNET,
    PROVISION_BOND,
    PROVISION_VLAN,
};

struct provision_route {
    char *to; /* "10.0.0.0/8" or "2001:db8::/32" */
    char *via;
};

/* A network interface. Ethernet is found by MAC address and keeps the name that the kernel gives.
 */
struct provision_link {
    int kind;       /* enum provision_link_kind */
    char *name;     /* of the bond or VLAN interface; ethernet has none */
    struct mac mac; /* ethernet: which one; bond: its address, or zero; vlan: the ethernet below */
    char *parent;   /* vlan on a bond: the bond's name */
    unsigned vlan_id;
    ITEMS_OF(struct mac) members; /* of a bond */
    char *bond_mode;              /* "802.3ad", "active-backup", ...; NULL: active-backup */
    bool dhcp4;
    bool dhcp6;
    struct texts addresses; /* "10.0.0.5/24", "2001:db8::5/64" */
    struct texts gateways;  /* at most one of each family */
    ITEMS_OF(struct provision_route) routes;
    struct texts dns;
    struct texts search;
    unsigned mtu;  /* 0: the default */
    bool optional; /* boot does not wait for it */
};

/* A variable for templates beside the built-in ones (see provision_render()). */
struct provision_variable {
    char *name;
    char *value;
};

struct provision {
    int style;              /* enum provision_style */
    char *machine;          /* the Machine's name */
    unsigned generation;    /* spec.installGeneration; with the name it makes the instance */
    char *server;           /* "http://10.0.0.1:8080" */
    char *server_key;       /* base64url of the Ed25519 public key */
    char *phone_home_token; /* cloud-init posts to SERVER/v1/phone-home/TOKEN; NULL: it does not */
    char *hostname;         /* NULL: the Machine's name up to the first dot */
    char *fqdn;             /* NULL: none */
    char *machine_id;       /* for a system that is configured offline; NULL: its own */
    char *timezone;         /* "Europe/Berlin"; NULL: the image's */
    ITEMS_OF(struct provision_user) users;
    ITEMS_OF(struct provision_host_key) host_keys; /* none: slipway-node makes an Ed25519 one */
    ITEMS_OF(struct provision_file) files;
    struct texts commands; /* run by /bin/sh, in order, once, when the network is up */
    struct texts ntp;
    ITEMS_OF(struct provision_link) links; /* none: DHCP on every ethernet */
    ITEMS_OF(struct provision_variable) variables;
};

#define _autoprovision_ _cleanup_(provision_free)

/* Wipes and frees everything; the struct is zero afterwards. */
void provision_free(struct provision *p);

/*
 * Every value and how they belong together (host name, addresses, VLAN parents, ...). 0 or -EINVAL
 * with the path of the value in err.
 */
int provision_check(const struct provision *p, struct err *err) _must_check_;

/* The struct as JSON text, as in slipway/node.json; free with seed_text_free(). 0 or -ENOMEM. */
int provision_build(const struct provision *p, char **ret_text) _must_check_;

/* The reverse, with provision_check(). *ret is untouched on failure. 0, -EINVAL or -ENOMEM. */
int provision_parse(const char *text, size_t len, struct provision *ret, struct err *err)
    _must_check_;

/* "NAME-GENERATION": changes with every installation and with nothing else. NULL: out of memory. */
char *provision_instance_id(const struct provision *p);

/* The host name that applies: hostname, or the first label of machine. NULL: out of memory. */
char *provision_hostname(const struct provision *p);
