/* SPDX-License-Identifier: Apache-2.0 */
/* What texts of a struct provision may look like. All of these are pure. */
#pragma once

#include <stdbool.h>

/* One line: no control characters (C1 and Unicode's line separators are such too). */
bool value_is_line(const char *s);
/* Letters, digits and '-' in labels of at most 63 characters, no dot at the end (RFC 1123). */
bool value_is_fqdn(const char *s);
/* One such label, at most 63 characters. */
bool value_is_hostname(const char *s);
/* A metadata.name of Kubernetes: lower case, RFC 1123 subdomain. */
bool value_is_machine(const char *s);
/* As useradd(8) of Debian wants it. */
bool value_is_user(const char *s);
/* "user" or "user:group"; numbers are taken as well. */
bool value_is_owner(const char *s);
/* Absolute, no empty, "." or ".." component, no control characters, not "/". */
bool value_is_path(const char *s);
/* A name below /usr/share/zoneinfo. */
bool value_is_timezone(const char *s);
/* 32 lower-case hex digits, not all zero. */
bool value_is_machine_id(const char *s);
/* "http://" or "https://", printable, no spaces or quotes. */
bool value_is_url(const char *s);
/* base64url of 32 bytes without padding. */
bool value_is_key(const char *s);
/* URL-safe characters only. */
bool value_is_token(const char *s);
/* A hash as crypt(5) makes it: nothing that would break /etc/shadow. */
bool value_is_password_hash(const char *s);
/* One line of authorized_keys or of a .pub file. */
bool value_is_public_key(const char *s);
/* Text with newlines but without other control characters. */
bool value_is_pem(const char *s);
/* A name for a network interface as Linux takes it, without characters that need quoting. */
bool value_is_interface(const char *s);
/* IPv4 or IPv6. */
bool value_is_address(const char *s);
/* IPv4 or IPv6 with "/prefix". */
bool value_is_prefix(const char *s);
/* A host name or an address. */
bool value_is_server(const char *s);
bool value_is_bond_mode(const char *s);
/* A shell command: as value_is_line(), but newlines and tabs are allowed. */
bool value_is_command(const char *s);
/* Letters, digits and '_' in parts joined by '.', as templates name variables. */
bool value_is_variable(const char *s);
bool value_is_host_key_type(const char *s);

/* AF_INET or AF_INET6 of an address with or without "/prefix"; 0 when it is neither. */
int value_address_family(const char *s);
