//! Derives everything that follows from a matrix: files that are committed, and checked to be current.
//!
//! - [`definition`]: what Terraform and the local system create a table from
//! - `matrix.json`: the matrix itself, as functions embed it
//! - [`lock`]: what cannot change in place, and what to do instead
//! - [`markdown`]: every pattern with its keys and costs, for people
//! - [`workbench`]: the model for NoSQL Workbench
//! - [`functions`]: one typed Rust function a pattern
//!
//! Pure: [`crate::disk`] reads and writes the files.

mod definition;
mod functions;
mod lock;
mod markdown;
mod workbench;

use crate::matrix::Matrix;

/// A file that follows from a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Where it is committed, from the workspace's root.
    pub path: String,
    /// What it holds.
    pub content: String,
}

impl Matrix {
    /// Every file that follows from this matrix.
    pub fn derive(&self) -> Vec<Derived> {
        let folder = format!("access-patterns/derived/{}", self.service);
        let tables = self
            .tables
            .iter()
            .map(|table| Derived { path: format!("{folder}/{}.table.json", table.name), content: pretty(&table.definition_json()) });
        let mut files: Vec<Derived> = tables.collect();
        files.push(Derived { path: format!("{folder}/matrix.json"), content: self.resolved_json() });
        files.push(Derived { path: self.lock_path(), content: pretty(&self.lock_json()) });
        files.push(Derived { path: format!("{folder}/patterns.md"), content: self.markdown() });
        files.push(Derived { path: format!("{folder}/workbench.json"), content: pretty(&self.workbench_json()) });
        files.push(Derived { path: format!("platform/reads/src/generated/{}.rs", self.service), content: self.functions() });
        files
    }

    /// The matrix, resolved and proven: what [`crate::billing`] and its like read.
    fn resolved_json(&self) -> String {
        let mut json = serde_json::to_string(self).expect("names, numbers and lists are JSON");
        json.push('\n');
        json
    }

    /// Where the lock is committed, from the workspace's root.
    pub fn lock_path(&self) -> String {
        format!("access-patterns/derived/{}/lock.json", self.service)
    }
}

fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}
