//! The function on the stream of `notifications-log`.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps};

/// Notifications' projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    Projector::new(ProjectorDeps::new(host, "notifications", "notifications-log", access_patterns::notifications(), bus))
}
