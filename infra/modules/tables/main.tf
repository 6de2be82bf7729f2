# The tables of one service, exactly as `annals matrix derive` has written them down. No key, index or attribute is named here.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
  }
}

variable "definitions" {
  description = "Table definitions by name: access-patterns/derived/<service>/*.table.json."
  type        = any
}

variable "append_only_policy" {
  description = "The resource policy of tables that are append-only, as a template of region, account and table."
  type        = string
}

variable "key" {
  description = "The ARN of the key that they are encrypted with."
  type        = string
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  keys = { for name, table in var.definitions : name => { for part in table.KeySchema : part.KeyType => part.AttributeName } }
  append_only = {
    for name, table in var.definitions : name => templatefile(var.append_only_policy, {
      region = var.names.place.region, account = var.names.place.account, table = name
    }) if table.AppendOnly
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = var.definitions

  name                        = each.key
  billing_mode                = each.value.BillingMode
  hash_key                    = local.keys[each.key].HASH
  range_key                   = try(local.keys[each.key].RANGE, null)
  read_capacity               = try(each.value.ProvisionedThroughput.ReadCapacityUnits, null)
  write_capacity              = try(each.value.ProvisionedThroughput.WriteCapacityUnits, null)
  stream_enabled              = each.value.StreamSpecification.StreamEnabled
  stream_view_type            = each.value.StreamSpecification.StreamViewType
  deletion_protection_enabled = each.value.DeletionProtectionEnabled

  dynamic "attribute" {
    for_each = each.value.AttributeDefinitions
    content {
      name = attribute.value.AttributeName
      type = attribute.value.AttributeType
    }
  }

  dynamic "global_secondary_index" {
    for_each = try(each.value.GlobalSecondaryIndexes, [])
    iterator = index
    content {
      name               = index.value.IndexName
      hash_key           = one([for part in index.value.KeySchema : part.AttributeName if part.KeyType == "HASH"])
      range_key          = one([for part in index.value.KeySchema : part.AttributeName if part.KeyType == "RANGE"])
      projection_type    = index.value.Projection.ProjectionType
      non_key_attributes = try(index.value.Projection.NonKeyAttributes, null)
      read_capacity      = try(index.value.ProvisionedThroughput.ReadCapacityUnits, null)
      write_capacity     = try(index.value.ProvisionedThroughput.WriteCapacityUnits, null)

      dynamic "warm_throughput" {
        for_each = try([index.value.WarmThroughput], [])
        content {
          read_units_per_second  = warm_throughput.value.ReadUnitsPerSecond
          write_units_per_second = warm_throughput.value.WriteUnitsPerSecond
        }
      }
    }
  }

  dynamic "warm_throughput" {
    for_each = try([each.value.WarmThroughput], [])
    content {
      read_units_per_second  = warm_throughput.value.ReadUnitsPerSecond
      write_units_per_second = warm_throughput.value.WriteUnitsPerSecond
    }
  }

  dynamic "ttl" {
    for_each = try([each.value.TimeToLiveSpecification], [])
    content {
      enabled        = ttl.value.Enabled
      attribute_name = ttl.value.AttributeName
    }
  }

  point_in_time_recovery {
    enabled                 = each.value.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
    recovery_period_in_days = each.value.PointInTimeRecoverySpecification.RecoveryPeriodInDays
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key
  }

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = !(each.value.AppendOnly && can(each.value.TimeToLiveSpecification))
      error_message = "${each.key} is append-only: nothing in it may expire."
    }
  }
}

# What IAM grants on a log, this takes back: see ADR 2. Changing it, or the table, takes the break-glass role from then on.
resource "aws_dynamodb_resource_policy" "append_only" {
  for_each = local.append_only

  resource_arn                        = aws_dynamodb_table.this[each.key].arn
  policy                              = each.value
  confirm_remove_self_resource_access = true
}

output "streams" {
  description = "The ARNs of the tables' streams, by table."
  value       = { for name, table in aws_dynamodb_table.this : name => table.stream_arn }
}

output "planned" {
  description = "What is planned, for the laws."
  value = {
    tables = {
      for name, table in aws_dynamodb_table.this : name => {
        stream              = table.stream_enabled ? table.stream_view_type : null
        recovery_days       = one([for recovery in table.point_in_time_recovery : recovery.enabled ? recovery.recovery_period_in_days : 0])
        deletion_protection = table.deletion_protection_enabled
        encrypted           = one([for encryption in table.server_side_encryption : encryption.enabled && encryption.kms_key_arn == var.key])
        expires             = one(table.ttl[*].attribute_name)
        policy              = try(jsondecode(aws_dynamodb_resource_policy.append_only[name].policy), null)
      }
    }
  }
}
