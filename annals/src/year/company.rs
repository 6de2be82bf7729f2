//! Lives the story: the company's commands over HTTP, its schedules, and the payment provider, a day at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_kit::Clock;
use annals_lambda::Web;
use bytes::Bytes;
use chrono::{Datelike, NaiveDate};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::YearError;
use super::clock::YearClock;
use super::story::{Act, Customer, DAYS, PLANS, Pays, pays, story};
use crate::notice::Notice;
use crate::system::{IN_PROCESS_API, System, demo};

/// What came of the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Customers who came.
    pub customers: usize,
    /// Invoices that were to be paid.
    pub invoices: usize,
    /// Payments that came in.
    pub payments: usize,
    /// Payments that did not go through.
    pub failures: usize,
    /// Other plans and numbers of seats.
    pub changes: usize,
    /// Subscriptions that were cancelled.
    pub cancellations: usize,
    /// Sums that were paid back.
    pub refunds: usize,
}

/// A customer's subscription.
struct Subscribed {
    id: String,
    began: NaiveDate,
    yearly: bool,
    /// Invoices that the provider has been asked to collect.
    seen: Vec<String>,
}

/// How long after a failed payment there may be something to do: it is given up after 21 days.
const DUNNING_DAYS: u32 = 22;

/// A payment that is to be tried again.
struct Retry {
    customer: Customer,
    invoice: Value,
    attempt: u32,
    succeeds: bool,
}

pub(super) struct Company<'a> {
    system: &'a System,
    web: Arc<dyn Web>,
    key: String,
    clock: Arc<YearClock>,
    seed: u64,
    customers: BTreeMap<Customer, Subscribed>,
    retries: BTreeMap<u32, Vec<Retry>>,
    /// Until which day reminders may be due.
    reminded_until: u32,
    played: Played,
}

impl<'a> Company<'a> {
    pub(super) fn new(system: &'a System, clock: Arc<YearClock>, seed: u64) -> Self {
        let key = demo::organisation(system.credentials()).key();
        let (customers, retries) = (BTreeMap::new(), BTreeMap::new());
        Self { system, web: system.web(), key, clock, seed, customers, retries, reminded_until: 0, played: Played::default() }
    }

    /// Lives from the first day to the last.
    pub(super) async fn live(mut self) -> Result<Played, YearError> {
        let mut acts: BTreeMap<u32, Vec<(Customer, Act)>> = BTreeMap::new();
        for (day, customer, act) in story(self.seed) {
            acts.entry(day).or_default().push((customer, act));
        }
        self.price_book().await?;
        for day in 0..DAYS {
            let (coming, doing): (Vec<_>, Vec<_>) =
                acts.remove(&day).unwrap_or_default().into_iter().partition(|(_, act)| matches!(act, Act::Come { .. }));
            self.move_on(day, 8).await;
            self.come(&coming).await?;
            self.invoice_and_collect(day, &BTreeSet::new()).await?;
            self.try_again(day).await?;
            if !doing.is_empty() {
                self.move_on(day, 14).await;
                self.act(&doing).await?;
                self.invoice_and_collect(day, &doing.iter().map(|(customer, _)| *customer).collect()).await?;
            }
        }
        self.system.local().settle().await;
        Ok(self.played)
    }

    /// Lets everybody hear of what has happened, and then time pass: what waited for a day would be given up.
    async fn move_on(&self, day: u32, hour: i64) {
        self.system.local().settle().await;
        self.clock.set(day, hour);
    }

    async fn price_book(&self) -> Result<(), YearError> {
        for (plan, price) in PLANS {
            let euros = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
            let prices = json!([{ "interval": "month", "price": euros(price) }, { "interval": "year", "price": euros(price * 10) }]);
            self.post(&format!("/v1/plans/{plan}/drafts"), plan, &json!({ "prices": prices })).await?;
            self.post(&format!("/v1/plans/{plan}/releases"), &format!("{plan}/1"), &json!({ "version": 1 })).await?;
        }
        Ok(())
    }

    /// New customers: how they are reached, and what they take.
    async fn come(&mut self, coming: &[(Customer, Act)]) -> Result<(), YearError> {
        let company = &*self;
        let came = try_join_all(coming.iter().map(|(customer, act)| company.comes(*customer, *act))).await?;
        self.played.customers += came.len();
        self.customers.extend(came);
        Ok(())
    }

