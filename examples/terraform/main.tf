# SPDX-License-Identifier: Apache-2.0
# A Kubernetes cluster of libvirt machines: one seeder and nodes_count nodes, from one base image, by
# cloud-init and `slipway-node up`. Where `seeder` names one that is there, only nodes are made.

terraform {
  required_version = ">= 1.3"
  required_providers {
    libvirt = {
      source  = "dmacvicar/libvirt"
      version = "~> 0.8.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
    tls = {
      source  = "hashicorp/tls"
      version = "~> 4.0"
    }
  }
}

provider "libvirt" {
  uri = var.libvirt_uri
}

locals {
  makes_seeder   = var.seeder == null
  seeder_address = local.makes_seeder ? cidrhost(var.subnet, 10) : var.seeder
  token          = local.makes_seeder ? "${random_string.token_id[0].result}.${random_password.token_secret[0].result}" : var.token
  authority      = local.makes_seeder ? tls_self_signed_cert.authority[0].cert_pem : var.ca_cert
}

# Drawn letter by letter, so there is no leading zero to lose.
resource "random_string" "token_id" {
  count   = local.makes_seeder ? 1 : 0
  length  = 6
  upper   = false
  special = false
}

resource "random_password" "token_secret" {
  count   = local.makes_seeder ? 1 : 0
  length  = 16
  upper   = false
  special = false
}

# The cluster's authority is there before its first machine, so every node can be told whom to trust.
resource "tls_private_key" "authority" {
  count     = local.makes_seeder ? 1 : 0
  algorithm = "RSA"
  rsa_bits  = 2048
}

resource "tls_self_signed_cert" "authority" {
  count                 = local.makes_seeder ? 1 : 0
  private_key_pem       = tls_private_key.authority[0].private_key_pem
  is_ca_certificate     = true
  validity_period_hours = 87600
  allowed_uses          = ["cert_signing", "digital_signature", "key_encipherment"]
  subject {
    common_name = "kubernetes"
  }
}

# ---- network and image ----

resource "libvirt_network" "cluster" {
  count     = local.makes_seeder ? 1 : 0
  name      = var.network
  mode      = "nat"
  addresses = [var.subnet]
  dhcp {
    enabled = true
  }
}

resource "libvirt_volume" "base" {
  name   = "${var.name}-base.qcow2"
  pool   = var.pool
  source = var.base_image
  format = "qcow2"
}

# ---- the seeder ----

resource "libvirt_volume" "seeder" {
  count          = local.makes_seeder ? 1 : 0
  name           = "${var.name}-seeder.qcow2"
  pool           = var.pool
  base_volume_id = libvirt_volume.base.id
  size           = var.disk_bytes
}

resource "libvirt_cloudinit_disk" "seeder" {
  count = local.makes_seeder ? 1 : 0
  name  = "${var.name}-seeder.iso"
  pool  = var.pool
  user_data = templatefile("${path.module}/seeder.yaml.tftpl", {
    hostname      = "${var.name}-seeder"
    ssh_keys      = var.ssh_authorized_keys
    address       = local.seeder_address
    token         = local.token
    pod_subnet    = var.pod_subnet
    authority     = tls_self_signed_cert.authority[0].cert_pem
    authority_key = tls_private_key.authority[0].private_key_pem
  })
}

resource "libvirt_domain" "seeder" {
  count     = local.makes_seeder ? 1 : 0
  name      = "${var.name}-seeder"
  memory    = var.seeder_memory
  vcpu      = var.vcpus
  cloudinit = libvirt_cloudinit_disk.seeder[0].id
  disk {
    volume_id = libvirt_volume.seeder[0].id
  }
  network_interface {
    network_id     = libvirt_network.cluster[0].id
    addresses      = [local.seeder_address]
    wait_for_lease = true
  }
}

# ---- the nodes ----

resource "libvirt_volume" "node" {
  count          = var.nodes_count
  name           = "${var.name}-node${count.index + 1}.qcow2"
  pool           = var.pool
  base_volume_id = libvirt_volume.base.id
  size           = var.disk_bytes
}

resource "libvirt_cloudinit_disk" "node" {
  count = var.nodes_count
  name  = "${var.name}-node${count.index + 1}.iso"
  pool  = var.pool
  user_data = templatefile("${path.module}/joiner.yaml.tftpl", {
    hostname  = "${var.name}-node${count.index + 1}"
    ssh_keys  = var.ssh_authorized_keys
    seeder    = local.seeder_address
    token     = local.token
    authority = local.authority
  })
}

# They need not wait for the seeder to be up: each tries until it is.
resource "libvirt_domain" "node" {
  count     = var.nodes_count
  name      = "${var.name}-node${count.index + 1}"
  memory    = var.node_memory
  vcpu      = var.vcpus
  cloudinit = libvirt_cloudinit_disk.node[count.index].id
  disk {
    volume_id = libvirt_volume.node[count.index].id
  }
  network_interface {
    network_name   = var.network
    wait_for_lease = true
  }
  depends_on = [libvirt_network.cluster]
}
