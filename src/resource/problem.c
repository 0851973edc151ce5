/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/problem.h"

#include <stdarg.h>
#include <string.h>

static void free_problem(struct problem *problem)
{
    free(problem->file);
    free(problem->path);
    free(problem->text);
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        free_problem(&problems->items[i]);
    free(problems->items);
    *problems = PROBLEMS_INIT;
}

static void add(struct problems *problems, struct problem problem, const char *file,
                const char *path, const char *format, va_list args) _printf_(5, 0);

static void add(struct problems *problems, struct problem problem, const char *file,
                const char *path, const char *format, va_list args)
{
    if (problems->n == PROBLEMS_MAX) {
        problems->dropped++;
        return;
    }
    _autobuf_ struct buf text = BUF_INIT_MAX(4096);
    buf_vprintf(&text, format, args);
    problem.file = file ? strdup(file) : NULL;
    problem.path = strdup(path ? path : "");
    problem.text = buf_error(&text) == -EMSGSIZE ? strdup("too long to show") : buf_steal(&text);
    struct problem *items = realloc(problems->items, (problems->n + 1) * sizeof(*problems->items));
    if (items)
        problems->items = items;
    if (!items || !problem.path || !problem.text || (file && !problem.file)) {
        free_problem(&problem);
        problems->failed = true;
        return;
    }
    items[problems->n++] = problem;
}

void problem_add(struct problems *problems, enum problem_reason reason, const char *path,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(problems, (struct problem){.reason = reason}, NULL, path, format, args);
    va_end(args);
}

void problem_add_at(struct problems *problems, enum problem_reason reason, const char *file,
                    int line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(problems, (struct problem){.reason = reason, .line = line}, file, path, format, args);
    va_end(args);
}

void problem_write(const struct problem *problem, struct buf *out)
{
    if (problem->file)
        buf_printf(out, "%s:", problem->file);
    if (problem->line)
        buf_printf(out, problem->file ? "%d:" : "line %d:", problem->line);
    if (problem->file || problem->line)
        buf_addc(out, ' ');
    if (problem->path[0])
        buf_printf(out, "%s: ", problem->path);
    buf_adds(out, problem->text);
}

void problems_write(const struct problems *problems, struct buf *out)
{
    for (size_t i = 0; i < problems->n; i++) {
        problem_write(&problems->items[i], out);
        buf_addc(out, '\n');
    }
    if (problems->dropped)
        buf_printf(out, "and %zu more problems\n", problems->dropped);
    if (problems->failed)
        buf_adds(out, "out of memory\n");
}

int problems_err(const struct problems *problems, struct err *err)
{
    if (problems->failed && !problems->n)
        return err_errno(err, -ENOMEM, "cannot check the resource");
    if (!problems->n)
        return 0;
    _autobuf_ struct buf text = BUF_INIT_MAX(2048);
    problem_write(&problems->items[0], &text);
    size_t more = problems->n - 1 + problems->dropped;
    if (more)
        buf_printf(&text, " (and %zu more)", more);
    return err_set(err, -EINVAL, "%s", buf_str(&text));
}

const char *problem_reason_text(enum problem_reason reason)
{
    switch (reason) {
    case PROBLEM_REQUIRED:
        return "FieldValueRequired";
    case PROBLEM_DUPLICATE:
        return "FieldValueDuplicate";
    case PROBLEM_UNKNOWN:
        return "FieldValueNotSupported";
    case PROBLEM_FORBIDDEN:
        return "FieldValueForbidden";
    default:
        return "FieldValueInvalid";
    }
}
