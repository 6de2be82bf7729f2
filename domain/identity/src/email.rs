//! An email address as it is taken in, and the keyed hash by which it is known.

use std::fmt;
use std::str::FromStr;

use annals_kit::schema::text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address that mail can be sent to, in lower case: `ada@example.com`.
///
/// Addresses are compared without regard to case: no provider of note tells `Ada@` from `ada@`, and two accounts that differ only so are a
/// trap. It has no `Display`: it is personal, and goes nowhere by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no email address such as ada@example.com, of at most 254 bytes")]
pub struct NotAnAddress;

/// As long as a path may be in SMTP. Source: RFC 5321, 4.5.3.1.3, less the angle brackets.
const LONGEST: usize = 254;
/// What callers are told to write: an address as a browser takes it, with a dot in its domain. More than that is taken.
/// Source: HTML Living Standard, 4.10.5.1.5.
const PATTERN: &str = "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,8}[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";

impl EmailAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress)?;
        // Whether it takes mail only mail can tell; this keeps out what would break a header, a log or a key.
        let printable =
            |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"<>,;:\"()[]\\@".contains(c));
        let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        let fits = text.len() <= LONGEST && local.len() <= 64 && printable(local) && printable(domain);
        let is_domain = domain.contains('.') && domain.split('.').all(label);
        if fits && is_domain { Ok(Self(text.to_lowercase())) } else { Err(NotAnAddress) }
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl JsonSchema for EmailAddress {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EmailAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST, "pattern": PATTERN })
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The first 16 bytes of HMAC-SHA256 of an address under the installation's key, in hex: names its claim without telling the address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailHash(String);

/// The text is no such hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash of an address is 32 digits 0-9 a-f")]
pub struct NotAHash;

impl EmailHash {
    /// The hash of these bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAHash) }
    }
}

text!(EmailHash, "^[0-9a-f]{32}$");

impl Serialize for EmailHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_break_a_header_or_reach_nobody_is_refused() {
        let long = format!("{}@example.com", "x".repeat(65));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "ada@exa\r\nmple.com",
            "ad\u{0}a@example.com",
            "ada@.com",
            "<a@b.c>",
            "a,b@c.de",
            &long,
        ] {
            assert_eq!(text.parse::<EmailAddress>(), Err(NotAnAddress), "{text:?}");
        }
        assert_eq!(" Ada.L+x@Example.COM ".parse::<EmailAddress>().unwrap().as_str(), "ada.l+x@example.com");
    }

    #[test]
    fn an_address_is_not_shown_by_accident() {
        assert!(!format!("{:?}", "ada@example.com".parse::<EmailAddress>()).contains("ada"));
    }

    proptest! {
        /// Law: whatever the schema admits is an address.
        #[test]
        fn an_address_of_the_schema_is_taken(text in PATTERN.trim_start_matches('^').trim_end_matches('$')) {
            prop_assert!(text.len() > LONGEST || text.parse::<EmailAddress>().is_ok(), "{}", text);
        }

        /// Law: no text makes the parser panic, and what it accepts is accepted as it prints.
        #[test]
        fn parsing_is_total_and_settles(text in "\\PC{0,40}|[a-zA-Z.+-]{1,9}@[a-zA-Z.-]{1,9}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert_eq!(address.as_str().parse::<EmailAddress>(), Ok(address.clone()));
            }
        }
    }
}
