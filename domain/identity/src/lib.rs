//! What can happen to people, organisations, invitations, API keys and contacts: pure decide and evolve.
//!
//! - [`user`]: one person's account; [`claim`]: who owns an email address
//! - [`organisation`]: a tenant and its members; [`invitation`]: how a member comes in
//! - [`api_key`]: keys for programs
//! - [`contact`]: how a tenant reaches those whom it bills
//! - [`erasure`]: the certificate of a person's erasure
//! - [`covers`](mod@covers): which roles someone may give and take
//! - [`sealed`]: personal text in states and rows
//! - [`email`], [`text`]: an address and a name as they are taken in, and the hash by which an address is known
//! - [`rows`]: the read models, as pure folds
//!
//! Personal text is plain in the events that `decide` returns, and sealed in those that `evolve` sees: it stands in the first event of its
//! commit, so that a reader knows the place that it was sealed for.

pub mod api_key;
pub mod claim;
pub mod contact;
pub mod covers;
pub mod email;
pub mod erasure;
pub mod invitation;
pub mod organisation;
pub mod rows;
pub mod sealed;
pub mod text;
pub mod user;
