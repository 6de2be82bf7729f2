//! Reads a commit's leaf in the one spelling that ledgers write, several times as fast as a JSON parser.

use std::borrow::Cow;

use crate::leaf::{Leaf, Text};

/// The leaf in this text; `None` where it is spelt otherwise, which says nothing of it: then a parser reads it.
pub(crate) fn commit_leaf(text: &str) -> Option<Leaf<'_>> {
    // No string has an escape, nor what JSON does not allow in one.
    if text.bytes().any(|byte| byte < b' ' || byte == b'\\') {
        return None;
    }
    let mut rest = Rest(text);
    let actor = rest.string(r#"{"actor":""#)?;
    let correlation = rest.string(r#","correlation":""#)?;
    let events = rest.strings(r#","events":["#)?;
    let hash = rest.string(r#","hash":""#)?;
    let position = rest.number(r#","kind":"commit","position":"#)?;
    let recorded_at = rest.string(r#","recorded_at":""#)?;
    let sequenced_at = rest.string(r#","sequenced_at":""#)?;
    let stream = rest.string(r#","stream":""#)?;
    let tenant = rest.string(r#","tenant":""#)?;
    let version = rest.number(r#","version":"#)?;
    (rest.0 == "}").then_some(Leaf {
        kind: "commit".into(),
        position,
        sequenced_at: sequenced_at.into(),
        hash: hash.into(),
        stream: Some(stream.into()),
        version: Some(version),
        recorded_at: Some(recorded_at.into()),
        tenant: Some(tenant.into()),
        actor: Some(actor.into()),
        correlation: Some(correlation.into()),
        events: Some(events),
        key: None,
        record: None,
    })
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// The string that begins after `before`, which ends with its quote.
    fn string(&mut self, before: &str) -> Option<&'a str> {
        self.skip(before)?;
        let end = memchr::memchr(b'"', self.0.as_bytes())?;
        let (string, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(string)
    }

    /// The strings of the list that begins after `before`, which ends with its bracket.
    fn strings(&mut self, before: &str) -> Option<Vec<Text<'a>>> {
        self.skip(before)?;
        let mut strings = vec![];
        if self.0.starts_with(']') {
            self.skip("]")?;
            return Some(strings);
        }
        strings.push(Text(Cow::Borrowed(self.string("\"")?)));
        while self.0.starts_with(',') {
            strings.push(Text(Cow::Borrowed(self.string(",\"")?)));
        }
        self.skip("]")?;
        Some(strings)
    }

    /// The number after `before`: decimal, without a zero before it.
    fn number(&mut self, before: &str) -> Option<u64> {
        self.skip(before)?;
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf() -> impl Strategy<Value = String> {
        let text = || "[ -!#-\\[\\]-~äß€]{0,12}";
        (text(), prop::collection::vec(text(), 0..4), any::<u64>(), text(), text(), any::<u64>()).prop_map(
            |(actor, events, position, time, stream, version)| {
                let events: Vec<_> = events.iter().map(|event| format!("\"{event}\"")).collect();
                format!(
                    "{{\"actor\":\"{actor}\",\"correlation\":\"{time}\",\"events\":[{}],\"hash\":\"{stream}\",\"kind\":\"commit\",\
                     \"position\":{position},\"recorded_at\":\"{time}\",\"sequenced_at\":\"{time}\",\"stream\":\"{stream}\",\
                     \"tenant\":\"{actor}\",\"version\":{version}}}",
                    events.join(",")
                )
            },
        )
    }

    proptest! {
        #[test]
        fn a_leaf_as_ledgers_write_it_reads_as_a_parser_reads_it(text in leaf()) {
            prop_assert_eq!(commit_leaf(&text), Some(serde_json::from_str(&text).unwrap()));
        }

        /// A leaf with some bytes changed is read alike, or not at all.
        #[test]
        fn no_other_spelling_is_read_otherwise(text in leaf(), changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\\n]"), 1..4)) {
            let mut chars: Vec<char> = text.chars().collect();
            for (place, with) in changes {
                let place = place.index(chars.len());
                chars[place] = with.chars().next().unwrap();
            }
            let text: String = chars.into_iter().collect();
            if let Some(read) = commit_leaf(&text) {
                prop_assert_eq!(Some(read), serde_json::from_str(&text).ok());
            }
        }
    }
}
