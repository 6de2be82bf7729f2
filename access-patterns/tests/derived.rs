//! What is committed follows from the matrices, and what cannot change in place does not.

use std::path::Path;

use access_patterns::{Matrix, all, billing, disk};
use serde_json::{Value as Json, json};

const MUSEUM: &str = include_str!("fixtures/museum.toml");
const BILLING: &str = include_str!("../billing.toml");

fn museum(old: &str, new: &str) -> Matrix {
    assert!(MUSEUM.contains(old), "{old}");
    Matrix::parse("museum.toml", &MUSEUM.replace(old, new)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The matrices as their files say, not as they were derived.
fn in_files() -> Vec<Matrix> {
    let read = disk::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    read.into_iter().map(|(_, matrix)| matrix.unwrap_or_else(|errors| panic!("{errors}"))).collect()
}

#[test]
fn what_functions_embed_is_what_the_files_say() {
    let said = in_files().iter().map(Matrix::derive).collect::<Vec<_>>();
    assert_eq!(said, all().iter().map(|matrix| matrix.derive()).collect::<Vec<_>>());
}

#[test]
fn committed_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    let mut derived = Vec::new();
    for file in in_files().iter().flat_map(|matrix| matrix.derive()) {
        if std::fs::read_to_string(root.join(&file.path)).ok().as_ref() != Some(&file.content) {
            stale.push(file.path.clone());
        }
        derived.push(root.join(file.path).canonicalize().ok());
    }
    for service in std::fs::read_dir(root.join("access-patterns/derived")).unwrap() {
        for file in std::fs::read_dir(service.unwrap().path()).unwrap() {
            let path = file.unwrap().path().canonicalize().ok();
            if !derived.contains(&path) {
                stale.push(format!("{path:?}, which nothing derives"));
            }
        }
    }
    assert!(stale.is_empty(), "run `cargo run -p access-patterns --example derive` and commit: {stale:#?}");
}

#[test]
fn what_is_committed_is_a_breach_of_no_lock() {
    for matrix in all() {
        assert_eq!(matrix.breaches(&matrix.lock_json()), Vec::<String>::new());
    }
}

#[test]
fn a_change_of_an_index_needs_a_new_name_and_says_so() {
    let lock = museum("", "").lock_json();
    let wider = museum(r#"reads = ["id", "made_on", "title"]"#, r#"reads = ["id", "made_on", "title", "price"]"#);
    assert_eq!(
        wider.breaches(&lock),
        [
            "index GSI1 of museum changes, which DynamoDB cannot do in place: add it under another name such as GSI1v1, move the patterns, then remove GSI1"
        ]
    );
    let renamed = Matrix::parse("museum.toml", &MUSEUM.replace("ByActor", "ByActor2")).unwrap();
    assert_eq!(renamed.breaches(&lock), Vec::<String>::new(), "an index of another name is only added");
}

#[test]
fn keys_already_written_are_not_spelt_otherwise() {
    let lock = museum("", "").lock_json();
    let respelt = museum("NOTE#{number}", "NOTES#{number}").breaches(&lock);
    assert!(respelt.len() == 1 && respelt[0].starts_with("keys of Note in museum are spelt otherwise"), "{respelt:?}");
    let recoded = museum(r#"Number = { as = "u64" }"#, r#"Number = { as = "shard", of = 7 }"#).breaches(&lock);
    assert!(recoded.iter().any(|breach| breach.starts_with("keys of Event")), "{recoded:?}");
    let resharded = museum(r#"Shard = { as = "shard", of = 3 }"#, r#"Shard = { as = "shard", of = 4 }"#).breaches(&lock);
    assert_eq!(resharded, Vec::<String>::new(), "a shard that is an attribute of its own is no key text");
    let widened = museum(r#"Owner = { as = "text", max = 40 }"#, r#"Owner = { as = "text", max = 50 }"#).breaches(&lock);
    assert_eq!(widened, Vec::<String>::new());
    let dropped = museum("", "");
    let mut more = lock.clone();
    more["tables"]["gone"] = json!({ "keys": ["PK"] });
    assert!(dropped.breaches(&more)[0].starts_with("table gone is gone"));
    let mut other = lock;
    other["tables"]["museum"]["keys"] = json!(["PK"]);
    assert!(dropped.breaches(&other)[0].starts_with("the keys of table museum change"));
}

#[test]
fn a_table_is_created_as_the_matrix_says() {
    let billing = billing();
    let table = billing.table("subscriptions").unwrap().definition_json();
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(
        index["KeySchema"],
        json!([{ "AttributeName": "GSI1PK", "KeyType": "HASH" }, { "AttributeName": "GSI1SK", "KeyType": "RANGE" }])
    );
    let held = index["Projection"]["NonKeyAttributes"].as_array().unwrap();
    assert!(held.contains(&json!("tenant")) && !held.contains(&json!("rev")) && !held.contains(&json!("PK")), "{held:?}");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["StreamSpecification"]["StreamViewType"], "KEYS_ONLY");
    assert_eq!(table["DeletionProtectionEnabled"], true);
    // More at its peak than a new on-demand table takes: projections write several items a commit.
    assert!(table["WarmThroughput"]["WriteUnitsPerSecond"].as_u64() > Some(4_000), "{}", table["WarmThroughput"]);
    let vault = billing.table("billing-vault").unwrap().definition_json();
    assert_eq!(vault["TimeToLiveSpecification"], json!({ "AttributeName": "expires_at", "Enabled": true }));
    assert_eq!(vault["WarmThroughput"], Json::Null);
    assert_eq!(vault["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"], 1);
    assert_eq!(billing.table("subscriptions-log").unwrap().definition_json()["AppendOnly"], true);
}

#[test]
fn capacity_follows_the_peaks() {
    let table = museum("", "").table("museum").unwrap().create_table_json();
    assert_eq!(table["BillingMode"], "PROVISIONED");
    // Reads of the table itself, 2 a second each: two strong lists of 1 unit, four eventual ones of 0.5, two gets of 0.5, over 0.7.
    let reads: f64 = museum("", "")
        .patterns()
        .filter(|p| p.table() == "museum" && p.index().is_none())
        .map(|p| 2.0 * if p.strong() { 1.0 } else { 0.5 })
        .sum();
    assert_eq!(table["ProvisionedThroughput"]["ReadCapacityUnits"], (reads / 0.7).ceil() as u64);
    // put_exhibit 1 unit, record_sale 2 items twice in a transaction, 2 a second each.
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], ((2.0 + 8.0) / 0.7f64).ceil() as u64);

    let busy = Matrix::parse(
        "billing.toml",
        &BILLING.replace("\"ExecuteStatement\", rate = [45, 400]", "\"ExecuteStatement\", rate = [45, 40_000]"),
    )
    .unwrap();
    let warm = &busy.table("subscriptions-log").unwrap().create_table_json()["WarmThroughput"];
    assert_eq!(warm, &json!({ "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 57_143 }));
}

#[test]
fn an_explanation_says_keys_reads_and_cost() {
    let museum = museum("", "");
    let text = museum.explain("list_exhibits").unwrap();
    assert!(text.contains("Query of museum by GSI1"), "{text}");
    assert!(text.contains("GSI1PK = OWNER#{owner} and GSI1SK, where given, between EX#{made_on}#{id}"), "{text}");
    assert!(text.contains("descending") && text.contains("units a call"), "{text}");
    assert!(museum.explain("events_of_day").unwrap().contains("3 queries, one for each shard"));
    assert!(museum.explain("verify_museum").unwrap().contains("shows a scan"));
    assert_eq!(museum.explain("nothing"), None);
    assert!(museum.cost_report().contains("provisioned"));
}

/// NoSQL Workbench is a program for people; what it needs to import a model is that these members are there.
#[test]
fn the_workbench_model_has_what_an_import_needs() {
    for matrix in all() {
        let model = matrix.workbench_json();
        assert_eq!(model["ModelMetadata"]["Version"], "3.0");
        for table in model["DataModel"].as_array().unwrap() {
            assert!(table["TableName"].is_string() && table["KeyAttributes"]["PartitionKey"]["AttributeName"] == "PK");
            assert!(table["NonKeyAttributes"].as_array().is_some_and(|attributes| !attributes.is_empty()));
            for facet in table["TableFacets"].as_array().unwrap() {
                assert!(facet["KeyAttributeAlias"]["PartitionKeyAlias"].as_str().is_some_and(|alias| !alias.is_empty()), "{facet}");
            }
        }
    }
}

/// Law: every name and value of every request is aliased, so no reserved word can stand in an expression.
#[test]
fn every_name_in_every_expression_is_aliased() {
    let museum = museum("", "");
    let projected = museum.patterns().chain(museum.scans()).map(|pattern| pattern.plans(&sample(&museum, pattern)).unwrap().remove(0));
    for plan in projected {
        let condition = plan.key_condition();
        let words = condition.text.split([' ', '(', ')', ',']).filter(|word| !word.is_empty());
        let operators = ["AND", "BETWEEN", "begins_with", "=", ">=", "<="];
        assert!(words.into_iter().all(|word| word.starts_with(['#', ':']) || operators.contains(&word)), "{}", condition.text);
        let projection = plan.projection_expression().map(|projection| projection.text).unwrap_or_default();
        assert!(projection.split(", ").all(|word| word.is_empty() || word.starts_with('#')), "{projection}");
    }
}

fn sample(matrix: &Matrix, pattern: &access_patterns::Pattern) -> access_patterns::Params {
    use access_patterns::{Codec, Comparison, Params, Value};
    let Some(entity) = pattern.entity().and_then(|name| matrix.entity(name)) else { return Params::new() };
    pattern.wheres().fold(Params::new(), |params, condition| {
        let value: Value = match entity.attribute(&condition.name).unwrap().codec().unwrap() {
            Codec::Uuid => "018f2c3d-0000-7000-8000-000000000001".into(),
            Codec::Date => "2026-01-31".into(),
            Codec::Time => "2026-01-31T09:30:00.000000Z".into(),
            Codec::U64 | Codec::Shard { .. } => 1.into(),
            Codec::Enum { of } => of[0].as_str().into(),
            Codec::Token { .. } | Codec::Text { .. } => "a".into(),
        };
        match condition.comparison {
            Comparison::Between => params.between(&condition.name, value.clone(), value),
            Comparison::Equals | Comparison::AtLeast | Comparison::AtMost => params.value(&condition.name, value),
        }
    })
}
