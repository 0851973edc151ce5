# SPDX-License-Identifier: Apache-2.0

output "seeder" {
  description = "Where the API server is."
  value       = "${local.seeder_address}:6443"
}

output "token" {
  description = "What further nodes join with, for a day."
  value       = local.token
  sensitive   = true
}

output "ca_cert" {
  description = "Whom further nodes trust."
  value       = local.authority
}
