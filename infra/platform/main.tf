# What all services stand on: the bus, the keys, the buckets, the topic of alarms, the roles of people and of the pipelines.
#
# - main.tf: environment, bus, topic
# - keys.tf, buckets.tf: what encrypts and what keeps
# - people.tf, pipelines.tf: who may do what beside the functions
# - dashboard.tf: the one page that shows how everything does

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

module "names" {
  source = "../modules/names"
  env    = var.env
}

locals {
  names     = module.names
  account   = local.names.place.account
  root      = "${path.root}/../.."
  contracts = { for file in fileset("${local.root}/services", "*/asyncapi.yaml") : dirname(file) => yamldecode(file("${local.root}/services/${file}"))["x-delivery"] }
  policies  = "${local.root}/infra/policies"
  metrics   = jsondecode(file("${local.root}/infra/metrics.json"))

  # Who publishes what, by service: the functions that are told the bus.
  publishers = { for service, delivery in local.contracts : service => [
    for function in values(delivery.functions) : "arn:aws:iam::${local.account}:role/${function.role}" if contains(function.environment, "ANNALS_BUS")
  ] }
}

provider "aws" {
  region              = local.names.place.region
  allowed_account_ids = [local.account]

  default_tags {
    tags = { project = local.names.place.project, service = "platform", env = var.env }
  }
}

resource "aws_cloudwatch_event_bus" "services" {
  name               = local.names.bus
  description        = "What services tell each other: services/*/asyncapi.yaml."
  kms_key_identifier = aws_kms_key.data.arn

  # Errors only: details hold ciphertext and ids, and a line for each event costs more than the event.
  log_config {
    include_detail = "NONE"
    level          = "ERROR"
  }
}

# A role publishes in the name of its own service, and no other role at all.
resource "aws_cloudwatch_event_bus_policy" "services" {
  event_bus_name = aws_cloudwatch_event_bus.services.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "OnlyPublishers"
      Effect    = "Deny"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = "${local.names.arn.events}:event-bus/${local.names.bus}"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = sort(flatten(values(local.publishers))) } }
      }], [for service in sort(keys(local.publishers)) : {
      Sid       = "OnlyAs${title(service)}"
      Effect    = "Deny"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = "${local.names.arn.events}:event-bus/${local.names.bus}"
      Condition = {
        ArnEquals       = { "aws:PrincipalArn" = local.publishers[service] }
        StringNotEquals = { "events:source" = service }
      }
    } if length(local.publishers[service]) > 0])
  })
}

resource "aws_cloudwatch_event_archive" "services" {
  name             = local.names.bus
  description      = "A quarter of events, for consumers that begin later. Replay is not ordered; the log is the truth."
  event_source_arn = aws_cloudwatch_event_bus.services.arn
  retention_days   = 92
}

resource "aws_cloudwatch_log_group" "bus" {
  name              = "/aws/vendedlogs/events/event-bus/${local.names.bus}"
  retention_in_days = 365
  kms_key_id        = aws_kms_key.data.arn
}

resource "aws_cloudwatch_log_delivery_source" "bus" {
  name         = local.names.bus
  log_type     = "ERROR_LOGS"
  resource_arn = aws_cloudwatch_event_bus.services.arn
}

resource "aws_cloudwatch_log_delivery_destination" "bus" {
  name = local.names.bus
  delivery_destination_configuration {
    destination_resource_arn = aws_cloudwatch_log_group.bus.arn
  }
}

resource "aws_cloudwatch_log_delivery" "bus" {
  delivery_source_name     = aws_cloudwatch_log_delivery_source.bus.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.bus.arn
}

resource "aws_sns_topic" "alarms" {
  name              = element(split(":", local.names.alarms), 5)
  kms_master_key_id = aws_kms_key.data.key_id
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = local.names.alarms
      Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:cloudwatch:${local.names.place.region}:${local.account}:alarm:*" } }
    }]
  })
}
