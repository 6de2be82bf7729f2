//! What every table must have, and what AWS allows one to have.

use crate::matrix::Matrix;
use crate::pattern::Change;
use crate::problem::Problems;
use crate::table::{Projection, Table};

const MOST_INDEXES: usize = 20;
const MOST_PROJECTED: usize = 100;
const MOST_KEY_PARTS: usize = 4;

pub(crate) fn prove(matrix: &Matrix, problems: &mut Problems<'_>) {
    if !(matrix.utilisation > 0.0 && matrix.utilisation <= 1.0) {
        problems.push(
            &(0..0),
            "utilisation",
            "defaults.utilisation is not a share of capacity",
            "write a number above 0 and at most 1, such as 0.7",
        );
    }
    if crate::cost::prices(&matrix.prices).is_none() {
        let known: Vec<&str> = crate::cost::PRICE_LISTS.iter().map(|(name, _)| *name).collect();
        problems.push(
            &(0..0),
            "prices",
            format!("the price list {} is not known", matrix.prices),
            format!("use one of {}", known.join(", ")),
        );
    }
    for table in &matrix.tables {
        kept(table, problems);
        append_only(matrix, table, problems);
        counts(table, problems);
        if !matrix.entities.iter().any(|entity| entity.table == table.name) {
            problems.push(&table.at, "table unused", format!("no entity lives in {}", table.name), "add an entity to it, or remove it");
        }
    }
}

fn kept(table: &Table, problems: &mut Problems<'_>) {
    if table.stream.is_none() {
        problems.push(
            &table.at,
            "stream",
            format!("{} has no stream", table.name),
            "write stream = \"NEW_AND_OLD_IMAGES\", or KEYS_ONLY for a vault",
        );
    }
    match table.pitr_days {
        Some(1..=35) => {}
        Some(days) => {
            problems.push(&table.at, "recovery", format!("AWS keeps no recovery window of {days} days"), "write pitr_days = 1 to 35")
        }
        None => problems.push(
            &table.at,
            "recovery",
            format!("{} cannot be recovered to a point in time", table.name),
            "write pitr_days = 35, or fewer for a vault",
        ),
    }
}

fn append_only(matrix: &Matrix, table: &Table, problems: &mut Problems<'_>) {
    if !table.append_only {
        return;
    }
    if let Some(ttl) = &table.ttl {
        problems.push(
            &table.at,
            "append only",
            format!("{} is append only, but time-to-live on {ttl} deletes from it", table.name),
            "remove ttl",
        );
    }
    for entity in matrix.entities.iter().filter(|entity| entity.table == table.name) {
        if !entity.immutable || entity.attributes().any(|attribute| attribute.mutable) {
            problems.push(
                &entity.at,
                "append only",
                format!("{} may change, but {} is append only", entity.name, table.name),
                "write immutable = true and no attribute as mut, or move it to another table",
            );
        }
        for write in &matrix.writes {
            if write.items.iter().any(|(change, name, _)| *name == entity.name && *change != Change::Insert) {
                problems.push(
                    &write.at,
                    "append only",
                    format!("{} writes {} other than by insert", write.name, entity.name),
                    "use insert: IAM cannot tell a conditional put from an overwrite",
                );
            }
        }
    }
}

fn counts(table: &Table, problems: &mut Problems<'_>) {
    for (name, at) in std::iter::once((&table.name, &table.at)).chain(table.indexes.iter().map(|index| (&index.name, &index.at))) {
        let fits = (3..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !fits {
            problems.push(at, "name", format!("AWS takes no table or index named \"{name}\""), "use 3 to 255 of A-Z a-z 0-9 _ . -");
        }
    }
    if table.indexes.len() > MOST_INDEXES {
        let what = format!("{} has {} indexes; AWS allows {MOST_INDEXES}", table.name, table.indexes.len());
        problems.push(&table.at, "limit", what, "overload an index: give several entities templates for the same key attributes");
    }
    let projected: usize =
        table.indexes.iter().map(|index| if let Projection::Include(names) = &index.projection { names.len() } else { 0 }).sum();
    if projected > MOST_PROJECTED {
        let what = format!("the indexes of {} hold {projected} attributes beside keys; AWS allows {MOST_PROJECTED} in all", table.name);
        problems.push(&table.at, "limit", what, "read fewer attributes, or read \"*\" through the widest index: ALL does not count");
    }
    for index in &table.indexes {
        if index.pk.is_empty() || index.pk.len() > MOST_KEY_PARTS || index.sk.len() > MOST_KEY_PARTS {
            let what = format!("{} keys on {} and {} attributes; AWS allows 1 to 4 and 0 to 4", index.name, index.pk.len(), index.sk.len());
            problems.push(&index.at, "limit", what, "join attributes in a template");
        }
    }
}
