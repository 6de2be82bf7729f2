//! The reads of identity, one function each. Derived from `access-patterns/identity.toml`; do not edit.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::{Item, ItemPage, Key, Page, PageRequest, Params, ReadError, Reads};

/// Query of `users-log`: `PK = {stream_type}#{stream_id}`.
///
/// Cost: 2 read units a call, 16 B to the next; 4.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_newest_first(reads: &Reads, stream_type: &str, stream_id: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id);
    reads.query_page("load_stream_newest_first", &params, limit, after).await
}

/// Query of `users-log`: `PK = {stream_type}#{stream_id} and SK >= {version}`.
///
/// Cost: 1 read unit a call, 2052 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_from_version(reads: &Reads, stream_type: &str, stream_id: &str, version: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.query_page("load_stream_from_version", &params, limit, after).await
}

/// Query of `users-log`: `PK = {stream_type}#{stream_id} and SK between {version}`.
///
/// Cost: 1 read unit a call, 1030 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_between(reads: &Reads, stream_type: &str, stream_id: &str, version: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).between("version", version.0, version.1);
    reads.query_page("load_stream_between", &params, limit, after).await
}

/// GetItem of `users-log`: `PK = {stream_type}#{stream_id} and SK = {version}`.
///
/// Cost: 1 read unit a call, 3074 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_commit(reads: &Reads, stream_type: &str, stream_id: &str, version: u64) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.get_item("get_commit", &params).await
}

/// A User, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct User {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `status`.
    pub status: String,
    /// `email`.
    pub email: Option<serde_json::Value>,
    /// `name`.
    pub name: Option<serde_json::Value>,
    /// `email_hash`.
    pub email_hash: Option<String>,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `verified_at`.
    pub verified_at: Option<String>,
    /// `erased_at`.
    pub erased_at: Option<String>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = USER#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3503 B to the next; 1.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_user(reads: &Reads, tenant: &str, id: &str) -> Result<Option<User>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_user", tenant, &params).await
}

/// GetItem of `users`: `PK = USER#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3503 B to the next; 1.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_user_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<User>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_user_strong", tenant, &params).await
}

/// What `list_users_by_email` reads of a user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListUsersByEmailRow {
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `status`.
    pub status: String,
    /// `email`.
    pub email: Option<serde_json::Value>,
    /// `name`.
    pub name: Option<serde_json::Value>,
    /// `email_hash`.
    pub email_hash: Option<String>,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `verified_at`.
    pub verified_at: Option<String>,
}

/// Query of `users by GSI2`: `GSI2PK = EMAIL#{email_hash} and GSI2SK begins with USER#`.
///
/// Cost: 0.5 read units a call, 3629 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_users_by_email(reads: &Reads, tenant: &str, email_hash: &str, page: PageRequest) -> Result<Page<ListUsersByEmailRow>, ReadError> {
    let params = Params::new().value("email_hash", email_hash);
    reads.page("list_users_by_email", tenant, &params, page).await
}

/// An Organisation, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Organisation {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `name`.
    pub name: String,
    /// `members`.
    pub members: i64,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = ORG#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3784 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_organisation(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Organisation>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_organisation", tenant, &params).await
}

/// GetItem of `users`: `PK = ORG#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3784 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_organisation_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Organisation>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_organisation_strong", tenant, &params).await
}

/// What `list_members` reads of a member.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListMembersRow {
    /// `organisation_id`.
    pub organisation_id: String,
    /// `user_id`.
    pub user_id: String,
    /// `role`.
    pub role: String,
    /// `joined_at`.
    pub joined_at: DateTime<Utc>,
}

/// Query of `users`: `PK = ORG#{organisation_id} and SK begins with MEMBER#`.
///
/// Cost: 0.5 read units a call, 2416 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_members(reads: &Reads, tenant: &str, organisation_id: &str, page: PageRequest) -> Result<Page<ListMembersRow>, ReadError> {
    let params = Params::new().value("organisation_id", organisation_id);
    reads.page("list_members", tenant, &params, page).await
}

/// A Member, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Member {
    /// `tenant`.
    pub tenant: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `user_id`.
    pub user_id: String,
    /// `role`.
    pub role: String,
    /// `joined_at`.
    pub joined_at: DateTime<Utc>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `owner`.
    pub owner: String,
}

/// GetItem of `users`: `PK = ORG#{organisation_id} and SK = MEMBER#{user_id}`.
///
/// Cost: 1 read unit a call, 3760 B to the next; 2.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_member(reads: &Reads, tenant: &str, organisation_id: &str, user_id: &str) -> Result<Option<Member>, ReadError> {
    let params = Params::new().value("organisation_id", organisation_id).value("user_id", user_id);
    reads.get("get_member", tenant, &params).await
}

