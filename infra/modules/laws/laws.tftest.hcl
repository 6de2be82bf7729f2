# Each law is broken once, by what a hand would write, and the plan names it.

variables {
  names = {
    arn = { sqs = "arn:aws:sqs:eu-west-1:111111111111" }, alarms = "arn:alarms", boundary = "arn:boundary"
  }
  lawful = {
    tables = {
      visits-log = {
        stream = "NEW_AND_OLD_IMAGES", recovery_days = 35, deletion_protection = true, encrypted = true, expires = null
        policy = jsondecode(file("../../policies/log-table.json"))
      }
      museum-vault = { stream = "KEYS_ONLY", recovery_days = 1, deletion_protection = true, encrypted = true, expires = "gone_at", policy = null }
    }
    functions = {
      let-in = { role = "let-in", boundary = "arn:boundary", policies = [{ Statement = [
        { Effect = "Allow", Action = ["dynamodb:PartiQLInsert"], Resource = "arn:aws:dynamodb:eu-west-1:111111111111:table/visits-log" },
        { Effect = "Allow", Action = "logs:PutLogEvents", Resource = "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/let-in:*" },
      ] }] }
    }
    rules              = { fire-broke-out = { target = { max_attempts = 3, max_age_seconds = 3600, dead_letter_queue = "arn:aws:sqs:eu-west-1:111111111111:fire-broke-out-dlq" } } }
    schedules          = { ring-bell = { max_attempts = 3, max_age_seconds = 3600, dead_letter_queue = "arn:aws:sqs:eu-west-1:111111111111:bells-dlq" } }
    queues             = { bells = { redrive = { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:111111111111:bells-dlq", maxReceiveCount = 3 } } }
    dead_letter_queues = { bells-dlq = {}, fire-broke-out-dlq = {} }
    queue_policies = { bells = { Statement = [
      { Effect = "Allow", Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:events:eu-west-1:111111111111:rule/annals-dev/fire-broke-out" } } }
    ] } }
    stream_mappings = { museum-projector = {
      from       = "TRIM_HORIZON", parallelization_factor = 1, bisect = true, answers = ["ReportBatchItemFailures"], max_retries = 777, max_record_age_seconds = 7777
      on_failure = "arn:aws:s3:::failed-batches"
    } }
    queue_mappings = { bells = { answers = ["ReportBatchItemFailures"] } }
    alarms = { for name in [
      "dead-letters-bells-dlq", "dead-letters-fire-broke-out-dlq", "queue-age-bells", "iterator-age-museum-projector", "records-discarded-museum-projector",
      "function-errors-let-in", "function-throttled-let-in", "log-tampered-museum", "checkpoint-stale-museum", "ledger-refused-museum", "stream-parked-museum",
    ] : name => { actions = ["arn:alarms"] } }
  }
}

run "lawful" {
  command = plan
  variables {
    planned = var.lawful
  }
}

run "a_table_without_its_stream" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { museum-vault = merge(var.lawful.tables["museum-vault"], { stream = null }) }) })
  }
  expect_failures = [terraform_data.law["tables-are-kept"]]
}

run "a_table_that_cannot_be_restored" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { recovery_days = 0 }) }) })
  }
  expect_failures = [terraform_data.law["tables-are-kept"]]
}

run "a_table_that_can_be_deleted" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { deletion_protection = false }) }) })
  }
  expect_failures = [terraform_data.law["tables-are-kept"]]
}

run "a_table_in_the_clear" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { encrypted = false }) }) })
  }
  expect_failures = [terraform_data.law["tables-are-kept"]]
}

run "a_log_whose_stream_shows_keys_only" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { stream = "KEYS_ONLY" }) }) })
  }
  expect_failures = [terraform_data.law["logs-show-both-images"]]
}

run "a_log_that_expires" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { expires = "gone_at" }) }) })
  }
  expect_failures = [terraform_data.law["logs-never-expire"]]
}

run "a_log_without_its_policy" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { policy = null }) }) })
  }
  expect_failures = [terraform_data.law["logs-refuse-changes"]]
}

