//! The functions of `subscriptions-log`: the one on its stream, and the one that finds what the stream has lost.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps, Reconciliation};

use crate::ledger;
use crate::rows::{Invoices, Subscriptions, Webhooks};

/// The name of the service, and of its log.
const SERVICE: &str = "billing";
pub(crate) const LOG: &str = "subscriptions-log";

/// Billing's projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    let deps = ProjectorDeps::new(host, SERVICE, LOG, access_patterns::billing(), bus);
    Projector::new(deps).with::<Subscriptions>().with::<Invoices>().with::<Webhooks>()
}

/// Billing's reconciler on `host`: it feeds the projector and the ledger, as the stream does.
pub fn reconciler(host: &Host, bus: &str) -> Reconciliation {
    Reconciliation::new(host, SERVICE, LOG, access_patterns::billing()).feeding(projector(host, bus)).feeding(ledger::feed(host))
}
