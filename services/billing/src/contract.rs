//! Billing's contract: what it tells, and how its functions are reached. `asyncapi.yaml` is derived from it; `docs/contracts.md` is the guide.

use annals_contract::{Contract, StreamMapping};
use billing::invoice::InvoiceEvent;
use billing::subscription::SubscriptionEvent;

use crate::examples;

const PACKAGE: &str = "billing-service";
/// Its code knows this service no more than this service knows it: names suffice.
const PROJECTORS: &str = "billing-projectors";

/// The contract.
pub fn contract() -> Contract {
    let mut contract = Contract::new("billing", "Subscriptions, their invoices, and the payments of them.");
    contract.publish::<SubscriptionEvent>(&examples::subscription());
    contract.publish::<InvoiceEvent>(&examples::invoice());

    contract.function("create-subscription", PACKAGE);
    contract.function("generate-invoice", PACKAGE);
    contract.function("process-webhook", PACKAGE).needing(&["ANNALS_WEBHOOK_TENANT", "ANNALS_WEBHOOK_SECRET", "ANNALS_VAULT_KEY"]);
    contract.function("read-billing", PACKAGE);

    contract.function("billing-projector", PROJECTORS).needing(&["ANNALS_BUS"]);
    contract.follow(StreamMapping::new("subscriptions-log", "billing-projector"));
    contract
}
