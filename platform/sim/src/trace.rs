//! Writes down what happens, in order, and a digest of it: two runs of one plan differ in nothing, or not at all.

use std::sync::{Mutex, PoisonError};

use crate::chance::mix;

/// What has happened.
#[derive(Debug)]
pub struct Trace {
    keeps: bool,
    state: Mutex<(u64, u64, Vec<String>)>,
}

impl Trace {
    /// Nothing yet. Lines are kept, or only their digest.
    pub fn new(keeps: bool) -> Self {
        Self { keeps, state: Mutex::new((0, 0, vec![])) }
    }

    /// Adds a line.
    pub fn line(&self, line: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = mix(line.bytes().fold(state.0, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)));
        state.1 += 1;
        if self.keeps {
            state.2.push(line);
        }
    }

    /// The digest of all lines, and how many there are.
    pub fn digest(&self) -> (u64, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.0, state.1)
    }

    /// The lines, where they are kept.
    pub fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).2.clone()
    }
}
