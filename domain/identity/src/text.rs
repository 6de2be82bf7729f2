//! Names as people write them: of themselves, of organisations, of keys.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most characters.
const LONGEST: usize = 100;
/// Something that is seen, and nothing that controls.
const PATTERN: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$";

/// A name: 1 to 100 characters, none of which controls a terminal. It has no `Display`: a person's is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// The text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 characters, none of them control characters")]
pub struct NotAName;

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let text = text.trim();
        let fits = (1..=LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": PATTERN })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_are_taken_and_what_controls_a_terminal_is_not() {
        for text in ["Ada", " Ünal Öztürk ", "田中", "O'Neill & Söhne", &"x".repeat(100)] {
            assert_eq!(text.parse::<Name>().map(|name| name.as_str().to_owned()), Ok(text.trim().to_owned()));
        }
        for text in ["", "  ", "\u{a0}", "Ada\u{1b}[2J", "Ada\nLovelace", &"x".repeat(101)] {
            assert_eq!(text.parse::<Name>().map(drop), Err(NotAName), "{text:?}");
        }
    }

    proptest! {
        /// Law: whatever the schema admits is a name.
        #[test]
        fn a_name_of_the_schema_is_taken(text in PATTERN.trim_start_matches('^').trim_end_matches('$')) {
            prop_assert!(text.chars().count() > LONGEST || text.parse::<Name>().is_ok(), "{:?}", text);
        }
    }
}
