//! Answers as JSON Lines: one object a row, its members in the order of the columns.

use std::io::Write;

use annals_log::BoxError;
use serde_json::Value;

use crate::answer::{Cell, Column, Go, Row, Sink};

/// Writes rows as JSON Lines.
pub struct JsonLines<W> {
    to: W,
    columns: &'static [Column],
}

impl<W: Write> JsonLines<W> {
    /// Rows of these columns go to `to`.
    pub fn new(to: W, columns: &'static [Column]) -> Self {
        Self { to, columns }
    }

    /// What it wrote to.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        writeln!(self.to, "{}", object(self.columns, &row))?;
        Ok(Go::On)
    }
}

/// A row as an object, as text: its members keep their order.
pub fn object(columns: &[Column], row: &[Cell]) -> String {
    let member = |(column, cell): (&Column, &Cell)| format!("{}:{}", Value::from(column.name), cell.to_json());
    let members: Vec<_> = columns.iter().zip(row).map(member).collect();
    format!("{{{}}}", members.join(","))
}
