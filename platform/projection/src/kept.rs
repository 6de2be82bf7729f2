//! Keeps how far a walk has come between two runs of a function, in one item beside the rows.

use annals_aws::DynamoDb;
use annals_log::BoxError;
use annals_reads::{Item, Params, Reads, Value};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};

use crate::walk::Walk;

/// The entity in the matrix, and its one id.
const ENTITY: &str = "Walk";
const ID: &str = "log";
/// How often a write without an answer is tried.
const TRIES: u32 = 3;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Counts the writes: a second instance that walks finds out.
    step: u64,
    pub(crate) walk: Walk,
    /// Someone asked for a walk when this one had begun: another follows.
    #[serde(default)]
    pub(crate) again: bool,
}

/// The item of one service.
pub(crate) struct Keeper {
    client: DynamoDb,
    reads: Reads,
}

impl Kept {
    pub(crate) fn first(walk: Walk) -> Self {
        Self { step: 0, walk, again: false }
    }
}

impl Keeper {
    pub(crate) fn new(client: DynamoDb, reads: Reads) -> Self {
        Self { client, reads }
    }

    /// What the last run left. An item of another form counts as none: the walk begins again.
    ///
    /// Cost: 1 call, 1 RCU per 4 KB.
    pub(crate) async fn load(&self) -> Result<Option<Kept>, BoxError> {
        let item = self.reads.get_item("get_walk", &Params::new().text("id", ID)).await?;
        Ok(item.and_then(|item| {
            let read = serde_dynamo::from_item(item);
            read.inspect_err(|error| tracing::warn!(%error, "what the last run left cannot be read: the walk begins again")).ok()
        }))
    }

    /// Stores the next step; false where another instance has stored it first.
    ///
    /// Cost: 1 call, 1 WCU per KB.
    pub(crate) async fn store(&self, kept: &mut Kept) -> Result<bool, BoxError> {
        let before = kept.step;
        kept.step += 1;
        let (table, item) = self.item(kept)?;
        let mut tries = 0;
        loop {
            let put = PutItemInput::builder()
                .table_name(table)
                .set_item(Some(item.clone()))
                .condition_expression("attribute_not_exists(PK) OR #step = :before")
                .expression_attribute_names("#step", "step")
                .expression_attribute_values(":before", AttributeValue::N(before.to_string()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            tries += 1;
            match self.client.send(put).await.map_err(|error| error.into_service_error()) {
                Ok(_) => return Ok(true),
                // An earlier try of ours may have been written, and its answer lost.
                Err(PutItemError::ConditionalCheckFailedException(failed)) => return Ok(failed.item == Some(item)),
                Err(other) if tries == TRIES => return Err(other.into()),
                Err(_) => {}
            }
        }
    }

    fn item(&self, kept: &Kept) -> Result<(&str, Item), BoxError> {
        let entity = self.reads.matrix().entity(ENTITY).ok_or("the matrix has no Walk")?;
        let mut item: Item = serde_dynamo::to_item(kept)?;
        let id = Value::Text(ID.to_owned());
        for (name, template) in entity.keys() {
            let key = template.render(|_| Some(&id)).map_err(|(hole, error)| format!("{name} of {ENTITY}: {hole} {error}"))?;
            item.insert(name.to_owned(), AttributeValue::S(key));
        }
        Ok((entity.table(), item))
    }
}
