/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/template.h"

#include <stdint.h>
#include <string.h>

#include "base/rd.h"

struct template
{
    struct rd in;
    const struct template_variables *variables;
    struct buf *out;
    struct err *err;
};

static bool next_is(const struct rd *in, const char *text)
{
    size_t n = strlen(text);
    return rd_left(in) >= n && memcmp(in->buf + in->pos, text, n) == 0;
}

/* The next byte without taking it; 0 at the end. */
static char peek(const struct rd *in)
{
    return rd_left(in) ? (char)in->buf[in->pos] : '\0';
}

static size_t line_of(const struct rd *in)
{
    size_t line = 1;
    for (size_t i = 0; i < in->pos; i++)
        line += in->buf[i] == '\n';
    return line;
}

static int fail(struct template *t, const char *what)
{
    return err_set(t->err, -EINVAL, "line %zu: %s", line_of(&t->in), what);
}

static void skip_blanks(struct rd *in)
{
    while (peek(in) == ' ' || peek(in) == '\t')
        rd_skip(in, 1);
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static int unknown(struct template *t, const char *name, size_t len)
{
    _autobuf_ struct buf known = BUF_INIT;
    for (size_t i = 0; i < t->variables->count; i++)
        buf_printf(&known, "%s .%s", i ? "," : "", t->variables->items[i].name);
    return err_set(t->err, -EINVAL, "line %zu: no variable .%.*s; there are%s", line_of(&t->in),
                   (int)(len < 64 ? len : 64), name, known.len ? buf_str(&known) : " none");
}

static int variable(struct template *t)
{
    rd_skip(&t->in, 1); /* the leading dot */
    const char *name = (const char *)t->in.buf + t->in.pos;
    size_t len = 0;
    for (; is_name(peek(&t->in)); len++)
        rd_skip(&t->in, 1);
    if (!len)
        return fail(t, "a name is missing behind the dot");
    for (size_t i = 0; i < t->variables->count; i++) {
        const struct template_variable *v = &t->variables->items[i];
        if (strlen(v->name) == len && memcmp(v->name, name, len) == 0) {
            buf_adds(t->out, v->value);
            return 0;
        }
    }
    return unknown(t, name, len);
}

static int literal(struct template *t)
{
    rd_skip(&t->in, 1); /* the opening quote */
    for (char c; (c = peek(&t->in)) != '"'; rd_skip(&t->in, 1)) {
        if (c == '\n' || !rd_left(&t->in))
            return fail(t, "the quote does not end on its line");
        buf_addc(t->out, c);
    }
    rd_skip(&t->in, 1);
    return 0;
}

/* What stands between "{{" and "}}". */
static int action(struct template *t)
{
    skip_blanks(&t->in);
    int r = 0;
    if (peek(&t->in) == '.')
        r = variable(t);
    else if (peek(&t->in) == '"')
        r = literal(t);
    else
        return fail(t, "expected {{ .name }}; write {{ \"{{\" }} for two braces");
    if (r < 0)
        return r;
    skip_blanks(&t->in);
    if (!next_is(&t->in, "}}"))
        return fail(t, "expected }}");
    rd_skip(&t->in, 2);
    return 0;
}

int template_render(const char *text, size_t len, const struct template_variables *variables,
                    struct buf *out, struct err *err)
{
    struct template t = {rd_init(text, len), variables, out, err};
    while (rd_left(&t.in)) {
        if (next_is(&t.in, "{{")) {
            rd_skip(&t.in, 2);
            int r = action(&t);
            if (r < 0)
                return r;
            continue;
        }
        const uint8_t *start = t.in.buf + t.in.pos;
        const uint8_t *brace = memchr(start + 1, '{', rd_left(&t.in) - 1);
        size_t run = brace ? (size_t)(brace - start) : rd_left(&t.in);
        buf_add(out, start, run);
        rd_skip(&t.in, run);
    }
    int r = buf_error(out);
    return r < 0 ? err_errno(err, r, "the rendered text") : 0;
}
