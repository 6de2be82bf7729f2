//! What a contestant is told to do, and what it answers: the same words in this process, to a process of Rust and to one of Node.

use serde::{Deserialize, Serialize};

use crate::note::Notebook;

/// One command of a user: its notes are appended to one stream, all or, as far as the contestant has a way, none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// The number of the stream.
    pub stream: u64,
    /// The tags of its notes, in order. The first one is the command's name too: asking again is asking with the same tags.
    pub tags: Vec<u64>,
    /// Whether the stream is begun by it.
    pub new: bool,
}

/// What may be used of earlier commands on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Memory {
    /// What this process has kept of it.
    Warm,
    /// Nothing, as in a process that has just begun.
    Cold,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Begins streams of one note.
    Create,
    /// Appends notes by one command.
    Append {
        /// How many notes.
        notes: u64,
        /// Whether cold or warm.
        memory: Memory,
    },
    /// Loads the state of a stream, cold.
    Load,
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Task {
    /// Makes streams of so many notes, a note a command where the contestant can.
    Fill {
        /// Number of the stream and of its notes.
        streams: Vec<(u64, u64)>,
    },
    /// Does one thing many times; each client has streams of its own.
    Measure {
        /// What.
        what: What,
        /// On which streams, in turn.
        streams: Vec<u64>,
        /// How often, all clients together.
        ops: u64,
        /// At the same time.
        clients: u64,
        /// The first tag that no note has yet.
        first_tag: u64,
        /// Nothing more is begun after so many milliseconds.
        most_ms: u64,
    },
    /// Several writers, each with a memory of its own, on one stream; a lost race is tried again at once.
    Race {
        /// The stream.
        stream: u64,
        /// How many.
        writers: u64,
        /// Commands of each.
        each: u64,
        /// Whether the streams exists before.
        first_tag: u64,
    },
    /// One command, as it comes to its end by itself: nothing is tried again here.
    Once {
        /// The command.
        command: Command,
    },
    /// The state of a stream.
    State {
        /// The stream.
        stream: u64,
    },
    /// The tags of a stream, in order, from its events.
    History {
        /// The stream.
        stream: u64,
    },
    /// Reads every event there is, each stream in its order.
    ReadAll,
    /// Builds the read model anew: a row a stream.
    Rebuild {
        /// From 1: each has a revision, or a table, of its own.
        round: u64,
    },
    /// What memory the process has.
    Memory,
}

/// What a task came to; only what it asks for is filled in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// How long each operation took.
    pub micros: Vec<u64>,
    /// How long it took in all.
    pub elapsed_micros: u64,
    /// The first thing that went wrong.
    pub failed: Option<String>,
    /// How many operations went wrong.
    pub failures: u64,
    /// Tags, in the order of the stream.
    pub tags: Vec<u64>,
    /// Tags of the commands that were answered with success.
    pub acknowledged: Vec<u64>,
    /// How often a race was lost and tried again.
    pub conflicts: u64,
    /// The state, where it could be loaded.
    pub state: Option<Notebook>,
    /// How many there were, where the contestant has a way.
    pub count: Option<u64>,
    /// Kilobytes resident now, and at most so far.
    pub resident_kb: [u64; 2],
}

impl Answer {
    /// It could not be done.
    pub fn of_failure(reason: impl ToString) -> Self {
        Self { failed: Some(reason.to_string()), failures: 1, ..Self::default() }
    }
}
