//! Subscriptions: what a customer pays for, how much and how often; how far it is invoiced, and whether it is past due.
//!
//! - `events`: what happens to one, the words that are stored and published
//! - `terms`: what is agreed, and what it comes to
//! - `state`: what its history folds to, and what is due next
//! - `commands`: beginning it, and keeping up with its days and its invoices
//! - `changes`: changing it, ending it, taking it up again; [`proration`]: what that comes to in the middle of a period
//! - `provider`: following the payment provider, where it has the subscription

mod changes;
mod commands;
mod events;
pub mod proration;
mod provider;
mod state;
mod terms;

pub use changes::{CancelSubscription, ChangeRefusal, ChangeSubscription, Offer, ReactivateSubscription, Unused, When};
pub use commands::{
    AdvanceSubscription, CreateRefusal, CreateSubscription, FollowInvoice, PeriodRefusal, RecordPeriodInvoiced, SettleAdjustment, Standing,
    UnknownSubscription,
};
pub use events::{
    Adjustment, AdjustmentSettled, Arrears, CancelReason, CancellationScheduled, CancellationWithdrawn, ChangeScheduled, PeriodInvoiced,
    ProviderStateTaken, SubscriptionCancelled, SubscriptionChanged, SubscriptionCreated, SubscriptionEvent, SubscriptionReactivated,
    TrialEnded,
};
pub use provider::{AtProvider, FollowProvider, FollowRefusal};
pub use state::{Agreement, Due, Subscription};
pub use terms::Terms;