run "a_log_whose_policy_forgets_an_action" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { visits-log = merge(var.lawful.tables["visits-log"], { policy = { Statement = [{ Effect = "Deny", Action = ["dynamodb:PutItem"] }] } }) }) })
  }
  expect_failures = [terraform_data.law["logs-refuse-changes"]]
}

run "a_vault_that_remembers" {
  command = plan
  variables {
    planned = merge(var.lawful, { tables = merge(var.lawful.tables, { museum-vault = merge(var.lawful.tables["museum-vault"], { recovery_days = 35 }) }) })
  }
  expect_failures = [terraform_data.law["vaults-forget"]]
}

run "a_rule_in_camel_case" {
  command = plan
  variables {
    planned = merge(var.lawful, { rules = { fireBrokeOut = var.lawful.rules["fire-broke-out"] } })
  }
  expect_failures = [terraform_data.law["rules-are-kebab-case"]]
}

run "a_target_without_dead_letters" {
  command = plan
  variables {
    planned = merge(var.lawful, { rules = merge(var.lawful.rules, { fire-broke-out = merge(var.lawful.rules["fire-broke-out"], { target = merge(var.lawful.rules["fire-broke-out"].target, { dead_letter_queue = null }) }) }) })
  }
  expect_failures = [terraform_data.law["targets-give-up"]]
}

run "a_target_that_tries_185_times" {
  command = plan
  variables {
    planned = merge(var.lawful, { rules = merge(var.lawful.rules, { fire-broke-out = merge(var.lawful.rules["fire-broke-out"], { target = merge(var.lawful.rules["fire-broke-out"].target, { max_attempts = 185 }) }) }) })
  }
  expect_failures = [terraform_data.law["targets-give-up"]]
}

run "a_rule_without_a_target" {
  command = plan
  variables {
    planned = merge(var.lawful, { rules = merge(var.lawful.rules, { fire-broke-out = merge(var.lawful.rules["fire-broke-out"], { target = null }) }) })
  }
  expect_failures = [terraform_data.law["targets-give-up"]]
}

run "a_schedule_that_tries_for_a_day" {
  command = plan
  variables {
    planned = merge(var.lawful, { schedules = merge(var.lawful.schedules, { ring-bell = merge(var.lawful.schedules["ring-bell"], { max_age_seconds = 86400 }) }) })
  }
  expect_failures = [terraform_data.law["schedules-give-up"]]
}

run "a_schedule_without_dead_letters" {
  command = plan
  variables {
    planned = merge(var.lawful, { schedules = merge(var.lawful.schedules, { ring-bell = merge(var.lawful.schedules["ring-bell"], { dead_letter_queue = null }) }) })
  }
  expect_failures = [terraform_data.law["schedules-give-up"]]
}

run "a_queue_without_dead_letters" {
  command = plan
  variables {
    planned = merge(var.lawful, { queues = merge(var.lawful.queues, { bells = merge(var.lawful.queues["bells"], { redrive = null }) }) })
  }
  expect_failures = [terraform_data.law["queues-give-up"]]
}

