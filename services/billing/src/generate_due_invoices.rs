//! `generate-due-invoices`, on schedule: the invoice of every period that has begun, without anyone asking.

use annals_kit::{Actor, CommandId, StreamId, Tenant};
use annals_log::{Expect, Request};
use annals_reads::Params;
use billing::calendar::Period;
use billing::invoice::IssueInvoice;
use billing::subscription::{RecordPeriodInvoiced, Subscription, SubscriptionCreated};
use chrono::NaiveDate;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::deps::Deps;
use crate::issue::invoice_of;
use crate::schedule::{Became, Due, Report, Tick, Work, became, failed, unread};

const FUNCTION: &str = "generate-due-invoices";

/// Invoices what is due. What the tick says does not matter: the clock and the index decide, so ticks may come twice or together.
pub async fn handle(event: LambdaEvent<Value>, deps: &Deps) -> Result<Report, Error> {
    let tick = Tick::new(&event.context, deps.clock.clone());
    let until = Params::new().value("next_period_start", tick.began().date());
    let work = Work { function: FUNCTION, pattern: "due_subscriptions", shard: "due_shard", until };
    let report = Box::pin(tick.walk(deps, &work, |due| Box::pin(invoice_periods(deps, &tick, due)))).await?;
    tracing::info!(function = work.function, ?report, "tick");
    Ok(report)
}

/// Issues the invoice of each period of one subscription that has begun, in order.
///
/// Cost of a period: one strong load of the subscription, then 1 WCU for the invoice, 1 WCU for the subscription's note of it, and a load
/// before that; see ADR 0008.
async fn invoice_periods(deps: &Deps, tick: &Tick, due: Due) -> Became {
    let (stream, today) = (StreamId::of("SUB", due.id), tick.began().date());
    let mut so_far = Became::Unchanged;
    loop {
        // From the log, every time: the row lags, and what was agreed may have changed or ended.
        let loaded = match deps.subscriptions.load(&stream).await {
            Ok(loaded) => loaded,
            Err(error) => return unread(deps, FUNCTION, &stream, error),
        };
        if loaded.head.as_ref().is_none_or(|head| head.tenant != due.tenant) {
            return failed(deps, FUNCTION, &stream, "the row is of another tenant than its stream");
        }
        let Some((terms, period)) = next(loaded.state, today) else { return so_far };
        match invoice_period(deps, &due.tenant, &terms, period, today).await {
            Became::Done => so_far = Became::Done,
            Became::Unchanged => {}
            other => return other,
        }
        if period.end > today || tick.is_late() {
            return so_far;
        }
    }
}

/// The next period, if it has begun.
fn next(state: Subscription, today: NaiveDate) -> Option<(SubscriptionCreated, Period)> {
    let period = state.next_period().filter(|period| period.start <= today)?;
    Some((state.terms?, period))
}

/// The invoice first, then the subscription's note that it is issued: a crash between the two leads to the same invoice again, never to
/// none. Both commands are made of subscription and period, so that ticks that run together do it once.
async fn invoice_period(deps: &Deps, tenant: &Tenant, terms: &SubscriptionCreated, period: Period, today: NaiveDate) -> Became {
    let issued = invoice_of(tenant, terms, period, today);
    let invoice_id = issued.invoice_id;
    let issue = request(tenant, &format!("invoice/{}/{}", terms.subscription_id, period.start), None);
    let stream = StreamId::of("INV", invoice_id);
    let outcome = deps.invoices.execute(&issue, &stream, Expect::New, &IssueInvoice(issued)).await;
    match became(deps, FUNCTION, &stream, outcome) {
        Became::Done | Became::Unchanged => {}
        other => return other,
    }
    let note = request(tenant, &format!("period/{}/{}", terms.subscription_id, period.start), Some(issue.command));
    let stream = StreamId::of("SUB", terms.subscription_id);
    let command = RecordPeriodInvoiced { period_start: period.start, invoice_id };
    let outcome = deps.subscriptions.execute(&note, &stream, Expect::Existing, &command).await;
    became(deps, FUNCTION, &stream, outcome)
}

fn request(tenant: &Tenant, purpose: &str, belongs_to: Option<CommandId>) -> Request {
    let command = CommandId::derived(tenant, &format!("{FUNCTION}/{purpose}"));
    Request { correlation: belongs_to.unwrap_or(command).0, ..Request::new(tenant, actor(), command, purpose.as_bytes()) }
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
