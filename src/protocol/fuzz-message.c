/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/chunk.h"
#include "protocol/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_auto_t *body = json_loadb((const char *)data, size, 0, NULL);
    struct protocol_hello hello;
    struct protocol_report report;
    struct protocol_answer answer;
    struct protocol_chunk chunk;
    if (protocol_hello_parse(body, &hello, NULL) == 0)
        protocol_hello_free(&hello);
    if (protocol_report_parse(body, &report, NULL) == 0)
        protocol_report_free(&report);
    if (protocol_answer_parse(body, &answer, NULL) == 0)
        protocol_answer_free(&answer);
    if (protocol_chunk_parse(body, &chunk, NULL) == 0)
        protocol_chunk_free(&chunk);
    return 0;
}
