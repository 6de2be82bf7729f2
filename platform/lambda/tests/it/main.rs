//! What functions print for CloudWatch.

mod embedded;
