//! Keys of different entities never meet, never change, and exist only where a pattern reads them.

use crate::entity::Entity;
use crate::matrix::Matrix;
use crate::pattern::KeyForm;
use crate::problem::Problems;
use crate::table::Table;

pub(crate) fn prove(matrix: &Matrix, problems: &mut Problems<'_>) {
    for entity in &matrix.entities {
        let Some(table) = matrix.table(&entity.table) else { continue };
        complete(entity, table, problems);
        fixed(entity, table, problems);
        in_index_for_a_reason(matrix, entity, table, problems);
        if !matrix.patterns().any(|pattern| pattern.entity.as_ref() == Some(&entity.name)) {
            problems.push(&entity.at, "entity unreached", format!("no pattern reads {}", entity.name), "add a pattern of it, or remove it");
        }
    }
    for (name, (_, at)) in &matrix.codecs {
        let used = matrix
            .entities
            .iter()
            .any(|entity| entity.attributes().any(|attribute| attribute.codec.as_ref().is_some_and(|(codec, _)| codec == name)));
        if !used {
            problems.push(at, "codec unused", format!("nothing is spelt by {name}"), "remove it");
        }
    }
    for table in &matrix.tables {
        let keys: Vec<&str> = table.keys().collect();
        disjoint(matrix, table, &table.name, &keys, problems);
        for index in &table.indexes {
            let keys: Vec<&str> = index.keys().collect();
            disjoint(matrix, table, &index.name, &keys, problems);
            if !matrix.patterns().any(|pattern| pattern.table == table.name && pattern.index.as_ref() == Some(&index.name)) {
                problems.push(
                    &index.at,
                    "index unused",
                    format!("no pattern reads {}, but every write pays for it", index.name),
                    "add a pattern that needs it, or remove it",
                );
            }
        }
    }
}

/// Every key attribute that has a template is a key of something, and the table's keys all have one.
fn complete(entity: &Entity, table: &Table, problems: &mut Problems<'_>) {
    for key in table.keys().filter(|key| !entity.keys.contains_key(*key)) {
        problems.push(
            &entity.at,
            "key missing",
            format!("{} has no {key}, a key of {}", entity.name, table.name),
            format!("add {key} = \"...\" to its keys"),
        );
    }
    for (key, (_, at)) in &entity.keys {
        let known = table.keys().any(|name| name == key) || table.indexes.iter().any(|index| index.keys().any(|name| name == key));
        if !known {
            problems.push(
                at,
                "key unknown",
                format!("{key} is a key of neither {} nor an index of it", table.name),
                "remove it, or add the index",
            );
        }
    }
    for index in &table.indexes {
        let has = |key: &str| entity.keys.contains_key(key) || entity.attributes.get(key).is_some_and(|attribute| attribute.stored);
        let templated = index.keys().any(|key| entity.keys.contains_key(key));
        if templated && let Some(missing) = index.keys().find(|key| !has(key)) {
            let what = format!("{} has a part of {}'s key but no {missing}, so it is not in the index", entity.name, index.name);
            problems.push(&entity.at, "key missing", what, format!("add {missing}, or remove the other part"));
        }
    }
}

/// What a key is made of is there when the item is first written, and never changes.
fn fixed(entity: &Entity, table: &Table, problems: &mut Problems<'_>) {
    // Of an index that moves, keys alone are exempt: what is also a key of the table or of another index is not.
    let settled =
        |key: &str| table.keys().any(|name| name == key) || table.indexes.iter().any(|i| !i.moving && i.keys().any(|name| name == key));
    let holes = entity.keys.iter().filter(|(key, _)| settled(key));
    let holes = holes.flat_map(|(key, (template, _))| template.holes().map(move |hole| (key.as_str(), hole, true)));
    let natives = table.indexes.iter().filter(|index| !index.moving && entity.is_in(index)).flat_map(|index| index.keys());
    let natives = natives.filter(|key| !entity.keys.contains_key(*key)).map(|key| (key, key, false));
    for (key, part, templated) in holes.chain(natives) {
        let Some(attribute) = entity.attribute(part) else { continue };
        if attribute.mutable {
            let what = format!("{part} may change, but {key} of {} is made of it: the item would have to move", entity.name);
            problems.push(
                &attribute.at,
                "mutable key",
                what,
                "take mut away, key on something that does not change, or say moving = true of the index",
            );
        }
        if attribute.optional && templated {
            let what = format!("{part} may be absent, but {key} of {} is made of it", entity.name);
            problems.push(
                &attribute.at,
                "optional key",
                what,
                "take optional away, take it out of the key, or say moving = true of the index",
            );
        }
    }
}

fn in_index_for_a_reason(matrix: &Matrix, entity: &Entity, table: &Table, problems: &mut Problems<'_>) {
    for index in table.indexes.iter().filter(|index| entity.is_in(index)) {
        let read =
            matrix.patterns().any(|pattern| pattern.entity.as_ref() == Some(&entity.name) && pattern.index.as_ref() == Some(&index.name));
        if !read {
            let what =
                format!("{} has entries in {}, which no pattern of it reads: every write of it pays for them", entity.name, index.name);
            let next = format!(
                "add a pattern of {} by {}, or take {} from it",
                entity.name,
                index.name,
                index.keys().collect::<Vec<_>>().join(" and ")
            );
            problems.push(&entity.at, "index by accident", what, next);
        }
    }
}

/// No two entities can write the same key of `place`.
fn disjoint(matrix: &Matrix, table: &Table, place: &str, keys: &[&str], problems: &mut Problems<'_>) {
    let entities: Vec<(&Entity, Vec<KeyForm>)> = matrix
        .entities
        .iter()
        .filter(|entity| entity.table == table.name)
        .filter_map(|entity| Some((entity, keys.iter().map(|key| entity.key_form(key)).collect::<Option<Vec<_>>>()?)))
        .collect();
    for (at, (entity, forms)) in entities.iter().enumerate() {
        for (other, others) in &entities[..at] {
            if forms.iter().zip(others).all(|(form, other)| may_meet(form, other)) {
                let what =
                    format!("a {} and a {} can have the same key in {place}: a read of one would find the other", other.name, entity.name);
                problems.push(&entity.at, "key spaces meet", what, "start one of their templates with another word");
            }
        }
    }
}

/// Whether one key attribute can have the same value in both. Errs towards yes.
pub(crate) fn may_meet(a: &KeyForm, b: &KeyForm) -> bool {
    match (a, b) {
        (KeyForm::Template(a), KeyForm::Template(b)) => a.overlaps(b),
        _ => true,
    }
}
