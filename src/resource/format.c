/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/format.h"

#include "base/clock.h"
#include "base/str.h"
#include "resource/kube-version.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Every character is alphanumeric or one of `more`; at least one, at most max. */
static bool only(const char *s, const char *more, size_t max)
{
    size_t n = 0;
    for (; s[n]; n++) {
        if (n >= max || (!is_alnum(s[n]) && !strchr(more, s[n])))
            return false;
    }
    return n > 0;
}

static bool check_line(const char *s)
{
    while (*s && !is_control(*s))
        s++;
    return !*s;
}

static bool check_text(const char *s)
{
    (void)s;
    return true;
}

/* Dot-separated labels of at most label_max, each starting and ending with an alphanumeric. */
static bool check_labels(const char *s, bool upper, size_t label_max)
{
    if (!only(s, "-.", 253))
        return false;
    size_t len = 0;
    for (; *s; s++) {
        bool ends = s[1] == '\0' || s[1] == '.';
        if (*s == '.') {
            len = 0;
            if (ends)
                return false;
            continue;
        }
        if (++len > label_max || (is_upper(*s) && !upper))
            return false;
        if (*s == '-' && (len == 1 || ends))
            return false;
    }
    return len > 0;
}

static bool check_name(const char *s)
{
    return s[0] != '.' && check_labels(s, false, 253);
}

static bool check_hostname(const char *s)
{
    return s[0] != '.' && check_labels(s, true, 63);
}

static bool check_ipv4(const char *s)
{
    ipv4 a;
    return ipv4_parse(s, &a) == 0;
}

static bool check_host(const char *s)
{
    bool dotted = strspn(s, "0123456789.") == strlen(s);
    return dotted ? check_ipv4(s) : check_hostname(s);
}

static bool check_label_value(const char *s)
{
    if (!*s)
        return true;
    return only(s, "-_.", 63) && is_alnum(s[0]) && is_alnum(s[strlen(s) - 1]);
}

static bool check_label_key(const char *s)
{
    const char *slash = strchr(s, '/');
    if (!slash)
        return *s && check_label_value(s);
    char prefix[254];
    size_t len = (size_t)(slash - s);
    if (len >= sizeof(prefix))
        return false;
    memcpy(prefix, s, len);
    prefix[len] = '\0';
    return slash[1] && check_label_value(slash + 1) && check_name(prefix);
}

static bool check_uuid(const char *s)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !is_hex(s[i]))
            return false;
    }
    return !s[36];
}

static bool check_mac(const char *s)
{
    struct mac mac;
    return mac_parse(s, &mac) == 0 && mac_is_unicast(mac);
}

static bool check_link(const char *s)
{
    return only(s, "-_.@", 15) && !str_eq(s, ".") && !str_eq(s, "..");
}

static bool check_interface(const char *s)
{
    return check_mac(s) || check_link(s);
}

static bool check_file_name(const char *s)
{
    return *s && strlen(s) <= 255 && s[0] != '.' && !strchr(s, '/') && check_line(s);
}

static bool check_path(const char *s)
{
    size_t len = strlen(s);
    return s[0] == '/' && len > 1 && s[len - 1] != '/' && check_line(s) && !strstr(s, "//") &&
           !strstr(s, "/../") && !strstr(s, "/./") && !str_ends_with(s, "/..") &&
           !str_ends_with(s, "/.");
}

static bool check_mode(const char *s)
{
    size_t n = strspn(s, "01234567");
    return !s[n] && (n == 3 || (n == 4 && s[0] <= '7'));
}

static bool check_user(const char *s)
{
    return only(s, "-_.", 32) && (is_lower(s[0]) || is_upper(s[0]) || s[0] == '_');
}

static bool check_owner(const char *s)
{
    char user[33];
    const char *colon = strchr(s, ':');
    size_t len = colon ? (size_t)(colon - s) : strlen(s);
    if (len >= sizeof(user))
        return false;
    memcpy(user, s, len);
    user[len] = '\0';
    return check_user(user) && (!colon || check_user(colon + 1));
}

