# The roles of people, and the boundary that no function's role may exceed, whatever a deployment writes into it.

locals {
  people = { for role in keys(local.names.place.people) : role => jsondecode(templatefile("${local.policies}/${role}.json", {
    region = local.names.place.region, account = local.account
  })) }

  # All that the functions' policies grant, plus what Lambda and Scheduler do with their roles.
  granted = sort(distinct(concat(
    flatten([
      for delivery in values(local.contracts) : [
        for function in values(delivery.functions) : [
          for statement in jsondecode(file("${local.policies}/${function.role}.json")).Statement : statement.Action
        ]
      ]
    ]),
    ["lambda:InvokeFunction", "logs:CreateLogStream", "logs:PutLogEvents", "s3:ListBucket", "s3:PutObject"],
    ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"],
  )))
}

resource "aws_iam_role" "people" {
  for_each = local.names.place.people

  name                 = each.key
  description          = "infra/policies/${each.key}.json"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = each.value }
      Action    = "sts:AssumeRole"
      Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    }]
  })
}

resource "aws_iam_role_policy" "people" {
  for_each = local.names.place.people

  name   = "own"
  role   = aws_iam_role.people[each.key].name
  policy = jsonencode(local.people[each.key])
}

resource "aws_iam_policy" "functions" {
  name        = element(split("/", local.names.boundary), 1)
  description = "The most that a role of a function or a schedule can hold."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "WhatFunctionsDo", Effect = "Allow", Action = local.granted, Resource = "*" },
      {
        Sid      = "NoFunctionChangesALog"
        Effect   = "Deny"
        Action   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = ["${local.names.arn.dynamodb}:table/*-log", "${local.names.arn.dynamodb}:table/*-ledger"]
      },
    ]
  })
}
