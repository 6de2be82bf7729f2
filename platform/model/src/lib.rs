//! The protocol as small models that are explored whole: what must hold in every state, and by which shortest way a mistake breaks it.
//!
//! - [`parts()`]: the models, in the order in which a commit passes them:
//!   - [`writing`]: appends: two writers, lost and late answers, callers who ask again
//!   - [`projecting`]: delivery, gate, gap fill, publish, then advance; the reconciler beside it
//!   - [`rebuilding`]: a row folded again at a new revision, beside live delivery
//!   - [`following`]: rows that move and totals, in one transaction with their stamps
//!   - [`recounting`]: totals counted again at a new revision, until the pointer moves
//! - [`explore`]: looks at every state that can be reached; [`report`]: says what was found, as `docs/model.md` has it
//!
//! Not here: the code itself, which tests run.

mod explore;
mod following;
mod parts;
mod projecting;
mod rebuilding;
mod recounting;
pub mod report;
mod writing;

pub use explore::{Counterexample, Explored, Mutant, Protocol};
pub use parts::parts;
