//! Notifications' projection: one row a notification. The fold is in `domain/notifications/src/rows.rs`.

use annals_kit::{Recorded, StreamId};
use annals_projection::Projection;
use notifications::email::EmailEvent;
use notifications::rows::NotificationRow;

/// `PK=NOTE#<id> SK=META`, by user on GSI1.
pub struct Notifications;

impl Projection for Notifications {
    const NAME: &'static str = "notifications";
    const STREAM_TYPE: &'static str = "NOTE";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Notification";
    const GATE: &'static str = "get_notification_strong";
    const GLANCE: &'static str = "glance_notification";
    type Event = EmailEvent;
    type Row = NotificationRow;

    fn fold(_: &StreamId, row: Option<NotificationRow>, event: &EmailEvent, recorded: Recorded) -> Option<NotificationRow> {
        NotificationRow::fold(row, event, recorded)
    }
}
