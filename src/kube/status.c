/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/status.h"

#include <stdarg.h>

#include "base/str.h"

enum { RETRY_AFTER_MAX = 24 * 3600 };

/* Reasons that say more than their HTTP status, then the statuses alone. */
static const struct {
    const char *reason;
    int error;
} reasons[] = {
    {"NotFound", -ENOENT},
    {"AlreadyExists", -EEXIST},
    {"Conflict", -ESTALE},
    {"Gone", -EIDRM},
    {"Expired", -EIDRM},
    {"Invalid", -EINVAL},
    {"BadRequest", -EINVAL},
    {"Unauthorized", -EACCES},
    {"Forbidden", -EPERM},
    {"TooManyRequests", -EAGAIN},
    {"ServiceUnavailable", -EAGAIN},
    {"Timeout", -ETIMEDOUT},
    {"ServerTimeout", -ETIMEDOUT},
    {"MethodNotAllowed", -EOPNOTSUPP},
    {"NotAcceptable", -EOPNOTSUPP},
    {"UnsupportedMediaType", -EOPNOTSUPP},
    {"RequestEntityTooLarge", -E2BIG},
};

static const struct {
    int http;
    int error;
} codes[] = {
    {400, -EINVAL},     {401, -EACCES}, {403, -EPERM},  {404, -ENOENT},    {405, -EOPNOTSUPP},
    {406, -EOPNOTSUPP}, {409, -ESTALE}, {410, -EIDRM},  {413, -E2BIG},     {415, -EOPNOTSUPP},
    {422, -EINVAL},     {429, -EAGAIN}, {503, -EAGAIN}, {504, -ETIMEDOUT},
};

static int error_of(const char *reason, int http)
{
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (str_eq(reason, reasons[i].reason))
            return reasons[i].error;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (http == codes[i].http)
            return codes[i].error;
    return -EREMOTEIO;
}

static int retry_after(const json_t *body)
{
    json_int_t seconds =
        json_integer_value(json_object_get(json_object_get(body, "details"), "retryAfterSeconds"));
    if (seconds <= 0)
        return 0;
    return seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int)seconds;
}

const char *kube_copy_line(char *dst, size_t size, const char *src)
{
    (void)snprintf(dst, size, "%s", src);
    for (char *c = dst; *c; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return dst;
}

int kube_status_read(int http, const json_t *body, struct kube_status *ret)
{
    *ret = (struct kube_status){.code = http};
    if (http >= 200 && http < 300)
        return 0;
    bool is_status = str_eq(json_string_value(json_object_get(body, "kind")), "Status");
    const char *reason = is_status ? json_string_value(json_object_get(body, "reason")) : NULL;
    const char *message = is_status ? json_string_value(json_object_get(body, "message")) : NULL;
    (void)kube_copy_line(ret->reason, sizeof(ret->reason), reason ? reason : "");
    if (str_empty(message))
        (void)snprintf(ret->message, sizeof(ret->message), "the API server answered %d%s%s", http,
                       reason ? " " : "", ret->reason);
    else
        (void)kube_copy_line(ret->message, sizeof(ret->message), message);
    ret->retry_after_seconds = is_status ? retry_after(body) : 0;
    return error_of(reason, http);
}

int kube_status_set(struct kube_status *ret, int error, const char *format, ...)
{
    va_list args;
    ret->reason[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(ret->message, sizeof(ret->message), format, args);
    va_end(args);
    return error;
}

bool kube_error_is_transient(int error)
{
    static const int transient[] = {-ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -ENETUNREACH,
                                    -ENETDOWN,     -EHOSTDOWN,  -ETIMEDOUT,    -EAGAIN,
                                    -EPROTO,       -EREMOTEIO,  -ENOBUFS};
    for (size_t i = 0; i < ARRAY_SIZE(transient); i++)
        if (error == transient[i])
            return true;
    return false;
}
