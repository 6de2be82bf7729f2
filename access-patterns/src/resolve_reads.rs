//! Resolves reads and writes: which entity, index and keys each is about.

use toml::Spanned;

use crate::codec::Codec;
use crate::entity::{Attribute, Entity};
use crate::pattern::{Change, Operation, Pattern, Write};
use crate::problem::Problems;
use crate::projection;
use crate::resolve::undefined;
use crate::source;
use crate::spec;
use crate::table::Table;

pub(crate) fn pattern(
    name: &source::Text,
    source: &source::Pattern,
    tables: &[Table],
    entities: &[Entity],
    problems: &mut Problems<'_>,
) -> Option<Pattern> {
    let op = match source.op.get_ref().as_str() {
        "GetItem" => Operation::GetItem,
        "Query" => Operation::Query,
        other => {
            problems.push(
                &source.op.span(),
                "operation",
                format!("\"{other}\" is not an operation of a pattern: each is exactly one GetItem or Query"),
                "use GetItem or Query; declare maintenance scans under [scan]",
            );
            return None;
        }
    };
    let Some(entity) = entities.iter().find(|entity| entity.name == *source.of.get_ref()) else {
        undefined(&source.of, "entity", entities.iter().map(|entity| entity.name.as_str()), problems);
        return None;
    };
    let table = tables.iter().find(|table| table.name == entity.table)?;
    let index = match &source.index {
        Some(index) => match table.index(index.get_ref()) {
            Some(found) => Some(found),
            None => {
                undefined(index, "index", table.indexes.iter().map(|index| index.name.as_str()), problems);
                return None;
            }
        },
        None => None,
    };
    let (pk, sk): (Vec<&str>, Vec<&str>) = match index {
        Some(index) => {
            (index.pk.iter().map(|part| part.attribute.as_str()).collect(), index.sk.iter().map(|part| part.attribute.as_str()).collect())
        }
        None => (vec![table.pk.as_str()], table.sk.as_deref().into_iter().collect()),
    };
    let mut form = |attribute: &str| match entity.key_form(attribute) {
        Some(form) => Some((attribute.to_owned(), form)),
        None => {
            problems.push(
                &source.index.as_ref().map_or_else(|| source.of.span(), Spanned::span),
                "not in the index",
                format!(
                    "{} has no {attribute}, so it is not in {}",
                    entity.name,
                    index.map_or(table.name.as_str(), |index| index.name.as_str())
                ),
                format!("add {attribute} to the keys or attrs of [entity.{}]", entity.name),
            );
            None
        }
    };
    let pk = pk.into_iter().map(&mut form).collect::<Option<Vec<_>>>()?;
    let sk = sk.into_iter().map(&mut form).collect::<Option<Vec<_>>>()?;
    let strong = consistency(source.consistency.as_ref(), problems)?;
    let descending = match source.order.as_ref().map(|order| (order.get_ref().as_str(), order)) {
        None | Some(("asc", _)) => false,
        Some(("desc", _)) => true,
        Some((other, order)) => {
            problems.push(&order.span(), "order", format!("\"{other}\" is not an order"), "use asc or desc");
            return None;
        }
    };
    let fanout = match &source.fanout {
        None => None,
        Some(part) => match entity.attribute(part.get_ref()).and_then(Attribute::codec) {
            Some(Codec::Shard { of }) => Some((part.get_ref().clone(), *of)),
            _ => {
                problems.push(
                    &part.span(),
                    "fan-out",
                    format!("{} is not a shard of {}", part.get_ref(), entity.name),
                    "fan out over a part whose codec is a shard",
                );
                return None;
            }
        },
    };
    let mut key_attributes: Vec<String> = pk.iter().chain(&sk).map(|(attribute, _)| attribute.clone()).collect();
    let primary: Vec<String> = table.keys().map(str::to_owned).filter(|key| !key_attributes.contains(key)).collect();
    key_attributes.extend(primary);
    let mut pattern = Pattern {
        name: name.get_ref().clone(),
        at: name.span(),
        op,
        entity: Some(entity.name.clone()),
        table: table.name.clone(),
        index: index.map(|index| index.name.clone()),
        wheres: spec::wheres(&source.r#where, problems),
        pk,
        sk,
        key_attributes,
        descending,
        reads: spec::reads(&source.reads, problems),
        projection: None,
        strong,
        rate: *source.rate.get_ref(),
        items: source.items.as_ref().map_or([1, 1], |items| *items.get_ref()),
        pages: source.pages.as_ref().map(|pages| *pages.get_ref()),
        fanout,
        hottest: source.hottest.as_ref().map_or(0.01, |share| *share.get_ref()),
        why: None,
    };
    pattern.projection = projection::asked(&pattern, Some(entity));
    Some(pattern)
}

pub(crate) fn scan(name: &source::Text, source: &source::Scan, tables: &[Table], problems: &mut Problems<'_>) -> Option<Pattern> {
    let Some(table) = tables.iter().find(|table| table.name == *source.table.get_ref()) else {
        undefined(&source.table, "table", tables.iter().map(|table| table.name.as_str()), problems);
        return None;
    };
    let a_second = source.per_day / 86_400.0;
    let mut scan = Pattern {
        name: name.get_ref().clone(),
        at: name.span(),
        op: Operation::Scan,
        entity: None,
        table: table.name.clone(),
        index: None,
        wheres: Vec::new(),
        pk: Vec::new(),
        sk: Vec::new(),
        key_attributes: table.keys().map(str::to_owned).collect(),
        descending: false,
        reads: spec::reads(&source.reads, problems),
        projection: None,
        strong: consistency(source.consistency.as_ref(), problems)?,
        rate: [a_second, a_second],
        items: [0, 0],
        pages: Some(1000),
        fanout: None,
        hottest: 0.0,
        why: Some(source.why.clone()),
    };
    scan.projection = projection::asked(&scan, None);
    Some(scan)
}

fn consistency(word: Option<&source::Text>, problems: &mut Problems<'_>) -> Option<bool> {
    match word.map(|word| (word.get_ref().as_str(), word)) {
        None | Some(("eventual", _)) => Some(false),
        Some(("strong", _)) => Some(true),
        Some((other, word)) => {
            problems.push(&word.span(), "consistency", format!("\"{other}\" is not a consistency"), "use eventual or strong");
            None
        }
    }
}

pub(crate) fn write(name: &source::Text, source: &source::Write, entities: &[Entity], problems: &mut Problems<'_>) -> Option<Write> {
    let mut items = Vec::new();
    for item in &source.items {
        let changes =
            [(Change::Insert, &item.insert), (Change::Put, &item.put), (Change::Update, &item.update), (Change::Delete, &item.delete)];
        let mut named = changes.iter().filter_map(|(change, entity)| Some((*change, entity.as_ref()?)));
        let (Some((change, entity)), None) = (named.next(), named.next()) else {
            problems.push(
                &name.span(),
                "write",
                format!("an item of {} does not say what is done to it", name.get_ref()),
                "write one of insert, put, update or delete = \"Entity\"",
            );
            return None;
        };
        if !entities.iter().any(|known| known.name == *entity.get_ref()) {
            undefined(entity, "entity", entities.iter().map(|entity| entity.name.as_str()), problems);
            return None;
        }
        items.push((change, entity.get_ref().clone(), item.sets.iter().map(|set| set.get_ref().clone()).collect()));
    }
    Some(Write {
        name: name.get_ref().clone(),
        at: name.span(),
        op: source.op.get_ref().clone(),
        rate: *source.rate.get_ref(),
        conflict: source.conflict,
        hottest: source.hottest.as_ref().map_or(0.01, |share| *share.get_ref()),
        items,
    })
}
