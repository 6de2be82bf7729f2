//! Billing's projector: subscriptions, invoices and webhooks, from log to rows to bus.
