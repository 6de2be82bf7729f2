# The routes are those of the OpenAPI file, each to the function that it names, by the alias that is live.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  service = "museum"
  openapi = yamldecode(file("../fixture/services/museum/openapi.yaml"))
  live    = { let-in = "let-in:live", museum-projector = "museum-projector:live", ring-bell = "ring-bell:live" }
  key     = "arn:aws:kms:eu-west-1:111111111111:key/data"
  names = {
    prefix   = "annals-dev", bus = "annals-dev", alias = "live", alarms = "arn:aws:sns:eu-west-1:111111111111:annals-dev-alarms"
    place    = { account = "111111111111", region = "eu-west-1" }
    boundary = "arn:aws:iam::111111111111:policy/annals-dev-functions"
    bucket   = { failed-batches = "annals-dev-failed-batches-111111111111" }
    arn      = { for service in ["dynamodb", "events", "lambda", "logs", "scheduler", "sns", "sqs"] : service => "arn:aws:${service}:eu-west-1:111111111111" }
  }
}

run "as_the_file_says" {
  command = plan

  assert {
    condition     = toset(keys(aws_apigatewayv2_route.of)) == toset(["GET /v1/visits", "GET /v1/visits/{id}/guest", "POST /v1/visits", "PUT /v1/bells/{id}"])
    error_message = "The routes are not those of the file, or one is of a single machine."
  }
  assert {
    condition     = { for route, one in aws_apigatewayv2_route.of : route => one.authorization_type } == { "GET /v1/visits" = "CUSTOM", "GET /v1/visits/{id}/guest" = "CUSTOM", "POST /v1/visits" = "NONE", "PUT /v1/bells/{id}" = "CUSTOM" }
    error_message = "Somebody is let in whom nobody knows, or nobody is."
  }
  assert {
    condition = (
      aws_apigatewayv2_authorizer.known[0].authorizer_result_ttl_in_seconds == 0 && aws_apigatewayv2_authorizer.known[0].enable_simple_responses &&
      strcontains(aws_apigatewayv2_authorizer.known[0].authorizer_uri, ":function:authorize:live/") &&
      jsondecode(aws_iam_role_policy.authorizer[0].policy).Statement[0].Resource == "arn:aws:lambda:eu-west-1:111111111111:function:authorize:live"
    )
    error_message = "Who calls is asked elsewhere, or remembered."
  }
  assert {
    condition     = aws_apigatewayv2_integration.of["ring-bell"].integration_uri == "arn:aws:lambda:eu-west-1:111111111111:function:ring-bell:live" && toset(keys(aws_apigatewayv2_integration.of)) == toset(["let-in", "ring-bell"])
    error_message = "A route leads to another function, or past the alias that is live."
  }
  assert {
    condition     = alltrue([for permission in values(aws_lambda_permission.of) : permission.qualifier == "live" && permission.source_account == "111111111111" && endswith(permission.source_arn, "/*/*")])
    error_message = "Somebody else's gateway may call a function."
  }
  assert {
    condition     = !strcontains(one(aws_apigatewayv2_stage.default.access_log_settings).format, "$context.path")
    error_message = "The access log holds paths, and with them ids."
  }
}
