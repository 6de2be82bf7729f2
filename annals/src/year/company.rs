//! Lives the story, a business day at a time: who comes, who pays, what the schedules do, who changes their mind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::Arc;

use annals_kit::Timestamp;
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use super::YearError;
use super::desk::{Desk, Due};
use super::story::{Act, Customer, PLANS, Pays, days, pays, story};

/// The hour at which a business day begins.
const MORNING: u32 = 8;
/// For how many business days after a failed payment there may be something to do: it is given up after 21 days.
const DUNNING_DAYS: u32 = 2;
/// After so many tries the provider gives up.
const TRIES: u32 = 2;

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

impl AddAssign for Played {
    fn add_assign(&mut self, more: Self) {
        self.customers += more.customers;
        self.invoices += more.invoices;
        self.payments += more.payments;
        self.failures += more.failures;
        self.changes += more.changes;
        self.cancellations += more.cancellations;
        self.refunds += more.refunds;
    }
}

/// A customer's subscription.
struct Subscribed {
    id: String,
    began: NaiveDate,
    yearly: bool,
    /// Invoices that the provider has been asked to collect.
    seen: Vec<String>,
}

/// A payment that the provider tries.
#[derive(Clone)]
struct Try {
    due: Due,
    attempt: u32,
    /// How it will end, sooner or later.
    pays: Pays,
}

pub(super) struct Company {
    desk: Arc<Desk>,
    seed: u64,
    customers: BTreeMap<Customer, Subscribed>,
    /// Those who changed something on the last business day: it may have led to an invoice.
    changed: BTreeSet<Customer>,
    /// Tries of the next business day.
    again: Vec<Try>,
    /// Until which business day reminders may be due.
    reminded_until: u32,
    played: Played,
}

impl Company {
    pub(super) fn new(desk: Desk, seed: u64) -> Self {
        let (customers, changed, again) = (BTreeMap::new(), BTreeSet::new(), vec![]);
        Self { desk: Arc::new(desk), seed, customers, changed, again, reminded_until: 0, played: Played::default() }
    }

    /// Lives from the first day to the moment that is `today`, when everything due is done.
    pub(super) async fn live(mut self, today: Timestamp) -> Result<Played, YearError> {
        let mut acts: BTreeMap<u32, Vec<(Customer, Act)>> = BTreeMap::new();
        for (day, customer, act) in story(self.seed) {
            acts.entry(day).or_default().push((customer, act));
        }
        self.price_book().await?;
        self.desk.end_of_day().await;
        let mut before = None;
        for (day, date) in (0..).zip(days(today.date())) {
            let (coming, doing): (Vec<_>, Vec<_>) =
                acts.remove(&day).unwrap_or_default().into_iter().partition(|(_, act)| matches!(act, Act::Come { .. }));
            self.desk.set(morning(date));
            self.collect(day, before.replace(date)).await?;
            // Whom the schedules know has come before.
            let schedules = tokio::spawn(schedules(self.desk.clone(), day <= self.reminded_until));
            self.come(day, date, &coming).await?;
            schedules.await.expect("nothing of the story panics")?;
            self.act(&doing).await?;
            self.desk.end_of_day().await;
        }
        // What became due since: whoever starts the system finds nothing left to do.
        self.desk.set(today);
        self.desk.tick("generate-due-invoices").await?;
        self.desk.tick("run-dunning").await?;
        self.desk.end_of_day().await;
        Ok(self.played)
    }

    async fn price_book(&self) -> Result<(), YearError> {
        for (plan, price) in PLANS {
            let euros = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
            let prices = json!([{ "interval": "month", "price": euros(price) }, { "interval": "year", "price": euros(price * 10) }]);
            self.desk.post(&format!("/v1/plans/{plan}/drafts"), plan, &json!({ "prices": prices })).await?;
            self.desk.post(&format!("/v1/plans/{plan}/releases"), &format!("{plan}/1"), &json!({ "version": 1 })).await?;
        }
        Ok(())
    }

