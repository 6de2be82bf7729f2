//! The ledger of one service: total order of its commits, and proof that it stays as it was.
//!
//! - [`fact`], [`entry`], [`position`]: what is sequenced, the entry it becomes and its leaf, where it stands
//! - [`item`]: batches, seals and the directory as items; [`block`]: the entries in one; [`summary`]: what lets a search pass it over
//! - [`table`]: the table: inserts, strong reads
//! - [`records`]: what a batch of the log's stream tells
//! - [`reader`]: entries by position and time; [`tail`]: what may come next
//! - [`search`]: entries of a range, read side by side; [`wanted`]: which; [`prefixes`], [`state`]: how far streams had come at a position
//! - [`feed`]: what the ledger lacks of its log, for the reconciler; `known`: what it has
//! - [`tree`]: the Merkle tree; [`checkpoint`]: its signed root; [`signer`]: signs what it has read
//! - [`objects`]: where both are kept, in a directory; [`bucket`]: in S3
//! - [`witness`]: shows checkpoints to somebody who remembers them
//! - [`proofs`]: of inclusion, extension and periods, made of tiles
//! - [`verify`]: the ledger against itself, its log and its checkpoints
//! - [`function`]: the functions, the same for every service
//! - [`sequencer`]: gives every commit its position, once; [`window`]: what was sequenced lately

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
pub mod prefixes;
pub mod proofs;
pub mod reader;
pub mod records;
pub mod search;
pub mod sequencer;
pub mod signer;
pub mod state;
pub mod summary;
pub mod table;
pub mod tail;
pub mod tree;
pub mod verify;
pub mod wanted;
pub mod window;
pub mod witness;

pub use entry::Entry;
pub use fact::Fact;
pub use feed::LedgerFeed;
pub use position::{Epoch, Position};
pub use reader::{Reader, Walk};
pub use search::Search;
pub use sequencer::{SequenceError, Sequencer};
pub use table::{LedgerError, LedgerTable};
pub use wanted::Wanted;
