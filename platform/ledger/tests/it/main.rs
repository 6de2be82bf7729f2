//! The ledger against the embedded DynamoDB, through the real SDK.

mod bucket;
mod exactly_once;
mod fixture;
mod formats;
mod merkle;
mod outage;
mod restore;
mod signing;
mod tampering;
