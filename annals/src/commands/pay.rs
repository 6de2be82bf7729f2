//! `annals pay`: plays the payment provider for one invoice.

use annals_kit::{Clock, Ids};
use annals_lambda::machine::{MachineClock, MachineIds};
use billing_service::stripe::provider_amount;
use serde_json::json;

use super::webhook;
use crate::cli::Pay;
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
    let now = MachineClock.now().seconds();
    let currency = invoice["currency"].as_str().unwrap_or_default();
    let amount = provider_amount(invoice["amount"].as_i64().unwrap_or_default(), currency);
    let (event_type, paid, remaining) = match options.fail {
        true => ("invoice.payment_failed", 0, amount),
        false => ("invoice.paid", amount, 0),
    };
    let attempts = invoice["version"].as_u64().unwrap_or(1);
    let body = json!({
        "id": format!("evt_{}", MachineIds.uuid().simple()),
        "object": "event",
        "type": event_type,
        "created": now,
        "data": { "object": {
            "id": format!("in_{}", options.invoice.simple()),
            "object": "invoice",
            "customer": invoice["customer_id"],
            "currency": currency.to_lowercase(),
            "amount_due": amount,
            "amount_paid": paid,
            "amount_remaining": remaining,
            "attempt_count": attempts,
            "created": now,
            "metadata": { "annals_invoice": options.invoice },
        } },
    });
    let (status, said) = webhook::post(session, body.to_string().into_bytes()).await?;
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
