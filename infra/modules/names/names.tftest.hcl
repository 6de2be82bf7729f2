# Names differ between environments where AWS wants them unique, and ARNs are of the environment's own account. Applied, as there is nothing to plan.

run "dev" {
  command = apply
  variables {
    env = "dev"
  }

  assert {
    condition     = output.bus == "${output.place.project}-dev"
    error_message = "The bus is called project-env."
  }
  assert {
    condition     = alltrue([for arn in output.arn : endswith(arn, "${output.place.region}:${output.place.account}")])
    error_message = "An ARN is of another account or region."
  }
}

run "environments_have_accounts_of_their_own" {
  command = apply
  variables {
    env = "prod"
  }

  assert {
    condition     = length([for file in fileset("../../envs", "*.json") : file if jsondecode(file("../../envs/${file}")).account == output.place.account]) == 1
    error_message = "Two environments share an account, and with it tables and roles."
  }
  assert {
    condition = alltrue([for file in fileset("../..", "**/envs/prod.hcl") : (
      strcontains(file("../../${file}"), "\"${output.prefix}-terraform\"") && strcontains(file("../../${file}"), "\"${output.place.region}\"")
    )])
    error_message = "A state is kept elsewhere than in its environment."
  }
  assert {
    condition     = alltrue([for bucket in output.bucket : strcontains(bucket, "-prod-")])
    error_message = "A bucket's name does not say which environment it is of."
  }
}