    async fn comes(&self, customer: Customer, act: Act) -> Result<(Customer, Subscribed), YearError> {
        let Act::Come { plan, yearly, seats } = act else { unreachable!("only those who come are asked for here") };
        let id = customer.id();
        let contact = json!({ "email": format!("billing@{id}.example") });
        self.ask("PUT", &format!("/v1/contacts/{id}"), &id, &contact).await?;
        let interval = if yearly { "year" } else { "month" };
        let subscribe = json!({ "customer_id": id, "plan": PLANS[plan].0, "currency": "EUR", "interval": interval, "quantity": seats, "tax_percent": "19" });
        let made = self.post("/v1/subscriptions", &id, &subscribe).await?;
        let began = self.clock.now().date();
        Ok((customer, Subscribed { id: text(&made, "id"), began, yearly, seen: vec![] }))
    }

    /// Everything else that customers do. What is refused, such as a change of what has ended, stays as it was.
    async fn act(&mut self, doing: &[(Customer, Act)]) -> Result<(), YearError> {
        for (customer, act) in doing {
            let subscription = &self.customers[customer];
            let (path, key) = (format!("/v1/subscriptions/{}", subscription.id), self.key_of(*customer));
            match act {
                Act::Come { .. } => {}
                Act::Take { plan } => {
                    let change = json!({ "plan": PLANS[*plan].0, "when": "now" });
                    self.played.changes += usize::from(self.asked(&format!("{path}/changes"), &key, &change).await?);
                }
                Act::Seats(seats) => {
                    let change = json!({ "quantity": seats, "when": "now" });
                    self.played.changes += usize::from(self.asked(&format!("{path}/changes"), &key, &change).await?);
                }
                Act::Go => {
                    let gone = self.asked(&format!("{path}/cancellation"), &key, &json!({ "when": "period-end" })).await?;
                    self.played.cancellations += usize::from(gone);
                }
                Act::Stay => drop(self.asked(&format!("{path}/reactivation"), &key, &json!({})).await?),
                Act::GetBack { percent } => self.get_back(*customer, *percent).await?,
            }
        }
        Ok(())
    }

    /// A part of the newest invoice, where it is paid.
    async fn get_back(&mut self, customer: Customer, percent: i64) -> Result<(), YearError> {
        let Some(invoice) = self.customers[&customer].seen.last().cloned() else { return Ok(()) };
        let shown = self.get(&format!("/v1/invoices/{invoice}")).await?;
        if shown["status"] != "paid" {
            return Ok(());
        }
        let part = json!({ "amount": shown["amount"].as_i64().unwrap_or_default() * percent / 100, "currency": "EUR" });
        let key = self.key_of(customer);
        let credit = json!({ "amount": part, "reason": "goodwill" });
        if self.asked(&format!("/v1/invoices/{invoice}/credit-notes"), &key, &credit).await? {
            let refund = json!({ "amount": part });
            let refunded = self.asked(&format!("/v1/invoices/{invoice}/refunds"), &format!("{key}/refund"), &refund).await?;
            self.played.refunds += usize::from(refunded);
        }
        Ok(())
    }

    /// What the schedules do, and what the provider collects of it: of periods that begin, and of what customers have just changed.
    async fn invoice_and_collect(&mut self, day: u32, changed: &BTreeSet<Customer>) -> Result<(), YearError> {
        self.system.local().settle().await;
        self.tick("generate-due-invoices").await?;
        self.system.local().settle().await;
        let today = self.clock.now().date();
        let is_due = |(customer, subscribed): &(&Customer, &Subscribed)| changed.contains(customer) || subscribed.may_be_invoiced(today);
        let due: Vec<_> = self.customers.iter().filter(is_due).map(|(customer, _)| *customer).collect();
        let company = &*self;
        let pages = try_join_all(due.iter().map(|customer| company.invoices(*customer))).await?;
        for (customer, invoices) in due.into_iter().zip(pages) {
            for invoice in invoices {
                self.collect(customer, invoice, day).await?;
            }
        }
        Ok(())
    }

    /// Open invoices that the provider has not been asked to collect.
    async fn invoices(&self, customer: Customer) -> Result<Vec<Value>, YearError> {
        let subscribed = &self.customers[&customer];
        let page = self.get(&format!("/v1/subscriptions/{}/invoices", subscribed.id)).await?;
        let open = |invoice: &&Value| invoice["status"] == "open" && !subscribed.seen.contains(&text(invoice, "id"));
        Ok(page["items"].as_array().into_iter().flatten().filter(open).cloned().collect())
    }

