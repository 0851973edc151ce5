/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/transport.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/list.h"

enum {
    IDLE_CONNECTIONS_MAX = 16,
    /* A peer that vanished is noticed after about half a minute. */
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_COUNT = 3,
    UNACKNOWLEDGED_MAX_MS = 30000,
};

#define FD_PATH_SIZE 32

struct kube_transport {
    uv_loop_t *loop;
    struct kube_transport_hooks hooks;
    CURLM *multi;
    uv_timer_t timer;
    struct list sockets;
    unsigned references;
    unsigned handles; /* of the loop, that are not closed yet */
    int authority_fd;
    int certificate_fd;
    int key_fd;
};

/* A socket that libcurl wants to be watched. */
struct socket {
    uv_poll_t poll;
    struct list item;
    struct kube_transport *transport;
    curl_socket_t fd;
};

/* ---- files in memory ---- */

/* libcurl's GnuTLS side reads PEM only from paths; /proc/self/fd gives an anonymous file one. */
static int memory_file(const char *text, int *ret)
{
    _autofd_ int fd = memfd_create("kube", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = fd_write_full(fd, text, strlen(text));
    if (r < 0)
        return r;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -errno;
    *ret = TAKE_FD(fd);
    return 0;
}

static int make_files(struct kube_transport *t, const struct kube_identity *identity)
{
    int r = memory_file(identity->authority, &t->authority_fd);
    if (r == 0 && identity->certificate)
        r = memory_file(identity->certificate, &t->certificate_fd);
    if (r == 0 && identity->certificate)
        r = memory_file(identity->key, &t->key_fd);
    return r;
}

/* ---- the loop's side ---- */

static void collect_ended(struct kube_transport *t)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(t->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        void *transfer = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        (void)curl_multi_remove_handle(t->multi, easy);
        t->hooks.ended(t->hooks.user, transfer, code);
    }
}

static void act(struct kube_transport *t, curl_socket_t fd, int events)
{
    int running = 0;
    (void)kube_transport_ref(t);
    (void)curl_multi_socket_action(t->multi, fd, events, &running);
    collect_ended(t);
    t->hooks.settle(t->hooks.user);
    kube_transport_unref(t);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct socket *s = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(s->transport, s->fd, flags);
}

static void handle_closed(struct kube_transport *t)
{
    if (--t->handles > 0)
        return;
    struct kube_transport_hooks hooks = t->hooks;
    free(t);
    hooks.closed(hooks.user);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct socket *s = handle->data;
    struct kube_transport *t = s->transport;
    free(s);
    handle_closed(t);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

/* ---- libcurl's side ---- */

/* Stopped before libcurl closes the descriptor, whose number may be another's at once. */
static void forget_socket(struct socket *s)
{
    list_remove(&s->item);
    (void)uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static struct socket *watch_socket(struct kube_transport *t, curl_socket_t fd)
{
    struct socket *s = calloc(1, sizeof(*s));
    if (!s || uv_poll_init(t->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->transport = t;
    s->fd = fd;
    list_append(&t->sockets, &s->item);
    t->handles++;
    (void)curl_multi_assign(t->multi, fd, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct kube_transport *t = user;
    struct socket *s = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            forget_socket(s);
        (void)curl_multi_assign(t->multi, fd, NULL);
        return 0;
    }
    if (!s)
        s = watch_socket(t, fd);
    if (!s)
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&s->poll, events, on_ready) < 0 ? -1 : 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *user)
{
    struct kube_transport *t = user;
    (void)multi;
    if (timeout_ms < 0)
        return uv_timer_stop(&t->timer);
    /* Not 0: libuv would run it again within the same turn, and others of the loop would wait. */
    uint64_t ms = timeout_ms > 0 ? (uint64_t)timeout_ms : 1;
    return uv_timer_start(&t->timer, on_timer, ms, 0) < 0 ? -1 : 0;
}

static int on_new_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
    const int idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, count = KEEPALIVE_COUNT,
              on = 1;
    const unsigned unacknowledged = UNACKNOWLEDGED_MAX_MS;
    (void)user;
    (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof(unacknowledged));
    return CURL_SOCKOPT_OK;
}

/* ---- transfers ---- */

static CURLcode set_file(CURL *easy, CURLoption option, int fd)
{
    char path[FD_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return curl_easy_setopt(easy, option, path);
}

static CURLcode set_trust(const struct kube_transport *t, CURL *easy)
{
    CURLcode code = set_file(easy, CURLOPT_CAINFO, t->authority_fd);
    /* The system's store, which is built in, must not count. */
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK && t->certificate_fd >= 0)
        code = set_file(easy, CURLOPT_SSLCERT, t->certificate_fd);
    if (code == CURLE_OK && t->key_fd >= 0)
        code = set_file(easy, CURLOPT_SSLKEY, t->key_fd);
    return code;
}

int kube_transport_prepare(struct kube_transport *t, CURL *easy)
{
    CURLcode code = set_trust(t, easy);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    /* Neither proxy nor exceptions from the environment. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
    /* Removing a transfer whose name is being resolved would else wait for the resolver. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    return code == CURLE_OK ? 0 : -ENOMEM;
}

int kube_transport_start(struct kube_transport *t, CURL *easy)
{
    return curl_multi_add_handle(t->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void kube_transport_stop(struct kube_transport *t, CURL *easy)
{
    (void)curl_multi_remove_handle(t->multi, easy);
}

/* ---- life ---- */

struct kube_transport *kube_transport_ref(struct kube_transport *t)
{
    t->references++;
    return t;
}

static void close_files(struct kube_transport *t)
{
    cleanup_fd(&t->authority_fd);
    cleanup_fd(&t->certificate_fd);
    cleanup_fd(&t->key_fd);
}

void kube_transport_unref(struct kube_transport *t)
{
    if (!t || --t->references > 0)
        return;
    (void)curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, (curl_socket_callback)NULL);
    (void)curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, (curl_multi_timer_callback)NULL);
    list_for_each_safe (it, &t->sockets)
        forget_socket(container_of(it, struct socket, item));
    (void)curl_multi_cleanup(t->multi);
    close_files(t);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

static CURLM *new_multi(struct kube_transport *t)
{
    CURLM *multi = curl_multi_init();
    if (!multi)
        return NULL;
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
    (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    return multi;
}

int kube_transport_new(uv_loop_t *loop, const struct kube_identity *identity,
                       const struct kube_transport_hooks *hooks, struct kube_transport **ret)
{
    struct kube_transport *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    *t = (struct kube_transport){.loop = loop,
                                 .hooks = *hooks,
                                 .references = 1,
                                 .handles = 1,
                                 .authority_fd = -1,
                                 .certificate_fd = -1,
                                 .key_fd = -1};
    list_init(&t->sockets);
    int r = make_files(t, identity);
    if (r == 0 && !(t->multi = new_multi(t)))
        r = -ENOMEM;
    if (r < 0) {
        close_files(t);
        free(t);
        return r;
    }
    (void)uv_timer_init(loop, &t->timer);
    t->timer.data = t;
    *ret = t;
    return 0;
}
