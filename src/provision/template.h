/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with variables: "{{ .name }}" is replaced by the variable's value, "{{ "text" }}" by the
 * text (so that {{ "{{" }} writes two braces). Names are letters, digits and '_', parts joined by
 * '.'. Nothing else is possible, and a variable that is not known is an error: a wrong file must
 * not reach a machine.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct template_variable {
    const char *name; /* without the leading dot */
    const char *value;
};

struct template_variables {
    const struct template_variable *items;
    size_t count;
};

/*
 * Appends the rendered text to out (whose limit bounds the result). Values are inserted as they are
 * and not looked at again. 0, -EINVAL with the line in err, -EMSGSIZE or -ENOMEM. Pure.
 */
int template_render(const char *text, size_t len, const struct template_variables *variables,
                    struct buf *out, struct err *err) _must_check_;
