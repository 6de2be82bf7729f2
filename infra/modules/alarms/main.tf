# The alarms of one service: every metric of infra/metrics.json that has a threshold, on everything of the contract that it measures.

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

variable "metrics" {
  description = "infra/metrics.json."
  type        = any
}

variable "mappings" {
  description = "The UUIDs of the stream mappings, by name."
  type        = map(string)
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  metrics = { for metric in var.metrics : metric.metric => metric if metric.alarm != null && metric.cloudwatch != null }

  # Everything that a metric may be of: its name here, and what CloudWatch knows it by.
  subjects = {
    service                = { (var.service) = var.service }
    function               = { for name, function in var.delivery.functions : name => name }
    queue                  = { for name, queue in var.delivery.queues : name => name }
    dead_letter_queue      = { for name, queue in var.delivery.dead_letter_queues : name => name }
    FunctionName           = { for name, mapping in var.delivery.stream_mappings : name => mapping.function }
    EventSourceMappingUUID = var.mappings
  }
  # Of two sets of dimensions the first is the coarser.
  dimension = { for name, metric in local.metrics : name => one(metric.cloudwatch.dimensions[0]) }
  measured = {
    for name, metric in local.metrics : name => (
      local.dimension[name] == "service" ? "service" :
      metric.label == "mapping" ? local.dimension[name] :
      name == "DeadLetters" ? "dead_letter_queue" : metric.label
    )
  }

  alarms = merge([
    for name, metric in local.metrics : {
      for subject, value in local.subjects[local.measured[name]] : "${metric.alarm.name}-${subject}" => {
        metric     = metric
        dimensions = { (local.dimension[name]) = value }
      }
    }
  ]...)

  # A day: what a person must end stays on for that long, as CloudWatch has no acknowledgement.
  day = 86400
}

resource "aws_cloudwatch_metric_alarm" "of" {
  for_each = local.alarms

  alarm_name          = each.key
  alarm_description   = "${each.value.metric.meaning}. What to do: docs/runbooks/${each.value.metric.alarm.name}.md"
  namespace           = each.value.metric.cloudwatch.namespace
  metric_name         = each.value.metric.cloudwatch.name
  dimensions          = each.value.dimensions
  statistic           = each.value.metric.alarm.statistic
  period              = each.value.metric.alarm.period_seconds
  comparison_operator = each.value.metric.alarm.when == "below" ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.metric.alarm.value
  datapoints_to_alarm = 1
  evaluation_periods  = each.value.metric.alarm.clears == "by_acknowledgement" ? local.day / each.value.metric.alarm.period_seconds : 1
  treat_missing_data  = each.value.metric.alarm.when == "below" ? "breaching" : "notBreaching"
  alarm_actions       = [var.names.alarms]
  ok_actions          = [var.names.alarms]
}

output "planned" {
  description = "What is planned, for the laws."
  value = {
    alarms = { for name, alarm in aws_cloudwatch_metric_alarm.of : name => { actions = alarm.alarm_actions, threshold = alarm.threshold, metric = alarm.metric_name } }
  }
}
