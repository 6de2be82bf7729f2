//! Derives what each index must hold from the patterns that read it, and no more.

use crate::entity::Entity;
use crate::matrix::Matrix;
use crate::pattern::Pattern;
use crate::table::Projection;

/// The attributes that the reads' own checks need in every answer: whose row it is, and whether it has ever been folded.
pub(crate) const CHECKED: [&str; 2] = ["tenant", "ver"];

pub(crate) fn derive(matrix: &mut Matrix) {
    for at in 0..matrix.tables.len() {
        let table = &matrix.tables[at];
        let projections: Vec<Projection> = table.indexes.iter().map(|index| needed(matrix, &table.name, &index.name)).collect();
        for (index, projection) in matrix.tables[at].indexes.iter_mut().zip(projections) {
            index.projection = projection;
        }
    }
}

fn needed(matrix: &Matrix, table: &str, index: &str) -> Projection {
    let mut attributes: Vec<String> = Vec::new();
    for pattern in matrix.patterns().filter(|pattern| pattern.table == table && pattern.index.as_deref() == Some(index)) {
        let Some(projection) = &pattern.projection else { return Projection::All };
        attributes.extend(projection.iter().filter(|name| !pattern.key_attributes.contains(name)).cloned());
    }
    attributes.sort();
    attributes.dedup();
    if attributes.is_empty() { Projection::KeysOnly } else { Projection::Include(attributes) }
}

/// What a pattern asks for: its `reads`, what the checks need, and the keys that page tokens are made of.
pub(crate) fn asked(pattern: &Pattern, entity: Option<&Entity>) -> Option<Vec<String>> {
    let reads = pattern.reads.as_ref()?;
    let mut asked: Vec<String> = reads.iter().map(|(name, _)| name.clone()).collect();
    let checked = CHECKED.iter().filter(|name| entity.is_some_and(|entity| entity.attribute(name).is_some_and(|a| a.stored)));
    for name in checked.map(|name| (*name).to_owned()).chain(pattern.key_attributes.iter().cloned()) {
        if !asked.contains(&name) {
            asked.push(name);
        }
    }
    Some(asked)
}
