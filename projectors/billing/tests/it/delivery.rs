//! Records repeated, swapped, left out, under faults and cold starts.

use std::collections::BTreeMap;

use annals_kit::StreamId;
use annals_local::Fault;
use annals_log::Commit;
use annals_reads::Item;
use billing::rows::InvoiceRow;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::fixture::{Fixture, deliver, fold, record, version};
use crate::following;

/// How a log reaches the projector.
#[derive(Clone, Debug)]
struct Delivery {
    /// Commits of each invoice, and whether the last is its payment.
    invoices: Vec<(u32, bool)>,
    /// Records by index, repeated and out of order; those not drawn do not come.
    drawn: Vec<Index>,
    batch: usize,
    faults: Vec<Fault>,
    /// Before which batches the function starts cold.
    cold: Vec<bool>,
}

fn a_delivery() -> impl Strategy<Value = Delivery> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        2 => Just(Fault::LoseResponse),
        2 => Just(Fault::LoseRequest),
        1 => Just(Fault::Throttle),
        1 => Just(Fault::InternalError),
        2 => prop::collection::vec(0usize..10, 1..5).prop_map(Fault::FailEntries),
    ];
    (
        prop::collection::vec((1u32..7, any::<bool>()), 1..5),
        prop::collection::vec(any::<Index>(), 0..30),
        1usize..8,
        prop::collection::vec(fault, 0..40),
        prop::collection::vec(any::<bool>(), 30),
    )
        .prop_map(|(invoices, drawn, batch, faults, cold)| Delivery { invoices, drawn, batch, faults, cold })
}

async fn run(delivery: Delivery) {
    let fixture = Fixture::new().await;
    let mut logs: Vec<(StreamId, Vec<Item>)> = vec![];
    for (number, (commits, paid)) in delivery.invoices.iter().enumerate() {
        let stream = fixture.invoice(number as u128 + 1, *commits, *paid).await;
        logs.push((stream.clone(), fixture.items(&stream).await));
    }
    let all: Vec<&Item> = logs.iter().flat_map(|(_, items)| items).collect();
    let drawn: Vec<Value> =
        delivery.drawn.iter().enumerate().map(|(sequence, index)| record("INSERT", sequence, all[index.index(all.len())])).collect();
    let (mut projector, mut seen) = (fixture.projector(), BTreeMap::new());
    fixture.script.arm(delivery.faults);
    for (number, batch) in drawn.chunks(delivery.batch).enumerate() {
        if delivery.cold[number % delivery.cold.len()] {
            projector = fixture.projector();
        }
        // What is reported comes again once, then is given up, as a mapping with finite retries does.
        if let Some(from) = deliver(&projector, batch).await {
            deliver(&projector, &batch[from..]).await;
        }
    }
    fixture.script.calm();
    rows_move_forward(&fixture, &logs, &mut seen).await;
    // A stream's last record shows how far it has come; everything before it may have been lost.
    let last: Vec<Value> = logs.iter().enumerate().map(|(n, (_, items))| record("INSERT", 1000 + n, items.last().unwrap())).collect();
    assert_eq!(deliver(&projector, &last).await, None);
    rows_move_forward(&fixture, &logs, &mut seen).await;

    let published = fixture.published_ids();
    for (stream, items) in &logs {
        let row = fixture.row(stream).await.unwrap();
        assert_eq!(version(&row), items.len() as u64);
        assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(row).unwrap(), fold(items));
        for item in items {
            let commit = Commit::from_item(item).unwrap();
            for event in (0..commit.events.len()).map(|index| commit.event_id(index)) {
                assert!(published.contains(&event.to_string()), "{event} was never published");
            }
        }
    }
    let committed: usize = all.iter().map(|item| Commit::from_item(item).unwrap().events.len()).sum();
    assert_eq!(published.len(), committed, "published what was never committed");
    following::all_is_exact(&fixture, &logs).await;
}

/// A row never goes back, and shows exactly the fold at its version.
async fn rows_move_forward(fixture: &Fixture, logs: &[(StreamId, Vec<Item>)], seen: &mut BTreeMap<StreamId, u64>) {
    for (stream, items) in logs {
        let Some(row) = fixture.row(stream).await else { continue };
        let now = version(&row);
        let before = seen.insert(stream.clone(), now).unwrap_or(0);
        assert!(before <= now);
        assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(row).unwrap(), fold(&items[..now as usize]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law: the row equals the fold of its stream, however delivered; the bus has every event up to the row's version.
    #[test]
    fn delivery_changes_neither_rows_nor_what_is_published(delivery in a_delivery()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(delivery));
    }
}
