//! The protocol as small models that are explored whole: what must hold in every state, and by which shortest way a mistake breaks it.
//!
//! - [`parts()`]: the models, in the order in which a commit passes them:
//!   - [`writing`]: appends: two writers, lost and late answers, callers who ask again
//!   - [`projecting`]: delivery, gate, gap fill, publish, then advance; the reconciler beside it
//!   - [`rebuilding`]: a row folded again at a new revision, beside live delivery
//!   - [`following`]: rows that move and totals, in one transaction with their stamps
//!   - [`recounting`]: totals counted again at a new revision, until the pointer moves
//!   - [`consuming`]: an event that comes at least once, and its effect at a provider
//! - `deployment`, `transaction`: what several of them share
//! - [`explore`]: looks at every state that can be reached; [`report`]: says what was found, as `docs/model.md` has it
//!
//! Each is a model of its own because it leans on the others by their laws and by nothing else: delivery sees a log that only grows, without
//! gaps (laws 1 to 4 of `writing`), rebuilding and followers see the same deliveries, a consumer sees events that come at least once (law 9
//! of `projecting`). Streams meet only in a batch, a transaction or a total: where they can, a model has two, elsewhere one.
//!
//! Not here: the code itself, which tests run; why a model as well is ADR 53.

mod consuming;
mod deployment;
mod explore;
mod following;
mod parts;
mod projecting;
mod rebuilding;
mod recounting;
pub mod report;
mod transaction;
mod writing;

pub use explore::{Counterexample, Explored, Mutant, Protocol};
pub use parts::parts;
