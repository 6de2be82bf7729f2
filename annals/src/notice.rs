//! What the payment provider tells of an invoice, where this program plays the provider.

use annals_kit::Timestamp;
use billing_service::signature::sign;
use billing_service::stripe::provider_amount;
use bytes::Bytes;
use serde_json::json;

/// That an invoice was paid, or that paying it failed.
pub struct Notice<'a> {
    /// The provider's id of the event.
    pub event: String,
    /// When.
    pub at: Timestamp,
    /// Our invoice.
    pub invoice: &'a str,
    /// Whose.
    pub customer: &'a str,
    /// In which currency.
    pub currency: &'a str,
    /// What is due, in minor units.
    pub amount: i64,
    /// How often it has been tried.
    pub attempts: u64,
    /// Whether it was paid.
    pub is_paid: bool,
}

impl Notice<'_> {
    /// The body of the webhook.
    pub fn body(&self) -> Vec<u8> {
        let amount = provider_amount(self.amount, self.currency);
        let (event_type, paid, remaining) = if self.is_paid { ("invoice.paid", amount, 0) } else { ("invoice.payment_failed", 0, amount) };
        let now = self.at.seconds();
        json!({
            "id": self.event,
            "object": "event",
            "type": event_type,
            "created": now,
            "data": { "object": {
                "id": format!("in_{}", self.invoice.replace('-', "")),
                "object": "invoice",
                "customer": self.customer,
                "currency": self.currency.to_lowercase(),
                "amount_due": amount,
                "amount_paid": paid,
                "amount_remaining": remaining,
                "attempt_count": self.attempts,
                "created": now,
                "metadata": { "annals_invoice": self.invoice },
            } },
        })
        .to_string()
        .into_bytes()
    }
}

/// A webhook of this body to the API at `api`, signed at this time with the provider's secret.
pub fn webhook(api: &str, body: Vec<u8>, secret: &str, at: Timestamp) -> http::Result<http::Request<Bytes>> {
    let signature = sign(&body, secret, at);
    http::Request::post(format!("{api}/v1/webhooks/stripe"))
        .header("content-type", "application/json")
        .header("stripe-signature", signature)
        .body(Bytes::from(body))
}
