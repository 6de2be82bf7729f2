//! The derived functions read rows as the services store them.

use std::sync::Arc;

use annals_kit::{Clock, Timestamp};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, Role, Store};
use annals_reads::{Item, PageRequest, ReadError, Reads, billing, notifications};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00.000000Z".parse().unwrap()
    }
}

async fn open(matrix: Arc<access_patterns::Matrix>) -> (Local, Client, Reads) {
    let mut config = Config::new(Store::Memory, Arc::new(Noon), Arc::new(Seeded::new(7)));
    config.tables = matrix.tables().iter().map(|table| table.create_table_json()).collect();
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    config.roles =
        vec![Role { name: "admin".into(), access_key_id: "AKIAADMIN".into(), secret_access_key: "secret".into(), policies: vec![policy] }];
    let local = Local::open(config).await.unwrap();
    let client = Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(local.credentials("admin").unwrap())
            .http_client(local.http_client())
            .build(),
    );
    (local, client.clone(), Reads::new(client, matrix))
}

fn item(texts: &[(&str, &str)], numbers: &[(&str, i64)]) -> Item {
    let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), AttributeValue::S((*text).to_owned())));
    texts.chain(numbers.iter().map(|(name, number)| ((*name).to_owned(), AttributeValue::N(number.to_string())))).collect()
}

async fn put(client: &Client, table: &str, item: Item) {
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

fn invoice(id: &str, tenant: &str, day: &str, paid: Option<&str>) -> Item {
    let (pk, sort) = (format!("INV#{id}"), format!("INV#{day}"));
    let texts = [("PK", pk.as_str()), ("SK", "META"), ("GSI1PK", "SUB#s1"), ("GSI1SK", &sort), ("tenant", tenant), ("id", id)];
    let more = [
        ("subscription_id", "s1"),
        ("customer_id", "c1"),
        ("currency", "EUR"),
        ("status", "open"),
        ("issued_on", day),
        ("period_start", day),
        ("period_end", day),
    ];
    let paid = paid.map(|at| ("paidAt", at));
    item(&texts.into_iter().chain(more).chain(paid).collect::<Vec<_>>(), &[("amount", 12_00), ("received", 0), ("rev", 1), ("ver", 2)])
}

fn page(limit: u32, token: Option<String>) -> PageRequest {
    PageRequest { limit, token }
}

#[tokio::test]
async fn a_row_is_read_by_its_own_tenant_only() {
    let (_local, client, reads) = open(access_patterns::billing()).await;
    put(&client, "subscriptions", invoice("i1", "t1", "2026-01-31", Some("2026-02-01T10:00:00.000000Z"))).await;
    let found = billing::get_invoice(&reads, "t1", "i1").await.unwrap().unwrap();
    assert_eq!((found.amount, found.paid_at.as_deref()), (1200, Some("2026-02-01T10:00:00.000000Z")));
    assert_eq!(found.issued_on.to_string(), "2026-01-31");
    assert_eq!(billing::get_invoice_strong(&reads, "t2", "i1").await.unwrap(), None);
    assert_eq!(billing::get_invoice(&reads, "t1", "i2").await.unwrap(), None);
}

#[tokio::test]
async fn a_list_goes_newest_first_over_pages_and_keeps_to_its_days() {
    let (_local, client, reads) = open(access_patterns::billing()).await;
    for (id, tenant, day) in
        [("i1", "t1", "2026-01-31"), ("i2", "t2", "2026-02-10"), ("i3", "t1", "2026-02-28"), ("i4", "t1", "2026-03-31")]
    {
        put(&client, "subscriptions", invoice(id, tenant, day, None)).await;
    }
    let first = billing::list_invoices_by_subscription(&reads, "t1", "s1", None, page(1, None)).await.unwrap();
    assert_eq!(first.items.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["i4"]);
    let rest = billing::list_invoices_by_subscription(&reads, "t1", "s1", None, page(9, first.next.clone())).await.unwrap();
    assert_eq!(rest.items.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["i3", "i1"]);
    assert_eq!(rest.next, None);
    let february = Some(("2026-02-01".parse().unwrap(), "2026-02-28".parse().unwrap()));
    let some = billing::list_invoices_by_subscription(&reads, "t1", "s1", february, page(9, None)).await.unwrap();
    assert_eq!(some.items.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["i3"]);
    let foreign = billing::list_invoices_by_subscription(&reads, "t1", "s2", None, page(9, first.next)).await;
    assert!(matches!(foreign, Err(ReadError::BadToken)), "{foreign:?}");
}

#[tokio::test]
async fn a_row_that_was_only_ever_parked_is_not_found() {
    let (_local, client, reads) = open(access_patterns::notifications()).await;
    let texts = [("PK", "NOTE#n1"), ("SK", "META"), ("tenant", "t1"), ("id", "n1")];
    put(&client, "notifications", item(&texts, &[("rev", 1), ("ver", 0)])).await;
    assert_eq!(notifications::get_notification_strong(&reads, "t1", "n1").await.unwrap(), None);
}

#[tokio::test]
async fn an_item_that_is_no_row_is_a_failure_with_its_cause() {
    let (_local, client, reads) = open(access_patterns::notifications()).await;
    let texts = [("PK", "NOTE#n1"), ("SK", "META"), ("tenant", "t1"), ("id", "n1")];
    put(&client, "notifications", item(&texts, &[("rev", 1), ("ver", 1)])).await;
    let found = notifications::get_notification(&reads, "t1", "n1").await;
    let Err(ReadError::Failed { source }) = found else { panic!("{found:?}") };
    assert!(source.to_string().contains("missing field"), "{source}");
}
