# How events, records, messages and times reach one service's functions: x-delivery of its contract, and no number besides.

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

variable "live" {
  description = "What is called of each function, by name: `<function>:<alias>`."
  type        = map(string)
}

variable "streams" {
  description = "The ARNs of the tables' streams, by table."
  type        = map(string)
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  queue_arn = {
    for name in concat(keys(var.delivery.queues), keys(var.delivery.dead_letter_queues)) : name => "${var.names.arn.sqs}:${name}"
  }
  rule_arn = { for name, rule in var.delivery.rules : name => "${var.names.arn.events}:rule/${var.names.bus}/${name}" }
  live     = { for name, live in var.live : name => "${var.names.arn.lambda}:function:${live}" }
  failures = { for mapping in distinct([for mapping in var.delivery.stream_mappings : mapping.on_failure]) : mapping => "arn:aws:s3:::${var.names.bucket[mapping]}" }

  # Which rules may send to a queue, as targets or as dead letters.
  senders = {
    for queue in keys(local.queue_arn) : queue => [
      for name, rule in var.delivery.rules : local.rule_arn[name] if contains([rule.target.queue, rule.target.dead_letter_queue], queue)
    ]
  }
  # Which queues move messages to a dead-letter queue.
  sources = {
    for letters in keys(var.delivery.dead_letter_queues) : letters => [
      for name, queue in var.delivery.queues : local.queue_arn[name] if queue.dead_letter_queue == letters
    ]
  }
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = var.delivery.dead_letter_queues

  name                      = each.key
  message_retention_seconds = each.value.retention_seconds
  sqs_managed_sse_enabled   = true
  redrive_allow_policy = (length(local.sources[each.key]) == 0
    ? jsonencode({ redrivePermission = "denyAll" })
    : jsonencode({ redrivePermission = "byQueue", sourceQueueArns = local.sources[each.key] })
  )
}

resource "aws_sqs_queue" "of" {
  for_each = var.delivery.queues

  name                       = each.key
  visibility_timeout_seconds = each.value.visibility_timeout_seconds
  message_retention_seconds  = each.value.retention_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = local.queue_arn[each.value.dead_letter_queue]
    maxReceiveCount     = each.value.max_receives
  })

  depends_on = [aws_sqs_queue.dead_letters]
}

resource "aws_sqs_queue_policy" "of" {
  for_each = local.queue_arn

  queue_url = try(aws_sqs_queue.of[each.key].url, aws_sqs_queue.dead_letters[each.key].url)
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }], [for rule in local.senders[each.key] : {
      Sid       = "SendFrom${replace(title(basename(rule)), "-", "")}"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = each.value
      Condition = { ArnEquals = { "aws:SourceArn" = rule } }
    }])
  })
}

resource "aws_cloudwatch_event_rule" "of" {
  for_each = var.delivery.rules

  name           = each.key
  description    = "${var.service} hears of ${each.value.event} by ${each.value.source}."
  event_bus_name = var.names.bus
  event_pattern  = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "of" {
  for_each = var.delivery.rules

  rule           = aws_cloudwatch_event_rule.of[each.key].name
  event_bus_name = var.names.bus
  target_id      = each.value.target.queue
  arn            = local.queue_arn[each.value.target.queue]

  retry_policy {
    maximum_retry_attempts       = each.value.target.max_attempts
    maximum_event_age_in_seconds = each.value.target.max_age_seconds
  }

  dead_letter_config {
    arn = local.queue_arn[each.value.target.dead_letter_queue]
  }

  depends_on = [aws_sqs_queue_policy.of]
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each = var.delivery.stream_mappings

  event_source_arn                   = var.streams[each.value.table]
  function_name                      = local.live[each.value.function]
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.window_seconds
  parallelization_factor             = each.value.parallelization_factor
  bisect_batch_on_function_error     = each.value.bisect
  maximum_retry_attempts             = each.value.max_retries
  maximum_record_age_in_seconds      = each.value.max_record_age_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = local.failures[each.value.on_failure]
    }
  }

  dynamic "filter_criteria" {
    for_each = length(each.value.filters) == 0 ? [] : [each.value.filters]
    content {
      dynamic "filter" {
        for_each = filter_criteria.value
        content {
          pattern = jsonencode(filter.value)
        }
      }
    }
  }

  # DroppedEventCount: what was given up on.
  metrics_config {
    metrics = ["EventCount"]
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.delivery.queue_mappings

  event_source_arn        = local.queue_arn[each.value.queue]
  function_name           = local.live[each.value.function]
  batch_size              = each.value.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = each.value.concurrency
  }

  depends_on = [aws_sqs_queue.of]
}

resource "aws_scheduler_schedule_group" "of" {
  name = var.service
}

