# What AWS would answer, for plans that are checked offline. What a test compares is computed from names instead.

mock_data "aws_kms_alias" {
  defaults = {
    target_key_arn = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000000"
    target_key_id  = "00000000-0000-0000-0000-000000000000"
  }
}

mock_data "aws_ssm_parameter" {
  defaults = {
    value = "secret"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn        = "arn:aws:dynamodb:eu-west-1:111111111111:table/mocked"
    stream_arn = "arn:aws:dynamodb:eu-west-1:111111111111:table/mocked/stream/2026-01-01T00:00:00.000"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    version = "1"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-west-1:111111111111:log-group:mocked"
  }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    id            = "mocked"
    execution_arn = "arn:aws:execute-api:eu-west-1:111111111111:mocked"
    api_endpoint  = "https://mocked.execute-api.eu-west-1.amazonaws.com"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000000"
    key_id = "00000000-0000-0000-0000-000000000000"
  }
}