static bool check_ssh_key(const char *s)
{
    return check_line(s) && (strstr(s, "ssh-") || strstr(s, "ecdsa-sha2-") || strstr(s, "sk-")) &&
           strchr(s, ' ');
}

/* 43 characters hold 258 bits, of which the last two are zero. */
static bool check_key(const char *s)
{
    return only(s, "-_", 43) && strlen(s) == 43 && strchr("AEIMQUYcgkosw048", s[42]);
}

static bool check_url(const char *s)
{
    const char *rest = str_after(s, "http://");
    if (!rest)
        rest = str_after(s, "https://");
    return rest && *rest && *rest != '/' && check_line(s) && !strchr(s, ' ');
}

static bool check_location(const char *s)
{
    return check_path(s) || check_url(s);
}

static bool check_dns_host(const char *s)
{
    bool dotted = strspn(s, "0123456789.") == strlen(s);
    return dotted ? check_ipv4(s) : s[0] != '.' && check_labels(s, false, 63);
}

static bool check_san(const char *s)
{
    const char *rest = str_after(s, "*.");
    return rest ? rest[0] != '.' && check_labels(rest, false, 63) : check_dns_host(s);
}

static bool check_no_proxy(const char *s)
{
    return only(s, "-._:/*[]", 253);
}

static bool check_certificates(const char *s)
{
    while (*s && strchr(" \n", *s))
        s++;
    return str_after(s, "-----BEGIN CERTIFICATE-----\n") &&
           strstr(s, "\n-----END CERTIFICATE-----") && !strstr(s, "PRIVATE KEY");
}

static bool check_kube_version(const char *s)
{
    struct kube_version version;
    return kube_version_parse(s, &version) == 0;
}

static bool check_bootstrap_token(const char *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    return strspn(s, allowed) == 6 && s[6] == '.' && strspn(s + 7, allowed) == 16 && !s[23];
}

static bool check_key_hash(const char *s)
{
    const char *digits = str_after(s, "sha256:");
    return digits && strspn(digits, "0123456789abcdefABCDEF") == 64 && !digits[64];
}

static bool check_timezone(const char *s)
{
    return only(s, "/_+-", 64) && is_alnum(s[0]) && !strstr(s, "//");
}

static bool check_reason(const char *s)
{
    return only(s, "_", 128) && !is_digit(s[0]);
}

static bool check_number(const char *s)
{
    uint64_t n;
    return str_parse_u64(s, 0, UINT64_MAX, &n) == 0;
}

static bool check_cidr(const char *s)
{
    struct cidr c;
    return cidr_parse(s, &c) == 0;
}

static bool check_size(const char *s)
{
    uint64_t n;
    return str_parse_size(s, &n) == 0;
}

static bool check_time(const char *s)
{
    int64_t t;
    return clock_parse(s, &t) == 0;
}

#define LABEL "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
#define LOWER "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define IPV4 BYTE "(\\." BYTE "){3}"

