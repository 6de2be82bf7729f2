# Notifications on AWS. Its tables, functions and wires are those of its matrix and contract: see modules/service.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
  }
  backend "s3" {}
}

variable "env" {
  description = "The environment: dev, staging or prod."
  type        = string
}

variable "release" {
  description = "The commit whose packages run."
  type        = string
}

variable "settings" {
  description = "What the functions of this service find in their environment, by variable."
  type        = map(string)
}

variable "generation" {
  description = "How often the service's log has been restored from a backup."
  type        = number
  default     = 0
}

module "names" {
  source = "../../modules/names"
  env    = var.env
}

provider "aws" {
  region              = module.names.place.region
  allowed_account_ids = [module.names.place.account]

  default_tags {
    tags = { project = module.names.place.project, service = "notifications", env = var.env }
  }
}

module "service" {
  source = "../../modules/service"

  service    = "notifications"
  env        = var.env
  release    = var.release
  settings   = var.settings
  secrets    = ["ANNALS_IDENTITY_KEY", "ANNALS_LEDGER_KEY"]
  generation = var.generation
}

output "live" {
  description = "What is called of each function."
  value       = module.service.live
}

output "api" {
  description = "Where the API is."
  value       = module.service.api
}
