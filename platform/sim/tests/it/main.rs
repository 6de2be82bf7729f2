//! The simulator as it is run, and the memory behind its ports.

mod memory;
mod process;
