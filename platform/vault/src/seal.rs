//! Sealing: AES-256-GCM-SIV under a person's key, bound to the place where the text stands.

use std::fmt;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use annals_kit::{EventId, Ids, StoredEvent};
use annals_log::Seal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A person's key, opened.
#[derive(Clone)]
pub struct PersonKey {
    cipher: Aes256GcmSiv,
    ids: Arc<dyn Ids>,
}

/// The text does not open: another key, another place, or altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not open with this key at this place")]
pub struct DoesNotOpen;

impl PersonKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; 32], ids: Arc<dyn Ids>) -> Self {
        Self { cipher: Aes256GcmSiv::new(bytes.into()), ids }
    }

    /// Seals `text` for `place`: base64 of a nonce of 12 bytes and the ciphertext, 28 bytes more than the text before base64.
    pub fn seal(&self, text: &str, place: &str) -> String {
        let random = self.ids.uuid();
        // GCM-SIV forgives a repeated nonce; random bits make that rare as well. The last twelve bytes of a UUIDv7 are the random ones.
        let nonce = Nonce::from_slice(&random.as_bytes()[4..]);
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(nonce, payload).expect("AES-GCM-SIV seals any text under 64 GB");
        STANDARD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`PersonKey::seal`] sealed for the same place.
    pub fn open(&self, sealed: &str, place: &str) -> Result<String, DoesNotOpen> {
        let bytes = STANDARD.decode(sealed).map_err(|_| DoesNotOpen)?;
        let (nonce, sealed) = bytes.split_at_checked(12).ok_or(DoesNotOpen)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let text = self.cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| DoesNotOpen)?;
        String::from_utf8(text).map_err(|_| DoesNotOpen)
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(..)")
    }
}

/// Where a sealed field stands: stream, version, event and field.
pub fn place(event: &EventId, field: &str) -> String {
    format!("{event}/{field}")
}

/// Seals named fields of every event of a commit under one person's key.
#[derive(Debug)]
pub struct FieldSeal {
    key: PersonKey,
    fields: &'static [&'static str],
}

impl FieldSeal {
    /// Seals these text fields of each payload that has them.
    pub fn new(key: PersonKey, fields: &'static [&'static str]) -> Self {
        Self { key, fields }
    }
}

impl Seal for FieldSeal {
    fn seal(&self, event: &mut StoredEvent, id: &EventId) {
        for field in self.fields {
            if let Some(Value::String(text)) = event.payload.get_mut(*field) {
                *text = self.key.seal(text, &place(id, field));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    struct Counting;

    impl Ids for Counting {
        fn uuid(&self) -> Uuid {
            Uuid::from_u128(7)
        }

        fn random(&self) -> u64 {
            7
        }
    }

    fn key(bytes: [u8; 32]) -> PersonKey {
        PersonKey::new(&bytes, Arc::new(Counting))
    }

    proptest! {
        /// Law: what is sealed opens with its key at its place, and with no other key, at no other place, and not altered.
        #[test]
        fn sealed_text_opens_only_where_it_stands(text in "\\PC{0,40}", place in "[a-z]{1,8}", flip in any::<prop::sample::Index>()) {
            let sealed = key([1; 32]).seal(&text, &place);
            prop_assert_eq!(key([1; 32]).open(&sealed, &place), Ok(text));
            prop_assert_eq!(key([2; 32]).open(&sealed, &place), Err(DoesNotOpen));
            prop_assert_eq!(key([1; 32]).open(&sealed, &format!("{place}x")), Err(DoesNotOpen));
            let mut bytes = STANDARD.decode(&sealed).unwrap();
            let at = flip.index(bytes.len());
            bytes[at] ^= 1;
            prop_assert_eq!(key([1; 32]).open(&STANDARD.encode(bytes), &place), Err(DoesNotOpen));
        }
    }
}
