# The roles of the pipelines: one a service, for the workflow of this repository in this environment alone, over what carries the service's names;
# and one that may do to the service's logs whatever IAM can grant, with which a deployment finds out that the logs refuse it.

locals {
  oidc = "token.actions.githubusercontent.com"

  # What a deployment touches, by service.
  deployed = { for service, delivery in local.contracts : service => {
    functions = [for name in keys(delivery.functions) : "${local.names.arn.lambda}:function:${name}"]
    roles = concat(
      [for function in values(delivery.functions) : "arn:aws:iam::${local.account}:role/${function.role}"],
      [for name in keys(delivery.schedules) : "arn:aws:iam::${local.account}:role/${name}-schedule"],
      ["arn:aws:iam::${local.account}:role/${service}-api"],
    )
    tables = [for file in fileset("${local.root}/access-patterns/derived/${service}", "*.table.json") : "${local.names.arn.dynamodb}:table/${trimsuffix(file, ".table.json")}"]
    queues = [for name in concat(keys(delivery.queues), keys(delivery.dead_letter_queues)) : "${local.names.arn.sqs}:${name}"]
    rules  = [for name in keys(delivery.rules) : "${local.names.arn.events}:rule/${local.names.bus}/${name}"]
  } }
  deploy_policy = "${path.module}/policies/deploy.json"
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.oidc}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  for_each = local.contracts

  name                 = "deploy-${each.key}"
  description          = ".github/workflows/${each.key}-service.yml"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::${local.account}:oidc-provider/${trimprefix(aws_iam_openid_connect_provider.github.url, "https://")}" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.oidc}:aud" = "sts.amazonaws.com"
        "${local.oidc}:sub" = "repo:${local.names.place.repository}:environment:${each.key}-${var.env}"
      } }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  for_each = local.contracts

  name = "own"
  role = aws_iam_role.deploy[each.key].name
  policy = templatefile(local.deploy_policy, {
    account   = local.account
    region    = local.names.place.region
    service   = each.key
    prefix    = local.names.prefix
    artifacts = local.names.bucket.artifacts
    state     = "${local.names.prefix}-terraform"
    boundary  = local.names.boundary
    functions = jsonencode(local.deployed[each.key].functions)
    roles     = jsonencode(local.deployed[each.key].roles)
    tables    = jsonencode(local.deployed[each.key].tables)
    queues    = jsonencode(local.deployed[each.key].queues)
    rules     = jsonencode(local.deployed[each.key].rules)
  })
}

# Allowed everything by IAM, so that what refuses it is the log's own policy. What it tries has a condition that never holds.
resource "aws_iam_role" "smoke" {
  for_each = local.contracts

  name                 = "smoke-${each.key}"
  description          = "infra/smoke: nothing that IAM grants overwrites a commit."
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::${local.account}:role/${aws_iam_role.deploy[each.key].name}" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "smoke" {
  for_each = local.contracts

  name = "own"
  role = aws_iam_role.smoke[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WhateverIamCanGrant"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:UpdateTimeToLive",
      ]
      Resource = [for table in local.deployed[each.key].tables : table if endswith(table, "-log") || endswith(table, "-ledger")]
    }]
  })
}
