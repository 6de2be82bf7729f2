//! The ledger of one service: total order of its commits, and proof that it stays as it was.
//!
//! - [`fact`], [`entry`], [`position`]: what is sequenced, the entry it becomes and its leaf, where it stands
//! - [`item`]: batches, seals and the directory as items; [`block`]: the entries in one; [`summary`]: what lets a search pass it over
//! - [`table`]: the table: inserts, strong reads
//! - [`records`]: what a batch of the log's stream tells
//! - [`reader`]: entries by position and time; [`tail`]: what may come next
//! - [`feed`]: what the ledger lacks of its log, for the reconciler; `known`: what it has
//! - [`tree`]: the Merkle tree; [`checkpoint`]: its signed root; [`signer`]: signs what it has read
//! - [`objects`]: where both are kept, in a directory; [`bucket`]: in S3
//! - [`verify`]: the ledger against itself, its log and its checkpoints
//! - [`function`]: the functions, the same for every service
//! - [`sequencer`]: gives every commit its position, once; `window`: what was sequenced lately

pub mod block;
pub mod bucket;
pub mod checkpoint;
pub mod entry;
pub mod fact;
pub mod feed;
pub mod function;
pub mod item;
mod known;
pub mod objects;
pub mod position;
pub mod reader;
pub mod records;
pub mod sequencer;
pub mod signer;
pub mod summary;
pub mod table;
pub mod tail;
pub mod tree;
pub mod verify;
mod window;

pub use entry::Entry;
pub use fact::Fact;
pub use feed::LedgerFeed;
pub use position::{Epoch, Position};
pub use reader::{Reader, Walk};
pub use sequencer::{SequenceError, Sequencer};
pub use table::{LedgerError, LedgerTable};
