//! A system of its own for every test: in memory, on tokio's clock, with seeded ids.

use std::sync::Arc;

use annals::logs::LOGS;
use annals::system::{IN_PROCESS_API, Options, System, demo};
use annals_kit::ids::SeededIds;
use annals_kit::{Clock, Timestamp};
use annals_lambda::machine::MachineClock;
use annals_local::{Durability, Faults, Running, Store, Trim};
use bytes::Bytes;
use chrono::TimeDelta;
use identity_service::secret::Secret;
use serde_json::{Value, json};

use crate::answers::{Given, must_be_described};

/// Tokio's clock from the start of 2026.
struct TokioClock(tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600).unwrap().plus(TimeDelta::from_std(self.0.elapsed()).unwrap())
    }
}

pub(crate) struct World {
    pub(crate) system: System,
    pub(crate) clock: Arc<dyn Clock>,
    running: Option<Running>,
}

/// An answer: status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_faults(None).await
    }

    /// On the machine's clock, by which the SDK signs requests over TCP.
    pub(crate) async fn on_machine_time() -> Self {
        Self::on(Arc::new(MachineClock), None, Trim::OncePassed).await
    }

    /// Whose streams forget after 24 hours, read or not.
    pub(crate) async fn that_forgets(faults: Arc<dyn Faults>) -> Self {
        Self::on(Arc::new(TokioClock(tokio::time::Instant::now())), Some(faults), Trim::AsAws).await
    }

    pub(crate) async fn with_faults(faults: Option<Arc<dyn Faults>>) -> Self {
        Self::on(Arc::new(TokioClock(tokio::time::Instant::now())), faults, Trim::OncePassed).await
    }

    /// In this directory, where everything that it keeps can be looked at.
    pub(crate) async fn in_directory(path: &std::path::Path, faults: Option<Arc<dyn Faults>>) -> Self {
        let clock = Arc::new(TokioClock(tokio::time::Instant::now()));
        Self::kept(Store::Directory(path.to_owned()), clock, faults, Trim::OncePassed).await
    }

    async fn on(clock: Arc<dyn Clock>, faults: Option<Arc<dyn Faults>>, trim: Trim) -> Self {
        Self::kept(Store::Memory, clock, faults, trim).await
    }

    async fn kept(store: Store, clock: Arc<dyn Clock>, faults: Option<Arc<dyn Faults>>, trim: Trim) -> Self {
        let ids = Arc::new(SeededIds::new(11));
        let options = Options { store, durability: Durability::Process, clock: clock.clone(), ids, trim, faults };
        let system = System::open(options).await.unwrap();
        let running = Some(system.local().start());
        system.found_demo().await.unwrap();
        Self { system, clock, running }
    }

    /// What the owner of tenant `demo` sends as `authorization`.
    pub(crate) fn demo(&self) -> String {
        format!("Bearer {}", demo::organisation(self.system.credentials()).key())
    }

    /// What the owner of another organisation sends, which is founded now if it is not there.
    pub(crate) async fn other(&self) -> String {
        let founding = demo::founding("other", Secret::new(&SeededIds::new(12)));
        self.system.found(&founding).await.unwrap();
        format!("Bearer {}", founding.key())
    }

    /// What history calls whoever sends this.
    pub(crate) async fn actor(&self, bearer: &str) -> String {
        let me = self.ask(bearer, "GET", "/v1/me?min_version=1", &Value::Null).await;
        me.body["actor"].as_str().unwrap_or_else(|| panic!("{}", me.body)).to_owned()
    }

    /// Settled, and every ledger signed.
    pub(crate) async fn sign(&self) {
        self.settle().await;
        for log in &LOGS {
            self.system.local().invoke(&format!("{}-signer", log.service), json!({})).await.unwrap();
        }
    }

    /// Streams drained, queues empty, nothing under way.
    pub(crate) async fn settle(&self) {
        self.system.local().settle().await;
    }

    /// The alarms that are on.
    pub(crate) fn alarms(&self) -> Vec<annals_local::Alarm> {
        let alarms = self.system.local().alarms().unwrap();
        alarms.into_iter().filter(|alarm| alarm.state == annals_local::AlarmState::Alarm).collect()
    }

    /// Stops deliveries.
    pub(crate) async fn pause(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Starts them again.
    pub(crate) fn resume(&mut self) {
        self.running = Some(self.system.local().start());
    }

    /// Sends a request as the owner of tenant `demo`, where it does not say who asks.
    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let said = request.headers_ref().is_some_and(|headers| headers.contains_key("authorization"));
        let request = if said { request } else { request.header("authorization", self.demo()) };
        self.send_as_it_is(request, body).await
    }

    /// Sends a request with nothing added. Whatever is answered is described in a contract.
    pub(crate) async fn send_as_it_is(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let request = request.body(body.into()).unwrap();
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let answer = self.system.web().call(request).await.unwrap();
        let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        let status = answer.status().as_u16();
        must_be_described(&method, &path, &Given { status, content_type: &content_type, body: &body });
        Answer { status, content_type, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(format!("{IN_PROCESS_API}{path}")), "").await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = http::Request::post(format!("{IN_PROCESS_API}{path}")).header("idempotency-key", key);
        self.send(request, body.to_string()).await
    }

    /// Says that a customer is reached at `<customer>@customers.example`.
    pub(crate) async fn contact(&self, customer: &str) {
        let request = http::Request::put(format!("{IN_PROCESS_API}/v1/contacts/{customer}")).header("idempotency-key", customer);
        let answer = self.send(request, json!({ "email": format!("{customer}@customers.example") }).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Begins a monthly subscription of 49.00 EUR for a customer who can be reached; its id.
    pub(crate) async fn subscribe(&self, key: &str, customer: &str) -> String {
        self.contact(customer).await;
        let answer = self.post("/v1/subscriptions", key, &subscription(customer)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Issues the first period's invoice; its id.
    pub(crate) async fn invoice(&self, subscription: &str) -> String {
        let began = self.get(&format!("/v1/subscriptions/{subscription}?min_version=1")).await.body;
        let first = &began["created_at"].as_str().unwrap()[..10];
        let answer = self
            .post(
                &format!("/v1/subscriptions/{subscription}/invoices"),
                &format!("invoice-{subscription}"),
                &json!({ "period_start": first }),
            )
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Posts a webhook body, validly signed now.
    pub(crate) async fn webhook(&self, body: &[u8]) -> Answer {
        let signature = billing_service::signature::sign(body, self.system.credentials().webhook_secret(), self.clock.now());
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/webhooks/stripe")).header("stripe-signature", signature);
        self.send(request, body.to_vec()).await
    }

    /// How many items a table has, read by the administrator; where the reconciler's walk stands is not one of them.
    pub(crate) async fn count(&self, table: &str) -> usize {
        self.items(table).await.iter().filter(|item| !item["PK"].as_s().unwrap().starts_with("WALK#")).count()
    }

    pub(crate) async fn items(&self, table: &str) -> Vec<annals_reads::Item> {
        let client = self.system.account("administrator").sdk_dynamodb();
        let mut pages = client.scan().table_name(table).limit(500).into_paginator().items().send();
        let mut items = vec![];
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items
    }
}

pub(crate) fn subscription(customer: &str) -> Value {
    json!({ "customer_id": customer, "plan": "pro", "price": { "amount": 4900, "currency": "EUR" }, "interval": "month" })
}

/// The body of a generate-invoice for the first period of a subscription that was just created, to start today.
pub(crate) fn first_period(created: &Value) -> String {
    json!({ "period_start": &created["recorded_at"].as_str().unwrap()[..10] }).to_string()
}

/// A payment provider's notice about one of our invoices.
pub(crate) fn notice(event: &str, event_type: &str, invoice: &str, paid: i64, attempt: u32) -> Vec<u8> {
    json!({
        "id": event, "type": event_type, "created": 1_767_225_600,
        "data": { "object": {
            "id": "in_1", "currency": "eur", "created": 1_767_225_600,
            "amount_due": 4900, "amount_paid": paid, "amount_remaining": 4900 - paid, "attempt_count": attempt,
            "metadata": { "annals_invoice": invoice },
        } },
    })
    .to_string()
    .into_bytes()
}
