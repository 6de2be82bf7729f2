# The keys: one for everything at rest, and one a vault that wraps person keys. Deleting one destroys what it has encrypted, so nobody can.

locals {
  vaults = toset([for file in fileset("${local.root}/access-patterns/derived", "*/*-vault.table.json") : dirname(file)])

  # Whoever administers keys may not take them away: 30 days and the break-glass role stand before that.
  deletion_guard = {
    Sid       = "NobodyTakesItAway"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
    Resource  = "*"
    Condition = { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::${local.account}:role/${aws_iam_role.people["administrator"].name}" } }
  }
  administered = {
    Sid       = "AdministeredByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:aws:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }
}

resource "aws_kms_key" "data" {
  description             = "Tables, logs, buckets and topics of ${local.names.prefix}."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.administered,
      local.deletion_guard,
      {
        # As AWS's own keys are used: through the service that encrypts, by whoever may use the service here.
        Sid       = "ThroughItsServices"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = "*"
        Condition = { StringEquals = {
          "kms:CallerAccount" = local.account
          "kms:ViaService"    = [for service in ["dynamodb", "lambda", "s3"] : "${service}.${local.names.place.region}.amazonaws.com"]
        } }
      },
      {
        Sid       = "ByTheServicesThemselves"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = "*"
        Condition = { ArnLike = { "aws:SourceArn" = [
          for service in ["cloudwatch", "events"] : "arn:aws:${service}:${local.names.place.region}:${local.account}:*"
        ] } }
      },
      {
        # Logs name the group that they encrypt, not a source.
        Sid       = "ByLogsForTheirGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.names.place.region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "${local.names.arn.logs}:log-group:*" } }
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "data" {
  name          = local.names.data_key
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_key" "vault" {
  for_each = local.vaults

  description             = "Wraps the person keys in the vault of ${each.key}."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.administered, local.deletion_guard]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "vault" {
  for_each = local.vaults

  name          = "${local.names.vault_key}${each.key}"
  target_key_id = aws_kms_key.vault[each.key].key_id
}
