//! Runs the whole pipeline under a seed, breaks what can break, and checks what must hold.
//!
//! - [`plan`]: what a run depends on; [`run`]: one run; [`panics`]: what nobody waits for; [`shrink`]: the smallest plan that still fails; [`totals`]: what many came to;
//!   [`seeds`]: those that failed once; [`mod@side_by_side`]: several runs at a time
//! - [`chance`], [`faults`], [`clock`], [`trace`]: what is left to chance, what breaks, what time it is, what happened
//! - [`network`]: between the functions and AWS; [`memory`]: AWS behind the ports; [`tables`], [`bus`], [`provider`], [`directory`]: what is watched of
//!   it, and what the simulator plays itself
//! - [`functions`], [`delivery`], [`consumer`]: Lambda, stream mappings, the queue's mapping
//! - [`services`], [`revisions`], [`world`]: the three services on this machine, and a later release of billing
//! - [`client`], [`stories`], [`history`]: who asks for what, and what they were told
//! - [`checks`]: the invariants; [`planted`]: the bugs that prove that they are checked
//!
//! Not here: IAM, HTTP routes, processes (`annals/tests`).

pub mod bus;
pub mod chance;
pub mod checks;
pub mod client;
pub mod clock;
pub mod consumer;
pub mod delivery;
pub mod directory;
pub mod faults;
pub mod functions;
pub mod history;
pub mod memory;
pub mod network;
pub mod panics;
pub mod plan;
pub mod planted;
pub mod provider;
pub mod revisions;
pub mod run;
pub mod seeds;
pub mod services;
pub mod shrink;
pub mod side_by_side;
pub mod stories;
pub mod tables;
pub mod totals;
pub mod trace;
pub mod world;
