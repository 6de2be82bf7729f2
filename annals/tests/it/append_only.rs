//! The log is append-only for a command role, in process and through the loopback endpoint; an administrator's change is an alarm.

use annals_kit::Version;
use annals_lambda::Account;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};

use crate::world::World;

const LOG: &str = "subscriptions-log";

/// What each way to change or delete a commit came to: its name, and the error code if it was refused.
async fn attempts(client: &Client, key: &str) -> Vec<(&'static str, Option<String>)> {
    let (pk, sk) = (AttributeValue::S(key.to_owned()), AttributeValue::S(format!("{:020}", Version::FIRST.get())));
    let code = |error: &dyn ProvideErrorMetadata| error.code().unwrap_or("none").to_owned();
    let put = PutRequest::builder().item("PK", pk.clone()).item("SK", sk.clone()).build().unwrap();
    let batch = WriteRequest::builder().put_request(put).build();
    let update = format!("UPDATE \"{LOG}\" SET a = 'mallory' WHERE PK = ? AND SK = ?");
    let delete = format!("DELETE FROM \"{LOG}\" WHERE PK = ? AND SK = ?");
    vec![
        (
            "UpdateItem",
            client
                .update_item()
                .table_name(LOG)
                .key("PK", pk.clone())
                .key("SK", sk.clone())
                .update_expression("SET a = :a")
                .expression_attribute_values(":a", AttributeValue::S("mallory".into()))
                .send()
                .await
                .err()
                .map(|e| code(&e)),
        ),
        (
            "PartiQL UPDATE",
            client.execute_statement().statement(update).parameters(pk.clone()).parameters(sk.clone()).send().await.err().map(|e| code(&e)),
        ),
        ("PutItem", client.put_item().table_name(LOG).item("PK", pk.clone()).item("SK", sk.clone()).send().await.err().map(|e| code(&e))),
        ("BatchWriteItem", client.batch_write_item().request_items(LOG, vec![batch]).send().await.err().map(|e| code(&e))),
        (
            "PartiQL DELETE",
            client.execute_statement().statement(delete).parameters(pk.clone()).parameters(sk.clone()).send().await.err().map(|e| code(&e)),
        ),
        ("DeleteItem", client.delete_item().table_name(LOG).key("PK", pk).key("SK", sk).send().await.err().map(|e| code(&e))),
    ]
}

async fn listening(world: &World, role: &str) -> Account {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let local = world.system.local().clone();
    tokio::spawn(async move { local.serve_aws(listener).await });
    Account { http: annals_lambda::clients::loopback(), endpoint: Some(url), ..world.system.account(role) }
}

#[tokio::test]
async fn a_command_role_cannot_change_a_commit_in_process_or_over_loopback() {
    let world = World::on_machine_time().await;
    let key = format!("SUB#{}", world.subscribe("k", "ada").await);
    let before = world.items(LOG).await;
    for account in [world.system.account("create-subscription"), listening(&world, "create-subscription").await] {
        for (attempt, refused) in attempts(&account.sdk_dynamodb(), &key).await {
            assert_eq!(refused.as_deref(), Some("AccessDeniedException"), "{attempt}");
        }
    }
    world.settle().await;
    assert_eq!(world.items(LOG).await, before);
    assert_eq!(world.alarms(), []);
}

#[tokio::test]
async fn an_administrators_change_succeeds_and_raises_the_alarm_by_itself() {
    let world = World::on_machine_time().await;
    let key = format!("SUB#{}", world.subscribe("k", "ada").await);
    world.settle().await;
    for (attempt, refused) in attempts(&listening(&world, "administrator").await.sdk_dynamodb(), &key).await {
        assert_eq!(refused, None, "{attempt}");
    }
    world.settle().await;
    let alarms = world.alarms();
    assert_eq!(alarms.iter().map(|alarm| alarm.name.as_str()).collect::<Vec<_>>(), ["log-tampered-billing"]);
    assert!(alarms[0].details.iter().all(|detail| detail.contains(&key)), "{alarms:?}");
}

#[tokio::test]
async fn a_change_of_the_notifications_log_is_an_alarm_too() {
    let world = World::on_machine_time().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.webhook(&crate::world::notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    let commit = world.items("notifications-log").await.remove(0);
    let client = world.system.account("administrator").sdk_dynamodb();
    let (pk, sk) = (commit["PK"].clone(), commit["SK"].clone());
    client.delete_item().table_name("notifications-log").key("PK", pk).key("SK", sk).send().await.unwrap();
    world.settle().await;
    let alarms = world.alarms();
    assert!(alarms.iter().any(|alarm| alarm.name == "log-tampered-notifications" && alarm.details[0].contains("NOTE#")), "{alarms:?}");
}

#[tokio::test]
async fn credentials_that_do_not_sign_are_refused() {
    let world = World::on_machine_time().await;
    let mut account = listening(&world, "administrator").await;
    account.credentials = aws_credential_types::Credentials::from_keys(account.credentials.access_key_id(), "not the secret", None);
    let refused = account.sdk_dynamodb().list_tables().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"));
}

#[tokio::test]
async fn a_read_that_no_matrix_lists_is_refused() {
    let world = World::on_machine_time().await;
    let client = world.system.account("auditor").sdk_dynamodb();
    let unlisted = client
        .query()
        .table_name("subscriptions")
        .key_condition_expression("PK = :pk")
        .expression_attribute_values(":pk", AttributeValue::S("SUB#1".into()))
        .limit(1)
        .send()
        .await
        .unwrap_err();
    assert_eq!(unlisted.code(), Some("ValidationException"), "{unlisted:?}");
}
