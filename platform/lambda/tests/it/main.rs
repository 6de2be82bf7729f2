//! What functions print for CloudWatch, and how the requests of the SDKs travel.

mod embedded;
mod transport;
