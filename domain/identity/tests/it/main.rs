//! Identity's rules as stories, as laws against plain models, and the stored form of every event.

mod golden;
mod laws;
mod stories;
