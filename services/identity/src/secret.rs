//! What proves who calls: a session's token, an API key, a service's key, a one-time token. 128 random bits each; only hashes are kept.

use std::fmt;
use std::str::FromStr;

use annals_kit::Ids;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// 128 random bits, in hex.
#[derive(Clone)]
pub struct Secret(String);

/// The text is no secret of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no secret of ours")]
pub struct NotASecret;

impl Secret {
    /// A new one.
    pub fn new(ids: &dyn Ids) -> Self {
        Self(format!("{:016x}{:016x}", ids.random(), ids.random()))
    }

    /// The secret, to be shown once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it: the first 128 bits of its SHA-256. A plain hash is enough, as nobody can try 2^128 secrets.
    pub fn hash(&self) -> String {
        Sha256::digest(self.0.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the hash of this secret is `kept`, in constant time.
    pub fn is(&self, kept: &str) -> bool {
        self.hash().as_bytes().ct_eq(kept.as_bytes()).into()
    }
}

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(NotASecret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a caller sends as `Authorization: Bearer ...`. The prefix says what it is, also to those who search for keys that leaked.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// `annals_session_<user>_<secret>`: a person who logged in.
    Session(Uuid, Secret),
    /// `annals_key_<user>_<secret>`: a program, by a key that this person made.
    ApiKey(Uuid, Secret),
    /// `annals_service_<name>_<secret>`: another service.
    Service(String, Secret),
}

impl Bearer {
    /// As it is sent.
    pub fn text(&self) -> String {
        match self {
            Self::Session(user, secret) => format!("annals_session_{}_{}", user.simple(), secret.text()),
            Self::ApiKey(user, secret) => format!("annals_key_{}_{}", user.simple(), secret.text()),
            Self::Service(name, secret) => format!("annals_service_{name}_{}", secret.text()),
        }
    }

    /// What the header `Authorization` carries.
    pub fn of_header(header: &str) -> Result<Self, NotASecret> {
        let (scheme, text) = header.split_once(' ').ok_or(NotASecret)?;
        if scheme.eq_ignore_ascii_case("bearer") { text.trim().parse() } else { Err(NotASecret) }
    }
}

impl FromStr for Bearer {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let mut parts = text.strip_prefix("annals_").ok_or(NotASecret)?.split('_');
        let (Some(kind), Some(who), Some(secret), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(NotASecret);
        };
        let secret = secret.parse()?;
        let user = || Uuid::parse_str(who).ok().filter(|user| user.simple().to_string() == who).ok_or(NotASecret);
        match kind {
            "session" => Ok(Self::Session(user()?, secret)),
            "key" => Ok(Self::ApiKey(user()?, secret)),
            "service" => Ok(Self::Service(who.to_owned(), secret)),
            _ => Err(NotASecret),
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::ids::SeededIds;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Law: what is sent is read back as it was, and a secret with any digit changed is another.
        #[test]
        fn a_bearer_round_trips(seed: u64, user: u128, at in 0usize..32) {
            let secret = Secret::new(&SeededIds::new(seed));
            for bearer in [Bearer::Session(Uuid::from_u128(user), secret.clone()), Bearer::ApiKey(Uuid::from_u128(user), secret.clone())] {
                let text = bearer.text();
                prop_assert_eq!(Bearer::of_header(&format!("Bearer {text}")).unwrap().text(), text);
            }
            let mut other = secret.text().to_owned().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other: Secret = String::from_utf8(other).unwrap().parse().unwrap();
            prop_assert!(secret.is(&secret.hash()) && !other.is(&secret.hash()));
        }

        /// Law: no text makes the parser panic, and what it accepts prints back as it was.
        #[test]
        fn parsing_is_total_and_exact(text in "\\PC{0,90}|annals_(key|session|service)_[0-9a-f]{32}_[0-9a-f]{31,33}") {
            if let Ok(bearer) = text.parse::<Bearer>() {
                prop_assert_eq!(bearer.text(), text);
            }
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        let secret = Secret::new(&SeededIds::new(1));
        assert!(!format!("{:?}", Bearer::Session(Uuid::nil(), secret.clone())).contains(secret.text()));
    }
}
