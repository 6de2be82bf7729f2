//! The ledger table of one service: inserts, and strongly consistent reads.

use annals_aws::DynamoDb;
use annals_log::insert::{Inserted, insert};
use annals_reads::{Item, Params, ReadError, Reads};

use crate::item::{BadItem, LedgerItem, Opening};
use crate::position::{Epoch, Position};

/// The ledger table of one service.
///
/// The client must not retry by itself: the sequencer has the policy, and must see every lost answer.
#[derive(Clone)]
pub struct LedgerTable {
    client: DynamoDb,
    reads: Reads,
    name: &'static str,
}

/// The ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database gave no answer: ask again.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An item is not what a ledger holds: someone changed it. See `annals verify`.
    #[error(transparent)]
    BadItem(#[from] BadItem),
    /// Items do not follow each other: one was changed or deleted. See `annals verify`.
    #[error("the ledger does not go on at {key}: {reason}")]
    Broken {
        /// `PK SK` of the item.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl LedgerTable {
    /// The ledger in the table `name`, read through the patterns of its service's matrix.
    pub fn new(client: impl Into<DynamoDb>, reads: Reads, name: &'static str) -> Self {
        Self { client: client.into(), reads, name }
    }

    /// Inserts an item of an epoch if its key is free.
    ///
    /// Cost: 1 call, ceil(bytes / 1 KB) WCU, also when the key is taken.
    pub(crate) async fn insert(&self, item: &LedgerItem) -> Inserted {
        insert(&self.client, self.name, item.to_item()).await
    }

    /// Inserts an epoch into the directory if it is not there.
    ///
    /// Cost: 1 call, 1 WCU.
    pub(crate) async fn open(&self, opening: Opening) -> Inserted {
        insert(&self.client, self.name, opening.to_item()).await
    }

    /// The newest epoch up to `until`, if there is one.
    ///
    /// Cost: 1 call, 1 RCU.
    pub(crate) async fn newest_epoch(&self, until: Option<Epoch>) -> Result<Option<Opening>, LedgerError> {
        let params = until.map_or_else(Params::new, |until| Params::new().text("epoch", until.to_string()));
        let page = self.reads.query_page("ledger_epochs_newest_first", &params, Some(1), None).await?;
        Ok(page.items.first().map(Opening::from_item).transpose()?)
    }

    /// Every epoch, oldest first.
    ///
    /// Cost: 1 call and 5 RCU a year of epochs.
    pub async fn epochs(&self) -> Result<Vec<Opening>, LedgerError> {
        let items = self.reads.query_all("ledger_epochs", &Params::new()).await?;
        Ok(items.iter().map(Opening::from_item).collect::<Result<_, _>>()?)
    }

    /// Items of an epoch from the newest back, or from the one at or before `until`; at most `limit`.
    ///
    /// Cost: 1 call, ceil(bytes read / 4 KB) RCU.
    pub(crate) async fn newest_first(&self, epoch: Epoch, until: Option<Position>, limit: i32) -> Result<Vec<LedgerItem>, LedgerError> {
        let params = Params::new().text("epoch", epoch.to_string());
        let params = until.map_or_else(|| params.clone(), |until| params.clone().number("position", until.get()));
        let page = self.reads.query_page("ledger_newest_first", &params, Some(limit), None).await?;
        read(&page.items)
    }

    /// Items of an epoch whose key is at or after `position`, in order; at most `limit`. A short answer is not the end: an empty one is.
    ///
    /// Cost: 1 call, ceil(bytes read / 4 KB) RCU.
    pub(crate) async fn read_from(&self, epoch: Epoch, position: Position, limit: i32) -> Result<Vec<LedgerItem>, LedgerError> {
        let params = Params::new().text("epoch", epoch.to_string()).number("position", position.get());
        let page = self.reads.query_page("ledger_from_position", &params, Some(limit), None).await?;
        read(&page.items)
    }

    /// Items of an epoch whose key is between these, both included, in order; at most `limit`. A short answer is not the end: an empty one is.
    ///
    /// Cost: 1 call, ceil(bytes read / 4 KB) RCU.
    pub(crate) async fn read_between(
        &self,
        epoch: Epoch,
        from: Position,
        until: Position,
        limit: i32,
    ) -> Result<Vec<LedgerItem>, LedgerError> {
        let params = Params::new().text("epoch", epoch.to_string()).between("position", from.get(), until.get());
        let page = self.reads.query_page("ledger_between", &params, Some(limit), None).await?;
        read(&page.items)
    }

    /// What reading the table has cost so far.
    pub fn consumed(&self) -> annals_reads::Consumed {
        self.reads.consumed()
    }
}

fn read(items: &[Item]) -> Result<Vec<LedgerItem>, LedgerError> {
    Ok(items.iter().map(LedgerItem::from_item).collect::<Result<_, _>>()?)
}
