//! Notifications' projection: one row a notification. The fold is in `domain/notifications/src/rows.rs`.

use annals_kit::{Recorded, StreamId};
use annals_projection::Projection;
use notifications::note::NoteEvent;
use notifications::rows::NotificationRow;

/// `PK=NOTE#<id> SK=META`, by user on GSI1, by inbox on GSI2.
pub struct Notifications;

impl Projection for Notifications {
    const NAME: &'static str = "notifications";
    const STREAM_TYPE: &'static str = "NOTE";
    // 2: by which way, and what lies in inboxes.
    const REVISION: u32 = 2;
    const ENTITY: &'static str = "Notification";
    const GATE: &'static str = "get_notification_strong";
    const GLANCE: &'static str = "glance_notification";
    type Event = NoteEvent;
    type Row = NotificationRow;

    fn fold(_: &StreamId, row: Option<NotificationRow>, event: &NoteEvent, recorded: Recorded) -> Option<NotificationRow> {
        NotificationRow::fold(row, event, recorded)
    }
}