run "a_queue_that_lets_every_rule_in" {
  command = plan
  variables {
    planned = merge(var.lawful, { queue_policies = { bells = { Statement = [{ Effect = "Allow", Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:events:*:*:rule/*" } } }] } } })
  }
  expect_failures = [terraform_data.law["queues-name-their-rules"]]
}

run "a_queue_that_lets_everyone_in" {
  command = plan
  variables {
    planned = merge(var.lawful, { queue_policies = { bells = { Statement = [{ Effect = "Allow" }] } } })
  }
  expect_failures = [terraform_data.law["queues-name-their-rules"]]
}

run "a_stream_from_the_latest_record" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { from = "LATEST" }) }) })
  }
  expect_failures = [terraform_data.law["streams-are-read-in-order"]]
}

run "a_stream_side_by_side" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { parallelization_factor = 2 }) }) })
  }
  expect_failures = [terraform_data.law["streams-are-read-in-order"]]
}

run "a_stream_that_does_not_bisect" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { bisect = false }) }) })
  }
  expect_failures = [terraform_data.law["streams-are-read-in-order"]]
}

run "a_stream_that_retries_for_ever" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { max_retries = -1 }) }) })
  }
  expect_failures = [terraform_data.law["streams-give-up"]]
}

run "a_stream_whose_records_never_age" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { max_record_age_seconds = -1 }) }) })
  }
  expect_failures = [terraform_data.law["streams-give-up"]]
}

run "a_stream_whose_failures_are_lost" {
  command = plan
  variables {
    planned = merge(var.lawful, { stream_mappings = merge(var.lawful.stream_mappings, { museum-projector = merge(var.lawful.stream_mappings["museum-projector"], { on_failure = null }) }) })
  }
  expect_failures = [terraform_data.law["streams-give-up"]]
}

run "a_queue_read_all_or_nothing" {
  command = plan
  variables {
    planned = merge(var.lawful, { queue_mappings = merge(var.lawful.queue_mappings, { bells = merge(var.lawful.queue_mappings["bells"], { answers = [] }) }) })
  }
  expect_failures = [terraform_data.law["queues-answer-one-by-one"]]
}

run "a_role_without_its_boundary" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-in = merge(var.lawful.functions["let-in"], { boundary = null }) }) })
  }
  expect_failures = [terraform_data.law["roles-have-a-boundary"]]
}

run "a_role_for_two" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-out = var.lawful.functions["let-in"] }) })
  }
  expect_failures = [terraform_data.law["roles-are-not-shared"], terraform_data.law["everything-has-its-alarm"]]
}

run "an_action_with_a_wildcard" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-in = merge(var.lawful.functions["let-in"], { policies = [{ Statement = [{ Effect = "Allow", Action = ["s3:*"], Resource = "arn:aws:s3:::bucket" }] }] }) }) })
  }
  expect_failures = [terraform_data.law["roles-have-no-wildcard"]]
}

run "a_resource_with_a_wildcard" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-in = merge(var.lawful.functions["let-in"], { policies = [{ Statement = [{ Effect = "Allow", Action = ["dynamodb:Query"], Resource = "arn:aws:dynamodb:eu-west-1:111111111111:table/*" }] }] }) }) })
  }
  expect_failures = [terraform_data.law["roles-have-no-wildcard"]]
}

run "a_function_that_calls_another" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-in = merge(var.lawful.functions["let-in"], { policies = [{ Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = "arn:aws:lambda:eu-west-1:111111111111:function:ring-bell" }] }] }) }) })
  }
  expect_failures = [terraform_data.law["functions-call-no-function"]]
}

run "a_command_that_puts" {
  command = plan
  variables {
    planned = merge(var.lawful, { functions = merge(var.lawful.functions, { let-in = merge(var.lawful.functions["let-in"], { policies = [{ Statement = [{ Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = "arn:aws:dynamodb:eu-west-1:111111111111:table/visits-log" }] }] }) }) })
  }
  expect_failures = [terraform_data.law["logs-are-only-inserted-into"]]
}

run "an_alarm_that_tells_nobody" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = merge(var.lawful.alarms, { log-tampered-museum = merge(var.lawful.alarms["log-tampered-museum"], { actions = [] }) }) })
  }
  expect_failures = [terraform_data.law["alarms-tell-someone"]]
}

run "no_alarm_dead_letters_bells_dlq" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "dead-letters-bells-dlq" } })
  }
  expect_failures = [terraform_data.law["everything-has-its-alarm"]]
}

run "no_alarm_iterator_age_museum_projector" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "iterator-age-museum-projector" } })
  }
  expect_failures = [terraform_data.law["everything-has-its-alarm"]]
}

run "no_alarm_function_errors_let_in" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "function-errors-let-in" } })
  }
  expect_failures = [terraform_data.law["everything-has-its-alarm"]]
}

run "no_alarm_function_throttled_let_in" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "function-throttled-let-in" } })
  }
  expect_failures = [terraform_data.law["everything-has-its-alarm"]]
}

run "no_alarm_log_tampered_museum" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "log-tampered-museum" } })
  }
  expect_failures = [terraform_data.law["the-ledger-has-its-alarms"]]
}

run "no_alarm_checkpoint_stale_museum" {
  command = plan
  variables {
    planned = merge(var.lawful, { alarms = { for name, alarm in var.lawful.alarms : name => alarm if name != "checkpoint-stale-museum" } })
  }
  expect_failures = [terraform_data.law["the-ledger-has-its-alarms"]]
}
