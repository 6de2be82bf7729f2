//! Where secrets are kept: the vault table, whose items can be deleted. Only hashes of what was shown, under the person whose it is.

use std::sync::Arc;

use annals_answers::internal;
use annals_aws::DynamoDb;
use annals_kit::{Clock, Role, Tenant};
use annals_lambda::{Problem, causes};
use annals_reads::{Item, Params, ReadError, Reads};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemInput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use chrono::TimeDelta;
use uuid::Uuid;

use crate::secret::Secret;

/// How long a session lasts, whatever is done with it.
pub const SESSION: TimeDelta = TimeDelta::hours(12);
/// How long a one-time token may be redeemed.
pub const TOKEN: TimeDelta = TimeDelta::minutes(10);

/// What a session or a key opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// The session's or the key's id; not the secret.
    pub id: Uuid,
    /// Whose data.
    pub tenant: Tenant,
    /// As what.
    pub role: Role,
}

/// What a one-time token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show that an address is one's own.
    VerifyEmail,
    /// To accept an invitation.
    AcceptInvitation,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::AcceptInvitation => "accept-invitation",
        }
    }
}

/// What a redeemed token was about.
#[derive(Clone, Debug, PartialEq)]
pub struct Redeemed {
    /// The person or the invitation.
    pub about: Uuid,
    /// Of which organisation.
    pub tenant: Tenant,
}

/// The two kinds of passes, by their sort keys and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person's session.
    Session,
    /// An API key.
    ApiKey,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Session => "SESSION#",
            Self::ApiKey => "SECRET#",
        }
    }

    fn get(self) -> &'static str {
        match self {
            Self::Session => "get_session",
            Self::ApiKey => "get_key_secret",
        }
    }

    fn all(self) -> &'static str {
        match self {
            Self::Session => "sessions_of_user",
            Self::ApiKey => "key_secrets_of_user",
        }
    }
}

/// The secrets of identity.
pub struct Safe {
    dynamodb: DynamoDb,
    reads: Reads,
    table: String,
    clock: Arc<dyn Clock>,
}

impl Safe {
    /// The secrets in this table.
    pub fn new(dynamodb: DynamoDb, reads: Reads, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self { dynamodb, reads, table: table.to_owned(), clock }
    }

    /// The hash of a person's password.
    ///
    /// Cost: 1 call, 1 RCU.
    pub async fn password(&self, user: Uuid) -> Result<Option<String>, Problem> {
        let params = Params::new().text("user_id", user.to_string());
        let item = self.reads.get_item("get_password", &params).await.map_err(unread)?;
        Ok(item.and_then(|item| item.get("hash")?.as_s().ok().cloned()))
    }

