//! How many times something may be tried, counted in the vault before it is tried, so that tries side by side count as well.
//!
//! Nobody is locked out by others: tries are counted by account and where they come from, so that a stranger's tries are their own; and in all
//! by account, for those who come from many places. Who has logged in before has a mark of their device, which counts apart from both.

use std::sync::Arc;

use annals_answers::read_problem;
use annals_aws::DynamoDb;
use annals_kit::Clock;
use annals_lambda::{Problem, causes};
use annals_reads::{Item, Params, Reads};
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};

/// How long a window of counting is.
const WINDOW_SECONDS: i64 = 900;

/// How often something may be tried in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u64);

/// From one place, for one account; and from one device that its owner has used.
pub const FROM_ONE_PLACE: Limit = Limit(10);
/// From all places that are not known, for one account.
pub const FROM_EVERYWHERE: Limit = Limit(100);
/// New accounts and invitations by one place or member.
pub const NEW_ACCOUNTS: Limit = Limit(50);
/// Links to one address, whoever asks for them.
pub const LINKS: Limit = Limit(5);

/// Counts tries.
pub struct Attempts {
    dynamodb: DynamoDb,
    reads: Reads,
    table: String,
    clock: Arc<dyn Clock>,
}

impl Attempts {
    /// Counts in this table.
    pub fn new(dynamodb: DynamoDb, reads: Reads, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self { dynamodb, reads, table: table.to_owned(), clock }
    }

    /// Counts a try of `subject`, and refuses with 429 where there were as many as may be.
    ///
    /// Cost: 2 calls, 0.5 RCU and 1 WCU; what is refused anyway writes nothing.
    pub async fn count(&self, subject: &[u8; 32], limit: Limit) -> Result<(), Problem> {
        let now = self.clock.now().seconds();
        let window = now.div_euclid(WINDOW_SECONDS);
        let subject: String = subject.iter().map(|byte| format!("{byte:02x}")).collect();
        let params = Params::new().text("subject", &subject).number("window", window.unsigned_abs());
        let before = self.reads.get_item("get_attempts", &params).await.map_err(|error| read_problem(error, "attempts"))?;
        let refused = || {
            let wait = (window + 1) * WINDOW_SECONDS - now;
            Problem::new(429, "too-many-attempts", format!("too many attempts; try again in {wait} seconds"))
        };
        if number(before.as_ref()).is_some_and(|counted| counted >= limit.0) {
            return Err(refused());
        }
        let update = UpdateItemInput::builder()
            .table_name(&self.table)
            .key("PK", AttributeValue::S(format!("ATTEMPTS#{subject}")))
            .key("SK", AttributeValue::S(format!("{window:020}")))
            .update_expression("SET n = if_not_exists(n, :none) + :one, expires_at = :end")
            .expression_attribute_values(":none", AttributeValue::N("0".into()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .expression_attribute_values(":end", AttributeValue::N(((window + 1) * WINDOW_SECONDS).to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.dynamodb.send(update).await.map_err(|error| {
            tracing::warn!(error = causes(&error), "an attempt could not be counted");
            Problem::busy()
        })?;
        let counted = number(answer.attributes()).unwrap_or(u64::MAX);
        if counted <= limit.0 { Ok(()) } else { Err(refused()) }
    }
}

fn number(item: Option<&Item>) -> Option<u64> {
    item?.get("n")?.as_n().ok()?.parse().ok()
}
