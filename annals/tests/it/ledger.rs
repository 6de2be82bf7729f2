//! The ledgers of the whole system: every commit is sequenced and signed, proofs are served, nobody changes them.

use annals_ledger::{LedgerTable, Reader};
use annals_reads::Reads;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use serde_json::json;

use crate::world::World;

/// What the API answers, as bytes.
async fn served(world: &World, path: &str) -> (u16, Bytes) {
    let url = format!("{}{path}", annals::system::IN_PROCESS_API);
    let answer = world.system.web().call(http::Request::get(url).body(Bytes::new()).unwrap()).await.unwrap();
    (answer.status().as_u16(), answer.body().clone())
}

#[tokio::test]
async fn commits_are_sequenced_signed_and_served() {
    let world = World::on_machine_time().await;
    assert_eq!(served(&world, "/ledger/billing/checkpoint").await.0, 404);
    world.invoice(&world.subscribe("k", "ada").await).await;
    world.settle().await;
    for signer in ["billing-signer", "identity-signer", "notifications-signer"] {
        world.system.local().invoke(signer, json!({})).await.unwrap();
    }
    let client = world.system.account("auditor").sdk_dynamodb();
    let table = LedgerTable::new(client.clone(), Reads::new(client, access_patterns::billing()), "subscriptions-ledger");
    let (mut walk, mut hashes) = (Reader::new(table).all(), vec![]);
    while let Some(entries) = walk.next_entries().await.unwrap() {
        hashes.extend(entries.iter().flat_map(|entry| entry.leaf_hash().0));
    }
    let commits = world.count("subscriptions-log").await;
    assert_eq!(hashes.len(), commits * 32);
    let (status, tile) = served(&world, &format!("/ledger/billing/tile/0/000.p/{commits}")).await;
    assert_eq!((status, tile.as_ref()), (200, hashes.as_slice()));
    let (status, checkpoint) = served(&world, "/ledger/billing/checkpoint").await;
    assert_eq!(status, 200);
    let head = world.system.ledgers().of_service("billing").key.verifier().open(&checkpoint).unwrap();
    assert_eq!(head.size, commits as u64);
    assert_eq!(served(&world, "/ledger/billing/vkey").await.0, 200);
    for hidden in ["checkpoints/00000000000000000002", "tile/0/..%2f..%2fkeys", "tile/9/000", ""] {
        assert_eq!(served(&world, &format!("/ledger/billing/{hidden}")).await.0, 404, "{hidden}");
    }
}

#[tokio::test]
async fn the_ledgers_own_function_cannot_change_it() {
    let world = World::on_machine_time().await;
    world.subscribe("k", "ada").await;
    world.settle().await;
    let before = world.items("subscriptions-ledger").await;
    assert_eq!(before.len(), 3, "a batch, the seal of nothing and the opening of today");
    let client = world.system.account("billing-ledger").sdk_dynamodb();
    for item in &before {
        let (pk, sk) = (item["PK"].clone(), item["SK"].clone());
        let deleted = client.delete_item().table_name("subscriptions-ledger").key("PK", pk.clone()).key("SK", sk.clone()).send().await;
        assert_eq!(deleted.unwrap_err().code(), Some("AccessDeniedException"));
        let put =
            client.put_item().table_name("subscriptions-ledger").item("PK", pk).item("SK", sk).item("t", AttributeValue::S("x".into()));
        assert_eq!(put.send().await.unwrap_err().code(), Some("AccessDeniedException"));
    }
    assert_eq!(world.items("subscriptions-ledger").await, before);
}

#[tokio::test]
async fn a_signer_that_refuses_raises_the_alarm() {
    let world = World::on_machine_time().await;
    world.subscribe("k", "ada").await;
    world.settle().await;
    let sign = || world.system.local().invoke("billing-signer", json!({}));
    assert_eq!(sign().await.unwrap()["size"], 1);
    let batch = world.items("subscriptions-ledger").await.into_iter().find(|item| item.contains_key("e")).unwrap();
    let client = world.system.account("administrator").sdk_dynamodb();
    let (pk, sk) = (batch["PK"].clone(), batch["SK"].clone());
    client.delete_item().table_name("subscriptions-ledger").key("PK", pk).key("SK", sk).send().await.unwrap();
    assert!(sign().await.unwrap()["refused"].as_str().unwrap().contains("checkpoint-beyond-ledger"));
    assert!(world.alarms().iter().any(|alarm| alarm.name.starts_with("ledger-refused")));
}