    async fn collect(&mut self, customer: Customer, invoice: Value, day: u32) -> Result<(), YearError> {
        self.played.invoices += 1;
        self.customers.entry(customer).and_modify(|subscribed| subscribed.seen.push(text(&invoice, "id")));
        let succeeds = match pays(self.seed, customer, day) {
            Pays::AtOnce => return self.payment(&invoice, 1, true).await,
            Pays::Late => true,
            Pays::Never => false,
        };
        self.payment(&invoice, 1, false).await?;
        self.retries.entry(day + 4).or_default().push(Retry { customer, invoice, attempt: 2, succeeds });
        Ok(())
    }

    /// Payments that are tried again, and reminders.
    async fn try_again(&mut self, day: u32) -> Result<(), YearError> {
        let late = !self.retries.is_empty() || self.reminded_until >= day;
        for retry in self.retries.remove(&day).unwrap_or_default() {
            let Retry { customer, invoice, attempt, succeeds } = retry;
            self.payment(&invoice, attempt, succeeds).await?;
            self.reminded_until = self.reminded_until.max(day + DUNNING_DAYS);
            if !succeeds && attempt < 3 {
                self.retries.entry(day + 6).or_default().push(Retry { customer, invoice, attempt: attempt + 1, succeeds });
            }
        }
        if late { self.tick("run-dunning").await } else { Ok(()) }
    }

    /// What the provider tells of a payment.
    async fn payment(&mut self, invoice: &Value, attempt: u32, succeeds: bool) -> Result<(), YearError> {
        let (now, id) = (self.clock.now(), text(invoice, "id"));
        let notice = Notice {
            event: format!("evt_{}_{attempt}", id.replace('-', "")),
            at: now,
            invoice: &id,
            customer: invoice["customer_id"].as_str().unwrap_or_default(),
            currency: invoice["currency"].as_str().unwrap_or_default(),
            amount: invoice["amount"].as_i64().unwrap_or_default(),
            attempts: u64::from(attempt),
            is_paid: succeeds,
        };
        let body = notice.body();
        let signature = billing_service::signature::sign(&body, self.system.credentials().webhook_secret(), now);
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/webhooks/stripe")).header("stripe-signature", signature);
        let (status, said) = self.send(request, body).await?;
        if status != 200 {
            return Err(YearError::Answer { what: "a webhook".into(), status, said: said.to_string() });
        }
        match succeeds {
            true => self.played.payments += 1,
            false => self.played.failures += 1,
        }
        Ok(())
    }

    /// What a schedule does, until there is nothing left to do.
    async fn tick(&self, function: &str) -> Result<(), YearError> {
        loop {
            let report = self.system.local().invoke(function, json!({})).await;
            let report = report.map_err(|error| YearError::Tick { function: function.into(), reason: error.to_string() })?;
            if report["finished"] != false {
                return Ok(());
            }
        }
    }

    /// A key of its own for everything that a customer does.
    fn key_of(&self, customer: Customer) -> String {
        format!("{}/{}", customer.id(), self.clock.now())
    }

    async fn get(&self, path: &str) -> Result<Value, YearError> {
        self.ask("GET", path, "", &Value::Null).await
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, YearError> {
        self.ask("POST", path, key, body).await
    }

    /// Whether a command was carried out; `false` where the domain refuses it.
    async fn asked(&self, path: &str, key: &str, body: &Value) -> Result<bool, YearError> {
        match self.ask("POST", path, key, body).await {
            Ok(_) => Ok(true),
            Err(YearError::Answer { status: 409 | 422, said, .. }) if !said.contains("idempotency-key-reused") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, method: &str, path: &str, key: &str, body: &Value) -> Result<Value, YearError> {
        let request = http::Request::builder().method(method).uri(format!("{IN_PROCESS_API}{path}"));
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        match self.send(request, body).await? {
            (200..=299, said) => Ok(said),
            (status, said) => Err(YearError::Answer { what: format!("{method} {path}"), status, said: said.to_string() }),
        }
    }

    async fn send(&self, request: http::request::Builder, body: Vec<u8>) -> Result<(u16, Value), YearError> {
        let request = request.body(Bytes::from(body)).expect("the story's paths and keys are those of HTTP");
        let answer = self.web.call(request).await.expect("in this process every request is answered");
        Ok((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default()))
    }
}

impl Subscribed {
    /// Whether a period may begin today, or something may have changed: every day of its month for those of a month, and of its year.
    fn may_be_invoiced(&self, today: NaiveDate) -> bool {
        let last_of_month = today.succ_opt().is_none_or(|tomorrow| tomorrow.month() != today.month());
        let same_day = today.day() == self.began.day() || (last_of_month && self.began.day() > today.day());
        same_day && (!self.yearly || today.month() == self.began.month())
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
