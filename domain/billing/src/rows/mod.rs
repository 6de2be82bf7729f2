//! The read models: pure functions from a row and an event to the next row.
//!
//! The projector writes them; a read that must see its own writes folds them from the log. Field names are attribute names, as in
//! `access-patterns/billing.toml`.

mod invoice;
mod money;
mod plan;
mod subscription;
mod webhook;

use uuid::Uuid;

pub use invoice::{Arrears, InvoiceRow};
pub use money::{CreditNoteRow, PaymentRow};
pub use plan::PlanRow;
pub use subscription::SubscriptionRow;
pub use webhook::WebhookRow;

/// Over how many keys the rows that a schedule will visit are spread, as the codec `Shard` of the matrix says.
///
/// A renewal moves an index entry: two index writes. A key takes 1,000 a second, so eight carry 4,000 renewals a second, twice what a log is
/// rated at, even if every subscription of a day falls due at midnight.
pub const SHARDS: u64 = 8;

/// The shard of a subscription or invoice: its id's last bits, which are spread evenly in every kind of UUID that is used here.
fn shard(id: Uuid) -> u64 {
    id.as_u64_pair().1 % SHARDS
}
