/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "protocol/json.h"
#include "protocol/message.h"
#include "protocol/program.h"

const char *const program_names[PROGRAM_COUNT] = {
    [PROTOCOL_AGENT] = "slipway-agent",
    [PROTOCOL_NODE] = "slipway-node",
};

void protocol_report_free(struct protocol_report *report)
{
    free(report->step);
    free(report->message);
    free(report->failure);
    *report = (struct protocol_report){0};
}

json_t *protocol_report_to_json(const struct protocol_report *report)
{
    json_t *body = json_object();
    set_string(body, "program", program_names[report->program]);
    set_string(body, "step", report->step);
    set_string(body, "message", report->message);
    set_string(body, "failure", report->failure);
    (void)json_object_set_new(body, "final", json_boolean(report->final));
    set_u64(body, "bytesDone", report->bytes_done);
    set_u64(body, "bytesTotal", report->bytes_total);
    set_u64(body, "installGeneration", report->install_generation);
    return body;
}

static int parse(json_t *body, struct protocol_report *report, struct err *err)
{
    int r = field_enum(body, "program", program_names, PROGRAM_COUNT, err);
    if (r < 0)
        return r;
    report->program = (enum protocol_program)r;
    r = field_string(body, "step", &report->step, err);
    if (r == 0)
        r = field_string(body, "message", &report->message, err);
    if (r == 0)
        r = field_string(body, "failure", &report->failure, err);
    if (r == 0)
        r = field_bool(body, "final", &report->final, err);
    if (r == 0)
        r = field_u64(body, "bytesDone", &report->bytes_done, err);
    if (r == 0)
        r = field_u64(body, "bytesTotal", &report->bytes_total, err);
    if (r == 0)
        r = field_u64(body, "installGeneration", &report->install_generation, err);
    if (r == 0 && str_empty(report->step))
        r = err_set(err, -EBADMSG, "step: missing");
    return r;
}

int protocol_report_parse(json_t *body, struct protocol_report *ret, struct err *err)
{
    struct protocol_report report = {0};
    int r = parse(body, &report, err);
    if (r < 0) {
        protocol_report_free(&report);
        return r;
    }
    *ret = report;
    return 0;
}
