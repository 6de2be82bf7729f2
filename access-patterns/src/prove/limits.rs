//! Sizes at their widest and rates at their peak stay within what AWS allows one key, item, partition or transaction.

use crate::entity::Entity;
use crate::matrix::Matrix;
use crate::pattern::{KeyForm, Operation, Pattern, Write};
use crate::problem::Problems;
use crate::size::Width;

const WIDEST_PARTITION_KEY: usize = 2048;
const WIDEST_SORT_KEY: usize = 1024;
const LARGEST_ITEM: usize = 400 * 1024;
const LARGEST_PAGE: usize = 1024 * 1024;
const MOST_UNPAGED: u64 = 100;
const MOST_IN_TRANSACTION: usize = 100;
const LARGEST_TRANSACTION: usize = 4 * 1024 * 1024;
/// What one partition serves a second.
pub(crate) const PARTITION_READS: f64 = 3000.0;
pub(crate) const PARTITION_WRITES: f64 = 1000.0;

pub(crate) fn prove(matrix: &Matrix, problems: &mut Problems<'_>) {
    for entity in &matrix.entities {
        key_widths(matrix, entity, problems);
        let largest = entity.bytes(Width::Largest);
        if largest > LARGEST_ITEM {
            let what = format!("a {} can be {largest} bytes; DynamoDB holds {LARGEST_ITEM}", entity.name);
            problems.push(&entity.at, "limit", what, "state smaller maximums (typical/most) that the writer keeps to, or split the item");
        }
    }
    for pattern in matrix.patterns() {
        pages(matrix, pattern, problems);
        hottest_read(matrix, pattern, problems);
    }
    for write in &matrix.writes {
        transaction(matrix, write, problems);
        hottest_write(matrix, write, problems);
    }
}

fn key_widths(matrix: &Matrix, entity: &Entity, problems: &mut Problems<'_>) {
    let Some(table) = matrix.table(&entity.table) else { return };
    let width = |key: &str| {
        entity.key_form(key).map_or(0, |form| match form {
            KeyForm::Template(template) => template.max_width(),
            KeyForm::Native { codec, .. } => codec.max_native_width(),
        })
    };
    let keys = table.keys().enumerate().map(|(at, key)| (key, at == 0));
    let keys = keys.chain(table.indexes.iter().flat_map(|index| {
        let partition = index.pk.iter().map(|part| (part.attribute.as_str(), true));
        partition.chain(index.sk.iter().map(|part| (part.attribute.as_str(), false)))
    }));
    for (key, partition) in keys {
        let (widest, allowed) = (width(key), if partition { WIDEST_PARTITION_KEY } else { WIDEST_SORT_KEY });
        if widest > allowed {
            let at = entity.keys.get(key).map_or(&entity.at, |(_, at)| at);
            let what = format!("{key} of {} can be {widest} bytes; DynamoDB allows {allowed}", entity.name);
            problems.push(at, "limit", what, "lower the max of the codecs in it; escaped text counts three times");
        }
    }
}

fn pages(matrix: &Matrix, pattern: &Pattern, problems: &mut Problems<'_>) {
    if pattern.op != Operation::Query || pattern.pages.is_some_and(|pages| pages > 0) {
        return;
    }
    let most = pattern.items[1];
    let bytes = crate::cost::bytes_of_one(matrix, pattern, Width::Typical) as u64;
    if most > MOST_UNPAGED || most * bytes > LARGEST_PAGE as u64 {
        let what = format!("{} can answer {most} items in one piece", pattern.name);
        problems.push(&pattern.at, "unbounded list", what, "write pages = items a page, or items = [typical, at most] of at most 100");
    }
}

fn hottest_read(matrix: &Matrix, pattern: &Pattern, problems: &mut Problems<'_>) {
    let peak = crate::cost::read_peak_of_hottest_key(matrix, pattern);
    if peak > PARTITION_READS {
        let what =
            format!("at its peak {} reads {peak:.0} units a second of one key; a partition serves {PARTITION_READS:.0}", pattern.name);
        problems.push(&pattern.at, "hot key", what, "shard the key and fan out, read smaller pages, or read eventually");
    }
}

fn hottest_write(matrix: &Matrix, write: &Write, problems: &mut Problems<'_>) {
    for (place, units) in crate::cost::write_units_by_place(matrix, write) {
        let peak = units * write.rate[1] * write.hottest;
        if peak > PARTITION_WRITES {
            let what = format!(
                "at its peak {} writes {peak:.0} units a second to one key of {place}; a partition takes {PARTITION_WRITES:.0}",
                write.name
            );
            problems.push(&write.at, "hot key", what, "shard the key, or write smaller items");
        }
    }
}

fn transaction(matrix: &Matrix, write: &Write, problems: &mut Problems<'_>) {
    if write.items.len() > 1 && !write.is_transaction() {
        let next = "use TransactWriteItems or ExecuteTransaction, or declare one write an item";
        problems.push(&write.at, "write", format!("{} writes several items with {}", write.name, write.op), next);
    }
    if write.items.len() > MOST_IN_TRANSACTION {
        let what = format!("{} writes {} items; a transaction takes {MOST_IN_TRANSACTION}", write.name, write.items.len());
        problems.push(&write.at, "limit", what, "split it: each part must hold on its own");
    }
    let bytes: usize = write.items.iter().filter_map(|(_, name, _)| matrix.entity(name)).map(|entity| entity.bytes(Width::Largest)).sum();
    if write.is_transaction() && bytes > LARGEST_TRANSACTION {
        let what = format!("{} can write {bytes} bytes; a transaction takes {LARGEST_TRANSACTION}", write.name);
        problems.push(&write.at, "limit", what, "split it, or state smaller maximums");
    }
}
