//! Builds and reads key text from a template such as `CUST#{customer_id}`.
//!
//! A template is segments joined by `#`; a segment is a literal word or one hole. No codec's alphabet has `#`, so a key splits
//! back into its segments in one way, and two templates share a key only where they share every segment.

use serde::{Deserialize, Serialize};

use crate::codec::{Codec, CodecError, is_token};
use crate::value::Value;

/// What joins segments. The lowest byte that may follow a value: every codec's alphabet sorts after it.
pub(crate) const DELIMITER: char = '#';
/// The delimiter's successor: sorts after every key that starts with the same text and `#`, and is itself no key's end.
pub(crate) const AFTER_DELIMITER: char = '$';

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Segment {
    /// A fixed word.
    Literal(String),
    /// A value, by the name of the entity's part or attribute, and its codec.
    Hole {
        /// The part or attribute.
        part: String,
        /// How it is spelt.
        codec: Codec,
    },
}

/// A key attribute's text, with holes for values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
}

/// Why a template does not parse: the offset of the segment, what is wrong, what to do.
pub(crate) struct TemplateError {
    pub(crate) offset: usize,
    pub(crate) what: String,
    pub(crate) next: String,
}

impl Template {
    /// Reads `text`; `codec` finds the codec of a part, or says why it has none (what, next).
    pub(crate) fn parse(text: &str, codec: impl Fn(&str) -> Result<Codec, (String, String)>) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut offset = 0;
        for piece in text.split(DELIMITER) {
            let wrong = |(what, next)| TemplateError { offset, what, next };
            if let Some(part) = piece.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|part| is_token(part)) {
                segments.push(Segment::Hole { part: part.to_owned(), codec: codec(part).map_err(wrong)? });
            } else if is_token(piece) {
                segments.push(Segment::Literal(piece.to_owned()));
            } else {
                return Err(wrong((
                    format!("segment \"{piece}\" is neither a word of A-Z a-z 0-9 _ - nor one {{hole}}"),
                    "put # between a word and a hole, and between two holes".to_owned(),
                )));
            }
            offset += piece.len() + 1;
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// As written in the matrix.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Hole { part, .. } => Some(part.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// Spells the whole key; `value` gives each hole's value.
    pub fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v Value>) -> Result<String, (String, CodecError)> {
        let mut spelt = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            spelt.push(match segment {
                Segment::Literal(word) => word.clone(),
                Segment::Hole { part, codec } => {
                    let value = value(part).ok_or_else(|| (part.clone(), CodecError::missing()))?;
                    codec.encode(value).map_err(|error| (part.clone(), error))?
                }
            });
        }
        Ok(spelt.join("#"))
    }

    /// The values in a key that this template wrote, or nothing where it did not write it.
    pub fn read(&self, key: &str) -> Option<Vec<(&str, Value)>> {
        let pieces: Vec<&str> = key.split(DELIMITER).collect();
        (pieces.len() == self.segments.len()).then_some(())?;
        self.read_pieces(&pieces)
    }

    /// As [`Template::read`], for a text that may stop after any segment.
    pub(crate) fn read_pieces(&self, pieces: &[&str]) -> Option<Vec<(&str, Value)>> {
        let mut values = Vec::new();
        for (segment, piece) in self.segments.iter().zip(pieces) {
            match segment {
                Segment::Literal(word) if word == piece => {}
                Segment::Literal(_) => return None,
                Segment::Hole { part, codec } => values.push((part.as_str(), codec.decode(piece).ok()?)),
            }
        }
        Some(values)
    }

    /// The first `segments` of it.
    pub(crate) fn start(&self, segments: usize) -> Self {
        Self { text: self.text.clone(), segments: self.segments[..segments].to_vec() }
    }

    /// The widest key this template can write, in bytes.
    pub fn max_width(&self) -> usize {
        let segments: usize = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(word) => word.len(),
                Segment::Hole { codec, .. } => codec.max_width(),
            })
            .sum();
        segments + self.segments.len() - 1
    }

    /// Whether some key could be written by both. Errs towards yes.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(a), Segment::Literal(b)) => a == b,
                (Segment::Literal(word), Segment::Hole { codec, .. }) | (Segment::Hole { codec, .. }, Segment::Literal(word)) => {
                    codec.decode(word).is_ok()
                }
                (Segment::Hole { codec: a, .. }, Segment::Hole { codec: b, .. }) => a.overlaps(b),
            })
    }
}
