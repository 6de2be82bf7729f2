//! Answers as CSV (RFC 4180), safe to open in a spreadsheet: text that a spreadsheet would compute is given a leading apostrophe.
//!
//! Numbers are left as they are: a negative amount is no formula. A column of times holds UTC with microseconds.

use std::io::Write;

use annals_log::BoxError;

use crate::answer::{Cell, Column, Go, Row, Sink};

/// What makes a spreadsheet compute a cell (OWASP, "CSV Injection"), wide forms included.
const FORMULAS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Writes rows as CSV, under a line of names.
pub struct Csv<W>(W);

impl<W: Write> Csv<W> {
    /// Writes the names.
    pub fn new(mut to: W, columns: &[Column]) -> std::io::Result<Self> {
        let names: Vec<_> = columns.iter().map(|column| column.name).collect();
        write!(to, "{}\r\n", names.join(","))?;
        Ok(Self(to))
    }

    /// What it wrote to.
    pub fn into_inner(self) -> W {
        self.0
    }
}

impl<W: Write + Send> Sink for Csv<W> {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        let fields: Vec<_> = row.iter().map(field).collect();
        write!(self.0, "{}\r\n", fields.join(","))?;
        Ok(Go::On)
    }
}

fn field(cell: &Cell) -> String {
    let text = match cell {
        Cell::Text(_) | Cell::Json(_) => neutral(cell.to_text()),
        Cell::Nothing | Cell::Integer(_) | Cell::Decimal(_) | Cell::Time(_) => cell.to_text(),
    };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// The text, which no spreadsheet takes for a formula.
fn neutral(text: String) -> String {
    if text.starts_with(FORMULAS) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::columns;

    fn written(rows: Vec<Row>) -> String {
        let mut csv = Csv::new(vec![], columns!["a": Text, "b": Decimal]).unwrap();
        for row in rows {
            csv.row(row).unwrap();
        }
        String::from_utf8(csv.into_inner()).unwrap()
    }

    #[test]
    fn formulas_are_text_and_numbers_are_numbers() {
        let amount = || Cell::of(crate::amount::Decimal::of_minor(-1250, 2));
        let rows = ["=1+1", "@SUM(A1)", "\tx", "-2", "a,\"b\"", "＝1"].map(|text| vec![Cell::text(text), amount()]);
        let expected = "a,b\r\n'=1+1,-12.50\r\n'@SUM(A1),-12.50\r\n'\tx,-12.50\r\n'-2,-12.50\r\n\"a,\"\"b\"\"\",-12.50\r\n'＝1,-12.50\r\n";
        assert_eq!(written(rows.into()), expected);
    }

    proptest! {
        /// Law: no text becomes a field that a spreadsheet computes, and none becomes two.
        #[test]
        fn no_text_is_a_formula(text in any::<String>()) {
            let line = written(vec![vec![Cell::Text(text), Cell::Nothing]]);
            let field = line.strip_prefix("a,b\r\n").unwrap();
            let begins = field.strip_prefix('"').unwrap_or(field);
            prop_assert!(!begins.starts_with(FORMULAS) || begins.starts_with('\r'), "{:?}", field);
            let outside = field.split('"').step_by(2).collect::<String>();
            prop_assert_eq!(outside.matches(',').count(), 1);
        }
    }
}
