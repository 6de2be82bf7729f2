# Every metric with a threshold is an alarm on everything of the contract that it measures, as infra/metrics.json says.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  service  = "museum"
  delivery = yamldecode(file("../fixture/services/museum/asyncapi.yaml"))["x-delivery"]
  metrics  = jsondecode(file("../../metrics.json"))
  mappings = { museum-projector = "11111111-1111-1111-1111-111111111111" }
  names = {
    prefix   = "annals-dev", bus = "annals-dev", alias = "live", alarms = "arn:aws:sns:eu-west-1:111111111111:annals-dev-alarms"
    place    = { account = "111111111111", region = "eu-west-1" }
    boundary = "arn:aws:iam::111111111111:policy/annals-dev-functions"
    bucket   = { failed-batches = "annals-dev-failed-batches-111111111111" }
    arn      = { for service in ["dynamodb", "events", "lambda", "logs", "scheduler", "sns", "sqs"] : service => "arn:aws:${service}:eu-west-1:111111111111" }
  }
}

run "as_the_metrics_say" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.of)) == toset(concat(
      ["stream-parked-museum", "log-tampered-museum", "stream-lacking-museum", "work-failed-museum", "ledger-refused-museum", "checkpoint-stale-museum"],
      ["function-errors-let-in", "function-errors-museum-projector", "function-errors-ring-bell"],
      ["function-throttled-let-in", "function-throttled-museum-projector", "function-throttled-ring-bell"],
      ["records-discarded-museum-projector", "iterator-age-museum-projector", "queue-age-bells"],
      ["dead-letters-bells-dlq", "dead-letters-fire-broke-out-dlq", "dead-letters-ring-bell-schedule-dlq"],
    ))
    error_message = "An alarm is missing, or one is of nothing."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.of["dead-letters-bells-dlq"].dimensions == tomap({ QueueName = "bells-dlq" }) && aws_cloudwatch_metric_alarm.of["dead-letters-bells-dlq"].namespace == "AWS/SQS" &&
      aws_cloudwatch_metric_alarm.of["iterator-age-museum-projector"].dimensions == tomap({ FunctionName = "museum-projector" }) && aws_cloudwatch_metric_alarm.of["iterator-age-museum-projector"].threshold == 600000 &&
      aws_cloudwatch_metric_alarm.of["records-discarded-museum-projector"].dimensions == tomap({ EventSourceMappingUUID = "11111111-1111-1111-1111-111111111111" }) &&
      aws_cloudwatch_metric_alarm.of["log-tampered-museum"].dimensions == tomap({ service = "museum" })
    )
    error_message = "An alarm measures something else."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.of["checkpoint-stale-museum"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.of["checkpoint-stale-museum"].treat_missing_data == "breaching"
    error_message = "A signer that is silent is no alarm."
  }
  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.of) : alarm.treat_missing_data == "notBreaching" if alarm.comparison_operator == "GreaterThanThreshold"])
    error_message = "Silence is an alarm where it is well."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.of["log-tampered-museum"].evaluation_periods * aws_cloudwatch_metric_alarm.of["log-tampered-museum"].period == 86400 && aws_cloudwatch_metric_alarm.of["iterator-age-museum-projector"].evaluation_periods == 1
    error_message = "What does not become undone is forgotten within a minute."
  }
  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.of) : can(regex("docs/runbooks/[a-z-]+\\.md$", alarm.alarm_description)) && contains(alarm.alarm_actions, var.names.alarms)])
    error_message = "An alarm does not say what to do, or tells nobody."
  }
}
