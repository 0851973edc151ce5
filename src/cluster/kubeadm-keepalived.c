/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keepalived's configuration: VRRP moves the virtual address to a control plane whose own API
 * server is ready. By multicast, so nobody keeps a list of the others that could be out of date;
 * all have the same priority, and whoever has the address keeps it while it works.
 *
 * Which interface the machine's own address is on is known there only: slipway-vip.service finds it
 * by KUBEADM_KEEPALIVED_ENVIRONMENT and defines the parameter INTERFACE.
 */
#include "base/str.h"
#include "cluster/kubeadm-private.h"

enum { LAST_BYTE = 0xff };

bool kubeadm_has_keepalived(const struct kubeadm_request *request)
{
    const struct virtual_ip *vip = &request->cluster->spec.endpoint.virtual_ip;
    return request->machine.role == ROLE_CONTROL_PLANE && vip->address &&
           vip->provider == VIRTUAL_IP_KEEPALIVED;
}

/* 1 to 255 */
static unsigned router_id(const struct virtual_ip *vip)
{
    unsigned last = vip->address & LAST_BYTE;
    if (vip->router_id)
        return (unsigned)vip->router_id;
    return last ? last : LAST_BYTE;
}

static void write_config(const struct kubeadm_request *request, struct buf *out)
{
    const struct virtual_ip *vip = &request->cluster->spec.endpoint.virtual_ip;
    char address[IPV4_TEXT_SIZE];
    buf_printf(out,
               "global_defs {\n"
               "    router_id %s\n"
               "    vrrp_version 3\n"
               "    enable_script_security\n"
               "    script_user nobody\n"
               "}\n",
               request->machine.name);
    /*
     * Whether it is ready is all that is asked: who answers on the machine's own port is known. A
     * machine that is slow because it is busy is not one that has failed, and asking more often
     * would keep it busy; a machine that dies is missed after three of advert_int.
     */
    buf_printf(out,
               "vrrp_script apiserver {\n"
               "    script \"/usr/bin/curl --silent --fail --insecure --noproxy * --max-time 10"
               " --output /dev/null https://127.0.0.1:%d/readyz\"\n"
               "    interval 5\n"
               "    timeout 12\n"
               "    fall 3\n"
               "    rise 1\n"
               "    init_fail\n"
               "}\n",
               (int)cluster_bind_port(request->cluster));
    buf_printf(out,
               "vrrp_instance control_plane {\n"
               "    state BACKUP\n"
               "    nopreempt\n"
               "    interface ${INTERFACE}\n"
               "    virtual_router_id %u\n"
               "    priority 100\n"
               "    advert_int 2\n"
               "    virtual_ipaddress {\n"
               "        %s/32 dev ${INTERFACE}\n"
               "    }\n"
               "    track_script {\n"
               "        apiserver\n"
               "    }\n"
               "}\n",
               router_id(vip), ipv4_text(vip->address, address));
}

int kubeadm_keepalived_config(const struct kubeadm_request *request, char **ret)
{
    _autobuf_ struct buf out = BUF_INIT;
    write_config(request, &out);
    *ret = buf_error(&out) < 0 ? NULL : buf_steal(&out);
    return *ret ? 0 : -ENOMEM;
}

int kubeadm_keepalived_environment(const struct kubeadm_request *request, char **ret)
{
    const char *interface = request->cluster->spec.endpoint.virtual_ip.interface;
    char address[IPV4_TEXT_SIZE];
    *ret = str_format("ADDRESS=%s\nINTERFACE=%s\n", ipv4_text(request->machine.address, address),
                      interface ? interface : "");
    return *ret ? 0 : -ENOMEM;
}
