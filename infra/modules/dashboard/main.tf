# The one page that shows how every service does: names from infra/metrics.json, services and functions from the contracts, prices from infra/prices.toml.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
  }
}

variable "contracts" {
  description = "x-delivery of every service."
  type        = any
}

variable "metrics" {
  description = "infra/metrics.json."
  type        = any
}

variable "prices" {
  description = "infra/prices.toml, as text."
  type        = string
}

variable "architecture" {
  description = "What functions run on."
  type        = string
  default     = "arm64"
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  region   = var.names.place.region
  million  = 1000000
  billion  = 1000 * local.million
  services = sort(keys(var.contracts))
  # Terraform has no tomldecode; the file holds one number a line so that this is enough.
  prices  = { for price in regexall("(?m)^([a-z0-9_]+) = ([0-9.]+)$", var.prices) : price[0] => tonumber(price[1]) }
  metrics = { for metric in var.metrics : metric.metric => metric if metric.cloudwatch != null }
  counted = {
    for kind in ["volume", "failure"] : kind => [for metric in var.metrics : metric if metric.kind == kind && try(metric.cloudwatch.namespace, "") == "Annals"]
  }

  # A metric of a service, as a widget's line.
  line = { for service in local.services : service => {
    for name, metric in local.metrics : name => [metric.cloudwatch.namespace, metric.cloudwatch.name, "service", service] if metric.cloudwatch.namespace == "Annals"
  } }

  # Failures of all work, in per cent.
  rates = { for number, service in local.services : service => concat(
    [for place, metric in local.counted.volume : concat(local.line[service][metric.metric], [{ id = "v${number}x${place}", stat = "Sum", visible = false }])],
    [for place, metric in local.counted.failure : concat(local.line[service][metric.metric], [{ id = "f${number}x${place}", stat = "Sum", visible = false }])],
    [[{
      label = service
      id    = "rate${number}"
      expression = format("100 * (%s) / (%s)",
        join(" + ", [for place, metric in local.counted.failure : "FILL(f${number}x${place}, 0)"]),
        join(" + ", concat([for place, metric in local.counted.volume : "FILL(v${number}x${place}, 0)"], [for place, metric in local.counted.failure : "FILL(f${number}x${place}, 0)"]))
      )
    }]],
  ) }

  functions = merge([for delivery in values(var.contracts) : delivery.functions]...)
  memories  = distinct([for function in values(local.functions) : function.memory_mb])
  of_memory = { for memory in local.memories : tostring(memory) => join(" OR ", [for name, function in local.functions : "\"${name}\"" if function.memory_mb == memory]) }

  # Dollars of an hour, by what they are for; each is a metric expression.
  hourly = merge(
    { for memory, names in local.of_memory : "gigabytes${memory}" => format(
      "SUM(SEARCH('{AWS/Lambda,FunctionName} MetricName=\"Duration\" FunctionName=(%s)', 'Sum', 3600)) * %s",
      names, memory / 1024 / 1000 * local.prices["lambda_gigabyte_second_${var.architecture}"]
    ) },
    {
      requests = format("SUM(SEARCH('{AWS/Lambda,FunctionName} MetricName=\"Invocations\"', 'Sum', 3600)) * %s", local.prices.lambda_million_requests / local.million)
      writes   = format("SUM(SEARCH('{AWS/DynamoDB,TableName} MetricName=\"ConsumedWriteCapacityUnits\"', 'Sum', 3600)) * %s", local.prices.dynamodb_million_writes / local.million)
      indexes  = format("SUM(SEARCH('{AWS/DynamoDB,GlobalSecondaryIndexName,TableName} MetricName=\"ConsumedWriteCapacityUnits\"', 'Sum', 3600)) * %s", local.prices.dynamodb_million_writes / local.million)
      reads    = format("SUM(SEARCH('{AWS/DynamoDB,TableName} MetricName=\"ConsumedReadCapacityUnits\"', 'Sum', 3600)) * %s", local.prices.dynamodb_million_reads / local.million)
      events   = format("SUM(SEARCH('{Annals,service} MetricName=\"%s\"', 'Sum', 3600)) * %s", local.metrics.EventPublished.cloudwatch.name, local.prices.bus_million_events / local.million)
      queues   = format("3 * SUM(SEARCH('{AWS/SQS,QueueName} MetricName=\"NumberOfMessagesSent\"', 'Sum', 3600)) * %s", local.prices.queue_million_requests / local.million)
      logs     = format("SUM(SEARCH('{AWS/Logs,LogGroupName} MetricName=\"IncomingBytes\"', 'Sum', 3600)) * %s", local.prices.log_gigabyte / local.billion)
    },
  )
  cost = concat(
    [for id, expression in local.hourly : [{ id = id, expression = expression, visible = false, period = 3600 }]],
    [[{
      id         = "commands", visible = false, period = 3600
      expression = "SUM(SEARCH('{Annals,service} MetricName=\"${local.metrics.CommandCommitted.cloudwatch.name}\"', 'Sum', 3600))"
    }]],
    [[{
      id         = "million", label = "dollars a million commands", period = 3600
      expression = "1000000 * (${join(" + ", [for id in keys(local.hourly) : "FILL(${id}, 0)"])}) / commands"
    }]],
  )

  latencies = ["AppendToRow", "AppendToBus", "BusToEffect"]
  graphs = concat(
    [for service in local.services : {
      title   = "${service}: volume a minute"
      metrics = [for metric in local.counted.volume : concat(local.line[service][metric.metric], [{ stat = "Sum", label = metric.meaning }])]
    }],
    [{ title = "Failure rate, per cent", metrics = concat(values(local.rates)...) }],
    [for latency in local.latencies : {
      title = "${local.metrics[latency].meaning}, ms"
      metrics = concat([for service in local.services : [
        for stat in ["p50", "p99"] : concat(local.line[service][latency], [{ stat = stat, label = "${service} ${stat}" }])
      ]]...)
    }],
    [
      {
        title = "Iterator age, ms"
        metrics = concat([for delivery in values(var.contracts) : [
          for mapping in values(delivery.stream_mappings) : [local.metrics.IteratorAge.cloudwatch.namespace, local.metrics.IteratorAge.cloudwatch.name, "FunctionName", mapping.function, { stat = "Maximum" }]
        ]]...)
      },
      {
        title = "Dead letters"
        metrics = concat([for delivery in values(var.contracts) : [
          for queue in keys(delivery.dead_letter_queues) : [local.metrics.DeadLetters.cloudwatch.namespace, local.metrics.DeadLetters.cloudwatch.name, "QueueName", queue, { stat = "Maximum" }]
        ]]...)
      },
      { title = "Cost of a million commands at this hour's rate, US dollars (${regex("(?m)^list = \"(.*)\"$", var.prices)[0]})", metrics = local.cost },
    ],
  )
  cold_starts = [for service in local.services : {
    title = "${service}: cold starts"
    query = join(" | ", concat(
      [for name in keys(var.contracts[service].functions) : "SOURCE '/aws/lambda/${name}'"],
      ["filter @type = \"REPORT\"", "stats count(@initDuration) as cold, count(*) as invocations, pct(@initDuration, 50) as p50_ms, pct(@initDuration, 99) as p99_ms by bin(15m)"],
    ))
  }]

  widgets = concat(
    [for graph in local.graphs : { type = "metric", properties = merge(graph, { region = local.region, period = 60, view = "timeSeries", stacked = false }) }],
    [for cold in local.cold_starts : { type = "log", properties = merge(cold, { region = local.region, view = "table" }) }],
  )
}

resource "aws_cloudwatch_dashboard" "services" {
  dashboard_name = var.names.dashboard
  dashboard_body = jsonencode({
    widgets = [for place, widget in local.widgets : merge(widget, { x = place % 2 * 12, y = floor(place / 2) * 6, width = 12, height = 6 })]
  })
}
