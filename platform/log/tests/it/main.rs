//! The log against the embedded DynamoDB, through the real SDK.

mod appending;
mod canonical;
mod faults;
mod fixture;
mod golden;
mod snapshots;
mod tampering;
mod together;
