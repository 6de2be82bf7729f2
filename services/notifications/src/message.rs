//! What the emails say.

use annals_kit::Money;
use mail_builder::MessageBuilder;
use notifications::email::Kind;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// What an email needs to know of a payment event; the contract of PAYMENT_RECEIVED and PAYMENT_FAILED says more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct Payment {
    pub(crate) invoice_id: Uuid,
    pub(crate) customer_id: annals_kit::CustomerId,
    pub(crate) amount: Money,
}

/// An email as it goes over the wire (RFC 5322).
pub(crate) fn compose(kind: Kind, payment: &Payment, id: Uuid, from: &str, to: &str, sent_at: i64) -> std::io::Result<Vec<u8>> {
    let (amount, invoice) = (payment.amount, payment.invoice_id);
    let (subject, text) = match kind {
        Kind::Receipt => (
            format!("Receipt: {amount}"),
            format!("Thank you. We have received {amount} for invoice {invoice}.\r\n\r\nThis email is your receipt.\r\n"),
        ),
        Kind::RetryNotice => (
            format!("Your payment of {amount} did not go through"),
            format!(
                "We could not collect {amount} for invoice {invoice}.\r\n\r\nWe will try again in a few days. Please check that your payment method is up to date.\r\n"
            ),
        ),
    };
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    MessageBuilder::new()
        .from(from)
        .to(to)
        .date(sent_at)
        .message_id(format!("{id}@{domain}"))
        .subject(subject)
        .text_body(text)
        .write_to_vec()
}
