//! Billing's projector on real stream events: whatever is delivered, in whatever order, rows are folds and the bus has every event.

mod binary;
mod delivery;
mod fixture;
mod following;
mod money;
mod reconciling;
mod stories;
