# The functions of one service as its contract lists them: each with a role of its own, its logs, and the alias that is live.

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
  description = "The service."
  type        = string
}

variable "delivery" {
  description = "x-delivery of the service's contract."
  type        = any
}

variable "policies" {
  description = "What each role may do: infra/policies/<role>.json, filled in."
  type        = map(string)
}

variable "values" {
  description = "What functions find in their environment, by variable; each gets those that its contract asks for."
  type        = map(string)
}

variable "grants" {
  description = "Statements that a function's role needs beside its policy, by function: what reads its queue or keeps its failed batches does so with the function's role."
  type        = any
}

variable "release" {
  description = "Which packages: the commit they were built from."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "key" {
  description = "The ARN of the key that logs and environments are encrypted with."
  type        = string
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  functions = var.delivery.functions
  known     = toset(keys(var.values))
  groups    = { for name, function in local.functions : name => "/aws/lambda/${name}" }
}

resource "aws_cloudwatch_log_group" "of" {
  for_each = local.functions

  name              = local.groups[each.key]
  retention_in_days = 365
  kms_key_id        = var.key
}

resource "aws_iam_role" "of" {
  for_each = local.functions

  name                 = each.value.role
  description          = "The function ${each.key} of ${var.service}: infra/policies/${each.value.role}.json."
  permissions_boundary = var.names.boundary
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

# What its code does: the very document that the local system evaluates.
resource "aws_iam_role_policy" "own" {
  for_each = local.functions

  name   = "own"
  role   = aws_iam_role.of[each.key].name
  policy = var.policies[each.value.role]
}

# What Lambda does on its behalf.
resource "aws_iam_role_policy" "runtime" {
  for_each = local.functions

  name = "runtime"
  role = aws_iam_role.of[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "WriteItsLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${var.names.arn.logs}:log-group:${local.groups[each.key]}:*"
    }], lookup(var.grants, each.key, []))
  })
}

resource "aws_lambda_function" "of" {
  for_each = local.functions

  function_name                  = each.key
  description                    = "${var.service}: binary ${each.key} of ${each.value.package}."
  role                           = "arn:aws:iam::${var.names.place.account}:role/${aws_iam_role.of[each.key].name}"
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  s3_bucket                      = var.names.bucket.artifacts
  s3_key                         = "${var.service}/${var.release}/${var.architecture}/${each.key}.zip"
  publish                        = true
  timeout                        = each.value.timeout_seconds
  memory_size                    = each.value.memory_mb
  reserved_concurrent_executions = coalesce(each.value.reserved_concurrency, -1)
  kms_key_arn                    = var.key

  environment {
    variables = merge({ ANNALS_LOG = "info" }, { for name in each.value.environment : name => var.values[name] if contains(local.known, name) })
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.of[each.key].name
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(each.value.environment, local.known)) == 0
      error_message = "${each.key} needs ${join(", ", setsubtract(each.value.environment, local.known))}: give it in the root's settings or secrets."
    }
  }

  depends_on = [aws_iam_role_policy.own, aws_iam_role_policy.runtime]
}

# Everything that calls a function calls this, so that a roll-back is one call and needs no build.
resource "aws_lambda_alias" "live" {
  for_each = local.functions

  name             = var.names.alias
  description      = "The version that is called."
  function_name    = aws_lambda_function.of[each.key].function_name
  function_version = aws_lambda_function.of[each.key].version
}

output "live" {
  description = "What is called of each function, by name: `<function>:<alias>`."
  value       = { for name, alias in aws_lambda_alias.live : name => "${alias.function_name}:${alias.name}" }
}

output "planned" {
  description = "What is planned, for the laws: environments, which hold secrets, are left out."
  value = {
    functions = {
      for name, function in aws_lambda_function.of : name => {
        runtime              = function.runtime
        architectures        = function.architectures
        timeout              = function.timeout
        memory               = function.memory_size
        reserved_concurrency = function.reserved_concurrent_executions
        role                 = aws_iam_role.of[name].name
        boundary             = aws_iam_role.of[name].permissions_boundary
        policies             = [jsondecode(aws_iam_role_policy.own[name].policy), jsondecode(aws_iam_role_policy.runtime[name].policy)]
      }
    }
  }
}
