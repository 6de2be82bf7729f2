//! Reads a row's content out of its item, and writes rows under the guard of revision and version.

use annals_aws::DynamoDb;
use annals_kit::{StreamId, Tenant};
use annals_log::BoxError;
use annals_planted::{Bug, planted};
use annals_reads::{Item, Params, Reads};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use crate::keys::{found, spell};
use crate::projection::{Stamped, names, stamp};

/// The table's rows.
pub(crate) struct RowStore {
    client: DynamoDb,
    reads: Reads,
}

/// A row to be written.
pub(crate) struct Row<'a> {
    pub(crate) entity: &'static str,
    pub(crate) stream: &'a StreamId,
    pub(crate) revision: u32,
    pub(crate) version: u64,
    /// Whose; `None` where no commit was folded.
    pub(crate) tenant: Option<&'a Tenant>,
    /// The row's own attributes; `None` where the events make no row.
    pub(crate) content: Option<Item>,
    pub(crate) parked: Option<AttributeValue>,
    pub(crate) before: &'a Stamped,
}

/// How a guarded write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The row is as it should be.
    Done,
    /// Another instance has moved the row: start from it again.
    Moved,
}

/// Only forward: an older revision may be replaced at the same version or a later one, the same revision only by a later version.
const FORWARD: &str = "attribute_not_exists(PK) OR (#rev < :rev AND #ver <= :ver) OR (#rev = :rev AND #ver < :ver)";
/// A row that parks may also stay where it is.
const FORWARD_OR_HERE: &str = "attribute_not_exists(PK) OR (#rev <= :rev AND #ver <= :ver)";
/// A row that only gets a note.
const AS_IT_WAS: &str = "#rev = :rev AND #ver = :ver";
/// What a planted bug writes over: the condition names what it must, and holds of everything.
const ANYTHING: &str = "attribute_not_exists(PK) OR attribute_exists(PK) OR (#rev <= :rev AND #ver <= :ver)";

impl RowStore {
    pub(crate) fn new(client: DynamoDb, reads: Reads) -> Self {
        Self { client, reads }
    }

    /// The row's own attributes, without keys and stamp; `None` where the item holds no row.
    pub(crate) fn content(&self, entity: &str, stored: &Stamped) -> Option<Item> {
        let mut item = stored.item.clone();
        let entity = self.reads.matrix().entity(entity)?;
        for name in entity.keys().map(|(name, _)| name).chain([names::REVISION, names::VERSION, names::PARKED]) {
            item.remove(name);
        }
        // The tenant stands on every row that has content, and only there.
        item.remove(names::TENANT).map(|_| item)
    }

    /// Writes `row` unless the stored one is as new; also what is stored now.
    ///
    /// Cost: 1 call, 1 WCU per KB, and as much per index entry that changes.
    pub(crate) async fn put(&self, row: Row<'_>) -> Result<(Written, Stamped), BoxError> {
        let item = self.item(&row)?;
        let mut guard = if row.parked.is_some() { FORWARD_OR_HERE } else { FORWARD };
        let older = row.before.revision < row.revision && !row.before.item.is_empty();
        if planted(Bug::UnconditionalRow) && !older || planted(Bug::BackfillOverwrites) && older {
            guard = ANYTHING;
        }
        self.guarded(self.table(row.entity)?, item, guard, (row.revision, row.version)).await
    }

    async fn guarded(&self, table: &str, item: Item, guard: &str, (revision, version): (u32, u64)) -> Result<(Written, Stamped), BoxError> {
        let put = PutItemInput::builder()
            .table_name(table)
            .set_item(Some(item.clone()))
            .condition_expression(guard)
            .expression_attribute_names("#rev", names::REVISION)
            .expression_attribute_names("#ver", names::VERSION)
            .expression_attribute_values(":rev", AttributeValue::N(revision.to_string()))
            .expression_attribute_values(":ver", AttributeValue::N(version.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        match self.client.send(put).await {
            Ok(_) => Ok((Written::Done, Stamped::of(item))),
            Err(error) => match error.into_service_error() {
                PutItemError::ConditionalCheckFailedException(failed) => Ok((Written::Moved, Stamped::of(failed.item.unwrap_or_default()))),
                other => Err(other.into()),
            },
        }
    }

    /// Says on a stored row why its stream waits, and leaves it otherwise as it is; also what is stored now.
    ///
    /// Cost: 1 call, 1 WCU per KB.
    pub(crate) async fn park(
        &self,
        entity: &'static str,
        before: &Stamped,
        parked: AttributeValue,
    ) -> Result<(Written, Stamped), BoxError> {
        let mut item = before.item.clone();
        item.insert(names::PARKED.into(), parked);
        self.guarded(self.table(entity)?, item, AS_IT_WAS, (before.revision, before.version)).await
    }

    fn table(&self, entity: &str) -> Result<&str, BoxError> {
        Ok(found(self.reads.matrix(), entity)?.1.name())
    }

    /// The whole item: content, keys, stamp.
    fn item(&self, row: &Row<'_>) -> Result<Item, BoxError> {
        let (entity, table) = found(self.reads.matrix(), row.entity)?;
        let mut item = row.content.clone().unwrap_or_default();
        let tenant = row.tenant.map(ToString::to_string).or_else(|| row.before.item.get(names::TENANT)?.as_s().ok().cloned());
        if let Some(tenant) = tenant.filter(|_| row.content.is_some()) {
            stamp(&mut item, row.revision, row.version, &tenant.parse::<Tenant>()?);
        } else {
            item.insert(names::REVISION.into(), AttributeValue::N(row.revision.to_string()));
            item.insert(names::VERSION.into(), AttributeValue::N(row.version.to_string()));
        }
        let holes = Params::new().text("id", row.stream.id());
        for (name, key) in spell(entity, table, &item, &holes, row.content.is_none())? {
            item.insert(name, AttributeValue::S(key));
        }
        if let Some(parked) = &row.parked {
            item.insert(names::PARKED.into(), parked.clone());
        }
        Ok(item)
    }
}
