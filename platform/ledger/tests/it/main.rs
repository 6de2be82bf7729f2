//! The ledger against the embedded DynamoDB, through the real SDK.
