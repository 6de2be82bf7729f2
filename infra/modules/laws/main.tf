# What must hold of everything a service plans, whoever wrote it: a plan that breaks a law fails, in tests and on the account alike.

terraform {
  required_version = ">= 1.11"
}

variable "planned" {
  description = "The `planned` outputs of tables, functions, delivery and alarms, merged."
  type        = any
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  attempts    = 3
  age_seconds = 3600
  letters     = [for name in keys(var.planned.dead_letter_queues) : "${var.names.arn.sqs}:${name}"]
  logs        = { for name, table in var.planned.tables : name => table if endswith(name, "-log") }
  append_only = { for name, table in var.planned.tables : name => table if endswith(name, "-log") || endswith(name, "-ledger") }
  vaults      = { for name, table in var.planned.tables : name => table if endswith(name, "-vault") }

  # What nobody but the break-glass role may do to a log: DESIGN of the tables, and ADR 2.
  denied = [
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DeleteResourcePolicy", "dynamodb:DeleteTable", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem", "dynamodb:PutResourcePolicy", "dynamodb:UpdateItem", "dynamodb:UpdateTimeToLive",
  ]
  # All that a function may do to a log or a ledger.
  harmless = ["dynamodb:GetItem", "dynamodb:PartiQLInsert", "dynamodb:Query", "dynamodb:Scan"]

  # Every grant of every function: one action, one resource.
  grants = flatten([
    for name, function in var.planned.functions : [
      for statement in flatten([for policy in function.policies : policy.Statement]) : [
        for action in flatten([statement.Action]) : [
          for resource in flatten([statement.Resource]) : { function = name, action = action, resource = resource } if statement.Effect == "Allow"
        ]
      ]
    ]
  ])
  # Names that are known only once something exists end in a star: a stream's time, a log's streams, a failed batch's key, an object of the ledger, a device of ours.
  unknowable = "^arn:aws:(dynamodb:[^*]+/stream/|logs:[^*]+:log-group:[^*]+:|s3:::[^*]+/|sns:[^*]+:endpoint/GCM/annals/)\\*$"

  laws = {
    tables-are-kept = {
      holds = alltrue([for table in values(var.planned.tables) : table.stream != null && table.recovery_days > 0 && table.deletion_protection && table.encrypted])
      says  = "A table lacks its stream, recovery to a point in time, protection from deletion, or encryption with the key of the environment."
    }
    logs-show-both-images = {
      holds = alltrue([for log in values(local.logs) : log.stream == "NEW_AND_OLD_IMAGES"])
      says  = "The stream of a log shows old and new images: without both, tampering cannot be told."
    }
    logs-never-expire = {
      holds = alltrue([for table in values(local.append_only) : table.expires == null])
      says  = "Nothing in a log or a ledger may expire."
    }
    logs-refuse-changes = {
      holds = alltrue([for table in values(local.append_only) : table.policy != null && alltrue([
        for statement in try(table.policy.Statement, []) : statement.Effect == "Deny" && length(setsubtract(local.denied, statement.Action)) == 0
      ])])
      says = "A log or a ledger has no resource policy that denies whatever changes it."
    }
    vaults-forget = {
      holds = alltrue([for vault in values(local.vaults) : vault.recovery_days <= 1])
      says  = "A vault can be restored for a day at most: an erased key must not come back."
    }
    rules-are-kebab-case = {
      holds = alltrue([for name in keys(var.planned.rules) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", name))])
      says  = "A rule's name is kebab-case."
    }
    targets-give-up = {
      holds = alltrue([for rule in values(var.planned.rules) : try(
        rule.target.max_attempts == local.attempts && rule.target.max_age_seconds == local.age_seconds && contains(local.letters, rule.target.dead_letter_queue), false
      )])
      says = "A rule's target tries 3 times within 3,600 s and has a dead-letter queue."
    }
    schedules-give-up = {
      holds = alltrue([for schedule in values(var.planned.schedules) : try(
        schedule.max_attempts == local.attempts && schedule.max_age_seconds == local.age_seconds && contains(local.letters, schedule.dead_letter_queue), false
      )])
      says = "A schedule tries 3 times within 3,600 s and has a dead-letter queue."
    }
    queues-give-up = {
      holds = alltrue([for queue in values(var.planned.queues) : try(contains(local.letters, queue.redrive.deadLetterTargetArn) && queue.redrive.maxReceiveCount == local.attempts, false)])
      says  = "A queue gives a message up after 3 receives, to a dead-letter queue of the contract."
    }
    queues-name-their-rules = {
      holds = alltrue(flatten([for policy in values(var.planned.queue_policies) : [
        for statement in policy.Statement : statement.Effect == "Deny" || can(regex("^arn:aws:events:[^*]+$", statement.Condition.ArnEquals["aws:SourceArn"]))
      ]]))
      says = "A queue's policy lets someone send without naming the rule."
    }
    streams-are-read-in-order = {
      holds = alltrue([for mapping in values(var.planned.stream_mappings) : (
        mapping.from == "TRIM_HORIZON" && mapping.parallelization_factor == 1 && mapping.bisect && contains(mapping.answers, "ReportBatchItemFailures")
      )])
      says = "A stream is read from its oldest record, one batch a shard, split where it fails, with partial answers."
    }
    streams-give-up = {
      holds = alltrue([for mapping in values(var.planned.stream_mappings) : try(
        mapping.max_retries >= 0 && mapping.max_record_age_seconds >= 60 && mapping.max_record_age_seconds <= 86400 && startswith(mapping.on_failure, "arn:aws:s3:::"), false
      )])
      says = "A stream mapping tries for ever, or does not keep what it gives up on in S3."
    }
    queues-answer-one-by-one = {
      holds = alltrue([for mapping in values(var.planned.queue_mappings) : contains(mapping.answers, "ReportBatchItemFailures")])
      says  = "A queue's reader answers for each message by itself."
    }
    roles-have-a-boundary = {
      holds = alltrue([for function in values(var.planned.functions) : function.boundary == var.names.boundary])
      says  = "A function's role is not held by the boundary."
    }
    roles-are-not-shared = {
      holds = length(distinct([for function in values(var.planned.functions) : function.role])) == length(var.planned.functions)
      says  = "Two functions share a role."
    }
    roles-have-no-wildcard = {
      holds = alltrue([for grant in local.grants : !strcontains(grant.action, "*") && (!strcontains(grant.resource, "*") || can(regex(local.unknowable, grant.resource)))])
      says  = "A function's role has a wildcard."
    }
    functions-call-no-function = {
      holds = alltrue([for grant in local.grants : grant.action != "lambda:InvokeFunction"])
      says  = "A function may call another: services talk over the bus and APIs only."
    }
    logs-are-only-inserted-into = {
      holds = alltrue([for grant in local.grants : contains(local.harmless, grant.action) if can(regex(":table/[^/]+-(log|ledger)$", grant.resource))])
      says  = "A function may do more to a log or a ledger than insert and read."
    }
    alarms-tell-someone = {
      holds = alltrue([for alarm in values(var.planned.alarms) : contains(alarm.actions, var.names.alarms)])
      says  = "An alarm tells nobody."
    }
    everything-has-its-alarm = {
      holds = length(setsubtract(flatten([
        [for queue in keys(var.planned.dead_letter_queues) : "dead-letters-${queue}"],
        [for queue in keys(var.planned.queues) : "queue-age-${queue}"],
        [for mapping in keys(var.planned.stream_mappings) : ["iterator-age-${mapping}", "records-discarded-${mapping}"]],
        [for function in keys(var.planned.functions) : ["function-errors-${function}", "function-throttled-${function}"]],
      ]), keys(var.planned.alarms))) == 0
      says = "A dead-letter queue, queue, stream mapping or function has no alarm."
    }
    the-ledger-has-its-alarms = {
      holds = alltrue([for kind in ["log-tampered-", "checkpoint-stale-", "ledger-refused-", "stream-parked-"] : anytrue([
        for name in keys(var.planned.alarms) : startswith(name, kind)
      ])])
      says = "Tampering, a stale checkpoint, a refused ledger or a parked stream would be no alarm."
    }
  }
}

# A law that does not hold is named by the plan that breaks it.
resource "terraform_data" "law" {
  for_each = local.laws

  lifecycle {
    precondition {
      condition     = each.value.holds
      error_message = each.value.says
    }
  }
}

output "planned" {
  description = "What is planned, where every law holds."
  value       = var.planned
  depends_on  = [terraform_data.law]
}
