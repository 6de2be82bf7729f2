//! The matrix: tables, indexes, entities, and every read and write of one service, resolved.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::entity::Entity;
use crate::pattern::{Operation, Pattern, Write};
use crate::placeless;
use crate::problem::At;
use crate::table::Table;

/// One service's matrix, proven. See [`Matrix::parse`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Matrix {
    pub(crate) file: String,
    pub(crate) service: String,
    pub(crate) utilisation: f64,
    pub(crate) prices: String,
    #[serde(with = "placeless::map")]
    pub(crate) codecs: IndexMap<String, (Codec, At)>,
    pub(crate) tables: Vec<Table>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) reads: IndexMap<String, Pattern>,
    pub(crate) writes: Vec<Write>,
}

impl Matrix {
    /// The service, as in `service = "billing"`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The price list that costs are stated in.
    pub fn prices(&self) -> &str {
        &self.prices
    }

    /// The share of a table's capacity that peaks may use.
    pub fn utilisation(&self) -> f64 {
        self.utilisation
    }

    /// The tables, in the order of the file.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The entities, in the order of the file.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The entity of this name.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// The GetItem and Query patterns, in the order of the file.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.reads.values().filter(|pattern| pattern.op != Operation::Scan)
    }

    /// The declared maintenance scans.
    pub fn scans(&self) -> impl Iterator<Item = &Pattern> {
        self.reads.values().filter(|pattern| pattern.op == Operation::Scan)
    }

    /// The pattern or scan of this name.
    pub fn pattern(&self, name: &str) -> Option<&Pattern> {
        self.reads.get(name)
    }

    /// What commands and projectors write.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

impl Matrix {
    /// The same matrix with every table's name after `prefix`: for several environments in one account.
    pub fn with_table_prefix(&self, prefix: &str) -> Self {
        let mut matrix = self.clone();
        let rename = |name: &mut String| *name = format!("{prefix}{name}");
        matrix.tables.iter_mut().for_each(|table| rename(&mut table.name));
        matrix.entities.iter_mut().for_each(|entity| rename(&mut entity.table));
        matrix.reads.values_mut().for_each(|pattern| rename(&mut pattern.table));
        matrix
    }
}
