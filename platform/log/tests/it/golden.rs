//! Golden files: the canonical bytes and the hash of stored commits, for ever. A failure here means that old hashes no longer verify.

use annals_kit::{CommandId, EventId, Generation, StoredEvent, Version};
use annals_log::{Commit, CommitHash, RequestHash, canonical};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

fn commit() -> Commit {
    let payload = serde_json::json!({
        "customer_id": "ada", "amount": { "amount": 9_007_199_254_740_991i64, "currency": "EUR" },
        "text": "ü \u{1f600} \"quoted\" \u{7}", "none": null, "yes": true, "list": [1, -2, "three"],
    });
    let serde_json::Value::Object(payload) = payload else { unreachable!() };
    Commit {
        stream: "SUB#018f2c00-0000-7000-8000-000000000001".parse().unwrap(),
        version: Version::FIRST,
        generation: Generation(0),
        recorded_at: "2026-01-31T09:30:00.000001Z".parse().unwrap(),
        tenant: "demo".parse().unwrap(),
        actor: "operator".parse().unwrap(),
        command: CommandId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
        request: RequestHash::of(b"request"),
        correlation: Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        causation: None,
        previous: None,
        events: vec![StoredEvent { event_type: "SOMETHING_HAPPENED".into(), schema: 3, payload }],
    }
}

fn second() -> Commit {
    let first = commit();
    Commit {
        version: Version::new(2).unwrap(),
        correlation: Uuid::from_u128(7),
        causation: Some("0/INV#1@2.0".parse::<EventId>().unwrap()),
        previous: Some(CommitHash::of(&first.to_item().unwrap()).unwrap()),
        ..first
    }
}

#[test]
fn the_canonical_bytes_are_those_of_the_golden_files() {
    for (commit, bytes, hash) in
        [(commit(), include_str!("../golden/commit-1.json"), "hash-1"), (second(), include_str!("../golden/commit-2.json"), "hash-2")]
    {
        let item = commit.to_item().unwrap();
        assert_eq!(String::from_utf8(canonical::bytes(&item).unwrap()).unwrap(), bytes.trim_end());
        let hashes = include_str!("../golden/hashes.txt");
        let wanted = hashes.lines().find_map(|line| line.strip_prefix(hash)).unwrap().trim();
        assert_eq!(CommitHash::of(&item).unwrap().to_string(), wanted);
    }
}

#[test]
fn items_round_trip_and_a_snapshot_is_not_hashed() {
    for commit in [commit(), second()] {
        let mut item = commit.to_item().unwrap();
        assert_eq!(Commit::from_item(&item).unwrap(), commit);
        let hash = CommitHash::of(&item).unwrap();
        item.insert("s".into(), AttributeValue::B(Blob::new(*b"a snapshot")));
        assert_eq!(CommitHash::of(&item).unwrap(), hash);
        assert_eq!(Commit::from_item(&item).unwrap(), commit);
    }
}

#[test]
fn an_attribute_that_is_not_a_commits_makes_it_unreadable() {
    let mut item = commit().to_item().unwrap();
    item.insert("x".into(), AttributeValue::Bool(true));
    assert!(Commit::from_item(&item).unwrap_err().reason.contains("`x`"));
}
