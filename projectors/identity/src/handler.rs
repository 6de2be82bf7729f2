//! The functions of `users-log`: the one on its stream, and the one that finds what the stream has lost.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps, Reconciliation};

use crate::ledger;
use crate::rows::{ApiKeys, Contacts, Invitations, Members, Organisations, Users};

/// The name of the service, and of its log.
const SERVICE: &str = "identity";
pub(crate) const LOG: &str = "users-log";

/// Identity's projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    let deps = ProjectorDeps::new(host, SERVICE, LOG, access_patterns::identity(), bus);
    Projector::new(deps)
        .with::<Users>()
        .with::<Organisations>()
        .with::<Invitations>()
        .with::<ApiKeys>()
        .with::<Contacts>()
        .with_rows::<Members>()
}

/// Identity's reconciler on `host`: it feeds the projector and the ledger, as the stream does.
pub fn reconciler(host: &Host, bus: &str) -> Reconciliation {
    let projector = projector(host, bus);
    let followers = projector.followers().to_vec();
    let reconciliation = Reconciliation::new(host, SERVICE, LOG, access_patterns::identity()).feeding(projector);
    followers.into_iter().fold(reconciliation, Reconciliation::feeding).feeding(ledger::feed(host))
}
