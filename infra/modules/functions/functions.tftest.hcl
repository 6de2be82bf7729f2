# Each function has a role, a log, an environment and an alias of its own, and no variable that its contract does not name.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  service      = "museum"
  delivery     = yamldecode(file("../fixture/services/museum/asyncapi.yaml"))["x-delivery"]
  policies     = { let-in = jsonencode({ Statement = [] }), museum-projector = jsonencode({ Statement = [] }), ring-bell = jsonencode({ Statement = [] }) }
  values       = { ANNALS_BUS = "annals-dev", MUSEUM_NAME = "louvre", UNASKED = "secret" }
  grants       = { ring-bell = [{ Sid = "ReadItsQueue", Effect = "Allow", Action = ["sqs:ReceiveMessage"], Resource = "arn:aws:sqs:eu-west-1:111111111111:bells" }] }
  release      = "abc"
  architecture = "x86_64"
  key          = "arn:aws:kms:eu-west-1:111111111111:key/data"
  names = {
    place    = { account = "111111111111" }, arn = { logs = "arn:aws:logs:eu-west-1:111111111111" }, bucket = { artifacts = "artifacts" }, alias = "live"
    boundary = "arn:aws:iam::111111111111:policy/annals-dev-functions"
  }
}

run "as_the_contract_says" {
  command = plan

  assert {
    condition     = aws_lambda_function.of["museum-projector"].timeout == 44 && aws_lambda_function.of["museum-projector"].memory_size == 333 && aws_lambda_function.of["museum-projector"].reserved_concurrent_executions == 5
    error_message = "A function's limits are not those of the contract."
  }
  assert {
    condition     = one(aws_lambda_function.of["let-in"].environment).variables == tomap({ ANNALS_LOG = "info", MUSEUM_NAME = "louvre" })
    error_message = "A function finds something else than what its contract asks for."
  }
  assert {
    condition     = alltrue([for name, function in aws_lambda_function.of : function.s3_key == "museum/abc/x86_64/${name}.zip" && function.runtime == "provided.al2023" && function.publish])
    error_message = "A function is not the package of its release."
  }
  assert {
    condition     = alltrue([for name, alias in aws_lambda_alias.live : alias.function_name == name && alias.name == "live"])
    error_message = "A function has no alias that is live."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.runtime["ring-bell"].policy).Statement : statement.Sid] == ["WriteItsLog", "ReadItsQueue"]
    error_message = "A function cannot read its queue."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.runtime["let-in"].policy).Statement[0].Resource == "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/let-in:*"
    error_message = "A function may write into another's log."
  }
  assert {
    condition     = alltrue([for role in values(aws_iam_role.of) : role.permissions_boundary == "arn:aws:iam::111111111111:policy/annals-dev-functions"])
    error_message = "A role is not held by the boundary."
  }
}

run "a_variable_that_nobody_gives" {
  command = plan
  variables {
    values = { ANNALS_BUS = "annals-dev" }
  }
  expect_failures = [aws_lambda_function.of["let-in"]]
}
