# Keys, indexes, windows and limits are the matrix's own, whatever they are called there.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  definitions = { for file in fileset("../fixture/access-patterns/derived/museum", "*.json") :
  trimsuffix(file, ".table.json") => jsondecode(file("../fixture/access-patterns/derived/museum/${file}")) }
  append_only_policy = "../../policies/log-table.json"
  key                = "arn:aws:kms:eu-west-1:111111111111:key/data"
  names              = { place = { region = "eu-west-1", account = "111111111111" } }
}

run "as_the_matrix_says" {
  command = plan

  assert {
    condition     = alltrue([for table in values(aws_dynamodb_table.this) : table.hash_key == "Hall" && table.range_key == "Shelf"])
    error_message = "A table's keys are not those of the matrix."
  }
  assert {
    condition     = toset([for attribute in aws_dynamodb_table.this["visits"].attribute : "${attribute.name} ${attribute.type}"]) == toset(["Hall S", "Shelf N", "Artist S"])
    error_message = "A table's attributes are not those of the matrix."
  }
  assert {
    condition = (
      one(aws_dynamodb_table.this["visits"].global_secondary_index).name == "ByArtist" && one(aws_dynamodb_table.this["visits"].global_secondary_index).hash_key == "Artist" &&
      one(aws_dynamodb_table.this["visits"].global_secondary_index).non_key_attributes == toset(["title"]) && one(aws_dynamodb_table.this["visits"].global_secondary_index).write_capacity == 9
    )
    error_message = "An index is not that of the matrix."
  }
  assert {
    condition     = aws_dynamodb_table.this["visits"].read_capacity == 7 && aws_dynamodb_table.this["visits"].billing_mode == "PROVISIONED"
    error_message = "A table's capacity is not that of the matrix."
  }
  assert {
    condition = (
      output.planned.tables["visits-log"].stream == "NEW_AND_OLD_IMAGES" && output.planned.tables["visits-log"].recovery_days == 33 &&
      output.planned.tables["visits-log"].deletion_protection && output.planned.tables["visits-log"].encrypted && output.planned.tables["visits-log"].expires == null
    )
    error_message = "A log is not as safe as the matrix says."
  }
  assert {
    condition     = one(output.planned.tables["visits-log"].policy.Statement).Resource == "arn:aws:dynamodb:eu-west-1:111111111111:table/visits-log"
    error_message = "A log's policy is of another table."
  }
  assert {
    condition     = keys(aws_dynamodb_resource_policy.append_only) == ["visits-log"]
    error_message = "Something else than a log is append-only."
  }
  assert {
    condition     = output.planned.tables["museum-vault"].expires == "gone_at" && output.planned.tables["museum-vault"].recovery_days == 1
    error_message = "A vault does not forget."
  }
}

run "a_log_that_expires" {
  command = plan
  variables {
    definitions = {
      visits     = jsondecode(file("../fixture/access-patterns/derived/museum/visits.table.json"))
      visits-log = merge(jsondecode(file("../fixture/access-patterns/derived/museum/visits-log.table.json")), { TimeToLiveSpecification = { AttributeName = "gone_at", Enabled = true } })
    }
  }
  expect_failures = [aws_dynamodb_table.this["visits-log"]]
}