# One role a schedule: it calls its function and drops what it gave up into its own queue.
resource "aws_iam_role" "schedule" {
  for_each = var.delivery.schedules

  name                 = "${each.key}-schedule"
  description          = "EventBridge Scheduler calls ${each.value.function}."
  permissions_boundary = var.names.boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.names.place.account }
        ArnEquals    = { "aws:SourceArn" = "${var.names.arn.scheduler}:schedule-group/${var.service}" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  for_each = var.delivery.schedules

  name = "own"
  role = aws_iam_role.schedule[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "CallTheFunction", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = local.live[each.value.function] },
      { Sid = "KeepWhatWasGivenUp", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = local.queue_arn[each.value.dead_letter_queue] },
    ]
  })
}

resource "aws_scheduler_schedule" "of" {
  for_each = var.delivery.schedules

  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.of.name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.live[each.value.function]
    role_arn = aws_iam_role.schedule[each.key].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_retry_attempts       = each.value.max_attempts
      maximum_event_age_in_seconds = each.value.max_age_seconds
    }

    dead_letter_config {
      arn = local.queue_arn[each.value.dead_letter_queue]
    }
  }

  depends_on = [aws_sqs_queue.dead_letters]
}

# What Lambda needs of a function's role to read its queue, and to keep batches it has given up on.
output "grants" {
  description = "Statements for the roles of functions, by function."
  value = {
    for name in keys(var.delivery.functions) : name => concat(
      [for mapping in values(var.delivery.queue_mappings) : {
        Sid      = "ReadItsQueue"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = local.queue_arn[mapping.queue]
      } if mapping.function == name],
      flatten([for mapping in values(var.delivery.stream_mappings) : [
        { Sid = "KeepFailedBatches", Effect = "Allow", Action = ["s3:PutObject"], Resource = "${local.failures[mapping.on_failure]}/aws/lambda/*" },
        { Sid = "FindTheBucket", Effect = "Allow", Action = ["s3:ListBucket"], Resource = local.failures[mapping.on_failure] },
      ] if mapping.function == name]),
    )
  }
}

output "mappings" {
  description = "The UUIDs of the stream mappings, by name."
  value       = { for name, mapping in aws_lambda_event_source_mapping.stream : name => mapping.uuid }
}

output "planned" {
  description = "What is planned, for the laws."
  value = {
    rules = {
      for name, rule in aws_cloudwatch_event_rule.of : name => {
        pattern = jsondecode(rule.event_pattern)
        bus     = rule.event_bus_name
        target = try({
          queue             = aws_cloudwatch_event_target.of[name].arn
          max_attempts      = one(aws_cloudwatch_event_target.of[name].retry_policy[*].maximum_retry_attempts)
          max_age_seconds   = one(aws_cloudwatch_event_target.of[name].retry_policy[*].maximum_event_age_in_seconds)
          dead_letter_queue = one(aws_cloudwatch_event_target.of[name].dead_letter_config[*].arn)
        }, null)
      }
    }
    queues = {
      for name, queue in aws_sqs_queue.of : name => {
        visibility_timeout = queue.visibility_timeout_seconds
        retention          = queue.message_retention_seconds
        encrypted          = queue.sqs_managed_sse_enabled
        redrive            = try(jsondecode(queue.redrive_policy), null)
      }
    }
    dead_letter_queues = {
      for name, queue in aws_sqs_queue.dead_letters : name => { retention = queue.message_retention_seconds, encrypted = queue.sqs_managed_sse_enabled }
    }
    queue_policies = { for name, policy in aws_sqs_queue_policy.of : name => jsondecode(policy.policy) }
    stream_mappings = {
      for name, mapping in aws_lambda_event_source_mapping.stream : name => {
        stream                 = mapping.event_source_arn
        function               = mapping.function_name
        from                   = mapping.starting_position
        batch_size             = mapping.batch_size
        window_seconds         = mapping.maximum_batching_window_in_seconds
        parallelization_factor = mapping.parallelization_factor
        bisect                 = mapping.bisect_batch_on_function_error
        max_retries            = mapping.maximum_retry_attempts
        max_record_age_seconds = mapping.maximum_record_age_in_seconds
        answers                = mapping.function_response_types
        on_failure             = try(mapping.destination_config[0].on_failure[0].destination_arn, null)
        filters                = try([for filter in mapping.filter_criteria[0].filter : jsondecode(filter.pattern)], [])
      }
    }
    queue_mappings = {
      for name, mapping in aws_lambda_event_source_mapping.queue : name => {
        queue       = mapping.event_source_arn
        function    = mapping.function_name
        batch_size  = mapping.batch_size
        concurrency = one(mapping.scaling_config[*].maximum_concurrency)
        answers     = mapping.function_response_types
      }
    }
    schedules = {
      for name, schedule in aws_scheduler_schedule.of : name => {
        expression        = schedule.schedule_expression
        timezone          = schedule.schedule_expression_timezone
        function          = schedule.target[0].arn
        input             = jsondecode(schedule.target[0].input)
        max_attempts      = try(schedule.target[0].retry_policy[0].maximum_retry_attempts, null)
        max_age_seconds   = try(schedule.target[0].retry_policy[0].maximum_event_age_in_seconds, null)
        dead_letter_queue = try(schedule.target[0].dead_letter_config[0].arn, null)
        policy            = jsondecode(aws_iam_role_policy.schedule[name].policy)
      }
    }
  }
}
