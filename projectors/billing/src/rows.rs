//! Billing's projections: one row per subscription, invoice, plan and kept webhook. The folds are in `domain/billing/src/rows`.

use annals_kit::{Recorded, StreamId};
use annals_projection::Projection;
use billing::invoice::InvoiceEvent;
use billing::price_book::PlanEvent;
use billing::rows::{InvoiceRow, PlanRow, SubscriptionRow, WebhookRow};
use billing::subscription::SubscriptionEvent;
use billing::webhook::WebhookEvent;

/// `PK=SUB#<id> SK=META`, by customer on GSI1; on GSI2 while the schedule has something to do about it.
pub struct Subscriptions;

impl Projection for Subscriptions {
    const NAME: &'static str = "subscriptions";
    const STREAM_TYPE: &'static str = "SUB";
    const REVISION: u32 = 3;
    const ENTITY: &'static str = "Subscription";
    const GATE: &'static str = "get_subscription_strong";
    const GLANCE: &'static str = "glance_subscription";
    type Event = SubscriptionEvent;
    type Row = SubscriptionRow;

    fn fold(_: &StreamId, row: Option<SubscriptionRow>, event: &SubscriptionEvent, recorded: Recorded) -> Option<SubscriptionRow> {
        SubscriptionRow::fold(row, event, recorded)
    }
}

/// `PK=INV#<id> SK=META`, by subscription on GSI1; on GSI2 while in dunning, on GSI3 while past due or uncollectible.
pub struct Invoices;

impl Projection for Invoices {
    const NAME: &'static str = "invoices";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 3;
    const ENTITY: &'static str = "Invoice";
    const GATE: &'static str = "get_invoice_strong";
    const GLANCE: &'static str = "glance_invoice";
    type Event = InvoiceEvent;
    type Row = InvoiceRow;

    fn fold(_: &StreamId, row: Option<InvoiceRow>, event: &InvoiceEvent, recorded: Recorded) -> Option<InvoiceRow> {
        InvoiceRow::fold(row, event, recorded)
    }
}

/// `PK=PLAN#<id> SK=META`, by tenant on GSI1.
pub struct Plans;

impl Projection for Plans {
    const NAME: &'static str = "plans";
    const STREAM_TYPE: &'static str = "PLAN";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Plan";
    const GATE: &'static str = "get_plan_strong";
    const GLANCE: &'static str = "glance_plan";
    type Event = PlanEvent;
    type Row = PlanRow;

    fn fold(_: &StreamId, row: Option<PlanRow>, event: &PlanEvent, recorded: Recorded) -> Option<PlanRow> {
        PlanRow::fold(row, event, recorded)
    }
}

/// `PK=HOOK#<id> SK=META`, by tenant and disposition on GSI1.
pub struct Webhooks;

impl Projection for Webhooks {
    const NAME: &'static str = "webhooks";
    const STREAM_TYPE: &'static str = "HOOK";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Webhook";
    const GATE: &'static str = "get_webhook_strong";
    const GLANCE: &'static str = "glance_webhook";
    type Event = WebhookEvent;
    type Row = WebhookRow;

    fn fold(stream: &StreamId, row: Option<WebhookRow>, event: &WebhookEvent, recorded: Recorded) -> Option<WebhookRow> {
        WebhookRow::fold(stream.id(), row, event, recorded)
    }
}
