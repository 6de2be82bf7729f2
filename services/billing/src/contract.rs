//! Billing's contract: what it tells and answers, and how its functions are reached. `asyncapi.yaml` and `openapi.yaml` are derived from it;
//! `docs/contracts.md` is the guide.

use annals_contract::{Contract, StreamMapping};
use billing::invoice::InvoiceEvent;
use billing::price_book::PlanEvent;
use billing::subscription::SubscriptionEvent;

use serde_json::json;

use crate::examples;
use crate::follow_dunning::About;
use crate::routes;

const PACKAGE: &str = "billing-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "billing-projectors";

/// How often what is due is looked for: an invoice may be this late, and a run that finds nothing costs 4 RCU.
const EVERY: &str = "rate(5 minutes)";
/// How long one run may take; what is left is done by the next.
const SCHEDULED_SECONDS: u32 = 120;
/// What a signer needs.
const SIGNER: [&str; 3] = ["ANNALS_LEDGER_KEY", "ANNALS_LEDGER_OBJECTS", "ANNALS_LEDGER_ORIGIN"];
/// Lambda's longest: a walk that needs more goes on when the function is woken again.
const RECONCILER_SECONDS: u32 = 900;

/// The contract.
pub fn contract() -> Contract {
    let mut contract = Contract::new("billing", "Plans, subscriptions, their invoices, and the payments of them.");
    contract.publish::<SubscriptionEvent>(&examples::subscription());
    contract.publish::<InvoiceEvent>(&examples::invoice());
    contract.publish::<PlanEvent>(&examples::plan());

    contract.function("adjust-invoice", PACKAGE);
    contract.function("change-subscription", PACKAGE);
    contract.function("create-subscription", PACKAGE);
    contract.function("generate-invoice", PACKAGE);
    contract.function("manage-price-book", PACKAGE);
    contract.function("process-webhook", PACKAGE).needing(&["ANNALS_WEBHOOK_TENANT", "ANNALS_WEBHOOK_SECRET", "ANNALS_VAULT_KEY"]);
    contract.function("read-billing", PACKAGE);
    routes::describe(&mut contract);

    contract.function("generate-due-invoices", PACKAGE).within(SCHEDULED_SECONDS);
    contract.schedule("generate-due-invoices", EVERY, json!({}));
    contract.function("run-dunning", PACKAGE).within(SCHEDULED_SECONDS);
    contract.schedule("run-dunning", EVERY, json!({}));

    contract.function("follow-dunning", PACKAGE);
    contract.queue("follow-dunning", "follow-dunning", 1);
    for (rule, event, summary) in [
        ("dunning-started", "DUNNING_STARTED", "The subscription is past due."),
        ("dunning-stopped", "DUNNING_STOPPED", "The subscription is past due no longer."),
        ("invoice-marked-uncollectible", "INVOICE_MARKED_UNCOLLECTIBLE", "The subscription ends, or stays past due, as the policy says."),
    ] {
        contract.consume::<About>(rule, ("billing", event), "follow-dunning", summary);
    }

    contract.function("billing-projector", PROJECTORS).needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("subscriptions-log", "billing-projector"));
    contract.function("billing-ledger", PROJECTORS);
    contract.follow(StreamMapping::new("subscriptions-log", "billing-ledger"));
    contract.function("billing-signer", PROJECTORS).needing(&SIGNER).alone();
    contract.schedule("billing-signer", "rate(1 minute)", json!({}));
    contract.function("billing-reconciler", PROJECTORS).needing(&["ANNALS_BUS"]).within(RECONCILER_SECONDS);
    contract.schedule("billing-reconciler", "rate(1 hour)", json!({}));
    contract
}
