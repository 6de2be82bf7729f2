# One service on AWS: whatever its matrix, its contract, its OpenAPI file and infra/policies say, and nothing that is typed here.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
  }
}

variable "service" {
  description = "The service, as services/<service> and access-patterns/derived/<service> are called."
  type        = string
}

variable "env" {
  description = "The environment."
  type        = string
}

variable "release" {
  description = "The commit whose packages run."
  type        = string
}

variable "settings" {
  description = "What this service's functions find in their environment beside what every service's do, by variable."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variables whose values are parameters of the Parameter Store: /<project>-<env>/<service>/<variable>."
  type        = set(string)
  default     = []
}

variable "generation" {
  description = "How often the service's log has been restored from a backup: see docs/runbooks/restore.md."
  type        = number
  default     = 0
}

variable "architecture" {
  description = "arm64 or x86_64; both are packaged."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "repository" {
  description = "The checkout with matrix, contracts and policies."
  type        = string
  default     = "../../.."
}

module "names" {
  source = "../names"
  env    = var.env
}

locals {
  names       = module.names
  root        = "${path.root}/${var.repository}"
  contract    = yamldecode(file("${local.root}/services/${var.service}/asyncapi.yaml"))
  delivery    = local.contract["x-delivery"]
  openapi     = "${local.root}/services/${var.service}/openapi.yaml"
  derived     = "${local.root}/access-patterns/derived/${var.service}"
  definitions = { for file in fileset(local.derived, "*.table.json") : jsondecode(file("${local.derived}/${file}")).TableName => jsondecode(file("${local.derived}/${file}")) }
  metrics     = jsondecode(file("${path.module}/../../metrics.json"))
  policies    = "${local.root}/infra/policies"
  has_vault   = anytrue([for name in keys(local.definitions) : endswith(name, "-vault")])

  # What differs from one installation to the next, by variable of a function's environment.
  values = merge({
    ANNALS_BUS            = local.names.bus
    ANNALS_FAILURES       = "s3://${local.names.bucket["failed-batches"]}"
    ANNALS_GENERATION     = tostring(var.generation)
    ANNALS_LEDGER_OBJECTS = "s3://${local.names.bucket.ledger}/${var.service}/${var.generation}"
    ANNALS_LEDGER_ORIGIN  = local.names.prefix
    ANNALS_VAULT_KEY      = one(data.aws_kms_alias.vault[*].target_key_arn)
    }, var.settings, {
    for name, parameter in data.aws_ssm_parameter.secret : name => parameter.value
  })

  # The same for policies: the local system fills in the same names.
  filled_in = {
    region    = local.names.place.region
    account   = local.names.place.account
    bus       = local.names.bus
    failures  = local.names.bucket["failed-batches"]
    ledger    = local.names.bucket.ledger
    mail_from = lookup(var.settings, "ANNALS_MAIL_FROM", "")
    service   = var.service
    vault_key = one(data.aws_kms_alias.vault[*].target_key_id)
  }
}

data "aws_kms_alias" "data" {
  name = local.names.data_key
}

data "aws_kms_alias" "vault" {
  count = local.has_vault ? 1 : 0
  name  = "${local.names.vault_key}${var.service}"
}

data "aws_ssm_parameter" "secret" {
  for_each = var.secrets
  name     = "/${local.names.prefix}/${var.service}/${each.key}"
}

module "tables" {
  source = "../tables"

  definitions        = local.definitions
  append_only_policy = "${local.policies}/log-table.json"
  key                = data.aws_kms_alias.data.target_key_arn
  names              = local.names
}

module "functions" {
  source = "../functions"

  service      = var.service
  delivery     = local.delivery
  policies     = { for name, function in local.delivery.functions : function.role => templatefile("${local.policies}/${function.role}.json", local.filled_in) }
  values       = local.values
  grants       = module.delivery.grants
  release      = var.release
  architecture = var.architecture
  key          = data.aws_kms_alias.data.target_key_arn
  names        = local.names
}

module "delivery" {
  source = "../delivery"

  service  = var.service
  delivery = local.delivery
  live     = module.functions.live
  streams  = module.tables.streams
  names    = local.names
}

module "api" {
  source = "../api"
  count  = fileexists(local.openapi) ? 1 : 0

  service = var.service
  openapi = yamldecode(file(local.openapi))
  live    = module.functions.live
  key     = data.aws_kms_alias.data.target_key_arn
  names   = local.names
}

module "alarms" {
  source = "../alarms"

  service  = var.service
  delivery = local.delivery
  metrics  = local.metrics
  mappings = module.delivery.mappings
  names    = local.names
}

module "laws" {
  source = "../laws"

  planned = merge(module.tables.planned, module.functions.planned, module.delivery.planned, module.alarms.planned)
  names   = local.names
}

output "live" {
  description = "What is called of each function: the smoke test and a roll-back use it."
  value       = module.functions.live
}

output "api" {
  description = "Where the service's API is; null where it has none."
  value       = one(module.api[*].endpoint)
}

output "planned" {
  description = "What is planned; tests compare it with what the local system runs."
  value       = merge(module.laws.planned, one(module.api[*].planned))
}
