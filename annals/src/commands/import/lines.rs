//! Reads the lines of a retailer's files, and puts those of one invoice together.
//!
//! A line that cannot be read is left out and said, with its file and line; nothing else waits for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annals_kit::{Currency, CustomerId};
use billing::amount::Line;
use billing::decimal::Decimal;
use chrono::NaiveDateTime;
use serde::Deserialize;

use crate::outcome::CouldNotTell;

/// Under whom sales without a customer are.
pub(super) const ANONYMOUS: &str = "retail-anonymous";

/// A line of a file, as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "InvoiceNo")]
    number: String,
    #[serde(rename = "StockCode")]
    item: String,
    #[serde(rename = "Description")]
    what: String,
    #[serde(rename = "Quantity")]
    quantity: String,
    #[serde(rename = "InvoiceDate")]
    at: String,
    #[serde(rename = "UnitPrice")]
    price: String,
    #[serde(rename = "CustomerID")]
    customer: String,
}

/// The lines of one invoice number.
pub(super) struct Document {
    pub(super) number: String,
    pub(super) customer: CustomerId,
    pub(super) at: NaiveDateTime,
    pub(super) lines: Vec<Line>,
}

/// What the files hold.
pub(super) struct Files {
    /// How many files.
    pub(super) count: usize,
    /// In the order in which their numbers come first.
    pub(super) documents: Vec<Document>,
    /// Every line that was left out: file, line, why.
    pub(super) malformed: Vec<String>,
}

impl Document {
    /// Whether it cancels earlier sales.
    pub(super) fn is_cancellation(&self) -> bool {
        self.number.starts_with('C')
    }
}

/// Reads every `*.csv` of a folder, in the order of their names.
pub(super) fn read(folder: &Path, currency: Currency) -> Result<Files, CouldNotTell> {
    let mut files = Files { count: 0, documents: vec![], malformed: vec![] };
    let mut places = BTreeMap::new();
    for path in paths(folder)? {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let bytes = std::fs::read(&path)
            .map_err(|error| CouldNotTell::new(format!("cannot read {}: {error}", path.display()), "nothing was imported"))?;
        let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
        let Some(head) = lines.next().and_then(|(line, _)| fields(line)) else { continue };
        for (line, number) in lines {
            let taken = parse(line, &head, currency).and_then(|one| files.take(&mut places, one));
            if let Err(why) = taken {
                files.malformed.push(format!("{name} line {number}: {why}"));
            }
        }
        files.count += 1;
    }
    Ok(files)
}

/// The fields of one line, by itself: a quote that does not end spoils no other line.
fn fields(line: &[u8]) -> Option<csv::ByteRecord> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    csv::ReaderBuilder::new().has_headers(false).buffer_capacity(512).from_reader(line).into_byte_records().next()?.ok()
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>, CouldNotTell> {
    let shown = folder.display();
    let unreadable = |error: std::io::Error| CouldNotTell::new(format!("cannot read the folder {shown}: {error}"), "nothing was imported");
    let entries = std::fs::read_dir(folder).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    match paths.is_empty() {
        true => Err(CouldNotTell::new(format!("the folder {shown} has no *.csv"), "nothing was imported")),
        false => Ok(paths),
    }
}

/// One line of one document; or why it is none.
fn parse(line: &[u8], head: &csv::ByteRecord, currency: Currency) -> Result<Document, String> {
    let record = fields(line).filter(|record| record.len() == head.len());
    let record = record.ok_or_else(|| format!("it does not have the {} fields of the head", head.len()))?;
    let written: Written = record.deserialize(Some(head)).map_err(|_| "its text is not UTF-8, or the head names other fields")?;
    let digits = written.number.strip_prefix('C').unwrap_or(&written.number);
    let is_number = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_number {
        return Err("InvoiceNo is no number".into());
    }
    if written.what.len() > 200 || written.item.len() > 40 {
        return Err("Description or StockCode is too long".into());
    }
    let quantity = written.quantity.parse().map_err(|_| "Quantity is no whole number")?;
    let unit_price: Decimal = written.price.parse().map_err(|_| "UnitPrice is no decimal with up to six digits behind the point")?;
    let at = NaiveDateTime::parse_from_str(&written.at, "%Y-%m-%d %H:%M:%S").map_err(|_| "InvoiceDate is no time")?;
    let line = Line { what: written.what, item: Some(written.item).filter(|item| !item.is_empty()), quantity, unit_price, share: None };
    line.exact(currency).map_err(|error| error.to_string())?;
    Ok(Document { number: written.number, customer: customer(&written.customer)?, at, lines: vec![line] })
}

/// `17850.0` is customer 17850; none is the anonymous one.
fn customer(text: &str) -> Result<CustomerId, String> {
    let id = match text.strip_suffix(".0").unwrap_or(text) {
        "" => ANONYMOUS.to_owned(),
        id => format!("retail-{id}"),
    };
    id.parse().map_err(|_| "CustomerID is no customer".into())
}

impl Files {
    /// Puts a line to those of its number.
    fn take(&mut self, places: &mut BTreeMap<String, usize>, one: Document) -> Result<(), String> {
        match places.get(&one.number).map(|place| &mut self.documents[*place]) {
            None => {
                places.insert(one.number.clone(), self.documents.len());
                self.documents.push(one);
            }
            Some(document) if document.customer != one.customer => return Err("the invoice has lines of another customer".into()),
            Some(document) => document.lines.extend(one.lines),
        }
        Ok(())
    }
}
