//! The gate, one behaviour each.

use annals_kit::{Recorded, StreamId, Version};
use annals_lambda::Metric;
use annals_local::Fault;
use annals_projection::{Projection, Projector, ProjectorDeps};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use billing::invoice::InvoiceEvent;
use billing::rows::InvoiceRow;
use billing_projectors::rows::Invoices;

use crate::fixture::{Fixture, LOG, ROWS, deliver, fold, record, version};

#[tokio::test(start_paused = true)]
async fn a_gap_is_filled_from_the_log_and_what_fills_it_is_published() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 4, true).await;
    let items = fixture.items(&stream).await;
    assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 1, &items[3])]).await, None);
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 4);
    // The first failure also starts dunning, and the payment stops it.
    assert_eq!(fixture.published_ids().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_again_is_neither_written_nor_published_again() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 3, false).await;
    let items = fixture.items(&stream).await;
    let batch: Vec<_> = items.iter().enumerate().map(|(n, item)| record("INSERT", n, item)).collect();
    assert_eq!(deliver(&fixture.projector(), &batch).await, None);
    let writes = fixture.local.meter().of("PutItem", ROWS).calls;
    for projector in [fixture.projector(), fixture.projector()] {
        assert_eq!(deliver(&projector, &batch).await, None);
    }
    assert_eq!((writes, fixture.local.meter().of("PutItem", ROWS).calls), (1, 1));
    assert_eq!(fixture.published().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_row_does_not_move_before_the_bus_has_accepted_its_events() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.invoice(1, 2, true).await, fixture.invoice(2, 1, false).await);
    let mut batch: Vec<_> = fixture.items(&second).await.iter().map(|item| record("INSERT", 1, item)).collect();
    batch.extend(fixture.items(&first).await.iter().enumerate().map(|(n, item)| record("INSERT", 2 + n, item)));
    fixture.script.break_bus(Fault::FailEntries((0..10).collect()));
    assert_eq!(deliver(&fixture.projector(), &batch).await, Some(0));
    assert_eq!((fixture.row(&first).await, fixture.row(&second).await), (None, None));
    fixture.script.calm();
    assert_eq!(deliver(&fixture.projector(), &batch).await, None);
    assert_eq!(version(&fixture.row(&first).await.unwrap()), 2);
    assert_eq!(fixture.published_ids().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_commit_parks_its_stream_and_no_other() {
    let fixture = Fixture::new().await;
    let (bad, good) = (fixture.invoice(1, 2, false).await, fixture.invoice(2, 2, true).await);
    let strange = strange(&fixture, &bad, 3).await;
    let mut batch: Vec<_> = fixture.items(&bad).await.iter().enumerate().map(|(n, item)| record("INSERT", n, item)).collect();
    batch.extend(fixture.items(&good).await.iter().enumerate().map(|(n, item)| record("INSERT", 10 + n, item)));
    let projector = fixture.projector();
    for _ in 0..2 {
        assert_eq!(deliver(&projector, &batch).await, None);
    }
    let parked = fixture.row(&bad).await.unwrap();
    assert_eq!(version(&parked), 2);
    let why = parked["parked"].as_m().unwrap();
    assert_eq!(why["version"], AttributeValue::N("3".into()));
    assert!(why["reason"].as_s().unwrap().contains("SOMETHING_STRANGE"), "{why:?}");
    assert_eq!(version(&fixture.row(&good).await.unwrap()), 2);
    assert_eq!(fixture.counts.of(Metric::StreamParked), fixture.readers().await);
    assert_eq!(strange["SK"].as_s().unwrap(), &format!("{:020}", 3));
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_first_commit_is_undecodable_has_no_row_but_a_reason() {
    let fixture = Fixture::new().await;
    let stream = "INV#00000000-0000-0000-0000-000000000007".parse().unwrap();
    let strange = strange(&fixture, &stream, 1).await;
    assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 1, &strange)]).await, None);
    let row = fixture.row(&stream).await.unwrap();
    assert_eq!((version(&row), row.contains_key("parked"), row.contains_key("GSI1PK")), (0, true, false));
    let params = annals_reads::Params::new().text("id", stream.id());
    let shown: Option<billing::rows::InvoiceRow> = fixture.reads.get("get_invoice", "demo", &params).await.unwrap();
    assert_eq!(shown, None);
}

