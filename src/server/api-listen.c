/* SPDX-License-Identifier: Apache-2.0 */
/* Where the admin API listens: a Unix socket in the state folder, and TLS for kubectl. */
#include <grp.h>

#include "base/log.h"
#include "base/str.h"
#include "server/api-tls.h"
#include "server/api.h"
#include "server/private.h"

static int find_group(const char *name, gid_t *ret, struct err *err)
{
    *ret = (gid_t)-1;
    if (str_empty(name))
        return 0;
    const struct group *group = getgrnam(name);
    if (!group)
        return err_set(err, -ENOENT, "api.group: there is no group \"%s\" on this host", name);
    *ret = group->gr_gid;
    return 0;
}

static int make_api(struct server *s, struct err *err)
{
    gid_t group;
    int r = find_group(s->config->api.group, &group, err);
    if (r < 0)
        return r;
    s->api_users_path = str_format("%s/users.json", s->keys_dir);
    if (!s->api_users_path)
        return err_set(err, -ENOMEM, "out of memory");
    const struct api_setup setup = {
        .loop = &s->loop,
        .store = s->store,
        .clock = s->clock,
        .version = SLIPWAY_VERSION,
        .users_path = s->api_users_path,
        .admin_group = group,
        .metrics = server_metrics,
        .ready = server_ready,
        .kubeconfig = clusters_kubeconfig,
        .admit = admission_check,
        .data = s,
    };
    return api_new(&setup, &s->api, err);
}

static int listen_unix(struct server *s, struct err *err)
{
    _autofree_ char *path = str_format("%s/api.sock", s->state_dir);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    const struct http_listen listen = {
        .transport = HTTP_UNIX,
        .fd = -1,
        .address = path,
        .mode = str_empty(s->config->api.group) ? 0600 : 0666,
    };
    struct http_listener *listener = NULL;
    return http_listen(s->http, s->api_site, &listen, &listener, err);
}

static int listen_tls(struct server *s, struct err *err)
{
    char address[IPV4_TEXT_SIZE];
    const char *names[] = {ipv4_text(s->config->api.address, address), "localhost", "127.0.0.1"};
    struct api_certificate certificate = {0};
    struct http_listener *listener = NULL;
    _autofree_ char *url = str_format("https://%s:%d", address, (int)s->config->api.port);
    if (!url)
        return err_set(err, -ENOMEM, "out of memory");
    int r = api_certificate_make(s->keys_dir, names, ARRAY_SIZE(names), clock_wall(s->clock),
                                 s->rng, &certificate, err);
    const struct http_listen listen = {
        .transport = HTTP_TLS,
        .fd = -1,
        .address = address,
        .port = (uint16_t)s->config->api.port,
        .certificate_pem = certificate.certificate_pem,
        .key_pem = certificate.key_pem,
    };
    if (r == 0)
        r = http_listen(s->http, s->api_site, &listen, &listener, err);
    if (r == 0)
        r = api_kubeconfig_ensure(s->state_dir, s->keys_dir, url, certificate.authority_pem, s->rng,
                                  err);
    api_certificate_clear(&certificate);
    return r;
}

int api_listen(struct server *s, struct err *err)
{
    int r = make_api(s, err);
    if (r < 0)
        return r;
    const struct http_route route = {
        .path = "/", .handler = api_handle, .data = s->api, .body_max = API_BODY_MAX};
    r = http_site_new(s->http, &route, 1, &s->api_site, err);
    if (r == 0)
        r = listen_unix(s, err);
    if (r == 0 && s->config->api.port > 0)
        r = listen_tls(s, err);
    if (r < 0)
        err_wrap(err, "the admin API");
    return r;
}
