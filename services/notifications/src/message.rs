//! What people are told: emails, and what is short enough for a screen or an inbox.

use mail_builder::MessageBuilder;
use uuid::Uuid;

use crate::addressee::{Addressee, Link};
use crate::occasion::Occasion;

/// An email as it goes over the wire (RFC 5322).
pub(crate) fn compose(occasion: &Occasion, to: &Addressee, id: Uuid, from: &str, sent_at: i64) -> std::io::Result<Vec<u8>> {
    let (subject, text) = words(occasion, to.link.as_ref());
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    MessageBuilder::new()
        .from(from)
        .to(to.email.as_str())
        .date(sent_at)
        .message_id(format!("{id}@{domain}"))
        .subject(subject)
        .text_body(text)
        .write_to_vec()
}

/// Subject and text.
fn words(occasion: &Occasion, link: Option<&Link>) -> (String, String) {
    match occasion {
        Occasion::Receipt(payment) => (
            format!("Receipt: {}", payment.amount),
            format!(
                "Thank you. We have received {} for invoice {}.\r\n\r\nThis email is your receipt.\r\n",
                payment.amount, payment.invoice_id
            ),
        ),
        Occasion::RetryNotice(payment) => (
            format!("Your payment of {} did not go through", payment.amount),
            format!(
                "We could not collect {} for invoice {}.\r\n\r\nWe will try again in a few days. Please check that your payment method is up to date.\r\n",
                payment.amount, payment.invoice_id
            ),
        ),
        Occasion::PaymentReminder(payment) => (
            format!("Reminder: {} is past due", payment.amount),
            format!(
                "{} for invoice {} is past due.\r\n\r\nPlease check that your payment method is up to date, or pay the invoice. If you have just paid, you need do nothing.\r\n",
                payment.amount, payment.invoice_id
            ),
        ),
        Occasion::Welcome(_) => (
            "Welcome: please confirm your address".into(),
            format!(
                "Welcome. An account was opened with this address. To confirm that it is yours, {}\r\nIf it was not you, you need do nothing: nobody can use the account without this link.\r\n",
                open(link)
            ),
        ),
        Occasion::Verification(_) => (
            "Please confirm your address".into(),
            format!(
                "Another link was asked for, to confirm that this address is yours. To do so, {}\r\nIf it was not you, you need do nothing.\r\n",
                open(link)
            ),
        ),
        // Of these an email says what the inbox says.
        Occasion::RoleChanged(_) | Occasion::PasswordChanged(_) => {
            let Short { title, text } = short(occasion);
            (title, format!("{text}\r\n"))
        }
        Occasion::Invitation(_) => (
            "You are invited to join an organisation".into(),
            format!(
                "You are invited to join an organisation. To accept, {}\r\nIf you do not want to, you need do nothing.\r\n",
                open(link)
            ),
        ),
    }
}

/// Asks for the link to be opened.
fn open(link: Option<&Link>) -> String {
    let Some(Link { url, until }) = link else { return "ask for a new link.\r\n".into() };
    // To the minute: nobody reads further.
    let until = until.get(..16).unwrap_or(until).replace('T', " ");
    format!("open this link, which is good once, until {until} UTC:\r\n\r\n{url}\r\n")
}

/// What fits on a screen. It has no link, no name and no address: whoever holds the device may see it.
pub(crate) struct Short {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// The same for an inbox and a device.
pub(crate) fn short(occasion: &Occasion) -> Short {
    let (title, text) = match occasion {
        Occasion::Receipt(payment) => (
            format!("Receipt: {}", payment.amount),
            format!("We have received {} for invoice {}. Thank you.", payment.amount, payment.invoice_id),
        ),
        Occasion::RetryNotice(payment) => (
            format!("Your payment of {} did not go through", payment.amount),
            format!("We will try again in a few days. Please check your payment method. Invoice {}.", payment.invoice_id),
        ),
        Occasion::PaymentReminder(payment) => (
            format!("Reminder: {} is past due", payment.amount),
            format!("Please check your payment method, or pay invoice {}.", payment.invoice_id),
        ),
        Occasion::Welcome(_) => ("Welcome".into(), "Your account is open. The link that confirms your address is in your mail.".into()),
        Occasion::Verification(_) => ("Please confirm your address".into(), "The link that confirms it is in your mail.".into()),
        Occasion::Invitation(_) => ("You are invited".into(), "The link that accepts the invitation is in your mail.".into()),
        Occasion::RoleChanged(change) => ("Your role has changed".into(), format!("You are {} in your organisation now.", change.role)),
        Occasion::PasswordChanged(_) => (
            "Your password was changed".into(),
            "Every other session has ended. If it was not you, tell an owner of your organisation at once.".into(),
        ),
    };
    Short { title, text }
}
