//! The whole system on one machine, and the audit and finance command line.
//!
//! - [`cli`]: what can be asked; [`outcome`]: how a command ends
//! - [`commands`]: one file per command
//! - [`cost`]: what commands cost on AWS
//! - [`logs`]: the log of every service, and what derives from it
//! - [`notice`]: what the payment provider tells, where this program plays it
//! - [`states`]: how the services' streams fold, for whoever asks history
//! - [`session`]: how a command reaches the system, running already or not
//! - [`system`]: the local account, wired to the functions of every service
//! - [`year`]: the year of a small company that a new data directory begins with

pub mod cli;
pub mod commands;
pub mod cost;
pub mod logs;
pub mod notice;
pub mod outcome;
pub mod session;
pub mod states;
pub mod system;
pub mod year;
