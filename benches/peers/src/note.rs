//! What every contestant stores: notes of 200 bytes in notebooks, and the state that they fold into.

use serde::{Deserialize, Serialize};

/// Bytes of an event's payload as JSON.
pub const NOTE_BYTES: usize = 200;
/// What a sum is taken modulo: within the integers that JavaScript has.
pub const SUM_MODULO: u64 = 1 << 40;

/// One event's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Tells it from every other note of its stream.
    pub tag: u64,
    /// Fills it up to [`NOTE_BYTES`].
    pub text: String,
}

impl Note {
    /// The note of this tag.
    pub fn of(tag: u64) -> Self {
        let around = r#"{"tag":,"text":""}"#.len() + tag.to_string().len();
        Self { tag, text: "x".repeat(NOTE_BYTES - around) }
    }
}

/// The folded state of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notebook {
    /// How many notes it has.
    pub notes: u64,
    /// The sum of their tags, modulo [`SUM_MODULO`].
    pub sum: u64,
    /// The text of the last one.
    pub last: String,
}

impl Notebook {
    /// Takes one note in.
    pub fn take(&mut self, note: &Note) {
        self.notes += 1;
        self.sum = (self.sum + note.tag) % SUM_MODULO;
        self.last.clone_from(&note.text);
    }

    /// The state that notes of these tags fold into.
    pub fn of(tags: &[u64]) -> Self {
        let mut notebook = Self::default();
        tags.iter().for_each(|tag| notebook.take(&Note::of(*tag)));
        notebook
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_200_bytes_whatever_its_tag() {
        for tag in [0, 9, 1_000, u64::from(u32::MAX)] {
            assert_eq!(serde_json::to_string(&Note::of(tag)).unwrap().len(), NOTE_BYTES);
        }
    }
}
