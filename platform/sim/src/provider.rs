//! The email provider: it honours our effect ids, and remembers every request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// What has been asked of the provider.
#[derive(Debug, Default)]
pub struct Provider(Mutex<BTreeMap<String, Vec<u64>>>);

impl Provider {
    /// Takes an email; its answer. The same effect again is answered as before, and not sent again.
    pub fn send(&self, body: &Value, now: u64) -> String {
        let effect = body["EmailTags"][0]["Value"].as_str().unwrap_or_default().to_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(effect.clone()).or_default().push(now);
        json!({ "MessageId": format!("message-{effect}") }).to_string()
    }

    /// When each effect was asked for, in milliseconds of the run.
    pub fn asked(&self) -> BTreeMap<String, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
