/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a watch: the first byte says how the rest is cut into pieces, and however it is cut
 * the lines are the same. Each line is parsed as an event and as the Status of a failure.
 */
#include <assert.h>

#include "base/str.h"
#include "kube/line.h"
#include "kube/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_LINE_MAX = 4096 };

static int collect(void *user, const char *text, size_t len)
{
    struct buf *lines = user;
    buf_add(lines, text, len);
    buf_addc(lines, '\n');
    return 0;
}

static int parse(void *user, const char *text, size_t len)
{
    struct kube_event event;
    struct kube_status status;
    (void)user;
    assert(len > 0 && len <= FUZZ_LINE_MAX && !memchr(text, '\n', len));
    if (kube_event_parse(text, len, &event) < 0)
        return 0;
    assert(event.type == KUBE_EVENT_ERROR || event.resource_version[0]);
    assert(kube_status_read(500, event.object, &status) < 0 && status.message[0]);
    json_decref(event.object);
    return 0;
}

static int feed(const uint8_t *data, size_t size, size_t step,
                int (*line)(void *user, const char *text, size_t len), void *user)
{
    struct kube_lines lines = KUBE_LINES_INIT(FUZZ_LINE_MAX);
    int r = 0;
    for (size_t at = 0; r == 0 && at < size; at += step)
        r = kube_lines_feed(&lines, data + at, size - at < step ? size - at : step, line, user);
    kube_lines_clear(&lines);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autobuf_ struct buf whole = BUF_INIT, cut = BUF_INIT;
    if (size < 2)
        return 0;
    size_t step = data[0] ? data[0] : 1;
    int r = feed(data + 1, size - 1, size - 1, collect, &whole);
    assert(feed(data + 1, size - 1, step, collect, &cut) == r);
    assert(whole.len == cut.len && str_eq(buf_str(&whole), buf_str(&cut)));
    (void)feed(data + 1, size - 1, step, parse, NULL);
    return 0;
}
