//! `annals pay`: plays the payment provider for one invoice.

use annals_kit::{Clock, Ids};
use annals_lambda::machine::{MachineClock, MachineIds};

use super::webhook;
use crate::cli::Pay;
use crate::notice::Notice;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Posts that the invoice was paid, or that paying it failed.
pub(super) async fn run(session: &Session, options: &Pay) -> Result<Answer, CouldNotTell> {
    let path = format!("/v1/invoices/{}?min_version=1", options.invoice);
    let (status, invoice) = webhook::get(session, &path).await?;
    if !matches!(status, 200 | 404) {
        return Err(CouldNotTell::reading(format!("the invoice cannot be read: {status} {invoice}")));
    }
    if status == 404 {
        say(format_args!("no: there is no invoice {}", options.invoice));
        return Ok(Answer::No);
    }
    let event_type = if options.fail { "invoice.payment_failed" } else { "invoice.paid" };
    let notice = Notice {
        event: format!("evt_{}", MachineIds.uuid().simple()),
        at: MachineClock.now(),
        invoice: &options.invoice.to_string(),
        customer: invoice["customer_id"].as_str().unwrap_or_default(),
        currency: invoice["currency"].as_str().unwrap_or_default(),
        amount: invoice["amount"].as_i64().unwrap_or_default(),
        attempts: invoice["version"].as_u64().unwrap_or(1),
        is_paid: !options.fail,
    };
    let (status, said) = webhook::post(session, notice.body()).await?;
    let recorded = status == 200 && said["outcome"] == "recorded";
    match recorded {
        true => say(format_args!(
            "yes: {event_type} recorded in {} as version {}",
            said["stream"].as_str().unwrap_or_default(),
            said["version"]
        )),
        false => say(format_args!("no: {event_type} was not recorded: {said}")),
    }
    Ok(if recorded { Answer::Yes } else { Answer::No })
}
