//! The functions of `notifications-log`: the one on its stream, and the one that finds what the stream has lost.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps, Reconciliation};

use crate::ledger;
use crate::rows::Notifications;

/// The name of the service, and of its log.
const SERVICE: &str = "notifications";
pub(crate) const LOG: &str = "notifications-log";

/// Notifications' projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    Projector::new(ProjectorDeps::new(host, SERVICE, LOG, access_patterns::notifications(), bus)).with::<Notifications>()
}

/// Notifications' reconciler on `host`: it feeds the projector and the ledger, as the stream does.
pub fn reconciler(host: &Host, bus: &str) -> Reconciliation {
    Reconciliation::new(host, SERVICE, LOG, access_patterns::notifications()).feeding(projector(host, bus)).feeding(ledger::feed(host))
}
