//! `generate-due-invoices`, on schedule: the invoice of every period that has begun, what changes in mid-period come to, and what was set
//! for a day: the end of a subscription or of its trial, other terms. Without anyone asking.

use annals_kit::{Actor, CommandId, StreamId, Tenant};
use annals_log::{Expect, Request};
use annals_reads::Params;
use billing::calendar::Period;
use billing::invoice::IssueInvoice;
use billing::subscription::{AdvanceSubscription, Agreement, Due as Next, RecordPeriodInvoiced, Subscription};
use chrono::NaiveDate;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::deps::Deps;
use crate::issue::invoice_of;
use crate::schedule::{Became, Due, Report, Tick, Work, became, failed, unread};
use crate::settle::Settlement;

pub(crate) const FUNCTION: &str = "generate-due-invoices";

/// Does what is due. What the tick says does not matter: the clock and the index decide, so ticks may come twice or together.
pub async fn handle(event: LambdaEvent<Value>, deps: &Deps) -> Result<Report, Error> {
    let tick = Tick::new(&event.context, deps.clock.clone());
    let until = Params::new().value("due_on", tick.began().date());
    let work = Work { function: FUNCTION, pattern: "due_subscriptions", shard: "due_shard", until };
    let report = Box::pin(tick.walk(deps, &work, |due| Box::pin(catch_up(deps, &tick, due)))).await?;
    tracing::info!(function = work.function, ?report, "tick");
    Ok(report)
}

/// Does all that is due about one subscription, in order.
///
/// Cost of a period: one strong load of the subscription, then 1 WCU for the invoice, 1 WCU for the subscription's note of it, and a load
/// before that; see ADR 0008.
async fn catch_up(deps: &Deps, tick: &Tick, due: Due) -> Became {
    let (stream, today) = (StreamId::of("SUB", due.id), tick.began().date());
    let (mut so_far, mut seen) = (Became::Unchanged, None);
    loop {
        // From the log, every time: the row lags, and what was agreed may have changed or ended.
        let loaded = match deps.subscriptions.load(&stream).await {
            Ok(loaded) => loaded,
            Err(error) => return unread(deps, FUNCTION, &stream, error),
        };
        if loaded.head.as_ref().is_none_or(|head| head.tenant != due.tenant) {
            return failed(deps, FUNCTION, &stream, "the row is of another tenant than its stream");
        }
        if loaded.version() == seen {
            return failed(deps, FUNCTION, &stream, "what is due was done, and is still due");
        }
        seen = loaded.version();
        let subscription = loaded.state;
        let next = subscription.next_due().filter(|next| next.on() <= today);
        let (Some(agreement), Some(next)) = (&subscription.agreement, next) else { return so_far };
        match act(deps, &due.tenant, &subscription, agreement, next, today).await {
            Became::Done => so_far = Became::Done,
            Became::Unchanged => {}
            other => return other,
        }
        if tick.is_late() {
            return so_far;
        }
    }
}

async fn act(deps: &Deps, tenant: &Tenant, subscription: &Subscription, agreement: &Agreement, next: Next, today: NaiveDate) -> Became {
    match next {
        Next::Settle(adjustment) => Settlement { deps, tenant, subscription, agreement, adjustment: &adjustment, today }.run().await,
        Next::Advance(day) => advance(deps, tenant, agreement, day, today).await,
        Next::Invoice(period) => invoice_period(deps, tenant, subscription, agreement, period, today).await,
    }
}

/// Does what was set for `day`. The command is made of what is agreed as well, as several things may be set for one day.
async fn advance(deps: &Deps, tenant: &Tenant, agreement: &Agreement, day: NaiveDate, today: NaiveDate) -> Became {
    let stream = StreamId::of("SUB", agreement.began.subscription_id);
    let set = (agreement.ends_on.is_some(), agreement.trial_ends_on.is_some(), agreement.next.is_some());
    let request = request(tenant, &format!("advance/{}/{day}/{set:?}", agreement.began.subscription_id), None);
    let outcome = deps.subscriptions.execute(&request, &stream, Expect::Existing, &AdvanceSubscription { today }).await;
    became(deps, FUNCTION, &stream, outcome)
}

/// The invoice first, then the subscription's note that it is issued: a crash between the two leads to the same invoice again, never to
/// none. Both commands are made of subscription and period, so that ticks that run together do it once.
async fn invoice_period(
    deps: &Deps,
    tenant: &Tenant,
    subscription: &Subscription,
    agreement: &Agreement,
    period: Period,
    today: NaiveDate,
) -> Became {
    let id = agreement.began.subscription_id;
    let Ok(issued) = invoice_of(tenant, subscription, agreement, period, today) else {
        return failed(deps, FUNCTION, StreamId::of("SUB", id), "its period comes to more than an amount can be");
    };
    let invoice_id = issued.invoice_id;
    let issue = request(tenant, &format!("invoice/{invoice_id}"), None);
    let stream = StreamId::of("INV", invoice_id);
    let outcome = deps.invoices.execute(&issue, &stream, Expect::New, &IssueInvoice(issued)).await;
    match became(deps, FUNCTION, &stream, outcome) {
        Became::Done | Became::Unchanged => {}
        other => return other,
    }
    let note = request(tenant, &format!("period/{invoice_id}"), Some(issue.command));
    let stream = StreamId::of("SUB", id);
    let command = RecordPeriodInvoiced { period_start: period.start, invoice_id };
    let outcome = deps.subscriptions.execute(&note, &stream, Expect::Existing, &command).await;
    became(deps, FUNCTION, &stream, outcome)
}

pub(crate) fn request(tenant: &Tenant, purpose: &str, belongs_to: Option<CommandId>) -> Request {
    let command = CommandId::derived(tenant, &format!("{FUNCTION}/{purpose}"));
    Request { correlation: belongs_to.unwrap_or(command).0, ..Request::new(tenant, actor(), command, purpose.as_bytes()) }
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
