# The HTTP API of one service: the routes of its OpenAPI file, each to the function that the file names.

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

variable "openapi" {
  description = "The service's OpenAPI file. `x-function` of an operation is the function that answers."
  type        = any
}

variable "live" {
  description = "What is called of each function, by name: `<function>:<alias>`."
  type        = map(string)
}

variable "key" {
  description = "The ARN of the key that the access log is encrypted with."
  type        = string
}

variable "names" {
  description = "modules/names."
  type        = any
}

locals {
  methods = ["delete", "get", "head", "options", "patch", "post", "put"]
  operations = merge([
    for path, item in var.openapi.paths : { for method, operation in item : "${upper(method)} ${path}" => operation if contains(local.methods, method) }
  ]...)
  functions = toset([for operation in local.operations : operation["x-function"]])
}

resource "aws_apigatewayv2_api" "of" {
  name          = var.service
  description   = var.openapi.info.title
  version       = var.openapi.info.version
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "of" {
  for_each = local.functions

  api_id                 = aws_apigatewayv2_api.of.id
  integration_type       = "AWS_PROXY"
  integration_uri        = "${var.names.arn.lambda}:function:${var.live[each.key]}"
  payload_format_version = "2.0"
}

# Functions know callers themselves, by session or API key: the gateway would know neither.
resource "aws_apigatewayv2_route" "of" {
  for_each = local.operations

  api_id             = aws_apigatewayv2_api.of.id
  route_key          = each.key
  operation_name     = try(each.value.operationId, null)
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.of[each.value["x-function"]].id}"
}

resource "aws_lambda_permission" "of" {
  for_each = local.functions

  statement_id   = "api"
  action         = "lambda:InvokeFunction"
  function_name  = split(":", var.live[each.key])[0]
  qualifier      = split(":", var.live[each.key])[1]
  principal      = "apigateway.amazonaws.com"
  source_account = var.names.place.account
  source_arn     = "${aws_apigatewayv2_api.of.execution_arn}/*/*"
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.service}"
  retention_in_days = 365
  kms_key_id        = var.key
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.of.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_burst_limit   = 500
    throttling_rate_limit    = 1000
  }

  # No path and no query: they hold ids of people.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      request      = "$context.requestId", time = "$context.requestTime", route = "$context.routeKey", status = "$context.status"
      milliseconds = "$context.responseLatency", error = "$context.integrationErrorMessage"
    })
  }
}

output "endpoint" {
  description = "Where the API is."
  value       = aws_apigatewayv2_api.of.api_endpoint
}

output "planned" {
  description = "What is planned: function by route."
  value = {
    routes = { for key, operation in local.operations : aws_apigatewayv2_route.of[key].route_key => operation["x-function"] }
  }
}
