//! How the story reaches the system: its HTTP API, its schedules' functions, and the webhooks of the payment provider, signed.

use std::sync::Arc;

use annals_kit::{Clock, Timestamp};
use annals_lambda::Web;
use bytes::Bytes;
use serde_json::{Value, json};

use super::YearError;
use super::clock::YearClock;
use crate::notice::{Notice, webhook};
use crate::system::{IN_PROCESS_API, System, demo};

/// Where everything that happens is told.
pub(super) struct Desk {
    system: System,
    web: Arc<dyn Web>,
    key: String,
    clock: Arc<YearClock>,
}

/// Money that somebody owes.
#[derive(Clone, Debug)]
pub(super) struct Due {
    /// Our invoice.
    pub(super) invoice: String,
    /// Whose.
    pub(super) customer: String,
    /// In cents of a euro.
    pub(super) amount: i64,
}

impl Desk {
    pub(super) fn new(system: &System, clock: Arc<YearClock>) -> Self {
        let key = demo::organisation(system.credentials()).key();
        Self { system: system.clone(), web: system.web(), key, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the time on.
    pub(super) fn set(&self, at: Timestamp) {
        self.clock.set(at);
    }

    /// Lets everybody hear of what has happened, and the ledgers be signed, before time passes: what waited for a day would be given up.
    /// Nothing is delivered meanwhile, so that what happened on a day is delivered in a few large batches.
    pub(super) async fn end_of_day(&self) {
        self.system.local().settle().await;
        self.system.sign().await;
    }

    /// What a schedule does, until there is nothing left to do.
    pub(super) async fn tick(&self, function: &str) -> Result<(), YearError> {
        loop {
            let report = self.system.local().invoke(function, json!({})).await;
            let report = report.map_err(|error| YearError::Tick { function: function.into(), reason: error.to_string() })?;
            if report["finished"] != false {
                return Ok(());
            }
        }
    }

    /// What the provider tells of a payment.
    pub(super) async fn payment(&self, due: &Due, attempt: u32, is_paid: bool) -> Result<(), YearError> {
        let now = self.clock.now();
        let notice = Notice {
            event: format!("evt_{}_{attempt}", due.invoice.replace('-', "")),
            at: now,
            invoice: &due.invoice,
            customer: &due.customer,
            currency: "EUR",
            amount: due.amount,
            attempts: u64::from(attempt),
            is_paid,
        };
        let webhook = webhook(IN_PROCESS_API, notice.body(), self.system.credentials().webhook_secret(), now);
        match self.send(webhook).await? {
            (200, _) => Ok(()),
            (status, said) => Err(YearError::Answer { what: "a webhook".into(), status, said: said.to_string() }),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, YearError> {
        self.ask("GET", path, "", &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, YearError> {
        self.ask("POST", path, key, body).await
    }

    /// Whether a command was carried out; `false` where the domain refuses it.
    pub(super) async fn asked(&self, path: &str, key: &str, body: &Value) -> Result<bool, YearError> {
        match self.post(path, key, body).await {
            Ok(_) => Ok(true),
            Err(YearError::Answer { status: 409 | 422, said, .. }) if !said.contains("idempotency-key-reused") => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, key: &str, body: &Value) -> Result<Value, YearError> {
        let request = http::Request::builder().method(method).uri(format!("{IN_PROCESS_API}{path}"));
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        match self.send(request.body(Bytes::from(body))).await? {
            (200..=299, said) => Ok(said),
            (status, said) => Err(YearError::Answer { what: format!("{method} {path}"), status, said: said.to_string() }),
        }
    }

    async fn send(&self, request: http::Result<http::Request<Bytes>>) -> Result<(u16, Value), YearError> {
        let request = request.expect("the story's paths and keys are those of HTTP");
        let answer = self.web.call(request).await.expect("in this process every request is answered");
        Ok((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default()))
    }
}
