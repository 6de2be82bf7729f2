# The buckets: packages, batches that stream mappings gave up on, and the ledgers' tiles and checkpoints, which nobody can change for years.

locals {
  # How long an object of a ledger stays as it was written, whoever asks: ten years, as account books do in the EU.
  locked_years = 10
  expire_days  = { artifacts = 180, "failed-batches" = 90 }
}

resource "aws_s3_bucket" "of" {
  for_each = local.names.bucket

  bucket              = each.value
  object_lock_enabled = each.key == "ledger"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_object_lock_configuration" "ledger" {
  bucket = aws_s3_bucket.of["ledger"].id

  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = local.locked_years
    }
  }
}

resource "aws_s3_bucket_versioning" "of" {
  for_each = aws_s3_bucket.of

  bucket = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "of" {
  for_each = aws_s3_bucket.of

  bucket = each.value.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "of" {
  for_each = aws_s3_bucket.of

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "of" {
  for_each = local.expire_days

  bucket = aws_s3_bucket.of[each.key].id
  rule {
    id     = "expire"
    status = "Enabled"
    filter {}
    expiration {
      days = each.value
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "of" {
  for_each = local.names.bucket

  bucket = aws_s3_bucket.of[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::${each.value}", "arn:aws:s3:::${each.value}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
