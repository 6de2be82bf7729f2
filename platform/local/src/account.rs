//! Holds the parts of a local account together.

use std::fs::File;
use std::sync::Arc;

use annals_kit::Clock;

use crate::config::Config;
use crate::engine::Engine;
use crate::events::Bus;
use crate::faults::Faults;
use crate::functions::Functions;
use crate::host_store::HostStore;
use crate::iam::Iam;
use crate::kms::Kms;
use crate::meter::Meter;
use crate::outbox::Outbox;
use crate::progress::Progress;
use crate::queues::Queues;
use crate::routes::Routes;
use crate::streams::Streams;
use crate::turns::Turns;

/// The parts. Everything else borrows from here.
pub(crate) struct Account {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub engine: Arc<Engine>,
    pub host: Arc<HostStore>,
    pub iam: Iam,
    pub streams: Streams,
    pub bus: Bus,
    pub queues: Arc<Queues>,
    pub outbox: Outbox,
    pub kms: Kms,
    pub functions: Functions,
    pub routes: Routes,
    pub meter: Meter,
    pub progress: Arc<Progress>,
    pub turns: Turns,
    pub faults: Option<Arc<dyn Faults>>,
    /// Held as long as the account is: no second process may open the directory.
    pub _lock: Option<File>,
}
