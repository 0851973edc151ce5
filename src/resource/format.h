/* SPDX-License-Identifier: Apache-2.0 */
/* How the texts in resources must look. Pure checks of one string each; thread safe. */
#pragma once

#include "resource/field.h"

extern const struct format format_line;      /* the default: no control characters */
extern const struct format format_text;      /* any text, several lines too */
extern const struct format format_name;      /* RFC 1123 subdomain, as object names are */
extern const struct format format_label_key; /* "example.com/key" */
extern const struct format format_label_value;
extern const struct format format_hostname; /* RFC 1123 label or domain, any case */
extern const struct format format_host;     /* a host name or an IPv4 address */
extern const struct format format_uuid;
extern const struct format format_interface; /* a Linux link's name, or a MAC address */
extern const struct format format_link;      /* a Linux link's name */
extern const struct format format_path; /* absolute, without "..", "//" or control characters */
extern const struct format format_file_name; /* one component of a path */
extern const struct format format_mode;      /* "0644" */
extern const struct format format_owner;     /* "user" or "user:group" */
extern const struct format format_user;
extern const struct format format_ssh_key;      /* a line of authorized_keys */
extern const struct format format_key;          /* 32 bytes in base64url: an Ed25519 public key */
extern const struct format format_url;          /* http or https */
extern const struct format format_location;     /* an absolute path or a URL */
extern const struct format format_dns_host;     /* a DNS name in lower case or an IPv4 address */
extern const struct format format_san;          /* the same, or "*." and a DNS name */
extern const struct format format_no_proxy;     /* an entry of the variable no_proxy */
extern const struct format format_certificates; /* certificates in PEM */
extern const struct format format_kube_version; /* "v1.20.2" */
extern const struct format format_bootstrap_token; /* "abcdef.0123456789abcdef" */
extern const struct format format_key_hash;        /* "sha256:" and 64 hexadecimal digits */
extern const struct format format_timezone;        /* "Europe/Berlin" */
extern const struct format format_reason;          /* CamelCase */
extern const struct format format_number;          /* a decimal number as text: resourceVersion */

/* Of the field types that have texts of their own. */
extern const struct format format_mac, format_ipv4, format_cidr, format_size, format_time;

/* What a field's text must look like: its format, its type's, or the default; never NULL. */
const struct format *field_format(const struct field *field);