    /// Puts the hash of a new person's password; whether there was none.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn first_password(&self, user: Uuid, hash: &str) -> Result<bool, Problem> {
        self.put_password(user, hash, "attribute_not_exists(PK)", None).await
    }

    /// Puts another hash in the place of `before`; whether it was there.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn next_password(&self, user: Uuid, hash: &str, before: &str) -> Result<bool, Problem> {
        self.put_password(user, hash, "hash = :before", Some(before)).await
    }

    async fn put_password(&self, user: Uuid, hash: &str, condition: &str, before: Option<&str>) -> Result<bool, Problem> {
        let mut put = PutItemInput::builder()
            .table_name(&self.table)
            .item("PK", of_user(user))
            .item("SK", text("PASSWORD"))
            .item("hash", text(hash))
            .condition_expression(condition.replace("hash", "#hash"))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(before) = before {
            put = put.expression_attribute_names("#hash", "hash").expression_attribute_values(":before", text(before));
        }
        match self.dynamodb.send(put).await {
            Ok(_) => Ok(true),
            Err(error) if is_refused_put(&error) => Ok(false),
            Err(error) => Err(unwritten(&error)),
        }
    }

    /// Forgets a person's password.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn forget_password(&self, user: Uuid) -> Result<(), Problem> {
        self.delete(of_user(user), text("PASSWORD")).await
    }

    /// Lets who holds `secret` in. A session ends after [`SESSION`]; a key when it is revoked.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn admit(&self, kind: Kind, user: Uuid, secret: &Secret, pass: &Pass) -> Result<(), Problem> {
        let mut put = PutItemInput::builder()
            .table_name(&self.table)
            .item("PK", of_user(user))
            .item("SK", place(kind, &secret.hash()))
            .item("id", text(&pass.id.to_string()))
            .item("tenant", text(pass.tenant.as_str()))
            .item("role", text(pass.role.as_str()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if kind == Kind::Session {
            put = put.item("expires_at", self.in_seconds(SESSION));
        }
        self.dynamodb.send(put).await.map(drop).map_err(|error| unwritten(&error))
    }

    /// What `secret` opens, if it opens something still.
    ///
    /// Cost: 1 call, 1 RCU.
    pub async fn pass(&self, kind: Kind, user: Uuid, secret: &Secret) -> Result<Option<Pass>, Problem> {
        let params = Params::new().text("user_id", user.to_string()).text("secret_hash", secret.hash());
        let item = self.reads.get_item(kind.get(), &params).await.map_err(unread)?;
        // TTL deletes within days: what has expired is not there, whether or not it is deleted.
        Ok(item.filter(|item| kind == Kind::ApiKey || self.is_open(item)).and_then(|item| pass_of(&item)))
    }

    /// Every pass of a person, with the hash of its secret.
    ///
    /// Cost: 1 RCU per 4 KB.
    pub async fn passes(&self, kind: Kind, user: Uuid) -> Result<Vec<(String, Pass)>, Problem> {
        let params = Params::new().text("user_id", user.to_string());
        let items = self.reads.query_all(kind.all(), &params).await.map_err(unread)?;
        let pass = |item: &Item| Some((item.get("SK")?.as_s().ok()?.strip_prefix(kind.prefix())?.to_owned(), pass_of(item)?));
        Ok(items.iter().filter_map(pass).collect())
    }

    /// Lets whoever holds the secret of this hash in no more.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn dismiss(&self, kind: Kind, user: Uuid, hash: &str) -> Result<(), Problem> {
        self.delete(of_user(user), place(kind, hash)).await
    }

    /// Gives a pass another role, if it is still there.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn set_role(&self, kind: Kind, user: Uuid, hash: &str, role: Role) -> Result<(), Problem> {
        let update = UpdateItemInput::builder()
            .table_name(&self.table)
            .key("PK", of_user(user))
            .key("SK", place(kind, hash))
            .update_expression("SET #role = :role")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":role", text(role.as_str()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.dynamodb.send(update).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => Ok(()),
            Err(error) => Err(unwritten(&error)),
        }
    }

    /// Makes `secret` a token that can be redeemed once, within [`TOKEN`].
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn mint(&self, secret: &Secret, purpose: Purpose, about: Uuid, tenant: &Tenant) -> Result<(), Problem> {
        let put = PutItemInput::builder()
            .table_name(&self.table)
            .item("PK", text(&format!("TOKEN#{}", secret.hash())))
            .item("SK", text("TOKEN"))
            .item("purpose", text(purpose.as_str()))
            .item("about", text(&about.to_string()))
            .item("tenant", text(tenant.as_str()))
            .item("expires_at", self.in_seconds(TOKEN))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.dynamodb.send(put).await.map(drop).map_err(|error| unwritten(&error))
    }

    /// What a token is about, if it is good: it stays so.
    ///
    /// Cost: 1 call, 1 RCU.
    pub async fn peek(&self, secret: &Secret, purpose: Purpose) -> Result<Option<Redeemed>, Problem> {
        let params = Params::new().text("secret_hash", secret.hash());
        let item = self.reads.get_item("get_token", &params).await.map_err(unread)?;
        let is_good = |item: &Item| {
            self.is_open(item) && item.get("purpose").and_then(|value| value.as_s().ok()).is_some_and(|found| found == purpose.as_str())
        };
        Ok(item.filter(is_good).as_ref().and_then(redeemed))
    }

    /// Redeems a token: who deletes it has it, and nobody after them. `None` where it is not there, has expired or is for something else.
    ///
    /// Cost: 1 call, 1 WCU.
    pub async fn redeem(&self, secret: &Secret, purpose: Purpose) -> Result<Option<Redeemed>, Problem> {
        let delete = DeleteItemInput::builder()
            .table_name(&self.table)
            .key("PK", text(&format!("TOKEN#{}", secret.hash())))
            .key("SK", text("TOKEN"))
            .condition_expression("purpose = :purpose AND expires_at > :now")
            .expression_attribute_values(":purpose", text(purpose.as_str()))
            .expression_attribute_values(":now", AttributeValue::N(self.clock.now().seconds().to_string()))
            .return_values(ReturnValue::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.dynamodb.send(delete).await {
            Ok(answer) => Ok(answer.attributes().and_then(redeemed)),
            Err(error) if matches!(error.as_service_error(), Some(DeleteItemError::ConditionalCheckFailedException(_))) => Ok(None),
            Err(error) => Err(unwritten(&error)),
        }
    }

    async fn delete(&self, pk: AttributeValue, sk: AttributeValue) -> Result<(), Problem> {
        let delete = DeleteItemInput::builder().table_name(&self.table).key("PK", pk).key("SK", sk);
        let delete = delete.return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.dynamodb.send(delete).await.map(drop).map_err(|error| unwritten(&error))
    }

    fn in_seconds(&self, time: TimeDelta) -> AttributeValue {
        AttributeValue::N(self.clock.now().plus(time).seconds().to_string())
    }

    fn is_open(&self, item: &Item) -> bool {
        let until = item.get("expires_at").and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse::<i64>().ok());
        until.is_some_and(|until| until > self.clock.now().seconds())
    }
}

fn pass_of(item: &Item) -> Option<Pass> {
    let field = |name: &str| item.get(name)?.as_s().ok();
    Some(Pass { id: field("id")?.parse().ok()?, tenant: field("tenant")?.parse().ok()?, role: field("role")?.parse().ok()? })
}

fn redeemed(item: &Item) -> Option<Redeemed> {
    let field = |name: &str| item.get(name)?.as_s().ok();
    Some(Redeemed { about: field("about")?.parse().ok()?, tenant: field("tenant")?.parse().ok()? })
}

fn of_user(user: Uuid) -> AttributeValue {
    text(&format!("USER#{user}"))
}

fn place(kind: Kind, hash: &str) -> AttributeValue {
    text(&format!("{}{hash}", kind.prefix()))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn is_refused_put<R>(error: &SdkError<PutItemError, R>) -> bool {
    matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_)))
}

fn unread(error: ReadError) -> Problem {
    match error {
        ReadError::Busy { .. } => Problem::busy(),
        other => internal(&other),
    }
}

/// Writes here are harmless to repeat: the caller is asked to.
fn unwritten(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = causes(error), "the vault could not be written");
    Problem::new(503, "busy", "it may or may not have been carried out; try again in a moment")
}
