//! Identity against its contract, and each of its functions as Lambda runs it.

mod contract;
mod functions;
