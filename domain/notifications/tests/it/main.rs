//! Notifications' domain: what was stored is read for ever, and rows follow from it.

mod golden;
mod rows;
