/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/chunk.h"

#include <string.h>

#include "base/str.h"
#include "protocol/json.h"
#include "protocol/task-check.h"

/* In base64, with what sealing adds. */
enum { SEALED_MAX = PROTOCOL_CHUNK_SIZE / 3 * 4 + 64 };

void protocol_chunk_free(struct protocol_chunk *chunk)
{
    free(chunk->id);
    free(chunk->sealed);
    *chunk = (struct protocol_chunk){0};
}

json_t *protocol_chunk_to_json(const struct protocol_chunk *chunk)
{
    json_t *object = json_object();
    set_string(object, "id", chunk->id);
    set_u64(object, "index", chunk->index);
    (void)json_object_set_new(object, "last", json_boolean(chunk->last));
    if (chunk->size)
        set_u64(object, "size", chunk->size);
    set_string(object, "data", chunk->sealed);
    return object;
}

static int check(const struct protocol_chunk *chunk, struct err *err)
{
    if (!task_id_is_valid(chunk->id))
        return err_set(err, -EBADMSG, "id: not that of a task");
    if (chunk->index >= PROTOCOL_CHUNKS_MAX)
        return err_set(err, -EBADMSG, "index: not below %d", PROTOCOL_CHUNKS_MAX);
    if (chunk->sealed && strlen(chunk->sealed) > SEALED_MAX)
        return err_set(err, -EBADMSG, "data: longer than %d bytes", SEALED_MAX);
    return 0;
}

static int parse(json_t *object, struct protocol_chunk *chunk, struct err *err)
{
    int r = field_string(object, "id", &chunk->id, err);
    if (r == 0)
        r = field_u64(object, "index", &chunk->index, err);
    if (r == 0)
        r = field_bool(object, "last", &chunk->last, err);
    if (r == 0)
        r = field_u64(object, "size", &chunk->size, err);
    if (r == 0)
        r = field_string(object, "data", &chunk->sealed, err);
    return r < 0 ? r : check(chunk, err);
}

int protocol_chunk_parse(json_t *object, struct protocol_chunk *ret, struct err *err)
{
    struct protocol_chunk chunk = {0};
    int r = parse(object, &chunk, err);
    if (r < 0) {
        protocol_chunk_free(&chunk);
        return r;
    }
    *ret = chunk;
    return 0;
}
