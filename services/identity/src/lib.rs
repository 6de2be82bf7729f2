//! Identity's functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`authorize`]: who calls, for every route of every service
//! - [`sign_up`], [`ask_verification`], [`verify_email`], [`log_in`], [`log_out`], [`change_profile`]: a person's account
//! - [`manage_members`], [`accept_invitation`]: who belongs to an organisation
//! - [`manage_api_keys`]: keys for programs
//! - [`set_contact`]: how a tenant reaches its customers
//! - [`read_contact`], [`mint_link`]: what notifications asks at the moment of sending
//! - [`read`]: every other `GET`; `opened`: rows as people are shown them
//! - [`found`]: an organisation by an operator's hand; [`erase`]: a person
//! - [`secret`]: what proves who calls; [`safe`]: where it is kept; [`password`]: which passwords, and their hashes; [`attempts`]: how many
//!   may be tried; [`personal`]: opens what is sealed
//! - [`routes`]: who may use which route
//! - [`contract()`]: what identity tells and answers, and how its functions are reached
//! - [`deps`]: what they stand on

pub mod accept_invitation;
mod answer;
pub mod ask_verification;
pub mod attempts;
pub mod authorize;
pub mod change_profile;
mod contract;
pub mod deps;
pub mod erase;
mod examples;
pub mod found;
pub mod log_in;
pub mod log_out;
pub mod manage_api_keys;
pub mod manage_members;
pub mod mint_link;
mod opened;
pub mod password;
pub mod personal;
pub mod read;
pub mod read_contact;
mod revoke;
pub mod routes;
pub mod safe;
pub mod secret;
pub mod set_contact;
pub mod sign_up;
pub mod verify_email;

pub use contract::contract;
pub use deps::{Deps, Settings};
