/* SPDX-License-Identifier: Apache-2.0 */
#include "node/redact.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* Of bootstrap tokens: Kubernetes' BootstrapTokenPattern `[a-z0-9]{6}\.[a-z0-9]{16}`. */
enum { TOKEN_ID = 6, TOKEN_SECRET = 16, KEY_LEAST = 40, LINE_MAX_BYTES = 65536 };

#define TOKEN_CHARS "abcdefghijklmnopqrstuvwxyz0123456789"
#define BASE64_CHARS TOKEN_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/="
#define JWT_CHARS TOKEN_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_."

/* The bytes of a secret that starts at s, 0: none does. */
static size_t token_length(const char *s)
{
    for (size_t i = 0; i < TOKEN_ID; i++) {
        if (!s[i] || !strchr(TOKEN_CHARS, s[i]))
            return 0;
    }
    if (s[TOKEN_ID] != '.')
        return 0;
    size_t secret = strspn(s + TOKEN_ID + 1, TOKEN_CHARS);
    return secret < TOKEN_SECRET ? 0 : TOKEN_ID + 1 + secret;
}

static size_t jwt_length(const char *s)
{
    size_t n = str_after(s, "eyJ") ? strspn(s, JWT_CHARS) : 0;
    return n < KEY_LEAST ? 0 : n;
}

static size_t key_length(const char *line, const char *s)
{
    bool inside = s > line && strchr(BASE64_CHARS, s[-1]);
    bool digest = s - line >= 7 && str_after(s - 7, "sha256:");
    size_t n = inside || digest ? 0 : strspn(s, BASE64_CHARS);
    return n < KEY_LEAST ? 0 : n;
}

static size_t secret_length(const char *line, const char *s)
{
    size_t n = token_length(s);
    if (!n)
        n = jwt_length(s);
    return n ? n : key_length(line, s);
}

char *redact_line(const char *line)
{
    struct buf out = BUF_INIT_MAX(LINE_MAX_BYTES);
    for (const char *s = line; *s;) {
        size_t n = secret_length(line, s);
        if (n)
            buf_adds(&out, REDACTED);
        else
            buf_addc(&out, *s);
        s += n ? n : 1;
    }
    buf_adds(&out, "");
    char *text = buf_error(&out) ? NULL : strdup(buf_str(&out));
    buf_free(&out);
    return text;
}
