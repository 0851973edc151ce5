/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses is built again, and must parse to the same values. */
#include <assert.h>

#include "base/str.h"
#include "tftp/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_options(const struct tftp_options *a, const struct tftp_options *b)
{
    assert(a->has_block == b->has_block && a->block == b->block);
    assert(a->has_size == b->has_size && a->size == b->size);
    assert(a->has_timeout == b->has_timeout && a->timeout_s == b->timeout_s);
    assert(a->has_window == b->has_window && a->window == b->window);
}

static size_t build(const struct tftp_packet *p, uint8_t *dst, size_t size)
{
    switch (p->op) {
    case TFTP_RRQ:
    case TFTP_WRQ:
        return tftp_build_request(dst, size, p->op, p->name, p->mode, &p->options);
    case TFTP_OACK:
        return tftp_build_oack(dst, size, &p->options);
    case TFTP_DATA:
        return tftp_build_data_header(dst, size, p->block);
    case TFTP_ACK:
        return tftp_build_ack(dst, size, p->block);
    case TFTP_ERROR:
        return tftp_build_error(dst, size, (enum tftp_error)p->code, p->text);
    }
    return 0;
}

static void check_name(const char *name)
{
    char plain[TFTP_NAME_MAX + 1];
    if (tftp_plain_name(name, plain, sizeof(plain)) < 0)
        return;
    assert(plain[0] != '/' && !strstr(plain, "//") && !strchr(plain, '\\'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tftp_packet first, second;
    uint8_t again[TFTP_REQUEST_MAX];
    if (tftp_parse(data, size, &first) < 0)
        return 0;
    size_t n = build(&first, again, sizeof(again));
    assert(n > 0 && tftp_parse(again, n, &second) == 0);
    assert(first.op == second.op && first.block == second.block && first.code == second.code);
    assert(first.mode == second.mode && str_eq(first.name, second.name));
    assert(str_eq(first.text, second.text) && first.len <= size);
    check_options(&first.options, &second.options);
    check_name(first.name);
    return 0;
}
