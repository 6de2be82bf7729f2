//! The ledger of identity: the function on the log's stream that sequences it, and the one that signs it.

use std::sync::Arc;

use annals_lambda::Host;
use annals_ledger::checkpoint::LedgerKey;
use annals_ledger::function::{self, SignerDeps};
use annals_ledger::objects::Objects;
use annals_ledger::{LedgerFeed, LedgerTable, Sequencer};

use crate::handler::LOG;

/// The table.
const TABLE: &str = "users-ledger";

/// Identity's sequencer on `host`.
pub fn sequencer(host: &Host) -> Sequencer {
    function::sequencer(host, TABLE, access_patterns::identity())
}

/// What feeds identity's ledger from its log on `host`, for the reconciler.
pub fn feed(host: &Host) -> LedgerFeed {
    function::feed(host, TABLE, LOG, access_patterns::identity())
}

/// Identity's signer on `host`, with this key, into these objects.
pub fn signer(host: &Host, objects: Arc<dyn Objects>, key: LedgerKey) -> SignerDeps {
    SignerDeps::new(host, "identity", TABLE, access_patterns::identity(), objects, key)
}

/// Identity's ledger table on `host`, for whoever reads it.
pub fn table(host: &Host) -> LedgerTable {
    function::table(host, TABLE, access_patterns::identity())
}
