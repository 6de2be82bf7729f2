//! What must hold of every read, whatever is stored: each law compares with the brute-force answer.

use std::collections::BTreeMap;

use access_patterns::{Matrix, Operation, Params, Pattern, read_units};
use annals_reads::{Consumed, Item, Key, Page, PageRequest, ReadError};
use serde_json::{Value as Json, json};

use crate::endpoint::{Database, lacks};
use crate::oracle;
use crate::world::{ItemKey, TENANT, TypedItem, attribute};
use crate::writing;

/// More pages than any list here has: a token that leads back is noticed.
const TOO_MANY_PAGES: usize = 200;

/// Every law of one pattern, on the items put so far.
pub async fn hold(db: &Database, pattern: &Pattern, params: &Params, puts: &[TypedItem]) -> Result<(), String> {
    let raw = pattern.entity().and_then(|name| db.matrix.entity(name)).is_none_or(|entity| entity.raw().is_some());
    match (pattern.operation(), raw) {
        (Operation::GetItem, true) => raw_get(db, pattern, params, puts).await,
        (Operation::GetItem, false) => typed_get(db, pattern, params, puts).await,
        (Operation::Query, true) => raw_list(db, pattern, params, puts).await,
        (Operation::Query, false) => typed_list(db, pattern, params, puts).await,
        (Operation::Scan, _) => scan(db, pattern, puts).await,
    }
}

async fn typed_get(db: &Database, pattern: &Pattern, params: &Params, puts: &[TypedItem]) -> Result<(), String> {
    let expected = oracle::answer(&db.matrix, pattern, params, puts);
    let before = db.reads.consumed();
    let found: Option<Json> = db.reads.get(name(pattern), TENANT, params).await.map_err(|error| format!("failed: {error:?}"))?;
    let shown = expected.first().filter(|item| oracle::is_shown(item)).map(|item| plain(&oracle::projected(pattern, item)));
    same("the row", &found, &shown)?;
    cost(db, pattern, &before, &[expected])
}

async fn raw_get(db: &Database, pattern: &Pattern, params: &Params, puts: &[TypedItem]) -> Result<(), String> {
    let expected = oracle::answer(&db.matrix, pattern, params, puts);
    let before = db.reads.consumed();
    let found = db.reads.get_item(name(pattern), params).await.map_err(|error| format!("failed: {error:?}"))?;
    same("the item", &found, &expected.first().map(|item| item_of(pattern, item)))?;
    cost(db, pattern, &before, &[expected])
}

async fn typed_list(db: &Database, pattern: &Pattern, params: &Params, puts: &[TypedItem]) -> Result<(), String> {
    let all = oracle::answer(&db.matrix, pattern, params, puts);
    let before = db.reads.consumed();
    let whole = page(db, pattern, params, 1000, None).await?;
    rows_are(&db.matrix, pattern, &whole.items, &all, "in one page")?;
    same("the page after the last", &whole.next, &None)?;
    cost(db, pattern, &before, &by_request(pattern, &all))?;
    for size in 1..=all.len() + 1 {
        let (rows, tokens) = pages(db, pattern, params, size).await?;
        rows_are(&db.matrix, pattern, &rows, &all, &format!("in pages of {size}"))?;
        if size == 1
            && let Some(token) = tokens.first()
        {
            tokens_are_bound(db, pattern, params, token).await?;
        }
    }
    Ok(())
}