    /// New customers: how they are reached, what they take, and their first payment, which is asked for at once.
    async fn come(&mut self, day: u32, date: NaiveDate, coming: &[(Customer, Act)]) -> Result<(), YearError> {
        let came = coming.iter().map(|&(customer, act)| {
            let desk = self.desk.clone();
            async move { comes(&desk, customer, act, date).await }
        });
        let came = side_by_side(came).await?;
        self.played.customers += came.len();
        let mut tries = vec![];
        for (customer, subscribed, due) in came {
            self.customers.insert(customer, subscribed);
            tries.push(self.first_try(day, customer, due));
        }
        self.pay(day, tries).await
    }

    /// What the provider collects: what was invoiced on the last business day, and what it tries again.
    async fn collect(&mut self, day: u32, before: Option<NaiveDate>) -> Result<(), YearError> {
        let Some(before) = before else { return Ok(()) };
        let changed = std::mem::take(&mut self.changed);
        let may_owe = |(customer, subscribed): &(&Customer, &Subscribed)| changed.contains(customer) || subscribed.renews_on(before);
        let asked = self.customers.iter().filter(may_owe).map(|(customer, subscribed)| {
            let (desk, customer, id) = (self.desk.clone(), *customer, subscribed.id.clone());
            async move { open_invoices(&desk, customer, &id).await }
        });
        let open = side_by_side(asked).await?;
        let mut tries = std::mem::take(&mut self.again);
        for (customer, due) in open.into_iter().flatten() {
            if !self.customers[&customer].seen.contains(&due.invoice) {
                tries.push(self.first_try(day, customer, due));
            }
        }
        self.pay(day, tries).await
    }

    fn first_try(&mut self, day: u32, customer: Customer, due: Due) -> Try {
        self.played.invoices += 1;
        self.customers.entry(customer).and_modify(|subscribed| subscribed.seen.push(due.invoice.clone()));
        Try { due, attempt: 1, pays: pays(self.seed, customer, day) }
    }

    /// Tries these payments. Those that fail are tried again on the next business day, until they go through or the provider gives up.
    async fn pay(&mut self, day: u32, tries: Vec<Try>) -> Result<(), YearError> {
        let told = tries.iter().map(|one| {
            let (desk, one) = (self.desk.clone(), one.clone());
            async move { desk.payment(&one.due, one.attempt, one.goes_through()).await }
        });
        side_by_side(told).await?;
        for one in tries {
            if one.goes_through() {
                self.played.payments += 1;
                continue;
            }
            self.played.failures += 1;
            self.reminded_until = self.reminded_until.max(day + DUNNING_DAYS);
            if one.attempt < TRIES {
                self.again.push(Try { attempt: one.attempt + 1, ..one });
            }
        }
        Ok(())
    }

    /// Everything else that customers do. What is refused, such as a change of what has ended, stays as it was.
    async fn act(&mut self, doing: &[(Customer, Act)]) -> Result<(), YearError> {
        self.changed = doing.iter().map(|(customer, _)| *customer).collect();
        let done = doing.iter().map(|&(customer, act)| {
            let (desk, subscribed) = (self.desk.clone(), &self.customers[&customer]);
            let (id, newest) = (subscribed.id.clone(), subscribed.seen.last().cloned());
            async move { acts(&desk, customer, act, &id, newest).await }
        });
        side_by_side(done).await?.into_iter().for_each(|more| self.played += more);
        Ok(())
    }
}

impl Try {
    fn goes_through(&self) -> bool {
        match self.pays {
            Pays::AtOnce => true,
            Pays::Late => self.attempt > 1,
            Pays::Never => false,
        }
    }
}

impl Subscribed {
    /// Whether a period after the first begins on this day.
    fn renews_on(&self, date: NaiveDate) -> bool {
        date > self.began && date.day() == self.began.day() && (!self.yearly || date.month() == self.began.month())
    }
}

/// What the schedules do on a day: run-dunning only where somebody is late.
async fn schedules(desk: Arc<Desk>, late: bool) -> Result<(), YearError> {
    desk.tick("generate-due-invoices").await?;
    if late { desk.tick("run-dunning").await } else { Ok(()) }
}