/// An Invitation, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Invitation {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `role`.
    pub role: String,
    /// `status`.
    pub status: String,
    /// `email`.
    pub email: Option<serde_json::Value>,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `user_id`.
    pub user_id: Option<String>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = INVITE#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3578 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_invitation(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Invitation>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_invitation", tenant, &params).await
}

/// GetItem of `users`: `PK = INVITE#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3578 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_invitation_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Invitation>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_invitation_strong", tenant, &params).await
}

/// What `list_invitations` reads of an invitation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListInvitationsRow {
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `role`.
    pub role: String,
    /// `status`.
    pub status: String,
    /// `email`.
    pub email: Option<serde_json::Value>,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `user_id`.
    pub user_id: Option<String>,
}

/// Query of `users by GSI1`: `GSI1PK = ORG#{organisation_id} and GSI1SK begins with INVITE#`.
///
/// Cost: 0.5 read units a call, 2866 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_invitations(reads: &Reads, tenant: &str, organisation_id: &str, page: PageRequest) -> Result<Page<ListInvitationsRow>, ReadError> {
    let params = Params::new().value("organisation_id", organisation_id);
    reads.page("list_invitations", tenant, &params, page).await
}

/// An ApiKey, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ApiKey {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `user_id`.
    pub user_id: String,
    /// `name`.
    pub name: String,
    /// `role`.
    pub role: String,
    /// `status`.
    pub status: String,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `revoked_at`.
    pub revoked_at: Option<String>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = KEY#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3573 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_api_key(reads: &Reads, tenant: &str, id: &str) -> Result<Option<ApiKey>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_api_key", tenant, &params).await
}

/// GetItem of `users`: `PK = KEY#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3573 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_api_key_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<ApiKey>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_api_key_strong", tenant, &params).await
}

/// What `list_api_keys_by_user` reads of an apikey.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListApiKeysByUserRow {
    /// `id`.
    pub id: String,
    /// `organisation_id`.
    pub organisation_id: String,
    /// `user_id`.
    pub user_id: String,
    /// `name`.
    pub name: String,
    /// `role`.
    pub role: String,
    /// `status`.
    pub status: String,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `revoked_at`.
    pub revoked_at: Option<String>,
}

/// Query of `users by GSI1`: `GSI1PK = USER#{user_id} and GSI1SK begins with KEY#`.
///
/// Cost: 0.5 read units a call, 3266 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_api_keys_by_user(reads: &Reads, tenant: &str, user_id: &str, page: PageRequest) -> Result<Page<ListApiKeysByUserRow>, ReadError> {
    let params = Params::new().value("user_id", user_id);
    reads.page("list_api_keys_by_user", tenant, &params, page).await
}

/// A Contact, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Contact {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `status`.
    pub status: String,
    /// `email`.
    pub email: Option<serde_json::Value>,
    /// `name`.
    pub name: Option<serde_json::Value>,
    /// `set_at`.
    pub set_at: DateTime<Utc>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = CONTACT#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3675 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_contact(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Contact>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_contact", tenant, &params).await
}

/// GetItem of `users`: `PK = CONTACT#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3675 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_contact_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Contact>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_contact_strong", tenant, &params).await
}

/// GetItem of `users-vault`: `PK = KEY#{subject} and SK = KEY`.
///
/// Cost: 1 read unit a call, 3907 B to the next; 3.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_person_key(reads: &Reads, subject: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("subject", subject);
    reads.get_item("get_person_key", &params).await
}

/// GetItem of `users-vault`: `PK = USER#{user_id} and SK = PASSWORD`.
///
/// Cost: 1 read unit a call, 3938 B to the next; 0.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_password(reads: &Reads, user_id: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("user_id", user_id);
    reads.get_item("get_password", &params).await
}

/// GetItem of `users-vault`: `PK = USER#{user_id} and SK = SESSION#{secret_hash}`.
///
/// Cost: 1 read unit a call, 3900 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_session(reads: &Reads, user_id: &str, secret_hash: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("user_id", user_id).value("secret_hash", secret_hash);
    reads.get_item("get_session", &params).await
}

/// GetItem of `users-vault`: `PK = USER#{user_id} and SK = SECRET#{secret_hash}`.
///
/// Cost: 1 read unit a call, 3917 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_key_secret(reads: &Reads, user_id: &str, secret_hash: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("user_id", user_id).value("secret_hash", secret_hash);
    reads.get_item("get_key_secret", &params).await
}

/// GetItem of `users-vault`: `PK = TOKEN#{secret_hash} and SK = TOKEN`.
///
/// Cost: 1 read unit a call, 3933 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_token(reads: &Reads, secret_hash: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("secret_hash", secret_hash);
    reads.get_item("get_token", &params).await
}

