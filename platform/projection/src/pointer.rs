//! Which revision of totals readers see: the old one, until the whole log has been folded at the new one.

use access_patterns::Params;
use annals_log::BoxError;
use annals_reads::{Item, ReadError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use crate::follower::Follower;
use crate::keys::place;
use crate::projection::{Stamped, names};

/// The entity in the matrix.
const ENTITY: &str = "Pointer";
/// What readers see before any pointer was written: revisions begin here.
const FIRST: u32 = 1;

impl Follower {
    /// The revision of totals that readers see; of rows, which are replaced in place, the code's.
    ///
    /// Cost: 1 RCU.
    pub async fn served(&self) -> Result<u32, ReadError> {
        if !self.has_totals() {
            return Ok(self.projection().revision());
        }
        let item = self.deps().reads.get_item("get_pointer", &self.pointer()).await?;
        Ok(item.map_or(FIRST, |item| Stamped::of(item).revision))
    }

    /// Lets readers see the totals of this code's revision, unless they see a newer one.
    ///
    /// Cost: none at the first revision; otherwise 1 RCU, and 1 WCU where the pointer moves.
    pub(crate) async fn serve(&self) -> Result<(), BoxError> {
        let revision = self.projection().revision();
        if revision == FIRST || self.served().await? >= revision {
            return Ok(());
        }
        let number = AttributeValue::N(revision.to_string());
        let item = Item::from([(names::REVISION.to_owned(), number.clone())]);
        let placed = place(self.deps().reads.matrix(), ENTITY, item, &self.pointer())?;
        let put = PutItemInput::builder().table_name(placed.table).set_item(Some(placed.item));
        let put = put.condition_expression("attribute_not_exists(PK) OR #rev < :rev").expression_attribute_names("#rev", names::REVISION);
        let put = put.expression_attribute_values(":rev", number).return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.deps().dynamodb.send(put).await.map_err(|error| error.into_service_error()) {
            // Someone else has moved it as far, or further.
            Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn pointer(&self) -> Params {
        Params::new().text("projection", self.projection().name())
    }
}
