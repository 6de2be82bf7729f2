//! From what became of commands and reads to what a caller over HTTP is told, alike in every service.
//!
//! - [`command_problem`], [`read_problem`], [`load_problem`], [`internal`]: statuses and codes of what went wrong
//! - [`View`]: one row, and one page of a list, as a request asks for them
//! - [`request_bytes`]: what a command's request says, for its hash

mod problem;
mod request;
mod view;

pub use problem::{command_problem, internal, load_problem, read_problem};
pub use request::request_bytes;
pub use view::{PAGE_DEFAULT, PAGE_MOST, Page, RowRead, Shown, View};