async fn raw_list(db: &Database, pattern: &Pattern, params: &Params, puts: &[TypedItem]) -> Result<(), String> {
    let all = oracle::answer(&db.matrix, pattern, params, puts);
    let expected: Vec<Item> = all.iter().map(|item| item_of(pattern, item)).collect();
    let before = db.reads.consumed();
    let page = db.reads.query_page(name(pattern), params, Some(1000), None).await.map_err(|error| format!("failed: {error:?}"))?;
    same("the items in one page", &page.items, &expected)?;
    cost(db, pattern, &before, &by_request(pattern, &all))?;
    let followed = db.reads.query_all(name(pattern), params).await.map_err(|error| format!("failed: {error:?}"))?;
    same("the items of every page", &followed, &expected)?;
    for size in 1..=all.len() + 1 {
        let mut items = Vec::new();
        let mut after: Option<Key> = None;
        for _ in 0..TOO_MANY_PAGES {
            let limit = i32::try_from(size).unwrap();
            let page =
                db.reads.query_page(name(pattern), params, Some(limit), after).await.map_err(|error| format!("failed: {error:?}"))?;
            same("whether a page keeps to its size", &(page.items.len() <= size), &true)?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        same(&format!("the items in pages of {size}"), &items, &expected)?;
    }
    Ok(())
}

async fn scan(db: &Database, pattern: &Pattern, puts: &[TypedItem]) -> Result<(), String> {
    let all = oracle::answer(&db.matrix, pattern, &Params::new(), puts);
    let sorted = |items: Vec<Item>| {
        let mut items: Vec<String> = items.iter().map(|item| format!("{:?}", item.iter().collect::<BTreeMap<_, _>>())).collect();
        items.sort();
        items
    };
    let expected = sorted(all.iter().map(|item| item_of(pattern, item)).collect());
    for (size, segments) in [(1000, None), (3, None), (2, Some(2))] {
        let before = db.reads.consumed();
        let mut items = Vec::new();
        for segment in 0..segments.unwrap_or(1) {
            let mut after = None;
            for _ in 0..TOO_MANY_PAGES {
                let segment = segments.map(|of| (segment, of));
                let page =
                    db.reads.scan_page(name(pattern), Some(size), after, segment).await.map_err(|error| format!("failed: {error:?}"))?;
                items.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        same(&format!("the items of a scan in pages of {size}"), &sorted(items), &expected)?;
        if size == 1000 {
            cost(db, pattern, &before, std::slice::from_ref(&all))?;
        }
    }
    Ok(())
}

/// Law: what is inserted between pages neither hides nor repeats what was there, and the order holds throughout.
pub async fn paging_survives_inserts(
    db: &Database,
    pattern: &Pattern,
    params: &Params,
    puts: &mut Vec<TypedItem>,
    more: &[TypedItem],
) -> Result<(), String> {
    let known: Vec<_> = oracle::stored(puts).into_keys().cloned().collect();
    let mut more = more.iter().filter(|item| !known.contains(&item.key));
    let mut seen: Vec<Json> = Vec::new();
    let mut token = None;
    for _ in 0..TOO_MANY_PAGES {
        let page = page(db, pattern, params, 2, token).await?;
        seen.extend(page.items);
        if let Some(item) = more.next() {
            writing::put(db, item, puts).await?;
        }
        match page.next {
            None => break,
            next => token = next,
        }
    }
    let originals =
        |rows: &[Json]| -> Vec<Json> { rows.iter().filter(|row| known.contains(&key_of(&db.matrix, pattern, row))).cloned().collect() };
    let all = oracle::answer(&db.matrix, pattern, params, puts);
    let before: Vec<&TypedItem> = all.iter().copied().filter(|item| known.contains(&item.key)).collect();
    rows_are(&db.matrix, pattern, &originals(&seen), &before, "while others are inserted")?;
    let sorted: Vec<_> = seen.iter().map(|row| sort_of(&db.matrix, pattern, row, &all)).collect();
    let in_order = sorted.windows(2).all(|pair| if pattern.descending() { pair[0] >= pair[1] } else { pair[0] <= pair[1] });
    same("whether pages are in order while others are inserted", &in_order, &true)
}

/// Law: a token is taken only for the pattern, the parameters and the tenant that it was made for.
async fn tokens_are_bound(db: &Database, pattern: &Pattern, params: &Params, token: &str) -> Result<(), String> {
    let ask = |token: &str| PageRequest { limit: 1, token: Some(token.to_owned()) };
    let refused = |answer: Result<Page<Json>, ReadError>, whose: &str| match answer {
        Err(ReadError::BadToken) => Ok(()),
        other => Err(format!("the token of {whose} was answered {other:?}")),
    };
    refused(db.reads.page(name(pattern), "t2", params, ask(token)).await, "another tenant")?;
    let garbled: String = token.chars().rev().collect();
    refused(db.reads.page(name(pattern), TENANT, params, ask(&garbled)).await, "no one")?;
    refused(db.reads.page(name(pattern), TENANT, params, ask(&token[..token.len() / 2])).await, "half a list")?;
    refused(db.reads.page(name(pattern), TENANT, params, ask("")).await, "nothing")?;
    for other in db
        .matrix
        .patterns()
        .filter(|other| other.operation() == Operation::Query && other.entity() == pattern.entity() && other.name() != pattern.name())
    {
        if other.plans(params).is_ok() && other.wheres().all(|condition| condition.name != "tenant") {
            refused(db.reads.page(name(other), TENANT, params, ask(token)).await, other.name())?;
        }
    }
    for condition in pattern.wheres().filter(|condition| condition.name != "tenant" && params.get(&condition.name).is_some()) {
        let elsewhere = params.clone().text(&condition.name, "b");
        if pattern.plans(&elsewhere).is_ok() {
            refused(db.reads.page(name(pattern), TENANT, &elsewhere, ask(token)).await, "other parameters")?;
        }
    }
    Ok(())
}

async fn page(db: &Database, pattern: &Pattern, params: &Params, size: usize, token: Option<String>) -> Result<Page<Json>, String> {
    let request = PageRequest { limit: u32::try_from(size).unwrap(), token };
    let page: Page<Json> = db.reads.page(name(pattern), TENANT, params, request).await.map_err(|error| format!("failed: {error:?}"))?;
    same("whether a page keeps to its size", &(page.items.len() <= size), &true)?;
    Ok(page)
}

async fn pages(db: &Database, pattern: &Pattern, params: &Params, size: usize) -> Result<(Vec<Json>, Vec<String>), String> {
    let (mut rows, mut tokens) = (Vec::new(), Vec::new());
    loop {
        let page = page(db, pattern, params, size, tokens.last().cloned()).await?;
        rows.extend(page.items);
        match page.next {
            None => return Ok((rows, tokens)),
            Some(_) if tokens.len() == TOO_MANY_PAGES => return Err("the pages have no end".to_owned()),
            Some(token) => tokens.push(token),
        }
    }
}

/// The rows are the shown ones of `all`, each once, with exactly what the pattern asks for, in the order of their typed values.
fn rows_are(matrix: &Matrix, pattern: &Pattern, rows: &[Json], all: &[&TypedItem], how: &str) -> Result<(), String> {
    let shown: Vec<&TypedItem> = all.iter().copied().filter(|item| oracle::is_shown(item)).collect();
    let set = |rows: &mut dyn Iterator<Item = Json>| {
        let mut rows: Vec<String> = rows.map(|row| row.to_string()).collect();
        rows.sort();
        rows
    };
    let expected = set(&mut shown.iter().map(|item| plain(&oracle::projected(pattern, item))));
    same(&format!("the rows {how}"), &set(&mut rows.iter().cloned()), &expected)?;
    let order: Vec<_> = rows.iter().map(|row| sort_of(matrix, pattern, row, all)).collect();
    let wanted: Vec<_> = shown.iter().map(|item| Some(oracle::sort_values(matrix, pattern, item))).collect();
    same(&format!("the order {how}"), &order, &wanted)
}

fn sort_of(matrix: &Matrix, pattern: &Pattern, row: &Json, all: &[&TypedItem]) -> Option<Vec<access_patterns::Value>> {
    let key = key_of(matrix, pattern, row);
    all.iter().find(|item| item.key == key).map(|item| oracle::sort_values(matrix, pattern, item))
}

fn key_of(matrix: &Matrix, pattern: &Pattern, row: &Json) -> ItemKey {
    let at = matrix.tables().iter().position(|table| table.name() == pattern.table()).unwrap();
    let table = &matrix.tables()[at];
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    (at, text(table.pk()), table.sk().map(text).unwrap_or_default())
}

/// The items that each request of a fan-out reads.
fn by_request<'i>(pattern: &Pattern, all: &[&'i TypedItem]) -> Vec<Vec<&'i TypedItem>> {
    match pattern.fanout() {
        None => vec![all.to_vec()],
        Some((part, of)) => {
            (0..of).map(|shard| all.iter().copied().filter(|item| item.values.get(part) == Some(&shard.into())).collect()).collect()
        }
    }
}

