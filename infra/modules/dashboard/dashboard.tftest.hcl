# The dashboard shows everything that it is for, of every service, by the names that the code counts under.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  contracts = { museum = yamldecode(file("../fixture/services/museum/asyncapi.yaml"))["x-delivery"], zoo = yamldecode(file("../fixture/services/museum/asyncapi.yaml"))["x-delivery"] }
  metrics   = jsondecode(file("../../metrics.json"))
  prices    = file("../../prices.toml")
  names     = { dashboard = "annals-dev", place = { region = "eu-west-1" } }
}

run "everything_is_there" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["museum: volume a minute", "zoo: volume a minute", "Failure rate, per cent", "Iterator age, ms", "Dead letters", "museum: cold starts", "zoo: cold starts"],
      jsondecode(aws_cloudwatch_dashboard.services.dashboard_body).widgets[*].properties.title
    )) == 0
    error_message = "The dashboard lacks something that it is for."
  }
  assert {
    condition = alltrue([for metric in ["AppendToRow", "AppendToBus", "BusToEffect"] : anytrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.services.dashboard_body).widgets : contains(try(widget.properties.metrics[*][1], []), metric)
    ])])
    error_message = "A latency is not shown."
  }
  assert {
    condition = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.services.dashboard_body).widgets : alltrue([
      for metric in try(widget.properties.metrics, []) : contains([for known in var.metrics : known.cloudwatch.name if known.cloudwatch != null], metric[1]) if length(metric) > 1
    ])])
    error_message = "The dashboard shows a metric that nobody counts."
  }
  assert {
    condition     = alltrue([for queue in keys(var.contracts.museum.dead_letter_queues) : strcontains(aws_cloudwatch_dashboard.services.dashboard_body, "\"${queue}\"")])
    error_message = "A dead-letter queue is not shown."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.services.dashboard_body, "dollars a million commands") && local.prices.dynamodb_million_writes == 0.625
    error_message = "The dashboard does not show what a million commands cost, or at other prices."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.services.dashboard_body) < 500000
    error_message = "A dashboard has 500 KB at most."
  }
}
