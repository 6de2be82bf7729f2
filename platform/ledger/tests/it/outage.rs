//! What no record of the stream tells any more is found by a walk over the log.

use annals_ledger::reconcile::{Reconciled, Share, reconcile};

use crate::fixture::{Fixture, deliver, keys, keys_of};

#[tokio::test(start_paused = true)]
async fn after_25_hours_without_the_ledgers_function_everything_comes_in() {
    let fixture = Fixture::new().await;
    let before = fixture.commits(1, 3).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&before)).await);
    let mut items = before;
    // Nobody takes their records, and after 24 hours there are none.
    for stream in 2..40 {
        items.extend(fixture.commits(stream, 4).await);
        fixture.clock.advance(25 * 3600 / 38);
    }
    assert_eq!(fixture.found().await, "commit-unsequenced");
    let reconciled = reconcile(&fixture.sequencer(), &fixture.log, Share::ALL).await.unwrap();
    assert_eq!(reconciled, Reconciled { commits: 155, sequenced: 152 });
    let mut sequenced = keys(&fixture.entries().await);
    sequenced.sort();
    let mut expected = keys_of(&items);
    expected.sort();
    assert_eq!(sequenced, expected);
    assert_eq!(fixture.verify().await.unwrap().entries, 155);
    assert_eq!(reconcile(&fixture.sequencer(), &fixture.log, Share::ALL).await.unwrap().sequenced, 0);
}

#[tokio::test(start_paused = true)]
async fn shares_together_are_everything_and_a_hole_is_filled() {
    let fixture = Fixture::new().await;
    let mut items = vec![];
    for stream in 1..20 {
        items.extend(fixture.commits(stream, 3).await);
    }
    // Every second record was lost.
    let some: Vec<_> = fixture.records(&items).into_iter().step_by(2).collect();
    assert!(deliver(&fixture.sequencer(), &some).await);
    let mut sequenced = 0;
    for number in 0..3 {
        sequenced += reconcile(&fixture.sequencer(), &fixture.log, Share::new(number, 3).unwrap()).await.unwrap().sequenced;
    }
    assert_eq!(sequenced, 28);
    assert_eq!(fixture.verify().await.unwrap().entries, 57);
}

#[tokio::test(start_paused = true)]
async fn a_reconciliation_beside_the_function_doubles_nothing() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 6).await;
    let (function, reconciler, records) = (fixture.sequencer(), fixture.sequencer(), fixture.records(&items));
    assert!(deliver(&function, &records[..2]).await);
    let (reconciled, delivered) = tokio::join!(reconcile(&reconciler, &fixture.log, Share::ALL), deliver(&function, &records[2..]));
    assert!(delivered);
    reconciled.unwrap();
    // The late records of what the reconciler found first.
    fixture.clock.advance(23 * 3600);
    assert!(deliver(&fixture.sequencer(), &records).await);
    assert_eq!(fixture.entries().await.len(), 6);
}