/// GetItem of `users-vault`: `PK = ATTEMPTS#{subject} and SK = {window}`.
///
/// Cost: 0.5 read units a call, 3964 B to the next; 5.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_attempts(reads: &Reads, subject: &str, window: u64) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("subject", subject).value("window", window);
    reads.get_item("get_attempts", &params).await
}

/// Query of `users-vault`: `PK = USER#{user_id} and SK begins with SESSION#`.
///
/// Cost: 1 read unit a call, 3508 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn sessions_of_user(reads: &Reads, user_id: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("user_id", user_id);
    reads.query_page("sessions_of_user", &params, limit, after).await
}

/// Query of `users-vault`: `PK = USER#{user_id} and SK begins with SECRET#`.
///
/// Cost: 1 read unit a call, 3738 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn key_secrets_of_user(reads: &Reads, user_id: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("user_id", user_id);
    reads.query_page("key_secrets_of_user", &params, limit, after).await
}

/// What `glance_user` reads of a user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceUserRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = USER#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3503 B to the next; 5.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_user(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceUserRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_user", tenant, &params).await
}

/// What `glance_organisation` reads of an organisation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceOrganisationRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = ORG#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3784 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_organisation(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceOrganisationRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_organisation", tenant, &params).await
}

/// What `glance_invitation` reads of an invitation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceInvitationRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = INVITE#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3578 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_invitation(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceInvitationRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_invitation", tenant, &params).await
}

/// What `glance_api_key` reads of an apikey.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceApiKeyRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = KEY#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3573 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_api_key(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceApiKeyRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_api_key", tenant, &params).await
}

/// What `glance_contact` reads of a contact.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceContactRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `users`: `PK = CONTACT#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3675 B to the next; 5.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_contact(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceContactRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_contact", tenant, &params).await
}

/// GetItem of `users`: `PK = STAMP#{stream_type}#{stream_id} and SK = {slot}`.
///
/// Cost: 1 read unit a call, 3379 B to the next; 0.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_stamp(reads: &Reads, stream_type: &str, stream_id: &str, slot: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("slot", slot);
    reads.get_item("get_stamp", &params).await
}

/// GetItem of `users`: `PK = STAMP#{stream_type}#{stream_id} and SK = {slot}`.
///
/// Cost: 0.5 read units a call, 3379 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_stamp(reads: &Reads, stream_type: &str, stream_id: &str, slot: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("slot", slot);
    reads.get_item("glance_stamp", &params).await
}

/// GetItem of `users`: `PK = WALK#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 68 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_walk(reads: &Reads, id: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get_item("get_walk", &params).await
}

/// Query of `users-ledger`: `PK = EPOCHS and SK, where given, <= {epoch}`.
///
/// Cost: 1 read unit a call, 4039 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs_newest_first(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs_newest_first", &params, limit, after).await
}

/// Query of `users-ledger`: `PK = EPOCHS and SK, where given, >= {epoch}`.
///
/// Cost: 1 read unit a call, 2386 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs", &params, limit, after).await
}

/// Query of `users-ledger`: `PK = {epoch} and SK, where given, <= {position}`.
///
/// Cost: 6 read units a call, 2216 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_newest_first(reads: &Reads, epoch: NaiveDate, position: Option<u64>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new().value("epoch", epoch);
    if let Some(given) = position {
        params = params.value("position", given);
    }
    reads.query_page("ledger_newest_first", &params, limit, after).await
}

/// Query of `users-ledger`: `PK = {epoch} and SK >= {position}`.
///
/// Cost: 10 read units a call, 712 B to the next; 6.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_from_position(reads: &Reads, epoch: NaiveDate, position: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).value("position", position);
    reads.query_page("ledger_from_position", &params, limit, after).await
}

/// Query of `users-ledger`: `PK = {epoch} and SK between {position}`.
///
/// Cost: 22 read units a call, 672 B to the next; 8.8 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_between(reads: &Reads, epoch: NaiveDate, position: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).between("position", position.0, position.1);
    reads.query_page("ledger_between", &params, limit, after).await
}

/// Scan of `users-log`: annals verify checks every hash chain, and annals rebuild folds every stream from what it reads on its way.
///
/// Cost: the whole table, a page a call.
pub async fn verify_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_log", limit, after, segment).await
}

/// Scan of `users-log`: the reconciler finds what rows, bus and ledger lack: a lost last record shows no gap.
///
/// Cost: the whole table, a page a call.
pub async fn walk_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("walk_log", limit, after, segment).await
}

/// Scan of `users`: annals verify finds rows that have seen commits which their log no longer has.
///
/// Cost: the whole table, a page a call.
pub async fn verify_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_rows", limit, after, segment).await
}

/// Scan of `users`: annals projections counts rows and says which streams are parked, and why.
///
/// Cost: the whole table, a page a call.
pub async fn list_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("list_rows", limit, after, segment).await
}
