//! Prints answers row by row: for people, as JSON, as CSV.

use std::io::{self, BufWriter, Stdout, Write};

use annals_audit::answer::{Go, Row};
use annals_audit::csv::Csv;
use annals_audit::jsonl::JsonLines;
use annals_audit::{Cell, Column, History, Kind, Question, Sink, Told};
use annals_log::BoxError;

use super::{failed, say_told, summary};
use crate::cli::audit::Audit;
use crate::commands::stream::plain;
use crate::outcome::{CouldNotTell, say};

/// Prints the rows as they come, then what the answer says.
pub(super) async fn rows(options: &Audit, history: &History, question: &Question) -> Result<Told, CouldNotTell> {
    let (to, columns) = (BufWriter::new(io::stdout()), question.columns());
    if options.csv {
        let mut csv = Csv::new(to, columns).map_err(CouldNotTell::reading)?;
        let told = history.ask(question, &mut csv).await.map_err(failed)?;
        flush(csv.into_inner());
        eprintln!("{}", summary(&told));
        return Ok(told);
    }
    if options.json {
        let mut lines = JsonLines::new(to, columns);
        let told = history.ask(question, &mut lines).await.map_err(failed)?;
        flush(lines.into_inner());
        say(told.to_json());
        return Ok(told);
    }
    let mut text = Text { to, columns, indented: matches!(question, Question::Correlation { .. }) };
    let told = history.ask(question, &mut text).await.map_err(failed)?;
    flush(text.to);
    say_told(&told);
    if let Some(populations) = told.facts.get("populations").and_then(|value| value.as_array()) {
        populations.iter().for_each(say_population);
    }
    if let Some(ledgers) = told.facts.get("ledgers").and_then(|value| value.as_array()) {
        ledgers.iter().for_each(say_extended);
    }
    Ok(told)
}

/// A reader that has gone away, such as `head`, is no reason to fail.
fn flush(mut to: BufWriter<Stdout>) {
    let _ = to.flush();
}

fn say_population(population: &serde_json::Value) {
    let fact = |name: &str| plain(&population[name]);
    say(format_args!("  {}: {} entries, positions {} to {}, no gaps", fact("service"), fact("count"), fact("first"), fact("last")));
    let (before, after) = (fact("recorded_before"), fact("sequenced_after"));
    say(format_args!("    {before} recorded before the period, {after} recorded in it and sequenced after"));
    say(format_args!("    tree size {}, root {}", fact("tree_size"), fact("root")));
}

fn say_extended(ledger: &serde_json::Value) {
    let fact = |when: &str, name: &str| plain(&ledger[when][name]);
    say(format_args!(
        "  {}: checkpoint {} {} begins with {} {}, signed before that",
        plain(&ledger["service"]),
        fact("now", "size"),
        fact("now", "root"),
        fact("before", "size"),
        fact("before", "root")
    ));
}

/// Rows for people: a line each, empty values left out, values that are not plain named.
struct Text {
    to: BufWriter<Stdout>,
    columns: &'static [Column],
    indented: bool,
}

impl Sink for Text {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        let depth = if self.indented { row.first().and_then(depth).unwrap_or(0) } else { 0 };
        let mut parts = vec![];
        for (column, cell) in self.columns.iter().zip(&row) {
            let text = plain(&cell.to_text().into());
            match (column.name, cell) {
                ("depth" | "hash" | "command", _) | (_, Cell::Nothing) => {}
                ("from", _) => parts.push(format!("from {text}")),
                ("to", _) => parts.push(format!("to {text}")),
                ("position" | "correlation" | "detail" | "count" | "tenant" | "because_of", _) => {
                    parts.push(format!("{} {text}", column.name))
                }
                ("version", _) => parts.push(format!("v{text}")),
                _ if column.kind == Kind::Json => parts.push(format!("{} {text}", column.name)),
                _ => parts.push(text),
            }
        }
        // What has gone away does not take the rest; the question goes on to its end, as its answer is the exit code.
        let _ = writeln!(self.to, "{}{}", "  ".repeat(depth), parts.join("  "));
        Ok(Go::On)
    }
}

fn depth(cell: &Cell) -> Option<usize> {
    match cell {
        Cell::Integer(depth) => usize::try_from(*depth).ok(),
        _ => None,
    }
}