const struct format format_line = {"one line of text", NULL, check_line};
const struct format format_text = {"text", NULL, check_text};
const struct format format_name = {
    "a name (lower-case letters, digits, '-' and '.')",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", check_name};
const struct format format_label_key = {"a label key", NULL, check_label_key};
const struct format format_label_value = {"a label value", NULL, check_label_value};
const struct format format_hostname = {"a host name", "^" LABEL "(\\." LABEL ")*$", check_hostname};
const struct format format_host = {"a host name or an IPv4 address", "^" LABEL "(\\." LABEL ")*$",
                                   check_host};
const struct format format_uuid = {
    "a UUID", "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
    check_uuid};
const struct format format_link = {"an interface name", "^[-_.@A-Za-z0-9]{1,15}$", check_link};
const struct format format_interface = {"an interface name or a MAC address",
                                        "^[-_.:@A-Za-z0-9]{1,17}$", check_interface};
const struct format format_path = {"an absolute path", "^/[^\\x00-\\x1f]*[^/\\x00-\\x1f]$",
                                   check_path};
const struct format format_file_name = {"a file name", "^[^./][^/]*$", check_file_name};
const struct format format_mode = {"octal permissions such as \"0644\"", "^[0-7]{3,4}$",
                                   check_mode};
const struct format format_owner = {
    "a user or user:group", "^[A-Za-z_][-_.A-Za-z0-9]*(:[A-Za-z_][-_.A-Za-z0-9]*)?$", check_owner};
const struct format format_user = {"a user or group name", "^[A-Za-z_][-_.A-Za-z0-9]{0,31}$",
                                   check_user};
const struct format format_ssh_key = {"an SSH public key line", "(ssh-|ecdsa-sha2-|sk-).* .*",
                                      check_ssh_key};
const struct format format_key = {"an Ed25519 public key in base64url",
                                  "^[-_A-Za-z0-9]{42}[AEIMQUYcgkosw048]$", check_key};
const struct format format_url = {"an http or https URL", "^https?://[^/ ][^ ]*$", check_url};
const struct format format_location = {"an absolute path or an http or https URL",
                                       "^(/[^/]|https?://[^/ ]).*$", check_location};
const struct format format_dns_host = {"a DNS name in lower case or an IPv4 address",
                                       "^" LOWER "(\\." LOWER ")*$", check_dns_host};
const struct format format_san = {
    "a DNS name in lower case, which may begin with \"*.\", or an IPv4 "
    "address",
    "^(\\*\\.)?" LOWER "(\\." LOWER ")*$", check_san};
const struct format format_no_proxy = {"a name, an address or a subnet",
                                       "^[-._:/*A-Za-z0-9\\[\\]]{1,253}$", check_no_proxy};
const struct format format_certificates = {"certificates in PEM form", NULL, check_certificates};
const struct format format_kube_version = {
    "a version of Kubernetes such as \"v1.20.2\"",
    "^v[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$", check_kube_version};
const struct format format_bootstrap_token = {
    "a bootstrap token (6 letters and digits, a point, 16 more)", "^[a-z0-9]{6}\\.[a-z0-9]{16}$",
    check_bootstrap_token};
const struct format format_key_hash = {"\"sha256:\" and 64 hexadecimal digits",
                                       "^sha256:[0-9a-fA-F]{64}$", check_key_hash};
const struct format format_timezone = {"a time zone name", "^[A-Za-z0-9][-_+/A-Za-z0-9]*$",
                                       check_timezone};
const struct format format_reason = {"a CamelCase word", "^[A-Za-z_][A-Za-z0-9_]*$", check_reason};
const struct format format_number = {"a number", "^[0-9]+$", check_number};
const struct format format_mac = {"a MAC address",
                                  "^[0-9A-Fa-f][02468ACEace]([:-][0-9A-Fa-f]{2}){5}$", check_mac};
const struct format format_ipv4 = {"an IPv4 address", "^" IPV4 "$", check_ipv4};
const struct format format_cidr = {"a subnet in CIDR form", "^" IPV4 "/(3[0-2]|[12]?[0-9])$",
                                   check_cidr};
const struct format format_size = {"a size such as \"100Gi\"", "^[0-9]+([KMGT]i?)?$", check_size};
const struct format format_time = {"an RFC 3339 time in UTC", NULL, check_time};

const struct format *field_format(const struct field *field)
{
    switch (field->type) {
    case FIELD_MAC:
        return &format_mac;
    case FIELD_IPV4:
        return &format_ipv4;
    case FIELD_CIDR:
        return &format_cidr;
    case FIELD_SIZE:
        return &format_size;
    case FIELD_TIME:
        return &format_time;
    default:
        return field->format ? field->format : &format_line;
    }
}
