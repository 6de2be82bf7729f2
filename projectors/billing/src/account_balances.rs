//! What stands on every account, by currency and month: the legs of `domain/billing/src/accounts.rs`, summed. All accounts of a month come
//! to nothing together; what stands on one at the end of a month is the sum of its months up to it.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::accounts::Books;
use billing::invoice::InvoiceEvent;

/// `receivable/EUR/2026-11`: minor units, debits above zero and credits below, and how many legs.
pub struct AccountBalances;

impl Totals for AccountBalances {
    const NAME: &'static str = "account-balances";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = Books;

    fn fold(
        _: &StreamId,
        books: &mut Books,
        event: &InvoiceEvent,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        let legs = books.post(event, recorded);
        // What posts legs has said in which currency.
        for (leg, currency) in legs.iter().zip(books.currency.iter().cycle()) {
            totals.add(TotalKey::of([leg.account.name(), currency.code(), &leg.month.to_string()]), leg.amount, 1);
        }
        Ok(())
    }
}
