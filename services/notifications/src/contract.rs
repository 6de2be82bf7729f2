//! Notifications' contract: what it hears, and how its functions are reached. `asyncapi.yaml` is derived from it; `docs/contracts.md` is the
//! guide.

use annals_contract::{Contract, StreamMapping};

use crate::message::Payment;

const PACKAGE: &str = "notifications-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "notifications-projectors";
/// How long sending one batch of emails may take; it is also the lease of each. A sender that died keeps its lease for as long as it might
/// have run, so the next try comes after that.
const SEND_EMAIL_SECONDS: u32 = 10;

/// The contract.
pub fn contract() -> Contract {
    let mut contract = Contract::new("notifications", "Emails about what happened, one per event.");
    contract.function("send-email", PACKAGE).needing(&["ANNALS_IDENTITY_URL", "ANNALS_MAIL_FROM"]).within(SEND_EMAIL_SECONDS);
    contract.queue("send-email", "send-email", SEND_EMAIL_SECONDS);
    contract.consume::<Payment>("payment-received", ("billing", "PAYMENT_RECEIVED"), "send-email", "A receipt is sent.");
    contract.consume::<Payment>("payment-failed", ("billing", "PAYMENT_FAILED"), "send-email", "A retry notice is sent.");

    contract.function("notifications-projector", PROJECTORS).needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("notifications-log", "notifications-projector"));
    contract
}
