# A service of which no module has heard is planned as its files say, and lacks nothing.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  service    = "museum"
  env        = "dev"
  release    = "abc"
  settings   = { MUSEUM_NAME = "louvre" }
  repository = "../fixture"
}

run "as_its_files_say" {
  command = plan

  assert {
    condition     = output.planned.functions["museum-projector"].timeout == 44 && output.planned.functions["museum-projector"].memory == 333 && output.planned.functions["museum-projector"].reserved_concurrency == 5
    error_message = "A function's limits are not those of the contract."
  }
  assert {
    condition     = output.planned.functions["let-in"].reserved_concurrency == -1
    error_message = "A function without a limit has one."
  }
  assert {
    condition = (
      output.planned.stream_mappings["museum-projector"].batch_size == 77 && output.planned.stream_mappings["museum-projector"].window_seconds == 2 &&
      output.planned.stream_mappings["museum-projector"].max_retries == 777 && output.planned.stream_mappings["museum-projector"].max_record_age_seconds == 7777 &&
      output.planned.stream_mappings["museum-projector"].filters == [{ eventName = ["INSERT"] }]
    )
    error_message = "A stream mapping is not that of the contract."
  }
  assert {
    condition     = output.planned.rules["fire-broke-out"].pattern == { detail-type = ["FIRE_BROKE_OUT"], source = ["fire-brigade"] } && endswith(output.planned.rules["fire-broke-out"].target.queue, ":bells")
    error_message = "A rule is not that of the contract."
  }
  assert {
    condition     = output.planned.queues["bells"].visibility_timeout == 66 && output.planned.queues["bells"].retention == 222222 && endswith(output.planned.queues["bells"].redrive.deadLetterTargetArn, ":bells-dlq")
    error_message = "A queue is not that of the contract."
  }
  assert {
    condition     = output.planned.queue_mappings["bells"].batch_size == 4 && output.planned.queue_mappings["bells"].concurrency == 6 && endswith(output.planned.queue_mappings["bells"].function, ":ring-bell:live")
    error_message = "A queue mapping is not that of the contract."
  }
  assert {
    condition = (
      output.planned.schedules["ring-bell"].expression == "cron(0 17 * * ? *)" && output.planned.schedules["ring-bell"].timezone == "Europe/Paris" &&
      output.planned.schedules["ring-bell"].input == { why = "closing" } && endswith(output.planned.schedules["ring-bell"].dead_letter_queue, ":ring-bell-schedule-dlq")
    )
    error_message = "A schedule is not that of the contract."
  }
  assert {
    condition     = output.planned.dead_letter_queues["bells-dlq"].retention == 1111112
    error_message = "A dead-letter queue is not that of the contract."
  }
  assert {
    condition     = output.planned.routes == { "GET /v1/visits" = "let-in", "GET /v1/visits/{id}/guest" = "let-in", "POST /v1/visits" = "let-in", "PUT /v1/bells/{id}" = "ring-bell" }
    error_message = "The routes are not those of the OpenAPI file."
  }
  assert {
    condition     = output.planned.tables["museum-vault"].recovery_days == 1 && output.planned.tables["museum-vault"].expires == "gone_at" && output.planned.tables["visits-log"].recovery_days == 33
    error_message = "A table is not that of the matrix."
  }
  assert {
    condition     = output.planned.functions["ring-bell"].policies[1].Statement[1].Action == ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    error_message = "A function cannot read its queue."
  }
}

run "billing" {
  command = plan
  variables {
    service    = "billing"
    settings   = { ANNALS_WEBHOOK_TENANT = "demo" }
    secrets    = ["ANNALS_LEDGER_KEY", "ANNALS_WEBHOOK_SECRET"]
    repository = "../../.."
  }

  assert {
    condition     = toset(keys(output.planned.rules)) == toset(keys(yamldecode(file("../../../services/billing/asyncapi.yaml"))["x-delivery"].rules))
    error_message = "There are other rules than the contract's."
  }
}
