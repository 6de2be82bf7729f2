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
  description = "The service's OpenAPI file. `x-delivery` of an operation is the function that answers, and who may ask."
  type        = any
}

variable "live" {
  description = "What is called of each function, by name: `<function>:<alias>`."
  type        = map(string)
}

variable "authorizer" {
  description = "The function of identity that knows who calls, for every route of every service."
  type        = string
  default     = "authorize"
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
  # What one machine alone answers is no route here.
  operations = merge([
    for path, item in var.openapi.paths : {
      for method, operation in item : "${upper(method)} ${path}" => operation
      if contains(local.methods, method) && try(operation["x-delivery"].access, "") != "this-machine"
    }
  ]...)
  functions = toset([for operation in local.operations : operation["x-delivery"].function])
  # Whoever is neither anybody nor a provider, whose signature the function checks, is known by session or key.
  known      = { for route, operation in local.operations : route => !contains(["public", "provider-signed"], operation["x-delivery"].access) }
  has_known  = anytrue(values(local.known))
  authorizer = "${var.names.arn.lambda}:function:${var.authorizer}:${var.names.alias}"
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

# The gateway calls identity's function by a role of this API's own: no service writes into another's policies.
resource "aws_iam_role" "authorizer" {
  count = local.has_known ? 1 : 0

  name                 = "${var.service}-api"
  description          = "The API of ${var.service} asks ${var.authorizer} who calls."
  permissions_boundary = var.names.boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.names.place.account } }
    }]
  })
}

resource "aws_iam_role_policy" "authorizer" {
  count = local.has_known ? 1 : 0

  name = "own"
  role = aws_iam_role.authorizer[0].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "AskWhoCalls", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = local.authorizer }]
  })
}

# Never cached: a session or key that was revoked ends at once.
resource "aws_apigatewayv2_authorizer" "known" {
  count = local.has_known ? 1 : 0

  api_id                            = aws_apigatewayv2_api.of.id
  name                              = var.authorizer
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = "arn:aws:apigateway:${var.names.place.region}:lambda:path/2015-03-31/functions/${local.authorizer}/invocations"
  authorizer_credentials_arn        = "arn:aws:iam::${var.names.place.account}:role/${aws_iam_role.authorizer[0].name}"
  authorizer_payload_format_version = "2.0"
  authorizer_result_ttl_in_seconds  = 0
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.Authorization"]
}

resource "aws_apigatewayv2_route" "of" {
  for_each = local.operations

  api_id             = aws_apigatewayv2_api.of.id
  route_key          = each.key
  operation_name     = try(each.value.operationId, null)
  authorization_type = local.known[each.key] ? "CUSTOM" : "NONE"
  authorizer_id      = local.known[each.key] ? aws_apigatewayv2_authorizer.known[0].id : null
  target             = "integrations/${aws_apigatewayv2_integration.of[each.value["x-delivery"].function].id}"
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
    routes = { for key, operation in local.operations : aws_apigatewayv2_route.of[key].route_key => operation["x-delivery"].function }
  }
}
