//! Answers as Parquet: times are UTC microseconds, amounts decimals of 4 digits behind the point, everything else text or whole numbers.
//!
//! The plainest form there is (ADR 0032): uncompressed, PLAIN, one page a column and row group, every column optional. DuckDB and pandas read it in
//! the second lane.

use std::io::Write;

use annals_log::BoxError;

use crate::amount::SCALE;
use crate::answer::{Cell, Column, Go, Kind, Row, Sink};
use crate::thrift::{Struct, varint};

/// Rows of one row group: what is held in memory.
const GROUP: usize = 8_192;
const MAGIC: &[u8] = b"PAR1";
/// Digits that 16 bytes hold.
const PRECISION: i32 = 38;
const DECIMAL_BYTES: i32 = 16;

// Numbers of the format's enums: physical types, encodings, converted types.
const INT64: i32 = 2;
const BYTE_ARRAY: i32 = 6;
const FIXED_LEN_BYTE_ARRAY: i32 = 7;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const UTF8: i32 = 0;
const DECIMAL: i32 = 5;
const TIMESTAMP_MICROS: i32 = 10;
const JSON: i32 = 19;
const OPTIONAL: i32 = 1;

/// Writes rows as Parquet.
pub struct Parquet<W> {
    to: W,
    columns: &'static [Column],
    rows: Vec<Row>,
    written: u64,
    total: u64,
    groups: Vec<Struct>,
}

impl<W: Write> Parquet<W> {
    /// Rows of these columns go to `to`.
    pub fn new(mut to: W, columns: &'static [Column]) -> Result<Self, BoxError> {
        to.write_all(MAGIC)?;
        Ok(Self { to, columns, rows: vec![], written: MAGIC.len() as u64, total: 0, groups: vec![] })
    }

    /// What it wrote to, after the end of the file.
    pub fn into_inner(mut self) -> Result<W, BoxError> {
        self.group()?;
        let mut schema = vec![Struct::new().text(4, "answer").i32(5, self.columns.len() as i32)];
        schema.extend(self.columns.iter().map(element));
        let groups = std::mem::take(&mut self.groups);
        let footer = Struct::new().i32(1, 1).structs(2, schema).i64(3, self.total as i64).structs(4, groups).text(6, "annals").end();
        self.to.write_all(&footer)?;
        self.to.write_all(&u32::try_from(footer.len())?.to_le_bytes())?;
        self.to.write_all(MAGIC)?;
        Ok(self.to)
    }

    /// Writes the rows that are held as a row group.
    fn group(&mut self) -> Result<(), BoxError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let (begin, mut chunks) = (self.written, vec![]);
        for (place, column) in self.columns.iter().enumerate() {
            chunks.push(self.chunk(column, rows.iter().map(|row| &row[place]))?);
        }
        let bytes = (self.written - begin) as i64;
        self.groups.push(Struct::new().structs(1, chunks).i64(2, bytes).i64(3, rows.len() as i64));
        self.total += rows.len() as u64;
        Ok(())
    }

    /// Writes one column of a row group; what the footer says of it.
    fn chunk<'a>(&mut self, column: &Column, cells: impl Iterator<Item = &'a Cell> + Clone) -> Result<Struct, BoxError> {
        let (count, page) = (cells.clone().count() as i64, page(column.kind, cells));
        let size = i32::try_from(page.len())?;
        let of_page = Struct::new().i32(1, i32::try_from(count)?).i32(2, PLAIN).i32(3, RLE).i32(4, RLE);
        let header = Struct::new().i32(1, 0).i32(2, size).i32(3, size).inner(5, of_page).end();
        let (offset, bytes) = (self.written as i64, (header.len() + page.len()) as i64);
        self.to.write_all(&header)?;
        self.to.write_all(&page)?;
        self.written += bytes as u64;
        let described = Struct::new().i32(1, physical(column.kind)).i32s(2, &[PLAIN, RLE]).texts(3, &[column.name]).i32(4, 0);
        let described = described.i64(5, count).i64(6, bytes).i64(7, bytes).i64(9, offset);
        Ok(Struct::new().i64(2, offset).inner(3, described))
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        self.rows.push(row);
        if self.rows.len() == GROUP {
            self.group()?;
        }
        Ok(Go::On)
    }
}

