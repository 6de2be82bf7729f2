//! Projections of several rows and of totals: exact under every delivery, revision and failing fold.

use std::collections::BTreeMap;

use annals_harness::histories::{told, totals_are_the_folds};
use annals_kit::{Recorded, StreamId};
use annals_lambda::Metric;
use annals_local::Fault;
use annals_log::Commit;
use annals_projection::story::{Given, given};
use annals_projection::{CannotFold, Contributions, Mode, Projector, ProjectorDeps, Reconciler, TotalKey, Totals, Walk};
use annals_reads::{Item, Params};
use aws_sdk_dynamodb::types::AttributeValue;
use billing::invoice::InvoiceEvent;
use billing::subscription::SubscriptionEvent;
use billing_projectors::account_balances::AccountBalances;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::mrr_movements::MrrMovements;
use billing_projectors::open_invoices::OpenInvoices;
use billing_projectors::payments::Payments;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;
use billing_projectors::rows::Invoices;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::fixture::{Fixture, LOG, deliver, record};

type Sums = BTreeMap<String, (i128, i128)>;

fn number(item: &Item, name: &str) -> i128 {
    item[name].as_n().unwrap().parse().unwrap()
}

fn history(stream: &StreamId, items: &[Item]) -> Given<InvoiceEvent> {
    let commits = items.iter().map(|item| Commit::from_item(item).unwrap());
    let events =
        commits.flat_map(|commit| commit.events.iter().map(|event| (commit.recorded_at, event.decode().unwrap())).collect::<Vec<_>>());
    events.fold(given(stream.clone()), |given, (at, event)| given.on(at, event))
}

