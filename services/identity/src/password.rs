//! Which passwords are taken, and their hashes: Argon2id with 19 MiB, two passes, one lane, as OWASP has it at the least.
//!
//! Source: OWASP Password Storage Cheat Sheet; ASVS 5.0, 6.2: 8 characters and more, at least 64 allowed, none that many people use, no rules
//! of composition.

use annals_kit::Ids;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The fewest characters.
const SHORTEST: usize = 8;
/// The most: more than anyone types, and no work for free.
const LONGEST: usize = 256;
/// KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// A password as it was typed. It has no `Display` and no `Serialize`: it goes nowhere but through the hash.
#[derive(Clone, serde::Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// Too long.
    #[error("a password has at most {LONGEST} characters")]
    Long,
    /// One of those that are tried first.
    #[error("many people use this password, or it is your own name or address: choose another")]
    Common,
}

impl JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "minLength": SHORTEST, "maxLength": LONGEST })
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// The password of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it may be chosen by someone of whom these words are known.
    pub fn check(&self, known: &[&str]) -> Result<(), Weak> {
        match self.0.chars().count() {
            ..SHORTEST => Err(Weak::Short),
            length if length > LONGEST => Err(Weak::Long),
            _ if is_common(&self.0, known) => Err(Weak::Common),
            _ => Ok(()),
        }
    }

    /// Its hash with a new salt, as a PHC string.
    pub fn hash(&self, ids: &dyn Ids) -> String {
        self.hash_at(COST.0, ids)
    }

    /// The same with another amount of memory, in KiB: as it was made before the cost was raised.
    pub fn hash_at(&self, memory: u32, ids: &dyn Ids) -> String {
        let (one, two) = (ids.random().to_be_bytes(), ids.random().to_be_bytes());
        let salt = SaltString::encode_b64(&[one, two].concat()).expect("16 bytes are a salt");
        hasher(memory).hash_password(self.0.as_bytes(), &salt).expect("any bytes under 4 GB are hashed").to_string()
    }

    /// Whether `hash` is of this password, in constant time. A hash that cannot be read is of none.
    pub fn is(&self, hash: &str) -> bool {
        let Ok(parsed) = PasswordHash::new(hash) else { return false };
        hasher(COST.0).verify_password(self.0.as_bytes(), &parsed).is_ok()
    }

    /// Takes as long as [`Self::is`], and is never so: for accounts that are not there.
    pub fn is_nobodys(&self) {
        let is = self.is(NOBODYS);
        debug_assert!(!is, "nobody's hash is of no password");
    }
}

/// Whether a hash was made at less than today's cost, so that it is to be made again while the password is at hand.
pub fn is_outdated(hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return true };
    let today = parsed.algorithm == Algorithm::Argon2id.ident() && parsed.version == Some(Version::V0x13.into());
    let params = Params::try_from(&parsed).ok().filter(|_| today);
    params.is_none_or(|params| (params.m_cost(), params.t_cost(), params.p_cost()) != COST)
}

/// A hash at today's cost whose salt and result are no password's.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher(memory: u32) -> Argon2<'static> {
    let (_, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the cost is one that Argon2 takes");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Passwords of 8 characters and more that are tried first, in lower case and in order: those among the 30,000 most used.
///
/// From the crate zxcvbn 3.1.1 (MIT, Copyright (c) 2016 Joshua Holmer; list by Dropbox, MIT), which as a whole would weigh more than the
/// function that asks it.
const COMMON: &str = include_str!("common-passwords.txt");

/// Whether it is one of the common ones, also in capitals, with digits for letters or with something small before or after; one character or
/// run again and again; or what is known of its owner.
fn is_common(password: &str, known: &[&str]) -> bool {
    let lower = password.to_lowercase();
    let letters: String = lower.chars().map(as_letter).collect();
    let core = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let forms = [core(&lower), core(&letters), lower.clone(), letters];
    let listed = |text: &String| COMMON.lines().any(|line| line == text);
    forms.iter().any(|form| listed(form) || is_known(form, known)) || is_run(&lower)
}

/// A digit or sign as the letter that it is written for.
fn as_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether it is a name or an address, or a part of one, and nothing more.
fn is_known(password: &str, known: &[&str]) -> bool {
    let parts = known.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([*text]));
    let mut parts = parts.filter(|part| part.chars().count() >= 4).map(str::to_lowercase);
    parts.any(|part| part == password)
}

/// Whether it is up to four characters again and again, or characters one after the other.
fn is_run(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    let repeats = (1..=4).any(|length| characters.iter().zip(characters.iter().skip(length)).all(|(a, b)| a == b));
    let steps = |by: i64| characters.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by);
    repeats || steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use annals_kit::ids::SeededIds;

    use super::*;

    fn check(text: &str) -> Result<(), Weak> {
        Password::new(text).check(&["Ada Lovelace", "ada.lovelace@example.com"])
    }

    #[test]
    fn eight_characters_are_enough_and_sixty_four_of_any_kind_are_taken() {
        assert_eq!(check("k7Tq-2v"), Err(Weak::Short));
        assert_eq!(check("k7Tq-2vW"), Ok(()));
        assert_eq!(check(&"näh maschine 4 ".repeat(5)), Ok(()));
        assert_eq!(check(&"kq7 ".repeat(65)), Err(Weak::Long));
    }

    #[test]
    fn what_many_people_use_is_refused_also_in_capitals_and_with_digits_for_letters() {
        for text in [
            "password",
            "Password1",
            "12345678",
            "qwertyuiop",
            "!!iloveyou99",
            "P@ssw0rd",
            "aaaaaaaa",
            "abababab",
            "abcdefgh",
            "trustno1",
            "football!",
        ] {
            assert_eq!(check(text), Err(Weak::Common), "{text}");
        }
    }

    #[test]
    fn the_list_is_long_enough_and_in_order() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() >= 3000, "ASVS 5.0, 6.2.4, asks for the top 3,000: {}", lines.len());
        assert!(lines.is_sorted() && lines.iter().all(|line| line.chars().count() >= SHORTEST && *line == line.to_lowercase()));
    }

    #[test]
    fn ones_own_name_and_address_are_refused() {
        for text in ["lovelace", "Lovelace", "ada.lovelace@example.com", "Ada Lovelace"] {
            assert_eq!(check(text), Err(Weak::Common), "{text}");
        }
    }

    #[test]
    fn a_hash_is_of_its_password_only_and_of_todays_cost() {
        let ids = SeededIds::new(5);
        let hash = Password::new("correct horse").hash(&ids);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Password::new("correct horse").is(&hash) && !Password::new("correct horsf").is(&hash));
        assert_ne!(hash, Password::new("correct horse").hash(&ids), "every hash has a salt of its own");
        assert!(!is_outdated(&hash) && !is_outdated(NOBODYS));
        Password::new("correct horse").is_nobodys();
    }

    #[test]
    fn a_hash_of_less_cost_or_of_another_kind_is_outdated() {
        let weaker =
            |params: &str, kind: &str| format!("${kind}$v=19${params}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(is_outdated(&weaker("m=4096,t=2,p=1", "argon2id")));
        assert!(is_outdated(&weaker("m=19456,t=1,p=1", "argon2id")));
        assert!(is_outdated(&weaker("m=19456,t=2,p=1", "argon2i")));
        assert!(is_outdated("$2b$12$something"));
    }
}