/// Invoices by a fold that cannot take the third attempt.
struct Fragile;

impl Projection for Fragile {
    const NAME: &'static str = Invoices::NAME;
    const STREAM_TYPE: &'static str = Invoices::STREAM_TYPE;
    const REVISION: u32 = Invoices::REVISION;
    const ENTITY: &'static str = Invoices::ENTITY;
    const GATE: &'static str = Invoices::GATE;
    const GLANCE: &'static str = Invoices::GLANCE;
    type Event = InvoiceEvent;
    type Row = InvoiceRow;

    fn fold(stream: &StreamId, row: Option<InvoiceRow>, event: &InvoiceEvent, recorded: Recorded) -> Option<InvoiceRow> {
        assert!(!matches!(event, InvoiceEvent::PaymentFailed(failed) if failed.attempt == 3), "attempt 3 is too much");
        Invoices::fold(stream, row, event, recorded)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_own_row_cannot_be_folded_goes_on_being_published() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 6, false).await;
    let records: Vec<_> = fixture.items(&stream).await.iter().enumerate().map(|(n, item)| record("INSERT", n, item)).collect();
    let host = fixture.host();
    let fragile = || {
        let deps = ProjectorDeps::new(&host, "billing", LOG, access_patterns::billing(), "annals");
        Projector::new(deps).with::<Fragile>()
    };
    // The first commit of six says one thing, the second two, the others one.
    for (upto, published) in [(3, 4), (4, 5), (6, 7)] {
        for _ in 0..2 {
            assert_eq!(deliver(&fragile(), &records[..upto]).await, None);
            assert_eq!((fixture.published().len(), fixture.published_ids().len()), (published, published), "{upto}");
        }
    }
    let row = fixture.row(&stream).await.unwrap();
    let why = row["parked"].as_m().unwrap();
    assert_eq!((version(&row), &why["version"], fixture.counts.of(Metric::StreamParked)), (3, &AttributeValue::N("4".into()), 1));
    assert!(why["reason"].as_s().unwrap().contains("attempt 3 is too much"), "{why:?}");
    // Code that can fold it takes it on from there, and publishes nothing again.
    assert_eq!(deliver(&fixture.projector(), &records[5..]).await, None);
    assert_eq!((version(&fixture.row(&stream).await.unwrap()), fixture.published().len()), (6, 7));
}

/// Appends a commit of a type that this code does not know.
async fn strange(fixture: &Fixture, stream: &annals_kit::StreamId, number: u64) -> Item {
    let template = fixture.invoice(99, 2, false).await;
    let from = Version::new(number.min(2)).unwrap();
    let mut item = fixture.log.commit(&template, from).await.unwrap().unwrap();
    let event = [
        ("t", AttributeValue::S("SOMETHING_STRANGE".into())),
        ("v", AttributeValue::N("1".into())),
        ("p", AttributeValue::M(Default::default())),
    ];
    item.insert("PK".into(), AttributeValue::S(stream.to_string()));
    item.insert("SK".into(), AttributeValue::S(format!("{number:020}")));
    item.insert("e".into(), AttributeValue::L(vec![AttributeValue::M(event.map(|(name, value)| (name.to_owned(), value)).into())]));
    fixture.account.sdk_dynamodb().put_item().table_name(LOG).set_item(Some(item.clone())).send().await.unwrap();
    item
}

