//! `run-dunning`, on schedule: takes the next step of every invoice that is due for one.

use annals_kit::{Actor, CommandId, StreamId};
use annals_log::{Expect, Request};
use annals_reads::Params;
use billing::invoice::TakeDunningStep;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::deps::Deps;
use crate::schedule::{Became, Due, Report, Tick, Work, became, failed};

const FUNCTION: &str = "run-dunning";

/// Takes what steps are due, one of each invoice. What the tick says does not matter: the clock and the index decide.
pub async fn handle(event: LambdaEvent<Value>, deps: &Deps) -> Result<Report, Error> {
    let tick = Tick::new(&event.context, deps.clock.clone());
    let until = Params::new().text("next_step_at", tick.began().to_string());
    let work = Work { function: FUNCTION, pattern: "invoices_due_for_dunning", shard: "dunning_shard", until };
    let report = Box::pin(tick.walk(deps, &work, |due| Box::pin(take_step(deps, due)))).await?;
    tracing::info!(function = work.function, ?report, "tick");
    Ok(report)
}

/// Takes one invoice's next step. The command is made of invoice and step, so that ticks that run together take it once; a payment that
/// came first, or a row that lags, makes it change nothing.
///
/// Cost: one strong load of the invoice, and 1 WCU where the step is taken.
async fn take_step(deps: &Deps, due: Due) -> Became {
    let stream = StreamId::of("INV", due.id);
    let step = due.item.get("next_step").and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse::<u32>().ok());
    let Some(step) = step else { return failed(deps, FUNCTION, &stream, "the row names no step") };
    let command = CommandId::derived(&due.tenant, &format!("{FUNCTION}/{}/{step}", due.id));
    let request = Request::new(&due.tenant, actor(), command, &step.to_be_bytes());
    let outcome = deps.invoices.execute(&request, &stream, Expect::Existing, &TakeDunningStep { step }).await;
    became(deps, FUNCTION, &stream, outcome)
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
