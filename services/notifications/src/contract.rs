//! Notifications' contract: what it hears and answers, and how its functions are reached. `asyncapi.yaml` and `openapi.yaml` are derived from
//! it; `docs/contracts.md` is the guide.

use annals_contract::{Contract, StreamMapping};
use serde_json::json;

use crate::forget_devices::Left;
use crate::occasion::{NewInvitation, NewPassword, NewRole, NewUser, Payment};
use crate::{keep_devices, keep_inbox, keep_preferences, read};

const PACKAGE: &str = "notifications-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "notifications-projectors";
/// How long sending one batch of emails or pushes may take; it is also the lease of each. A sender that died keeps its lease for as long as
/// it might have run, so the next try comes after that.
const SENDING_SECONDS: u32 = 10;
/// What a signer needs.
const SIGNER: [&str; 3] = ["ANNALS_LEDGER_KEY", "ANNALS_LEDGER_OBJECTS", "ANNALS_LEDGER_ORIGIN"];
/// Lambda's longest: a walk that needs more goes on when the function is woken again.
const RECONCILER_SECONDS: u32 = 900;

/// The contract.
pub fn contract() -> Contract {
    let mut contract =
        Contract::new("notifications", "What people are told of what happened: by email, by push and in their inbox, and how far it is.");
    contract.ask("identity", &["read-contact", "find-account", "mint-verification-link", "mint-invitation-link"]);
    emails(&mut contract);
    pushes(&mut contract);
    inboxes(&mut contract);
    contract.function("keep-devices", PACKAGE).needing(&["ANNALS_PUSH_APPLICATION"]);
    for function in ["read-notifications", "keep-preferences", "keep-inbox"] {
        contract.function(function, PACKAGE);
    }
    let own = keep_preferences::routes().into_iter().chain(keep_inbox::routes()).chain(keep_devices::routes());
    for route in read::routes().into_iter().chain(own) {
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

fn emails(contract: &mut Contract) {
    contract
        .function("send-email", PACKAGE)
        .needing(&["ANNALS_IDENTITY_URL", "ANNALS_IDENTITY_KEY", "ANNALS_MAIL_FROM"])
        .within(SENDING_SECONDS);
    contract.queue("send-email", "send-email", SENDING_SECONDS);
    contract.consume::<Payment>("payment-received", ("billing", "PAYMENT_RECEIVED"), "send-email", "A receipt is sent.");
    contract.consume::<Payment>("payment-failed", ("billing", "PAYMENT_FAILED"), "send-email", "A retry notice is sent.");
    contract.consume::<Payment>("dunning-step-taken", ("billing", "DUNNING_STEP_TAKEN"), "send-email", "A reminder is sent.");
    let welcome = "A welcome is sent, with a link that confirms the address.";
    contract.consume::<NewUser>("user-created", ("identity", "USER_CREATED"), "send-email", welcome);
    let again = "Another link that confirms the address is sent.";
    contract.consume::<NewUser>("user-verification-requested", ("identity", "USER_VERIFICATION_REQUESTED"), "send-email", again);
    let invitation = "An invitation is sent, with a link that accepts it.";
    contract.consume::<NewInvitation>("member-invited", ("identity", "MEMBER_INVITED"), "send-email", invitation);
}

fn pushes(contract: &mut Contract) {
    const QUEUE: &str = "send-push";
    contract.function(QUEUE, PACKAGE).within(SENDING_SECONDS);
    contract.queue(QUEUE, QUEUE, SENDING_SECONDS);
    contract.consume::<Payment>("push-payment-received", ("billing", "PAYMENT_RECEIVED"), QUEUE, "A receipt is pushed.");
    contract.consume::<Payment>("push-payment-failed", ("billing", "PAYMENT_FAILED"), QUEUE, "A retry notice is pushed.");
    contract.consume::<Payment>("push-dunning-step-taken", ("billing", "DUNNING_STEP_TAKEN"), QUEUE, "A reminder is pushed.");
    contract.consume::<NewRole>("push-member-role-changed", ("identity", "MEMBER_ROLE_CHANGED"), QUEUE, "Word of the role is pushed.");
    let password = "Word of another password is pushed.";
    contract.consume::<NewPassword>("push-user-password-changed", ("identity", "USER_PASSWORD_CHANGED"), QUEUE, password);

    const FORGET: &str = "forget-devices";
    contract.function(FORGET, PACKAGE).within(SENDING_SECONDS);
    contract.queue(FORGET, FORGET, SENDING_SECONDS);
    contract.consume::<Left>("member-left", ("identity", "MEMBER_LEFT"), FORGET, "Nothing is pushed to their devices any more.");
}

fn inboxes(contract: &mut Contract) {
    const QUEUE: &str = "add-to-inbox";
    contract.function(QUEUE, PACKAGE).needing(&["ANNALS_IDENTITY_URL", "ANNALS_IDENTITY_KEY"]).within(SENDING_SECONDS);
    contract.queue(QUEUE, QUEUE, SENDING_SECONDS);
    contract.consume::<Payment>("inbox-payment-received", ("billing", "PAYMENT_RECEIVED"), QUEUE, "A receipt is in the inbox.");
    contract.consume::<Payment>("inbox-payment-failed", ("billing", "PAYMENT_FAILED"), QUEUE, "A retry notice is in the inbox.");
    contract.consume::<Payment>("inbox-dunning-step-taken", ("billing", "DUNNING_STEP_TAKEN"), QUEUE, "A reminder is in the inbox.");
    contract.consume::<NewUser>("inbox-user-created", ("identity", "USER_CREATED"), QUEUE, "A welcome is in the inbox.");
    let role = "Word of the role is in the inbox.";
    contract.consume::<NewRole>("inbox-member-role-changed", ("identity", "MEMBER_ROLE_CHANGED"), QUEUE, role);
    let password = "Word of another password is in the inbox.";
    contract.consume::<NewPassword>("inbox-user-password-changed", ("identity", "USER_PASSWORD_CHANGED"), QUEUE, password);
}
