//! Broken readers and tables, each of which some law must catch, by name. Broken codecs are in `tests/codecs.rs`, broken matrices in
//! `tests/refused.rs`.

use std::sync::Arc;

use access_patterns::Matrix;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};

use crate::endpoint::{Database, is_elsewhere};
use crate::meddling::Mutant;
use crate::reading::{cases, every_law_holds, in_runtime};

/// Worlds that a mutant may survive before it counts as not caught.
const TRIES: u32 = 16;

fn mutants() -> Vec<Mutant> {
    let mutant = Mutant::new;
    vec![
        Mutant { answer: |_, _, answer| remove(answer, "LastEvaluatedKey"), ..mutant("a forgotten page") },
        Mutant { request: |_, request| remove(request, "ExclusiveStartKey"), ..mutant("a page read again and again") },
        Mutant {
            request: |op, request| {
                if op == "Query" {
                    flip(request, "ScanIndexForward")
                }
            },
            ..mutant("the order swapped")
        },
        Mutant { request: |_, request| flip(request, "ConsistentRead"), ..mutant("consistency swapped") },
        Mutant { request: |_, request| condition(request, &[(">=", ">")]), ..mutant("a lower bound off by one") },
        Mutant { request: |_, request| condition(request, &[("<=", "<")]), ..mutant("an upper bound off by one") },
        Mutant { request: between_without_its_end, ..mutant("a range without its end") },
        Mutant { request: between_short_of_its_end, ..mutant("a range that stops before its end") },
        Mutant { request: without_the_sort_key, ..mutant("a list that is the whole partition") },
        Mutant {
            request: |_, request| values(request, &|text| text.trim_end_matches('#').to_owned()),
            ..mutant("a prefix without its delimiter")
        },
        Mutant { request: |_, request| remove_projection(request), ..mutant("everything read") },
        Mutant { request: one_attribute_less, ..mutant("an attribute not read") },
        Mutant { table: |table| projections(table, &|held| drop(held.pop())), ..mutant("an index that lacks an attribute") },
        Mutant { table: |table| projections(table, &|held| held.push(json!("payload"))), ..mutant("an index that holds too much") },
        Mutant { table: everything_projected, ..mutant("an index that holds everything") },
        Mutant {
            answer: |_, _, answer| every_item(answer, &|item| item["tenant"] = json!({ "S": "t1" })),
            ..mutant("a forgotten tenant check")
        },
        Mutant { answer: |_, _, answer| every_item(answer, &|item| item["ver"] = json!({ "N": "1" })), ..mutant("a parked row shown") },
        Mutant {
            answer: |_, request, answer| {
                if shard(request) == Some("1") {
                    empty(answer)
                }
            },
            ..mutant("a shard forgotten")
        },
    ]
}

/// Every mutant breaks a law in the museum, whose matrix uses everything; unbroken, the same worlds break none.
#[test]
fn every_broken_reader_is_caught() {
    if is_elsewhere() {
        return; // The breaks are made between the SDK and the local AWS.
    }
    let museum = crate::museum();
    assert_eq!(caught(&museum, Mutant::new("nothing broken"), 2), None);
    let survivors: Vec<String> = mutants()
        .into_iter()
        .filter_map(|mutant| match caught(&museum, mutant, TRIES) {
            Some(broken) if broken.contains("failed: ") => Some(format!("{} is no request at all: {broken}", mutant.name)),
            Some(_) => None,
            None => Some(mutant.name.to_owned()),
        })
        .collect();
    assert!(survivors.is_empty(), "no law catches: {survivors:#?}");
}

/// The first broken law, over the same worlds for every mutant.
fn caught(matrix: &Arc<Matrix>, mutant: Mutant, tries: u32) -> Option<String> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = cases(matrix, 50, 2);
    (0..tries).find_map(|_| {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        in_runtime(async {
            let db = Database::broken(matrix, mutant).await;
            every_law_holds(&db, &case).await.err()
        })
    })
}

fn remove(json: &mut Json, member: &str) {
    if let Some(object) = json.as_object_mut() {
        object.remove(member);
    }
}

fn flip(request: &mut Json, member: &str) {
    if let Some(flag) = request.get(member).and_then(Json::as_bool) {
        request[member] = json!(!flag);
    }
}

fn condition(request: &mut Json, replaced: &[(&str, &str)]) {
    if let Some(text) = request.get("KeyConditionExpression").and_then(Json::as_str) {
        let text = replaced.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
        request["KeyConditionExpression"] = json!(text);
    }
}

/// `#k1 BETWEEN :v1 AND :v2` becomes `#k1 >= :v1`.
fn between_without_its_end(_: &str, request: &mut Json) {
    let Some(text) = request.get("KeyConditionExpression").and_then(Json::as_str) else { return };
    let Some((start, end)) = text.split_once(" BETWEEN ") else { return };
    let (from, to) = end.split_once(" AND ").unwrap();
    let (new, unused) = (format!("{start} >= {from}"), to.to_owned());
    request["KeyConditionExpression"] = json!(new);
    remove(&mut request["ExpressionAttributeValues"], &unused);
}