/// Stores a row as another revision of the projection left it.
async fn stored_by(fixture: &Fixture, row: &Item, revision: u32, version: u64) {
    let mut row = row.clone();
    row.insert("rev".into(), AttributeValue::N(revision.to_string()));
    row.insert("ver".into(), AttributeValue::N(version.to_string()));
    row.insert("status".into(), AttributeValue::S("as another revision saw it".into()));
    fixture.account.sdk_dynamodb().put_item().table_name(ROWS).set_item(Some(row)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_older_revisions_row_is_folded_again_and_only_news_is_published() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 4, true).await;
    let items = fixture.items(&stream).await;
    deliver(&fixture.projector(), &[record("INSERT", 1, &items[1])]).await;
    stored_by(&fixture, &fixture.row(&stream).await.unwrap(), 0, 2).await;
    let before = fixture.published().len();
    assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 2, &items[2])]).await, None);
    let row = fixture.row(&stream).await.unwrap();
    assert_eq!(version(&row), 3);
    assert_eq!(serde_dynamo::from_item::<_, billing::rows::InvoiceRow>(row).unwrap(), fold(&items[..3]));
    assert_eq!(fixture.published().len() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_fold_at_a_new_revision_that_stops_below_the_old_row_keeps_that_row_and_says_why() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 4, true).await;
    let items = fixture.items(&stream).await;
    deliver(&fixture.projector(), &[record("INSERT", 1, &items[2])]).await;
    stored_by(&fixture, &fixture.row(&stream).await.unwrap(), 0, 3).await;
    let client = fixture.account.sdk_dynamodb();
    let second = &items[1];
    client.delete_item().table_name(LOG).key("PK", second["PK"].clone()).key("SK", second["SK"].clone()).send().await.unwrap();
    for _ in 0..2 {
        assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 2, &items[3])]).await, None);
    }
    let row = fixture.row(&stream).await.unwrap();
    assert_eq!((version(&row), row["status"].as_s().unwrap().as_str()), (3, "as another revision saw it"));
    assert_eq!(row["parked"].as_m().unwrap()["version"], AttributeValue::N("2".into()));
    assert_eq!(fixture.counts.of(Metric::StreamParked), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hole_in_the_log_parks_the_stream_and_the_batch_goes_on() {
    let fixture = Fixture::new().await;
    let (holed, good) = (fixture.invoice(1, 3, false).await, fixture.invoice(2, 1, false).await);
    let items = fixture.items(&holed).await;
    let client = fixture.account.sdk_dynamodb();
    client.delete_item().table_name(LOG).key("PK", items[1]["PK"].clone()).key("SK", items[1]["SK"].clone()).send().await.unwrap();
    let batch = [record("INSERT", 1, &items[2]), record("INSERT", 2, &fixture.items(&good).await[0])];
    assert_eq!(deliver(&fixture.projector(), &batch).await, None);
    let row = fixture.row(&holed).await.unwrap();
    assert_eq!((version(&row), &row["parked"].as_m().unwrap()["version"]), (1, &AttributeValue::N("2".into())));
    assert_eq!(version(&fixture.row(&good).await.unwrap()), 1);
}

#[tokio::test(start_paused = true)]
async fn the_lowest_number_is_reported_also_when_records_come_swapped() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 2, false).await;
    let items = fixture.items(&stream).await;
    fixture.script.break_bus(Fault::FailEntries((0..10).collect()));
    let swapped = [record("INSERT", 7, &items[1]), record("INSERT", 3, &items[0])];
    assert_eq!(deliver(&fixture.projector(), &swapped).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_newer_revisions_row_is_left_alone() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 3, false).await;
    let items = fixture.items(&stream).await;
    deliver(&fixture.projector(), &[record("INSERT", 1, &items[0])]).await;
    stored_by(&fixture, &fixture.row(&stream).await.unwrap(), 99, 1).await;
    let before = fixture.row(&stream).await.unwrap();
    for item in &items[1..] {
        assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 2, item)]).await, None);
    }
    assert_eq!(fixture.row(&stream).await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_another_instance_has_moved_is_started_from_again() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 4, true).await;
    let items = fixture.items(&stream).await;
    let (slow, quick) = (fixture.projector(), fixture.projector());
    deliver(&slow, &[record("INSERT", 1, &items[0])]).await;
    deliver(&quick, &[record("INSERT", 2, &items[2])]).await;
    // `slow` still has version 1 in memory.
    assert_eq!(deliver(&slow, &[record("INSERT", 3, &items[1])]).await, None);
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 3);
    assert_eq!(deliver(&slow, &[record("INSERT", 4, &items[3])]).await, None);
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 4);
}

#[tokio::test(start_paused = true)]
async fn a_changed_or_deleted_commit_is_counted_as_tampering_and_changes_no_row() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 1, false).await;
    let items = fixture.items(&stream).await;
    let batch = [record("INSERT", 1, &items[0]), record("MODIFY", 2, &items[0]), record("REMOVE", 3, &items[0])];
    assert_eq!(deliver(&fixture.projector(), &batch).await, None);
    assert_eq!(fixture.counts.of(Metric::LogTampered), 2);
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 1);
}
