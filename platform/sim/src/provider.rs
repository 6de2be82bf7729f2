//! The email provider: it honours our effect ids, and remembers every request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What has been asked of the provider.
#[derive(Debug, Default)]
pub struct Provider(Mutex<BTreeMap<String, Vec<u64>>>);

impl Provider {
    /// Takes the email of an effect; the message's id. The same effect again is answered as before, and not sent again.
    pub fn send(&self, effect: &str, now: u64) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(effect.to_owned()).or_default().push(now);
        format!("message-{effect}")
    }

    /// When each effect was asked for, in milliseconds of the run.
    pub fn asked(&self) -> BTreeMap<String, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
