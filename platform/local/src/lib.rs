//! AWS on this machine: DynamoDB, Streams, EventBridge, SQS, SES, KMS and IAM behind the SDK's own HTTP client.