/// Law: what DynamoDB says it cost is what the sizes say, on the table or on the index.
fn cost(db: &Database, pattern: &Pattern, before: &Consumed, requests: &[Vec<&TypedItem>]) -> Result<(), String> {
    if lacks("capacity") {
        return Ok(());
    }
    let bytes = |items: &Vec<&TypedItem>| items.iter().map(|item| oracle::billed_bytes(&db.matrix, pattern, item)).sum();
    let expected: f64 = requests.iter().map(|items| read_units(bytes(items), pattern.strong())).sum();
    let place = pattern.index().map_or_else(|| pattern.table().to_owned(), |index| format!("{}/{index}", pattern.table()));
    let after = db.reads.consumed();
    let used = |consumed: &Consumed, place: &str| consumed.units.get(place).copied().unwrap_or(0.0);
    same("the read units", &(used(&after, &place) - used(before, &place)), &expected)?;
    let total = |consumed: &Consumed| consumed.units.values().sum::<f64>();
    same("the read units in all", &(total(&after) - total(before)), &expected)?;
    same("the calls", &(after.calls - before.calls), &(requests.len() as u64))
}

fn item_of(pattern: &Pattern, item: &TypedItem) -> Item {
    oracle::projected(pattern, item).iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// A wire item as a typed read gives it to serde.
fn plain(wire: &BTreeMap<String, Json>) -> Json {
    fn value(wire: &Json) -> Json {
        let (kind, inner) = wire.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "N" => serde_json::from_str(inner.as_str().unwrap()).unwrap(),
            "M" => inner
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, inner)| (name.clone(), value(inner)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            "L" => inner.as_array().unwrap().iter().map(value).collect(),
            _ => inner.clone(),
        }
    }
    json!(wire.iter().map(|(name, wire)| (name.clone(), value(wire))).collect::<BTreeMap<_, _>>())
}

/// Reads take names that live as long as the program; these come from a file.
pub fn name(pattern: &Pattern) -> &'static str {
    Box::leak(pattern.name().to_owned().into_boxed_str())
}

pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:#?}, expected {expected:#?}")) }
}
