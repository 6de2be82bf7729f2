//! A walk over the whole log: in parallel segments, page by page, from where the last run stopped.

use annals_kit::{StreamId, Timestamp, Version};
use annals_log::StreamHead;
use annals_reads::Key;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::consumer::Tally;

/// Parts of the log that are walked at the same time. A walk keeps the number it began with.
const SEGMENTS: usize = 8;
/// Streams that failed, to be tried again at the end. More than that are an outage: the walk waits where it is.
pub(crate) const MOST_OPEN: usize = 100;

/// How far one walk has come. It is the continuation token: what goes on from it misses nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// When it began. Commits appended later may or may not be met.
    pub started_at: Timestamp,
    /// When it ended: every stream was met, and none is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    pub(crate) segments: Vec<Place>,
    /// What was found so far.
    pub tally: Tally,
    /// Streams that could not be compared or fed yet.
    pub(crate) open: Vec<Open>,
}

/// Where a segment goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    Start,
    After { pk: String, sk: String },
    Done,
}

/// A stream that could not be compared or fed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) stream: String,
    pub(crate) version: u64,
}

impl Walk {
    /// A walk that begins now.
    pub fn new(now: Timestamp) -> Self {
        Self { started_at: now, finished_at: None, segments: vec![Place::Start; SEGMENTS], tally: Tally::default(), open: vec![] }
    }

    /// Whether every page has been met; streams may still be open.
    pub fn is_through(&self) -> bool {
        self.segments.iter().all(|place| *place == Place::Done)
    }

    /// How many of its parts have been walked to their end, of how many.
    pub fn parts(&self) -> (usize, usize) {
        (self.segments.iter().filter(|place| **place == Place::Done).count(), self.segments.len())
    }

    /// How many streams could not be compared or fed yet.
    pub fn open(&self) -> usize {
        self.open.len()
    }
}

impl Place {
    /// The key to go on after; `None` at the end.
    pub(crate) fn after(&self) -> Option<Option<Key>> {
        match self {
            Self::Start => Some(None),
            Self::After { pk, sk } => {
                let part = |name: &str, value: &String| (name.to_owned(), AttributeValue::S(value.clone()));
                Some(Some(Key::from([part("PK", pk), part("SK", sk)])))
            }
            Self::Done => None,
        }
    }

    /// The place after a page.
    pub(crate) fn next(key: Option<Key>) -> Self {
        let text = |key: &Key, name: &str| key.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        key.map_or(Self::Done, |key| Self::After { pk: text(&key, "PK"), sk: text(&key, "SK") })
    }
}

impl Open {
    pub(crate) fn of(head: &StreamHead) -> Self {
        Self { stream: head.stream.to_string(), version: head.version.get() }
    }

    /// The head it stands for; `None` if it was not written by this code.
    pub(crate) fn head(&self) -> Option<StreamHead> {
        Some(StreamHead {
            stream: self.stream.parse::<StreamId>().ok()?,
            version: Version::new(self.version)?,
            recorded_at: None,
            commits: vec![],
        })
    }
}
