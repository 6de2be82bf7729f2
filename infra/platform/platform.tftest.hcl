# What all services stand on: no key can be taken away, no commit's proof changed, nobody publishes as another, no pipeline reaches beyond its service.

mock_provider "aws" {
  source          = "../mocks"
  override_during = plan
}

variables {
  env = "dev"
}

run "bus" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_bus.services.name == "annals-dev" && aws_cloudwatch_event_archive.services.retention_days > 0 && one(aws_cloudwatch_event_bus.services.log_config).level == "ERROR"
    error_message = "The bus has another name, no archive or no log."
  }
  assert {
    condition = alltrue([for service in keys(local.contracts) : anytrue([
      for statement in jsondecode(aws_cloudwatch_event_bus_policy.services.policy).Statement : try(statement.Condition.StringNotEquals["events:source"], "") == service
    ])])
    error_message = "A service may publish as another."
  }
  assert {
    condition = toset(jsondecode(aws_cloudwatch_event_bus_policy.services.policy).Statement[0].Condition.ArnNotEquals["aws:PrincipalArn"]) == toset([
      for role in ["billing-projector", "billing-reconciler", "identity-projector", "identity-reconciler", "notifications-projector", "notifications-reconciler"] : "arn:aws:iam::${local.account}:role/${role}"
    ])
    error_message = "Others than the functions that are told the bus may publish."
  }
  assert {
    condition     = jsondecode(aws_sns_topic_policy.alarms.policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:cloudwatch:eu-west-1:${local.account}:alarm:*"
    error_message = "Others than this account's alarms may raise one."
  }
}

run "keys" {
  command = plan

  assert {
    condition = alltrue([for key in concat([aws_kms_key.data], values(aws_kms_key.vault)) : key.enable_key_rotation && key.deletion_window_in_days == 30 && anytrue([
      for statement in jsondecode(key.policy).Statement : statement.Effect == "Deny" && contains(flatten([statement.Action]), "kms:ScheduleKeyDeletion")
    ])])
    error_message = "A key can be taken away, or is never changed."
  }
  assert {
    condition     = toset(keys(aws_kms_key.vault)) == local.vaults && contains(keys(aws_kms_key.vault), "billing")
    error_message = "A vault has no key of its own."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_kms_key.data.policy).Statement : (
      statement.Sid == "AdministeredByIam" || statement.Effect == "Deny" || can(statement.Condition.StringEquals["kms:ViaService"]) || can(statement.Condition.ArnLike["aws:SourceArn"]) ||
      can(statement.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"])
    )])
    error_message = "The key of data may be used by whom it does not name."
  }
}

run "buckets" {
  command = plan

  assert {
    condition     = aws_s3_bucket.of["ledger"].object_lock_enabled && one(one(aws_s3_bucket_object_lock_configuration.ledger.rule).default_retention).mode == "COMPLIANCE" && one(one(aws_s3_bucket_object_lock_configuration.ledger.rule).default_retention).years == 10
    error_message = "A checkpoint can be changed."
  }
  assert {
    condition     = !contains(keys(aws_s3_bucket_lifecycle_configuration.of), "ledger")
    error_message = "A ledger's objects expire."
  }
  assert {
    condition     = alltrue([for bucket in values(aws_s3_bucket_public_access_block.of) : bucket.block_public_acls && bucket.block_public_policy && bucket.ignore_public_acls && bucket.restrict_public_buckets]) && length(aws_s3_bucket_public_access_block.of) == length(aws_s3_bucket.of)
    error_message = "A bucket can be made public."
  }
  assert {
    condition     = length(aws_s3_bucket_policy.of) == length(aws_s3_bucket.of) && alltrue([for policy in values(aws_s3_bucket_policy.of) : jsondecode(policy.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "A bucket can be read in the clear."
  }
}

run "roles" {
  command = plan

  assert {
    condition     = alltrue([for role in values(aws_iam_role.people) : jsondecode(role.assume_role_policy).Statement[0].Condition.Bool["aws:MultiFactorAuthPresent"] == "true"])
    error_message = "A person takes a role without a second factor."
  }
  assert {
    condition = alltrue([for service, role in aws_iam_role.deploy :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:${local.names.place.repository}:environment:${service}-dev"
    ])
    error_message = "Another workflow or environment takes the role of a pipeline."
  }
  assert {
    condition = alltrue(flatten([for policy in values(aws_iam_role_policy.deploy) : [
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "A pipeline's role has an action with a wildcard."
  }
  assert {
    condition = alltrue(flatten([for service, policy in aws_iam_role_policy.deploy : [
      for statement in jsondecode(policy.policy).Statement : [
        for resource in flatten([statement.Resource]) : !strcontains(resource, ":function:") || contains(local.deployed[service].functions, resource)
      ]
    ]]))
    error_message = "A pipeline reaches another service's function."
  }
  assert {
    condition = alltrue([for policy in values(aws_iam_role_policy.deploy) : alltrue([
      for statement in jsondecode(policy.policy).Statement : try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == local.names.boundary if contains(statement.Action, "iam:PutRolePolicy")
    ])])
    error_message = "A pipeline may write a role's policy beyond the boundary."
  }
  assert {
    condition     = alltrue([for action in local.granted : !strcontains(action, "*")]) && contains(local.granted, "dynamodb:PartiQLInsert") && !contains(local.granted, "iam:PassRole")
    error_message = "The boundary holds more than what functions do."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_policy.functions.policy).Statement : contains(statement.Action, "dynamodb:PutItem") && length(statement.Resource) == 2 if statement.Effect == "Deny"])
    error_message = "The boundary lets a function change a log."
  }
}
