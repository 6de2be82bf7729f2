//! Billing's rules as stories, as laws against plain models, and the stored form of every event.

mod account_laws;
mod account_stories;
mod change_laws;
mod change_stories;
mod credit_stories;
mod golden;
mod invoice_laws;
mod invoice_stories;
mod provider_stories;
mod subscription_laws;
mod subscription_stories;
