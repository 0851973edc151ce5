#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: cloud-init-accepts.py CLOUD_INIT_ROOT SEED_FOLDER...

Feeds rendered seeds to Debian's cloud-init (found through PYTHONPATH): the schema of its
configuration, its NoCloud data source, and each of its network renderers. Prints what was checked
and exits with 1 when anything was refused.
"""
import json
import os
import pathlib
import sys
import tempfile
from unittest import mock

from cloudinit import helpers, net, safeyaml, util
from cloudinit.config import schema
from cloudinit.net import eni, netplan, network_manager, networkd, sysconfig
from cloudinit.net.network_state import parse_net_config_data
from cloudinit.sources import DataSourceNoCloud as nocloud

# What the installed machine would call the interfaces of the golden files.
NAMES = {"52:54:00:00:00:01": "ens1", "52:54:00:00:00:02": "ens2", "52:54:00:00:00:03": "ens3"}

failures = 0
checks = 0


def check(good, what):
    global failures, checks
    checks += 1
    if not good:
        failures += 1
        print("FAILED:", what)


def schema_refuses(config):
    try:
        schema.validate_cloudconfig_schema(config, schema.get_schema(), strict=True)
    except schema.SchemaValidationError as error:
        return str(error)
    return None


def check_user_data(folder):
    text = (folder / "user-data").read_text()
    check(text.startswith("#cloud-config\n"), f"{folder.name}: first line of user-data")
    config = safeyaml.load(text)
    error = schema_refuses(config)
    check(error is None, f"{folder.name}: schema: {error}")
    # JSON and YAML readers must see the same values.
    check(config == json.loads(text.split("\n", 1)[1]), f"{folder.name}: YAML is not the JSON")
    return config


def load_source(folder, scratch):
    """cloud-init's own data source, looking at the folder as if it were the CIDATA partition."""
    paths = helpers.Paths({"cloud_dir": scratch, "run_dir": scratch})
    source = nocloud.DataSourceNoCloud({}, None, paths)
    with mock.patch.object(util, "find_devs_with", side_effect=lambda c: ["/dev/fake"]), \
            mock.patch.object(util, "mount_cb", side_effect=lambda d, f, a: f(str(folder), a)), \
            mock.patch.object(util, "get_cmdline", return_value=""), \
            mock.patch("cloudinit.dmi.read_dmi_data", return_value=None):
        check(source._get_data(), f"{folder.name}: NoCloud finds no data")
    return source


def check_source(folder):
    with tempfile.TemporaryDirectory() as scratch:
        source = load_source(folder, scratch)
        meta = json.loads((folder / "meta-data").read_text())
        check(source.get_instance_id() == meta["instance-id"], f"{folder.name}: instance-id")
        check(source.metadata["local-hostname"] == meta["local-hostname"],
              f"{folder.name}: local-hostname")
        check(source.get_userdata_raw().decode().startswith("#cloud-config")
              if isinstance(source.get_userdata_raw(), bytes)
              else source.get_userdata_raw().startswith("#cloud-config"),
              f"{folder.name}: user-data reaches the source")
        return source.network_config


def rendered_text(renderer, state):
    """All the text that a renderer writes."""
    with tempfile.TemporaryDirectory() as target:
        renderer.render_network_state(state, target=target)
        files = sorted(p for p in pathlib.Path(target).rglob("*") if p.is_file())
        return "\n".join(f"# {p.relative_to(target)}\n{p.read_text()}" for p in files)


def renderers():
    distro_paths = {"netrules_path": None}
    yield "eni", eni.Renderer(distro_paths)
    yield "networkd", networkd.Renderer(
        {"network_conf_dir": "/etc/systemd/network/", "resolve_conf_fn": "/etc/systemd/resolved.conf"})
    yield "sysconfig", sysconfig.Renderer(sysconfig_paths())
    yield "network-manager", network_manager.Renderer()
    yield "netplan", netplan.Renderer({"netplan_path": "etc/netplan/50.yaml", "postcmds": False})


def sysconfig_paths():
    return {
        "sysconf_dir": "etc/sysconfig",
        "control": "etc/sysconfig/network",
        "flavor": "rhel",
        "iface_templates": "%(base)s/network-scripts/ifcfg-%(name)s",
        "route_templates": {
            "ipv4": "%(base)s/network-scripts/route-%(name)s",
            "ipv6": "%(base)s/network-scripts/route6-%(name)s",
        },
    }


def check_network(folder, config):
    addresses = [a for kind in ("ethernets", "bonds", "vlans")
                 for link in config.get(kind, {}).values() for a in link.get("addresses", [])]
    with mock.patch("cloudinit.net.network_state.get_interfaces_by_mac", return_value=NAMES), \
            mock.patch.object(net, "get_interfaces_by_mac", return_value=NAMES), \
            mock.patch("cloudinit.net.network_state.find_interface_name_from_mac",
                       side_effect=NAMES.get, create=True), \
            mock.patch.object(util, "chownbyname"):
        for name, renderer in renderers():
            if name == "networkd" and ("bonds" in config or "vlans" in config):
                continue  # cloud-init's renderer for networkd knows neither
            state = parse_net_config_data(config, renderer=renderer)
            text = rendered_text(renderer, state)
            if os.environ.get("VERBOSE"):
                print(f"##### {folder.name} {name}\n{text}")
            check(text, f"{folder.name}: {name} writes nothing")
            for address in addresses:
                check(address.split("/")[0] in text, f"{folder.name}: {name} loses {address}")
            for link in config.get("bonds", {}) | config.get("vlans", {}):
                check(link in text, f"{folder.name}: {name} loses {link}")
            # Without set-name the system's own name is used, except by netplan, which matches itself.
            for nic, link in config["ethernets"].items():
                real = NAMES[link["match"]["macaddress"]]
                if name != "netplan" and "set-name" not in link:
                    check(real in text and nic not in text, f"{folder.name}: {name} names {nic}")


def main():
    root = sys.argv[1]
    check(nocloud.__file__.startswith(root), "cloud-init comes from elsewhere")
    # The checks must be able to fail.
    check(schema_refuses({"users": "x y", "runcmd": 5}), "the schema refuses nothing")
    for folder in map(pathlib.Path, sys.argv[2:]):
        check_user_data(folder)
        config = check_source(folder)
        check((folder / "network-config").exists() == bool(config),
              f"{folder.name}: network-config is not seen")
        if config:
            check_network(folder, config)
    print(f"{checks} checks, {failures} failed")
    sys.exit(1 if failures or not checks else 0)


main()
