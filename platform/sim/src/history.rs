//! What was asked of the services and what they answered: what the log must hold, and must not.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use annals_kit::CommandId;

/// What became of a command, as its caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet, or nothing certain.
    Nothing,
    /// It is in the log, at this version of its stream.
    Committed(u64),
    /// It changes nothing, or is refused.
    NoChange,
    /// Nothing was written, and it may ask again.
    Busy,
    /// It was in the log, and a restore has taken it back.
    TakenBack,
}

/// A command that was asked for.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The stream; `None` where the command is on several.
    pub stream: Option<String>,
    /// What became of it.
    pub told: Told,
}

/// All of them, and what went wrong on the way.
#[derive(Debug, Default)]
pub struct History {
    issued: Mutex<BTreeMap<CommandId, Issued>>,
    complaints: Mutex<Vec<(u8, String)>>,
    judged: Mutex<u64>,
}

impl History {
    /// A command is asked for.
    pub fn issue(&self, command: CommandId, stream: Option<String>) {
        self.issued().entry(command).or_insert(Issued { stream, told: Told::Nothing });
    }

    /// Its caller is told.
    pub fn tell(&self, command: CommandId, told: Told) {
        if let Some(issued) = self.issued().get_mut(&command) {
            issued.told = told;
        }
    }

    /// All commands by id.
    pub fn issued(&self) -> MutexGuard<'_, BTreeMap<CommandId, Issued>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that a caller saw breaks an invariant.
    pub fn complain(&self, invariant: u8, what: String) {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).push((invariant, what));
    }

    /// What callers saw.
    pub fn complaints(&self) -> Vec<(u8, String)> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An answer was judged by its caller.
    pub fn judge(&self) {
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// How many were.
    pub fn judged(&self) -> u64 {
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
