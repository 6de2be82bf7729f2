# What everything is called, and the ARNs that follow. No resources: policies and wires are whole in a plan, before anything exists.

terraform {
  required_version = ">= 1.11"
}

variable "env" {
  description = "The environment: a file in infra/envs. Each has an AWS account of its own, so nothing but bus, buckets and keys carries its name."
  type        = string

  validation {
    condition     = fileexists("${path.module}/../../envs/${var.env}.json")
    error_message = "There is no infra/envs/${var.env}.json."
  }
}

locals {
  place   = jsondecode(file("${path.module}/../../envs/${var.env}.json"))
  prefix  = "${local.place.project}-${var.env}"
  account = local.place.account
  region  = local.place.region
  arn     = { for service in ["dynamodb", "events", "kms", "lambda", "logs", "scheduler", "sns", "sqs"] : service => "arn:aws:${service}:${local.region}:${local.account}" }
}

output "place" {
  description = "The environment's file."
  value       = local.place
}

output "prefix" {
  description = "What begins the names of things that AWS wants unique beyond an account, or that a console shows beside others."
  value       = local.prefix
}

output "arn" {
  description = "How the ARNs of a service's things begin: `arn.sqs`:<queue>."
  value       = local.arn
}

output "bus" {
  description = "The bus of all services."
  value       = local.prefix
}

output "bucket" {
  description = "Buckets by what they hold."
  value       = { for holds in ["artifacts", "failed-batches", "ledger"] : holds => "${local.prefix}-${holds}-${local.account}" }
}

output "data_key" {
  description = "The alias of the key that tables, logs and buckets are encrypted with."
  value       = "alias/${local.prefix}-data"
}

output "vault_key" {
  description = "How the aliases of the keys begin that wrap person keys; the service follows."
  value       = "alias/${local.prefix}-vault-"
}

output "alarms" {
  description = "The topic that tells people of alarms."
  value       = "${local.arn.sns}:${local.prefix}-alarms"
}

output "dashboard" {
  description = "The dashboard of all services."
  value       = local.prefix
}

output "boundary" {
  description = "The policy that no function's role may exceed."
  value       = "arn:aws:iam::${local.account}:policy/${local.prefix}-functions"
}

output "alias" {
  description = "The alias of the version of a function that is live: mappings, routes and schedules call it, and a roll-back moves it."
  value       = "live"
}
