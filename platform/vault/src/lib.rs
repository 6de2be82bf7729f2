//! Seals personal data per person, with keys that can be destroyed.
//!
//! - [`keys`]: one key per person, wrapped by KMS, in the service's vault table
//! - [`seal`]: sealing and opening, bound to the place

pub mod keys;
pub mod seal;

pub use keys::{KeyError, Vault};
pub use seal::{DoesNotOpen, FieldSeal, PersonKey, place};
