//! Billing's rules as stories, as laws against plain models, and the stored form of every event.

mod golden;
mod invoice_laws;
mod invoice_stories;
mod subscription_laws;
