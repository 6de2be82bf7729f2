//! The whole system on one machine, and the audit and finance command line.
//!
//! - [`cli`]: what can be asked; [`outcome`]: how a command ends
//! - [`commands`]: one file per command
//! - [`cost`]: what commands cost on AWS
//! - [`logs`]: the log of every service, and what derives from it
//! - [`session`]: how a command reaches the system, running already or not
//! - [`system`]: the local account, wired to the functions of every service

pub mod cli;
pub mod commands;
pub mod cost;
pub mod logs;
pub mod outcome;
pub mod session;
pub mod system;
