/* SPDX-License-Identifier: Apache-2.0 */
#include "image/build-sources.h"

#include <string.h>

#include "base/buf.h"
#include "base/proc.h"
#include "base/str.h"

void image_sources_free(struct image_sources *sources)
{
    for (size_t i = 0; i < IMAGE_SOURCES_MAX; i++) {
        free(sources->lines[i]);
        free(sources->apt_options[i]);
    }
}

static int add(char *list[IMAGE_SOURCES_MAX + 1], char *text)
{
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < IMAGE_SOURCES_MAX; i++) {
        if (list[i] && str_eq(list[i], text)) {
            free(text);
            return 0;
        }
        if (!list[i]) {
            list[i] = text;
            return 0;
        }
    }
    free(text);
    return -E2BIG;
}

static bool suite_matches(const char *found, size_t len, const char *suite)
{
    static const char *const behind[] = {"", "-updates", "-security"};
    for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
        _autofree_ char *name = str_format("%s%s", suite, behind[i]);
        if (name && strlen(name) == len && memcmp(name, found, len) == 0)
            return true;
    }
    return false;
}

static char *join_components(const char *const *components)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; components && components[i]; i++)
        buf_printf(&b, "%s%s", i ? " " : "", components[i]);
    if (b.len == 0)
        buf_adds(&b, "main");
    return buf_steal(&b);
}

static int take_uri(const char *uri, size_t len, const char *suite, const char *components,
                    struct image_sources *ret)
{
    static const char dists[] = "/dists/", end[] = "/InRelease";
    _autofree_ char *text = str_format("%.*s", (int)len, uri);
    if (!text)
        return -ENOMEM;
    char *at = strstr(text, dists);
    if (!at || !str_ends_with(at, end))
        return 0;
    const char *name = at + strlen(dists);
    size_t name_len = strlen(name) - strlen(end);
    if (strlen(name) <= strlen(end) || !suite_matches(name, name_len, suite))
        return 0;
    *at = '\0';
    return add(ret->lines, str_format("deb %s %.*s %s", text, (int)name_len, name, components));
}

int image_sources_from_uris(const char *text, const char *suite, const char *const *components,
                            struct image_sources *ret)
{
    _autofree_ char *joined = join_components(components);
    if (!joined)
        return -ENOMEM;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = line[0] == '\'' ? strcspn(line + 1, "'\n") : 0;
        int r = len ? take_uri(line + 1, len, suite, joined, ret) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int image_sources_from_config(const char *text, struct image_sources *ret)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        _autofree_ char *copy = str_format("%.*s", (int)len, line);
        if (!copy)
            return -ENOMEM;
        if (!strstr(copy, "::Proxy") || strstr(copy, " \"\";"))
            continue;
        int r = add(ret->apt_options, TAKE_PTR(copy));
        if (r < 0)
            return r;
    }
    return 0;
}

int image_sources_find(const char *suite, const char *const *components, bool want_archives,
                       struct image_sources *ret, struct err *err)
{
    static const char *const uris[] = {"apt-get", "update", "--print-uris", NULL};
    static const char *const config[] = {"apt-config", "dump", "Acquire", NULL};
    _autobuf_ struct buf out = BUF_INIT;
    struct proc_options options = {.output = &out};
    struct image_sources found = {0};
    int r = 0;
    /* No apt, or an apt that fails, is a machine without such configuration. */
    if (want_archives && proc_run(uris, &options, NULL, NULL) == 0)
        r = image_sources_from_uris(buf_str(&out), suite, components, &found);
    buf_reset(&out);
    if (r == 0 && proc_run(config, &options, NULL, NULL) == 0)
        r = image_sources_from_config(buf_str(&out), &found);
    if (r < 0) {
        image_sources_free(&found);
        return err_errno(err, r, "cannot use this machine's apt sources");
    }
    *ret = found;
    return 0;
}
