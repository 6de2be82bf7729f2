//! The reads of notifications, one function each. Derived from `access-patterns/notifications.toml`; do not edit.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::{Item, ItemPage, Key, Page, PageRequest, Params, ReadError, Reads};

/// Query of `notifications-log`: `PK = {stream_type}#{stream_id}`.
///
/// Cost: 1 read unit a call, 1822 B to the next; 3.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_newest_first(reads: &Reads, stream_type: &str, stream_id: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id);
    reads.query_page("load_stream_newest_first", &params, limit, after).await
}

/// Query of `notifications-log`: `PK = {stream_type}#{stream_id} and SK >= {version}`.
///
/// Cost: 1 read unit a call, 2580 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_from_version(reads: &Reads, stream_type: &str, stream_id: &str, version: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.query_page("load_stream_from_version", &params, limit, after).await
}

/// Query of `notifications-log`: `PK = {stream_type}#{stream_id} and SK between {version}`.
///
/// Cost: 1 read unit a call, 2580 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_between(reads: &Reads, stream_type: &str, stream_id: &str, version: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).between("version", version.0, version.1);
    reads.query_page("load_stream_between", &params, limit, after).await
}

/// GetItem of `notifications-log`: `PK = {stream_type}#{stream_id} and SK = {version}`.
///
/// Cost: 1 read unit a call, 3338 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_commit(reads: &Reads, stream_type: &str, stream_id: &str, version: u64) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.get_item("get_commit", &params).await
}

/// A Notification, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Notification {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `user_id`.
    pub user_id: String,
    /// `channel`.
    pub channel: String,
    /// `kind`.
    pub kind: String,
    /// `status`.
    pub status: String,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `inbox`.
    pub inbox: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `text`.
    pub text: Option<String>,
    /// `read_at`.
    pub read_at: Option<DateTime<Utc>>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `notifications`: `PK = NOTE#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3487 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_notification(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Notification>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_notification", tenant, &params).await
}

/// GetItem of `notifications`: `PK = NOTE#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3487 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_notification_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Notification>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_notification_strong", tenant, &params).await
}

/// What `list_notifications_by_user` reads of a notification.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListNotificationsByUserRow {
    /// `id`.
    pub id: String,
    /// `user_id`.
    pub user_id: String,
    /// `channel`.
    pub channel: String,
    /// `kind`.
    pub kind: String,
    /// `status`.
    pub status: String,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
}

/// Query of `notifications by GSI1`: `GSI1PK = USER#{user_id} and GSI1SK begins with NOTE#`.
///
/// Cost: 1 read unit a call, 2312 B to the next; 0.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_notifications_by_user(reads: &Reads, tenant: &str, user_id: &str, page: PageRequest) -> Result<Page<ListNotificationsByUserRow>, ReadError> {
    let params = Params::new().value("user_id", user_id);
    reads.page("list_notifications_by_user", tenant, &params, page).await
}

/// What `list_inbox` reads of a notification.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListInboxRow {
    /// `id`.
    pub id: String,
    /// `kind`.
    pub kind: String,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `title`.
    pub title: Option<String>,
    /// `text`.
    pub text: Option<String>,
    /// `read_at`.
    pub read_at: Option<DateTime<Utc>>,
}

/// Query of `notifications by GSI2`: `GSI2PK = INBOX#{inbox} and GSI2SK begins with NOTE#`.
///
/// Cost: 0.5 read units a call, 506 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_inbox(reads: &Reads, tenant: &str, inbox: &str, page: PageRequest) -> Result<Page<ListInboxRow>, ReadError> {
    let params = Params::new().value("inbox", inbox);
    reads.page("list_inbox", tenant, &params, page).await
}

/// What `glance_notification` reads of a notification.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceNotificationRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `notifications`: `PK = NOTE#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3487 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_notification(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceNotificationRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_notification", tenant, &params).await
}

/// GetItem of `notifications`: `PK = WALK#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 68 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_walk(reads: &Reads, id: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get_item("get_walk", &params).await
}

/// Query of `notifications-ledger`: `PK = EPOCHS and SK, where given, <= {epoch}`.
///
/// Cost: 1 read unit a call, 4039 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs_newest_first(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs_newest_first", &params, limit, after).await
}

/// Query of `notifications-ledger`: `PK = EPOCHS and SK, where given, >= {epoch}`.
///
/// Cost: 1 read unit a call, 2386 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs", &params, limit, after).await
}

/// Query of `notifications-ledger`: `PK = {epoch} and SK, where given, <= {position}`.
///
/// Cost: 6 read units a call, 2216 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_newest_first(reads: &Reads, epoch: NaiveDate, position: Option<u64>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new().value("epoch", epoch);
    if let Some(given) = position {
        params = params.value("position", given);
    }
    reads.query_page("ledger_newest_first", &params, limit, after).await
}

/// Query of `notifications-ledger`: `PK = {epoch} and SK >= {position}`.
///
/// Cost: 10 read units a call, 712 B to the next; 6.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_from_position(reads: &Reads, epoch: NaiveDate, position: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).value("position", position);
    reads.query_page("ledger_from_position", &params, limit, after).await
}

/// Query of `notifications-ledger`: `PK = {epoch} and SK between {position}`.
///
/// Cost: 22 read units a call, 672 B to the next; 8.8 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_between(reads: &Reads, epoch: NaiveDate, position: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).between("position", position.0, position.1);
    reads.query_page("ledger_between", &params, limit, after).await
}

/// Scan of `notifications-log`: annals verify checks every hash chain, and annals rebuild folds every stream from what it reads on its way.
///
/// Cost: the whole table, a page a call.
pub async fn verify_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_log", limit, after, segment).await
}

/// Scan of `notifications-log`: the reconciler finds what rows, bus and ledger lack: a lost last record shows no gap.
///
/// Cost: the whole table, a page a call.
pub async fn walk_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("walk_log", limit, after, segment).await
}

/// Scan of `notifications`: annals verify finds rows that have seen commits which their log no longer has.
///
/// Cost: the whole table, a page a call.
pub async fn verify_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_rows", limit, after, segment).await
}

/// Scan of `notifications`: annals projections counts rows and says which streams are parked, and why.
///
/// Cost: the whole table, a page a call.
pub async fn list_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("list_rows", limit, after, segment).await
}
