//! Notifications' contract: what it hears and answers, and how its functions are reached. `asyncapi.yaml` and `openapi.yaml` are derived from
//! it; `docs/contracts.md` is the guide.

use annals_contract::{Contract, StreamMapping};
use serde_json::json;

use crate::occasion::{NewInvitation, NewUser, Payment};
use crate::{keep_preferences, read};

const PACKAGE: &str = "notifications-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "notifications-projectors";
/// How long sending one batch of emails may take; it is also the lease of each. A sender that died keeps its lease for as long as it might
/// have run, so the next try comes after that.
const SEND_EMAIL_SECONDS: u32 = 10;
/// What a signer needs.
const SIGNER: [&str; 3] = ["ANNALS_LEDGER_KEY", "ANNALS_LEDGER_OBJECTS", "ANNALS_LEDGER_ORIGIN"];
/// Lambda's longest: a walk that needs more goes on when the function is woken again.
const RECONCILER_SECONDS: u32 = 900;

/// The contract.
pub fn contract() -> Contract {
    let mut contract = Contract::new("notifications", "Emails about what happened, one per event, and what became of them.");
    contract
        .function("send-email", PACKAGE)
        .needing(&["ANNALS_IDENTITY_URL", "ANNALS_IDENTITY_KEY", "ANNALS_MAIL_FROM"])
        .within(SEND_EMAIL_SECONDS);
    contract.ask("identity", &["read-contact", "mint-verification-link", "mint-invitation-link"]);
    contract.queue("send-email", "send-email", SEND_EMAIL_SECONDS);
    contract.consume::<Payment>("payment-received", ("billing", "PAYMENT_RECEIVED"), "send-email", "A receipt is sent.");
    contract.consume::<Payment>("payment-failed", ("billing", "PAYMENT_FAILED"), "send-email", "A retry notice is sent.");
    contract.consume::<Payment>("dunning-step-taken", ("billing", "DUNNING_STEP_TAKEN"), "send-email", "A reminder is sent.");
    contract.consume::<NewUser>(
        "user-created",
        ("identity", "USER_CREATED"),
        "send-email",
        "A welcome is sent, with a link that confirms the address.",
    );
    contract.consume::<NewInvitation>(
        "member-invited",
        ("identity", "MEMBER_INVITED"),
        "send-email",
        "An invitation is sent, with a link that accepts it.",
    );

    contract.function("read-notifications", PACKAGE);
    contract.function("keep-preferences", PACKAGE);
    for route in read::routes().into_iter().chain(keep_preferences::routes()) {
        contract.route(route);
    }

    contract.function("notifications-projector", PROJECTORS).needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("notifications-log", "notifications-projector"));
    contract.function("notifications-ledger", PROJECTORS);
    contract.follow(StreamMapping::new("notifications-log", "notifications-ledger"));
    contract.function("notifications-signer", PROJECTORS).needing(&SIGNER).alone();
    contract.schedule("notifications-signer", "rate(1 minute)", json!({}));
    contract.function("notifications-reconciler", PROJECTORS).needing(&["ANNALS_BUS"]).within(RECONCILER_SECONDS);
    contract.schedule("notifications-reconciler", "rate(1 hour)", json!({}));
    contract
}
