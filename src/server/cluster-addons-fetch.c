/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <string.h>

#include "base/str.h"
#include "server/cluster-addons.h"

enum { CONNECT_SECONDS = 10, TOTAL_SECONDS = 30, REDIRECTS_MAX = 5 };

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct buf *out = user;
    buf_add(out, data, size * n);
    return buf_error(out) == 0 ? size * n : 0;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const _Atomic bool *cancelled = user;
    (void)a, (void)b, (void)c, (void)d;
    return *cancelled;
}

static void set_options(CURL *easy, const char *url, const _Atomic bool *cancelled, struct buf *out,
                        char *text)
{
    bool secure = str_after(url, "https://") != NULL;
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    (void)curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    (void)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)ADDON_FILE_MAX);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "slipway/" SLIPWAY_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)(uintptr_t)cancelled);
}

int addons_fetch(const char *url, const _Atomic bool *cancelled, struct buf *ret, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    CURL *easy = curl_easy_init();
    if (!easy)
        return err_set(err, -ENOMEM, "out of memory");
    set_options(easy, url, cancelled, ret, text);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    if (buf_error(ret) == -EMSGSIZE || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(err, -EFBIG, "%s: longer than %d MiB", url, ADDON_FILE_MAX >> 20);
    if (code == CURLE_OK)
        return 0;
    return err_set(err, -EIO, "%s: %s", url, text[0] ? text : curl_easy_strerror(code));
}
