//! Proves a matrix without a database: every rule here refuses some matrix, and a test shows which.
//!
//! - [`tables`]: streams, recovery, append-only tables, names, counts of indexes and attributes
//! - [`keys`]: entities' templates are disjoint, fixed, in the indexes that read them and nowhere else
//! - [`patterns`]: each read is one GetItem or Query of a left prefix that stays inside its entity
//! - [`limits`]: sizes and rates at their worst

mod keys;
mod limits;
mod patterns;
mod tables;

pub(crate) use limits::{PARTITION_READS, PARTITION_WRITES};

use crate::matrix::Matrix;
use crate::problem::Problems;

pub(crate) fn matrix(matrix: &Matrix, problems: &mut Problems<'_>) {
    tables::prove(matrix, problems);
    keys::prove(matrix, problems);
    patterns::prove(matrix, problems);
    limits::prove(matrix, problems);
}
