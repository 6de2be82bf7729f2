//! The function on the stream of `subscriptions-log`.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps};

use crate::rows::{Invoices, Subscriptions, Webhooks};

/// Billing's projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    let deps = ProjectorDeps::new(host, "billing", "subscriptions-log", access_patterns::billing(), bus);
    Projector::new(deps).with::<Subscriptions>().with::<Invoices>().with::<Webhooks>()
}