async fn comes(desk: &Desk, customer: Customer, act: Act, date: NaiveDate) -> Result<(Customer, Subscribed, Due), YearError> {
    let Act::Come { plan, yearly, seats } = act else { unreachable!("only those who come are asked for here") };
    let id = customer.id();
    let contact = json!({ "email": format!("billing@{id}.example") });
    desk.ask("PUT", &format!("/v1/contacts/{id}"), &id, &contact).await?;
    let interval = if yearly { "year" } else { "month" };
    let subscribe = json!({ "customer_id": id, "plan": PLANS[plan].0, "currency": "EUR", "interval": interval, "quantity": seats, "tax_percent": "19" });
    let made = desk.post("/v1/subscriptions", &id, &subscribe).await?;
    let subscribed = Subscribed { id: text(&made, "id"), began: date, yearly, seen: vec![] };
    let first = json!({ "period_start": date });
    let issued = desk.post(&format!("/v1/subscriptions/{}/invoices", subscribed.id), &format!("{id}/first"), &first).await?;
    let due = Due { invoice: text(&issued, "id"), customer: id, amount: issued["amount"]["amount"].as_i64().unwrap_or_default() };
    Ok((customer, subscribed, due))
}

async fn open_invoices(desk: &Desk, customer: Customer, subscription: &str) -> Result<Vec<(Customer, Due)>, YearError> {
    let page = desk.get(&format!("/v1/subscriptions/{subscription}/invoices")).await?;
    let open = page["items"].as_array().into_iter().flatten().filter(|invoice| invoice["status"] == "open");
    let due = open.map(|invoice| {
        let amount = invoice["amount"].as_i64().unwrap_or_default();
        (customer, Due { invoice: text(invoice, "id"), customer: customer.id(), amount })
    });
    Ok(due.collect())
}

async fn acts(desk: &Desk, customer: Customer, act: Act, subscription: &str, newest: Option<String>) -> Result<Played, YearError> {
    // A key of its own for everything that a customer does.
    let (path, key) = (format!("/v1/subscriptions/{subscription}"), format!("{}/{}", customer.id(), desk.now()));
    let mut played = Played::default();
    match act {
        Act::Come { .. } => {}
        Act::Take { plan } => {
            let change = json!({ "plan": PLANS[plan].0, "when": "now" });
            played.changes = usize::from(desk.asked(&format!("{path}/changes"), &key, &change).await?);
        }
        Act::Seats(seats) => {
            let change = json!({ "quantity": seats, "when": "now" });
            played.changes = usize::from(desk.asked(&format!("{path}/changes"), &key, &change).await?);
        }
        Act::Go => {
            let gone = desk.asked(&format!("{path}/cancellation"), &key, &json!({ "when": "period-end" })).await?;
            played.cancellations = usize::from(gone);
        }
        Act::Stay => drop(desk.asked(&format!("{path}/reactivation"), &key, &json!({})).await?),
        Act::GetBack { percent } => {
            if let Some(invoice) = newest {
                played.refunds = usize::from(get_back(desk, &invoice, &key, percent).await?);
            }
        }
    }
    Ok(played)
}

/// A part of an invoice, where it is paid.
async fn get_back(desk: &Desk, invoice: &str, key: &str, percent: i64) -> Result<bool, YearError> {
    let shown = desk.get(&format!("/v1/invoices/{invoice}")).await?;
    if shown["status"] != "paid" {
        return Ok(false);
    }
    let part = json!({ "amount": shown["amount"].as_i64().unwrap_or_default() * percent / 100, "currency": "EUR" });
    let credit = json!({ "amount": part, "reason": "goodwill" });
    if !desk.asked(&format!("/v1/invoices/{invoice}/credit-notes"), key, &credit).await? {
        return Ok(false);
    }
    desk.asked(&format!("/v1/invoices/{invoice}/refunds"), &format!("{key}/refund"), &json!({ "amount": part })).await
}

/// Does these at the same time, on every processor; what came of each, in their order.
async fn side_by_side<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = Result<T, YearError>> + Send + 'static>,
) -> Result<Vec<T>, YearError> {
    let under_way: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(under_way.len());
    for one in under_way {
        done.push(one.await.expect("nothing of the story panics")?);
    }
    Ok(done)
}

fn morning(date: NaiveDate) -> Timestamp {
    Timestamp::new(date.and_hms_opt(MORNING, 0, 0).expect("every day has a morning").and_utc())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