/// The totals of a slot as they are stored, without those that are zero.
async fn stored(fixture: &Fixture, slot: &str) -> Sums {
    let mut sums = Sums::new();
    for shard in 0..8 {
        let params = Params::new().text("tenant", "demo").text("slot", slot).number("total_shard", shard);
        for item in fixture.reads.query_all("totals_of_shard", &params).await.unwrap() {
            let sum = sums.entry(item["total"].as_s().unwrap().clone()).or_default();
            *sum = (sum.0 + number(&item, "amount"), sum.1 + number(&item, "n"));
        }
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// What the streams' histories fold to.
fn folded<P: Totals<Event = InvoiceEvent>>(logs: &[(StreamId, Vec<Item>)]) -> Sums {
    let mut sums = Sums::new();
    for (stream, items) in logs {
        for (key, amount, count) in history(stream, items).totals::<P>().unwrap() {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + amount, sum.1 + count);
        }
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// Each total is the sum of the folds, and of the contributions that explain it.
async fn totals_are_exact<P: Totals<Event = InvoiceEvent>>(fixture: &Fixture, slot: &str, logs: &[(StreamId, Vec<Item>)]) {
    let stored = stored(fixture, slot).await;
    assert_eq!(stored, folded::<P>(logs), "{slot}");
    for (key, sum) in stored {
        let params = Params::new().text("tenant", "demo").text("slot", slot).text("total", &key);
        let parts = fixture.reads.query_all("contributions_of_total", &params).await.unwrap();
        let explained = parts.iter().fold((0, 0), |all, item| (all.0 + number(item, "amount"), all.1 + number(item, "n")));
        assert_eq!(explained, sum, "{slot} {key}");
    }
}

async fn rows_are_exact(fixture: &Fixture, logs: &[(StreamId, Vec<Item>)]) {
    let own = |mut item: Item| {
        ["PK", "SK", "rev", "ver", "owner", "tenant"].iter().for_each(|name| drop(item.remove(*name)));
        item
    };
    let mut open = vec![];
    for (stream, items) in logs {
        let history = history(stream, items);
        let payments = Params::new().text("invoice_id", stream.id());
        let stored = fixture.reads.query_all("list_payments_of_invoice", &payments).await.unwrap();
        let wanted: Vec<Item> = history.rows::<Payments>().unwrap().into_iter().map(|(_, item)| item).collect();
        let ids = |items: &[Item]| items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&stored), ids(&wanted));
        open.extend(history.rows::<OpenInvoices>().unwrap().into_iter().map(|(_, item)| item));
    }
    let stored = fixture.reads.query_all("list_open_invoices_of_customer", &Params::new().text("customer_id", "ada")).await.unwrap();
    let mut stored: Vec<Item> = stored.into_iter().map(own).collect();
    let by_id = |item: &Item| item["id"].as_s().unwrap().clone();
    stored.sort_by_key(by_id);
    open.sort_by_key(by_id);
    assert_eq!(stored, open);
}

/// Everything that billing keeps of invoices beside their own rows.
pub(crate) async fn all_is_exact(fixture: &Fixture, logs: &[(StreamId, Vec<Item>)]) {
    totals_are_exact::<RevenueByMonth>(fixture, "revenue-by-month-r2", logs).await;
    totals_are_exact::<ReceivablesByCustomer>(fixture, "receivables-by-customer-r2", logs).await;
    totals_are_exact::<AccountBalances>(fixture, "account-balances-r1", logs).await;
    rows_are_exact(fixture, logs).await;
}

/// Two instances of the function take in the same records at the same time, with faults in the way.
async fn side_by_side(invoices: Vec<(u32, bool)>, drawn: [Vec<Index>; 2], faults: Vec<Fault>) {
    let fixture = Fixture::new().await;
    let mut logs = vec![];
    for (number, (commits, paid)) in invoices.iter().enumerate() {
        let stream = fixture.invoice(number as u128 + 1, *commits, *paid).await;
        logs.push((stream.clone(), fixture.items(&stream).await));
    }
    let all: Vec<&Item> = logs.iter().flat_map(|(_, items)| items).collect();
    let drawn = drawn.map(|drawn| {
        drawn.iter().enumerate().map(|(sequence, index)| record("INSERT", sequence, all[index.index(all.len())])).collect::<Vec<Value>>()
    });
    let instances = [fixture.projector(), fixture.projector()];
    fixture.script.arm(faults);
    tokio::join!(deliver(&instances[0], &drawn[0]), deliver(&instances[1], &drawn[1]));
    fixture.script.calm();
    let last: Vec<Value> = logs.iter().enumerate().map(|(n, (_, items))| record("INSERT", 1000 + n, items.last().unwrap())).collect();
    tokio::join!(deliver(&instances[0], &last), deliver(&instances[1], &last));
    assert_eq!(deliver(&instances[0], &last).await, None);
    all_is_exact(&fixture, &logs).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Law: a total is the sum of what the streams' folds contribute, whoever counted it.
    #[test]
    fn instances_side_by_side_count_once(
        invoices in prop::collection::vec((1u32..7, any::<bool>()), 1..6),
        drawn in [prop::collection::vec(any::<Index>(), 0..12), prop::collection::vec(any::<Index>(), 0..12)],
        faults in prop::collection::vec(prop_oneof![
            4 => Just(Fault::None), 2 => Just(Fault::LoseResponse), 2 => Just(Fault::LoseRequest), 1 => Just(Fault::Throttle), 1 => Just(Fault::InternalError),
        ], 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(side_by_side(invoices, drawn, faults));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Law: accounts are the sums of the legs, also over histories that no command makes.
    #[test]
    fn account_balances_are_the_folds(told in told::<InvoiceEvent>("billing")) {
        totals_are_the_folds::<AccountBalances>("billing", LOG, &told);
        totals_are_the_folds::<ReceivablesByCustomer>("billing", LOG, &told);
    }

    /// Law: totals are the sums of the folds, also over histories that no command makes.
    #[test]
    fn totals_of_subscriptions_are_the_folds(told in told::<SubscriptionEvent>("billing")) {
        totals_are_the_folds::<MrrMovements>("billing", LOG, &told);
        totals_are_the_folds::<ActiveCustomers>("billing", LOG, &told);
    }
}

/// Counts failed payments, and cannot fold the third of an invoice: it errs, or panics.
struct Fragile<const PANICS: bool>;

impl<const PANICS: bool> Totals for Fragile<PANICS> {
    const NAME: &'static str = "fragile";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = u32;

    fn fold(_: &StreamId, seen: &mut u32, event: &InvoiceEvent, _: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentFailed(failed) = event {
            *seen += 1;
            totals.add(TotalKey::of(["failed"]), 1, 1);
            assert!(!PANICS || failed.attempt != 3, "attempt 3 is too much");
            if failed.attempt == 3 {
                return Err(CannotFold::because("attempt 3 is too much"));
            }
        }
        Ok(())
    }
}

/// The same at the next revision, which can fold everything and counts double.
struct Mended;

impl Totals for Mended {
    const NAME: &'static str = "fragile";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 2;
    type Event = InvoiceEvent;
    type State = ();

    fn fold(_: &StreamId, _: &mut (), event: &InvoiceEvent, _: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentFailed(_) = event {
            totals.add(TotalKey::of(["failed"]), 2, 1);
        }
        Ok(())
    }
}

fn projector(fixture: &Fixture) -> Projector {
    let host = fixture.host();
    Projector::new(ProjectorDeps::new(&host, "billing", "subscriptions-log", access_patterns::billing(), "annals")).with::<Invoices>()
}

async fn a_fold_that_fails_parks_its_stream_there_only(projector: impl Fn(&Fixture) -> Projector) {
    let fixture = Fixture::new().await;
    let (mut records, mut streams, mut events) = (vec![], vec![], 0);
    for (number, commits) in [(1, 6), (2, 3)] {
        let stream = fixture.invoice(number, commits, false).await;
        let items = fixture.items(&stream).await;
        events += items.iter().map(|item| Commit::from_item(item).unwrap().events.len()).sum::<usize>();
        records.extend(items.iter().map(|item| record("INSERT", records.len(), item)).collect::<Vec<_>>());
        streams.push(stream);
    }
    assert_eq!(deliver(&projector(&fixture), &records).await, None);
    // Two of the first invoice's five failures, two of the second's.
    assert_eq!(stored(&fixture, "fragile-r1").await, Sums::from([("failed".into(), (4, 4))]));
    let key = Params::new().text("stream_type", "INV").text("stream_id", streams[0].id()).text("slot", "fragile-r1");
    let stamp = fixture.reads.get_item("get_stamp", &key).await.unwrap().unwrap();
    let parked = stamp["parked"].as_m().unwrap();
    assert_eq!((&stamp["ver"], &parked["version"]), (&AttributeValue::N("3".into()), &AttributeValue::N("4".into())));
    let reason = parked["reason"].as_s().unwrap();
    assert!(reason.starts_with("PAYMENT_FAILED: ") && reason.contains("attempt 3 is too much"), "{reason}");
    assert_eq!(fixture.counts.of(Metric::StreamParked), 1);
    // The row and the bus have everything.
    assert_eq!(crate::fixture::version(&fixture.row(&streams[0]).await.unwrap()), 6);
    assert_eq!(fixture.published_ids().len(), events);
    // It is said once, and nothing is counted twice, however often the records come.
    assert_eq!(deliver(&projector(&fixture), &records).await, None);
    assert_eq!(fixture.counts.of(Metric::StreamParked), 1);
    assert_eq!(stored(&fixture, "fragile-r1").await, Sums::from([("failed".into(), (4, 4))]));
    // The next revision counts from the beginning, beside the old totals.
    let mended = self::projector(&fixture).with_totals::<Mended>();
    assert_eq!(deliver(&mended, &records).await, None);
    assert_eq!(stored(&fixture, "fragile-r2").await, Sums::from([("failed".into(), (14, 7))]));
    assert_eq!(stored(&fixture, "fragile-r1").await, Sums::from([("failed".into(), (4, 4))]));
}

#[tokio::test(start_paused = true)]
async fn a_fold_that_errs_parks_its_stream_there_only() {
    a_fold_that_fails_parks_its_stream_there_only(|fixture| projector(fixture).with_totals::<Fragile<false>>()).await;
}

#[tokio::test(start_paused = true)]
async fn a_fold_that_panics_parks_its_stream_there_only() {
    a_fold_that_fails_parks_its_stream_there_only(|fixture| projector(fixture).with_totals::<Fragile<true>>()).await;
}

/// Adds to thirty totals for each failed payment: more than a transaction holds, of several.
struct Wide;

impl Totals for Wide {
    const NAME: &'static str = "wide";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = ();

    fn fold(_: &StreamId, _: &mut (), event: &InvoiceEvent, _: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentFailed(failed) = event {
            (0..30).for_each(|part| totals.add(TotalKey::of([&failed.attempt.to_string(), &part.to_string()]), 1, 1));
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_one_transaction_goes_into_several() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 13, false).await;
    let items = fixture.items(&stream).await;
    let records: Vec<_> = items.iter().enumerate().map(|(n, item)| record("INSERT", n, item)).collect();
    assert_eq!(deliver(&projector(&fixture).with_totals::<Wide>(), &records).await, None);
    totals_are_exact::<Wide>(&fixture, "wide-r1", &[(stream, items)]).await;
}

/// Counts failed payments, each as so many.
struct Counting<const REVISION: u32, const EACH: i64>;

impl<const REVISION: u32, const EACH: i64> Totals for Counting<REVISION, EACH> {
    const NAME: &'static str = "counting";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = REVISION;
    type Event = InvoiceEvent;
    type State = ();

    fn fold(_: &StreamId, _: &mut (), event: &InvoiceEvent, _: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentFailed(failed) = event {
            totals.add(TotalKey::of([&failed.attempt.to_string()]), EACH, 1);
        }
        Ok(())
    }
}

/// Folds everything that is kept of invoices beside their own rows from nothing, in pages of so many commits.
async fn rebuilt_in_pages_of(commits: usize, invoices: Vec<(u32, bool)>) {
    let fixture = Fixture::new().await;
    let mut logs = vec![];
    for (number, (commits, paid)) in invoices.iter().enumerate() {
        let stream = fixture.invoice(number as u128 + 1, *commits, *paid).await;
        logs.push((stream.clone(), fixture.items(&stream).await));
    }
    let spent = || ["Query", "Scan"].map(|operation| fixture.local.meter().of(operation, LOG).capacity);
    let (projector, before) = (fixture.projector(), spent());
    let mut reconciler = Reconciler::new(fixture.log.clone(), fixture.host().clock.clone()).with_pages_of(commits);
    for follower in projector.followers() {
        reconciler = reconciler.feeding(follower.clone());
    }
    let (mut walk, began) = (Walk::new(fixture.now()), fixture.now());
    reconciler.go_on(&mut walk, Mode::Rebuild, None).await.unwrap();
    assert!(walk.finished_at.is_some());
    assert_eq!(fixture.now(), began, "nothing was waited for");
    let after = spent();
    assert_eq!(after[0], before[0], "the commits came with the walk");
    assert!(after[1] > before[1]);
    all_is_exact(&fixture, &logs).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Law: a rebuild is the fold of every stream, wherever pages end, and reads the log once.
    #[test]
    fn a_rebuild_reads_the_log_once(commits in 1usize..9, invoices in prop::collection::vec((1u32..7, any::<bool>()), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(rebuilt_in_pages_of(commits, invoices));
    }
}

/// What readers see.
async fn seen(projector: &Projector) -> Sums {
    let totals = projector.followers()[0].totals(&"demo".parse().unwrap()).await.unwrap();
    totals.into_iter().map(|(key, amount)| (key.to_string(), (amount.sum, amount.count))).collect()
}

/// A walk over the whole log, with the code of this projector.
async fn walk(fixture: &Fixture, projector: &Projector, mode: Mode) {
    let host = fixture.host();
    let deps = ProjectorDeps::new(&host, "billing", "subscriptions-log", access_patterns::billing(), "annals");
    let reconciler = Reconciler::new(deps.log, host.clock.clone()).feeding(projector.followers()[0].clone());
    let mut walk = Walk::new(fixture.now());
    reconciler.go_on(&mut walk, mode, None).await.unwrap();
    assert!(walk.finished_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn new_changed_and_rolled_back_totals_are_whole_before_readers_see_them_while_traffic_goes_on() {
    let fixture = Fixture::new().await;
    let mut logs = vec![];
    for number in 1..5 {
        let stream = fixture.invoice(number, 6, false).await;
        let items = fixture.items(&stream).await;
        logs.push((stream, items));
    }
    // As they come: a commit of each stream, then the next of each.
    let all = (0..6).flat_map(|commit| logs.iter().map(move |(_, items)| &items[commit]));
    let records: Vec<Value> = all.enumerate().map(|(sequence, item)| record("INSERT", sequence, item)).collect();
    let without = projector(&fixture);
    assert_eq!(deliver(&without, &records[..4]).await, None);

    // New, over history that has passed; instances of the code before still run.
    let first = projector(&fixture).with_totals::<Counting<1, 1>>();
    assert_eq!(tokio::join!(deliver(&without, &records[4..8]), deliver(&first, &records[4..8])), (None, None));
    tokio::join!(walk(&fixture, &first, Mode::Mend), deliver(&first, &records[8..12]));
    assert_eq!(seen(&first).await, folded::<Counting<1, 1>>(&logs), "the log has all of it, so the walk found all of it");

    // Changed: readers go on to see the old totals, from either code, until the new ones are whole.
    let second = projector(&fixture).with_totals::<Counting<2, 2>>();
    assert_eq!(tokio::join!(deliver(&first, &records[12..16]), deliver(&second, &records[12..14])), (None, None));
    assert_eq!(seen(&second).await, folded::<Counting<1, 1>>(&logs));
    let why = second.followers()[0].explain(&"demo".parse().unwrap(), &TotalKey::of(["1"])).await.unwrap_err().to_string();
    assert!(why.contains("readers see revision 1 of counting") && why.contains("annals rebuild counting"), "{why}");
    tokio::join!(walk(&fixture, &second, Mode::Rebuild), deliver(&second, &records[16..20]), deliver(&first, &records[16..20]));
    for reader in [&first, &second] {
        assert_eq!(seen(reader).await, folded::<Counting<2, 2>>(&logs));
    }

    // Rolled back: the old fold as a higher revision. A walk with older code does not take readers back.
    let third = projector(&fixture).with_totals::<Counting<3, 1>>();
    assert_eq!(deliver(&third, &records[20..]).await, None);
    assert_eq!(seen(&third).await, folded::<Counting<2, 2>>(&logs));
    walk(&fixture, &third, Mode::Rebuild).await;
    walk(&fixture, &second, Mode::Mend).await;
    assert_eq!(seen(&third).await, folded::<Counting<3, 1>>(&logs));
    totals_are_exact::<Counting<3, 1>>(&fixture, "counting-r3", &logs).await;
}