fn physical(kind: Kind) -> i32 {
    match kind {
        Kind::Text | Kind::Json => BYTE_ARRAY,
        Kind::Integer | Kind::Time => INT64,
        Kind::Decimal => FIXED_LEN_BYTE_ARRAY,
    }
}

/// A column in the schema.
fn element(column: &Column) -> Struct {
    let element = Struct::new().i32(1, physical(column.kind));
    let element = if column.kind == Kind::Decimal { element.i32(2, DECIMAL_BYTES) } else { element };
    let element = element.i32(3, OPTIONAL).text(4, column.name);
    let scale = SCALE as i32;
    match column.kind {
        Kind::Integer => element,
        Kind::Text => element.i32(6, UTF8).inner(10, Struct::new().inner(1, Struct::new())),
        Kind::Json => element.i32(6, JSON).inner(10, Struct::new().inner(12, Struct::new())),
        Kind::Time => {
            let micros = Struct::new().inner(2, Struct::new());
            element.i32(6, TIMESTAMP_MICROS).inner(10, Struct::new().inner(8, Struct::new().yes(1).inner(2, micros)))
        }
        Kind::Decimal => {
            let decimal = Struct::new().i32(1, scale).i32(2, PRECISION);
            element.i32(6, DECIMAL).i32(7, scale).i32(8, PRECISION).inner(10, Struct::new().inner(5, decimal))
        }
    }
}

/// The body of a page: for each row whether there is a value, in runs, then the values that there are.
fn page<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell> + Clone) -> Vec<u8> {
    let (mut runs, mut run) = (Vec::new(), None::<(bool, u64)>);
    for there in cells.clone().map(|cell| *cell != Cell::Nothing) {
        run = match run {
            Some((same, length)) if same == there => Some((same, length + 1)),
            ended => {
                ended.iter().for_each(|run| write_run(&mut runs, *run));
                Some((there, 1))
            }
        };
    }
    run.iter().for_each(|run| write_run(&mut runs, *run));
    let mut page = (runs.len() as u32).to_le_bytes().to_vec();
    page.extend(runs);
    cells.for_each(|cell| value(&mut page, kind, cell));
    page
}

fn write_run(bytes: &mut Vec<u8>, (there, length): (bool, u64)) {
    varint(bytes, length << 1);
    bytes.push(u8::from(there));
}

fn value(bytes: &mut Vec<u8>, kind: Kind, cell: &Cell) {
    match (kind, cell) {
        (_, Cell::Nothing) => {}
        (Kind::Integer | Kind::Time, Cell::Integer(number)) => bytes.extend(number.to_le_bytes()),
        (Kind::Integer | Kind::Time, Cell::Time(time)) => bytes.extend(time.micros().to_le_bytes()),
        (Kind::Decimal, Cell::Decimal(decimal)) => bytes.extend(decimal.unscaled().to_be_bytes()),
        (Kind::Json, cell) => text(bytes, &cell.to_json().to_string()),
        (Kind::Text, cell) => text(bytes, &cell.to_text()),
        (kind, cell) => unreachable!("a column of {kind:?} holds no {cell:?}"),
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::columns;

    /// Laid out as the files that pyarrow 26 and DuckDB 2.0 have read.
    #[test]
    fn a_small_file_is_these_bytes() {
        let mut parquet = Parquet::new(vec![], columns!["n": Integer, "s": Text]).unwrap();
        for (n, s) in [(Cell::Integer(7), Cell::text("a")), (Cell::Nothing, Cell::text("bc"))] {
            parquet.row(vec![n, s]).unwrap();
        }
        let bytes = parquet.into_inner().unwrap();
        assert_eq!(&bytes[..4], MAGIC);
        // The first page: its header, 4 bytes of runs (one there, one not), 7.
        let page = [4u8, 0, 0, 0, 2, 1, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        assert!(bytes.windows(page.len()).any(|window| window == page));
        let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
        assert!(footer < bytes.len() && bytes.ends_with(MAGIC));
    }
}
