# The whole service is planned offline, for each environment, and every law of modules/laws holds of it.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

override_resource {
  target          = module.service.module.tables.aws_dynamodb_table.this["notifications-log"]
  override_during = plan
  values = {
    stream_arn = "arn:aws:dynamodb:eu-west-1:111111111111:table/notifications-log/stream/2026-01-01T00:00:00.000"
  }
}

variables {
  release  = "0123456789abcdef0123456789abcdef01234567"
  settings = { ANNALS_WEBHOOK_TENANT = "demo", ANNALS_IDENTITY_URL = "https://identity.example", ANNALS_MAIL_FROM = "billing@annals.example", ANNALS_PUSH_APPLICATION = "arn:aws:sns:eu-west-1:111111111111:app/GCM/annals" }
}

run "dev" {
  command = plan
  variables {
    env = "dev"
  }

  assert {
    condition     = toset(keys(module.service.planned.tables)) == toset([for file in fileset("../../../access-patterns/derived/notifications", "*.table.json") : trimsuffix(file, ".table.json")])
    error_message = "The tables are not those of the matrix."
  }
  assert {
    condition     = alltrue([for mapping in values(module.service.planned.stream_mappings) : strcontains(mapping.stream, ":table/notifications-log/stream/")])
    error_message = "A mapping reads something else than the log."
  }
  assert {
    condition     = alltrue([for live in values(module.service.live) : endswith(live, ":live")])
    error_message = "A function is called past the alias that a roll-back moves."
  }
}

run "staging" {
  command = plan
  variables {
    env = "staging"
  }

  assert {
    condition     = alltrue([for rule in values(module.service.planned.rules) : rule.bus == "annals-staging"])
    error_message = "Staging listens to another bus."
  }
}

run "prod" {
  command = plan
  variables {
    env = "prod"
  }

  assert {
    condition     = alltrue([for alarm in values(module.service.planned.alarms) : strcontains(one(alarm.actions), ":333333333333:annals-prod-alarms")])
    error_message = "An alarm of prod tells another account."
  }
}