/// The last digit of a range's end is one less, where the range does not then end before it starts.
fn between_short_of_its_end(_: &str, request: &mut Json) {
    let Some(text) = request.get("KeyConditionExpression").and_then(Json::as_str) else { return };
    let Some((_, range)) = text.split_once(" BETWEEN ") else { return };
    let (from, to) = range.split_once(" AND ").unwrap();
    let (from, to) = (from.to_owned(), to.to_owned());
    let values = &mut request["ExpressionAttributeValues"];
    let (Some(start), Some(end)) = (values[from.as_str()]["S"].as_str(), values[to.as_str()]["S"].as_str()) else { return };
    let mut bytes = end.to_owned().into_bytes();
    *bytes.last_mut().unwrap() -= 1;
    let shorter = String::from_utf8_lossy(&bytes).into_owned();
    if end.ends_with(|c: char| c.is_ascii_digit()) && start <= shorter.as_str() {
        values[to.as_str()] = json!({ "S": shorter });
    }
}

fn without_the_sort_key(_: &str, request: &mut Json) {
    let Some(text) = request.get("KeyConditionExpression").and_then(Json::as_str) else { return };
    let first = text.split(" AND ").next().unwrap().to_owned();
    if first == text || request["IndexName"] != json!("GSI1") {
        return;
    }
    let used = |alias: &String| first.contains(alias.as_str());
    let values: serde_json::Map<_, _> =
        request["ExpressionAttributeValues"].as_object().unwrap().clone().into_iter().filter(|(alias, _)| used(alias)).collect();
    let names: serde_json::Map<_, _> = request["ExpressionAttributeNames"]
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .filter(|(alias, _)| used(alias) || alias.starts_with("#p"))
        .collect();
    request["ExpressionAttributeValues"] = json!(values);
    request["ExpressionAttributeNames"] = json!(names);
    request["KeyConditionExpression"] = json!(first);
}

fn values(request: &mut Json, change: &dyn Fn(&str) -> String) {
    for value in
        request.get_mut("ExpressionAttributeValues").and_then(Json::as_object_mut).into_iter().flat_map(|values| values.values_mut())
    {
        if let Some(text) = value["S"].as_str() {
            *value = json!({ "S": change(text) });
        }
    }
}

fn remove_projection(request: &mut Json) {
    if request.get("ProjectionExpression").is_none() {
        return;
    }
    remove(request, "ProjectionExpression");
    let names: Option<serde_json::Map<_, _>> = request["ExpressionAttributeNames"]
        .as_object()
        .map(|names| names.clone().into_iter().filter(|(alias, _)| !alias.starts_with("#p")).collect());
    match names {
        Some(names) if !names.is_empty() => request["ExpressionAttributeNames"] = json!(names),
        _ => remove(request, "ExpressionAttributeNames"),
    }
}

fn one_attribute_less(_: &str, request: &mut Json) {
    if let Some((_, rest)) = request.get("ProjectionExpression").and_then(Json::as_str).and_then(|text| text.split_once(", ")) {
        request["ProjectionExpression"] = json!(rest.to_owned());
        remove(&mut request["ExpressionAttributeNames"], "#p0");
    }
}

fn projections(table: &mut Json, change: &dyn Fn(&mut Vec<Json>)) {
    for index in table.get_mut("GlobalSecondaryIndexes").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(held) = index["Projection"]["NonKeyAttributes"].as_array_mut() {
            change(held);
            if held.is_empty() {
                index["Projection"] = json!({ "ProjectionType": "KEYS_ONLY" });
            }
        }
    }
}

fn everything_projected(table: &mut Json) {
    for index in table.get_mut("GlobalSecondaryIndexes").and_then(Json::as_array_mut).into_iter().flatten() {
        index["Projection"] = json!({ "ProjectionType": "ALL" });
    }
}

fn every_item(answer: &mut Json, change: &dyn Fn(&mut Json)) {
    if let Some(item) = answer.get_mut("Item").filter(|item| item.get("tenant").is_some()) {
        change(item);
    }
    answer.get_mut("Items").and_then(Json::as_array_mut).into_iter().flatten().filter(|item| item.get("tenant").is_some()).for_each(change);
}

fn shard(request: &Json) -> Option<&str> {
    request.get("ExpressionAttributeValues")?.as_object()?.values().find_map(|value| value["N"].as_str())
}

fn empty(answer: &mut Json) {
    answer["Items"] = json!([]);
    answer["Count"] = json!(0);
    remove(answer, "LastEvaluatedKey");
}
