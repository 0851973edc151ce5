# SPDX-License-Identifier: Apache-2.0

variable "libvirt_uri" {
  description = "Where libvirt is."
  type        = string
  default     = "qemu:///system"
}

variable "base_image" {
  description = "Disk image (qcow2) with cloud-init, kubeadm, kubelet, kubectl, a container runtime, slipway-node and its units: a path or a URL."
  type        = string
}

variable "name" {
  description = "Prefix of everything that is made."
  type        = string
  default     = "slipway"
}

variable "pool" {
  description = "Storage pool."
  type        = string
  default     = "default"
}

variable "network" {
  description = "Network; it is made together with the seeder."
  type        = string
  default     = "slipway"
}

variable "subnet" {
  description = "Subnet of the network."
  type        = string
  default     = "10.17.0.0/24"
}

variable "pod_subnet" {
  description = "Subnet of the pods."
  type        = string
  default     = "10.244.0.0/16"
}

variable "nodes_count" {
  description = "Nodes beside the seeder."
  type        = number
  default     = 1
}

variable "vcpus" {
  description = "Processors of each machine."
  type        = number
  default     = 2
}

variable "seeder_memory" {
  description = "Memory of the seeder in MiB."
  type        = number
  default     = 4096
}

variable "node_memory" {
  description = "Memory of a node in MiB."
  type        = number
  default     = 2048
}

variable "disk_bytes" {
  description = "Size of each disk."
  type        = number
  default     = 21474836480
}

variable "ssh_authorized_keys" {
  description = "Keys that may log in."
  type        = list(string)
  default     = []
}

variable "seeder" {
  description = "Address of a seeder that is there; null makes one."
  type        = string
  default     = null
}

variable "token" {
  description = "Its token, when it is there."
  type        = string
  default     = null
  sensitive   = true
}

variable "ca_cert" {
  description = "The certificate of its cluster's authority (PEM), when it is there."
  type        = string
  default     = null
}
