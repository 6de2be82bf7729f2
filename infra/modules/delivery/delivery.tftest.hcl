# Everything that is delivered tries as long as the contract says, gives up into a dead-letter queue, and lets nobody in whom it does not name.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  service  = "museum"
  delivery = yamldecode(file("../fixture/services/museum/asyncapi.yaml"))["x-delivery"]
  live     = { let-in = "let-in:live", museum-projector = "museum-projector:live", ring-bell = "ring-bell:live" }
  streams  = { visits-log = "arn:aws:dynamodb:eu-west-1:111111111111:table/visits-log/stream/2026" }
  names = {
    prefix   = "annals-dev", bus = "annals-dev", alias = "live", alarms = "arn:aws:sns:eu-west-1:111111111111:annals-dev-alarms"
    place    = { account = "111111111111", region = "eu-west-1" }
    boundary = "arn:aws:iam::111111111111:policy/annals-dev-functions"
    bucket   = { failed-batches = "annals-dev-failed-batches-111111111111" }
    arn      = { for service in ["dynamodb", "events", "lambda", "logs", "scheduler", "sns", "sqs"] : service => "arn:aws:${service}:eu-west-1:111111111111" }
  }
}

run "as_the_contract_says" {
  command = plan

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream["museum-projector"].starting_position == "TRIM_HORIZON" && aws_lambda_event_source_mapping.stream["museum-projector"].batch_size == 77 &&
      aws_lambda_event_source_mapping.stream["museum-projector"].maximum_retry_attempts == 777 && aws_lambda_event_source_mapping.stream["museum-projector"].maximum_record_age_in_seconds == 7777 &&
      aws_lambda_event_source_mapping.stream["museum-projector"].parallelization_factor == 1 && aws_lambda_event_source_mapping.stream["museum-projector"].bisect_batch_on_function_error &&
      endswith(aws_lambda_event_source_mapping.stream["museum-projector"].event_source_arn, ":table/visits-log/stream/2026")
    )
    error_message = "A stream mapping is not that of the contract."
  }
  assert {
    condition     = output.planned.stream_mappings["museum-projector"].on_failure == "arn:aws:s3:::annals-dev-failed-batches-111111111111"
    error_message = "What a stream mapping gives up on is lost."
  }
  assert {
    condition     = one(aws_lambda_event_source_mapping.stream["museum-projector"].metrics_config).metrics == toset(["EventCount"])
    error_message = "Nobody counts the records that a mapping gives up on."
  }
  assert {
    condition = (
      aws_cloudwatch_event_rule.of["fire-broke-out"].event_bus_name == "annals-dev" && aws_cloudwatch_event_target.of["fire-broke-out"].arn == "arn:aws:sqs:eu-west-1:111111111111:bells" &&
      one(aws_cloudwatch_event_target.of["fire-broke-out"].retry_policy).maximum_retry_attempts == 3 && one(aws_cloudwatch_event_target.of["fire-broke-out"].retry_policy).maximum_event_age_in_seconds == 3600 &&
      one(aws_cloudwatch_event_target.of["fire-broke-out"].dead_letter_config).arn == "arn:aws:sqs:eu-west-1:111111111111:fire-broke-out-dlq"
    )
    error_message = "A rule's target is not that of the contract."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.of["bells"].redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:111111111111:bells-dlq", maxReceiveCount = 3 }
    error_message = "A queue gives up into nothing."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_sqs_queue_policy.of["bells"].policy).Statement : statement.Condition.ArnEquals if statement.Effect == "Allow"]) == { "aws:SourceArn" = "arn:aws:events:eu-west-1:111111111111:rule/annals-dev/fire-broke-out" }
    error_message = "A queue lets in who is not its rule."
  }
  assert {
    condition     = length([for statement in jsondecode(aws_sqs_queue_policy.of["bells-dlq"].policy).Statement : statement if statement.Effect == "Allow"]) == 0
    error_message = "A dead-letter queue lets someone in beside its own queue."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letters["bells-dlq"].redrive_allow_policy).sourceQueueArns == ["arn:aws:sqs:eu-west-1:111111111111:bells"] && jsondecode(aws_sqs_queue.dead_letters["fire-broke-out-dlq"].redrive_allow_policy).redrivePermission == "denyAll"
    error_message = "A dead-letter queue takes letters of other queues."
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.of), values(aws_sqs_queue.dead_letters)) : queue.sqs_managed_sse_enabled])
    error_message = "A queue is not encrypted."
  }
  assert {
    condition     = output.planned.schedules["ring-bell"].policy.Statement[*].Resource == ["arn:aws:lambda:eu-west-1:111111111111:function:ring-bell:live", "arn:aws:sqs:eu-west-1:111111111111:ring-bell-schedule-dlq"]
    error_message = "A schedule's role can do more than its schedule."
  }
  assert {
    condition     = jsondecode(aws_iam_role.schedule["ring-bell"].assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:scheduler:eu-west-1:111111111111:schedule-group/museum"
    error_message = "Another's schedule may take the role."
  }
  assert {
    condition     = output.grants["let-in"] == [] && [for statement in output.grants["museum-projector"] : statement.Sid] == ["KeepFailedBatches", "FindTheBucket"]
    error_message = "A role is granted what its function does not need."
  }
}
