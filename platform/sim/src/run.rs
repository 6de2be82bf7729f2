//! One run: commands and faults for a while, then quiet, then everything is checked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals_lambda::Host;
use annals_ledger::function;
use annals_planted::{Bug, planted};
use annals_projection::reconciliation;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;

use crate::bus::Queue;
use crate::checks::{Checked, Violation, check};
use crate::faults::Fault;
use crate::history::Told;
use crate::plan::{Plan, RATE};
use crate::services::{Pipeline, Service};
use crate::world::World;
use crate::{consumer, panics, stories};

/// Within how many seconds after the last fault everything must be settled.
const SETTLES_WITHIN: u64 = 1_800;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was violated.
    pub violations: Vec<Violation>,
    /// How often each invariant was checked.
    pub checked: BTreeMap<u8, u64>,
    /// What has fired, how often.
    pub fired: BTreeMap<Fault, u64>,
    /// Where it was asked whether something fires.
    pub asked: BTreeMap<Fault, u64>,
    /// Commits in the logs.
    pub commits: u64,
    /// The digest of the trace, and its length.
    pub digest: (u64, u64),
    /// The trace, where it was kept.
    pub trace: Vec<String>,
}

/// Runs a plan in this thread, on a runtime of its own. A panic, wherever it is, counts as invariant 0.
pub fn run(plan: &Plan, keeps_trace: bool) -> Report {
    fastrand::seed(plan.seed);
    annals_planted::plant(plan.plant);
    let (report, panicked) = panics::watched(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime needs nothing").block_on(live(plan, keeps_trace))
    });
    annals_planted::plant(None);
    let mut report = report.unwrap_or_default();
    report.violations.extend(panicked.into_iter().map(|what| Violation { invariant: 0, what }));
    report
}

async fn live(plan: &Plan, keeps_trace: bool) -> Report {
    let world = World::new(plan, keeps_trace).await.expect("an account in memory opens");
    let network = world.network.clone();
    tokio::spawn(async move { network.run().await });
    for place in 0..world.pipelines.len() {
        start(&world, place);
    }
    for (queue, poller) in [(Queue::SendEmail, 0), (Queue::SendEmail, 1), (Queue::AddToInbox, 2), (Queue::AddToInbox, 3)] {
        tokio::spawn(consumer::run(world.clone(), queue, poller));
    }
    let fires = |fault| world.network.faults.fires(fault, ("run", "whole", 0), plan.window.0 * 1000);
    let (trimmed, restored) = (fires(Fault::Trimmed), fires(Fault::Restored));
    let weather = tokio::spawn(weather(world.clone(), plan.clone(), trimmed));
    people(&world, plan, plan.stories()).await;
    weather.await.expect("what happens beside does not panic");
    world.clock.jump(0);
    let mut checked = Checked::default();
    if trimmed {
        stand_still(&world).await;
    }
    settle(&world, &mut checked).await;
    if restored {
        restore(&world, plan.seconds * 700).await;
        go_on(&world, plan).await;
        people(&world, plan, plan.stories_after_a_restore()).await;
        settle(&world, &mut checked).await;
    }
    check(&world, &mut checked).await;
    let commits = Service::ALL.iter().map(|service| world.network.tables.end(service.log())).sum();
    let (violations, counts) = checked.into_parts();
    let (faults, trace) = (&world.network.faults, &world.network.trace);
    Report {
        violations,
        checked: counts,
        fired: faults.fired(),
        asked: faults.asked(),
        commits,
        digest: trace.digest(),
        trace: trace.lines(),
    }
}

/// Starts what follows a log: its two functions on the stream, and its reconciler.
fn start(world: &Arc<World>, place: usize) {
    let mappings = world.pipelines[place].mappings.clone();
    let of = world.clone();
    let rows: crate::delivery::Handle = Arc::new(move |pick, event| {
        let world = of.clone();
        Box::pin(async move {
            let work = |projector: Arc<annals_projection::Projector>| -> crate::functions::Work<_> {
                Box::pin(async move { projector.handle(event).await })
            };
            world.pipelines[place].projector.invoke(&world.machine, pick, work).await
        })
    });
    tokio::spawn(mappings.clone().run("projector", rows));
    let of = world.clone();
    let ledger: crate::delivery::Handle = Arc::new(move |pick, event| {
        let world = of.clone();
        Box::pin(async move {
            let event = LambdaEvent::new(event, Context::default());
            let work = |sequencer: Arc<annals_ledger::Sequencer>| -> crate::functions::Work<_> {
                Box::pin(async move { function::sequence(event, &sequencer).await.ok() })
            };
            world.pipelines[place].sequencer.invoke(&world.machine, pick, work).await.flatten()
        })
    });
    tokio::spawn(mappings.run("ledger", ledger));
}

/// Stories, one after the other; returns when the last has ended.
async fn people(world: &Arc<World>, plan: &Plan, numbers: Range<u64>) {
    let (mut stories, share) = (tokio::task::JoinSet::new(), plan.share());
    for (place, number) in numbers.enumerate() {
        if !plan.without.contains(&number) {
            stories.spawn(stories::story(world.clone(), world.chance, number));
        }
        let pause = share / 2 + world.chance.below(share, &["story"], place as u64);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    while let Some(ended) = stories.join_next().await {
        ended.expect("a story does not panic");
    }
}

/// Whoever the restore took something from goes on.
async fn go_on(world: &Arc<World>, plan: &Plan) {
    let mut stories = tokio::task::JoinSet::new();
    for number in (0..4).filter(|number| !plan.without.contains(number)) {
        stories.spawn(stories::go_on(world.clone(), world.chance, number));
    }
    while let Some(ended) = stories.join_next().await {
        ended.expect("a story does not panic");
    }
}

/// What happens beside what people do, each in its own time: clocks jump, a release is rolled out, reconcilers and signers run; and where
/// records are to be lost, the readers stop when a third of the time is left.
async fn weather(world: Arc<World>, plan: Plan, trimmed: bool) {
    let mut beside = tokio::task::JoinSet::new();
    beside.spawn(clocks(world.clone(), plan.seconds));
    beside.spawn(release(world.clone(), plan.seconds));
    for place in 0..world.pipelines.len() {
        beside.spawn(keep(world.clone(), place, plan.clone()));
    }
    if trimmed {
        tokio::time::sleep(Duration::from_secs(plan.seconds * 2 / 3)).await;
        world.pipelines.iter().for_each(|pipeline| pipeline.mappings.stand(true));
    }
    while let Some(ended) = beside.join_next().await {
        ended.expect("what happens beside does not panic");
    }
}

/// Every ten seconds the functions' clocks may jump, and are right again ten seconds later.
async fn clocks(world: Arc<World>, seconds: u64) {
    let faults = &world.network.faults;
    for turn in 0..seconds / 10 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let jumps = faults.fires(Fault::ClockJump, ("clock", "all", turn), world.clock.elapsed());
        let back = faults.extent(2, ("clock", "all", turn)) == 0;
        world.clock.jump(if jumps { if back { -600 } else { 600 } } else { 0 });
    }
}

/// Somewhere in the middle the next release of billing may be rolled out. Its rows are made again at once, while people go on, and while
/// everybody who has been quiet is moved to another price.
async fn release(world: Arc<World>, seconds: u64) {
    let at = seconds * 200 + world.chance.below(seconds * 400, &["release"], 0);
    tokio::time::sleep(Duration::from_millis(at)).await;
    if world.network.faults.fires(Fault::Deployed, ("release", "billing", 0), world.clock.elapsed()) {
        let billing = world.pipeline(Service::Billing);
        billing.deploy().await;
        tokio::join!(reconcile(&world, billing, true), stories::move_everybody(&world));
    }
}

/// A service's reconciler and signer, again and again; where people ask for less, they have more time.
async fn keep(world: Arc<World>, place: usize, plan: Plan) {
    let (pipeline, tick) = (&world.pipelines[place], (10 * RATE / plan.rate).clamp(10, 600));
    for turn in 0..plan.seconds / tick {
        tokio::time::sleep(Duration::from_secs(tick)).await;
        if world.clock.elapsed() > plan.seconds * 1000 {
            return;
        }
        if turn % 2 == 1 && !planted(Bug::NoReconciler) {
            // A walk reads all of the log: the longer that is, the less often.
            let walks = if turn < 64 { turn % 8 == 7 } else { turn % 64 == 63 };
            reconcile(&world, pipeline, walks || pipeline.mappings.has_lost()).await;
        }
        if turn % 3 == 2 {
            sign(&world, pipeline).await;
        }
    }
}

/// One run of a reconciler; whether it has finished.
async fn reconcile(world: &Arc<World>, pipeline: &Pipeline, walk: bool) -> bool {
    let mut context = Context::default();
    let deadline = annals_kit::Clock::now(&*world.clock).micros() / 1000 + 900_000;
    context.deadline = u64::try_from(deadline).unwrap_or(0);
    let event = LambdaEvent::new(if walk { json!({ "walk": "now" }) } else { json!({}) }, context);
    let work = |reconciliation: Arc<annals_projection::Reconciliation>| -> crate::functions::Work<_> {
        Box::pin(async move {
            reconciliation::handle(event, &reconciliation).await.is_ok_and(|report| report.finished && report.stopped.is_none())
        })
    };
    let pick = world.chance.number(&["reconciler"], world.clock.elapsed());
    pipeline.reconciler.invoke(&world.machine, pick, work).await == Some(true)
}

/// Signs a ledger, as far as it has come.
pub async fn sign(world: &World, pipeline: &Pipeline) {
    let (_, host): (_, Host) = world.machine.environment("signer", true);
    let (objects, key) = pipeline.signing();
    let service = pipeline.service;
    let deps = function::SignerDeps::new(&host, service.name(), service.ledger(), service.matrix(), objects, key);
    let signing = function::sign(LambdaEvent::new(json!({}), Context::default()), &deps);
    // A signer that has ended is not waited for.
    let signed = tokio::time::timeout(Duration::from_secs(60), signing).await;
    if let Ok(Ok(answer)) = signed
        && let Some(refused) = answer["refused"].as_str()
    {
        world.history.complain(11, format!("the signer of {} refuses: {refused}", service.name()));
    }
}

/// Nobody reads the streams for 25 hours, and nobody writes.
async fn stand_still(world: &World) {
    world.pipelines.iter().for_each(|pipeline| pipeline.mappings.stand(true));
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    for pipeline in &world.pipelines {
        pipeline.mappings.lose();
        pipeline.mappings.stand(false);
    }
}

/// Waits until everything is done, then lets the reconcilers walk, and waits again.
async fn settle(world: &Arc<World>, checked: &mut Checked) {
    drain(world, checked).await;
    crate::checks::before_the_walk(world, checked).await;
    if !planted(Bug::NoReconciler) {
        for pipeline in &world.pipelines {
            pipeline.retire();
            let mut runs = 0;
            while !reconcile(world, pipeline, runs == 0).await {
                runs += 1;
                if runs > 40 {
                    checked.violated(15, format!("the reconciler of {} does not finish", pipeline.service.name()));
                    break;
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }
    drain(world, checked).await;
    for pipeline in &world.pipelines {
        sign(world, pipeline).await;
    }
}

/// Waits until streams and queue are empty, for a bounded time.
async fn drain(world: &Arc<World>, checked: &mut Checked) {
    let (began, mut quiet) = (world.clock.elapsed(), 0);
    while quiet < 3 {
        Queue::ALL.into_iter().for_each(|queue| world.network.bus.redrive(queue, world.clock.elapsed()));
        let streams = world.pipelines.iter().all(|pipeline| pipeline.mappings.is_done("projector") && pipeline.mappings.is_done("ledger"));
        quiet = if streams && world.network.bus.depth() == (0, 0) { quiet + 1 } else { 0 };
        checked.holds(15);
        if world.clock.elapsed() > began + SETTLES_WITHIN * 1000 {
            checked.violated(
                15,
                format!(
                    "after {SETTLES_WITHIN} s streams are {}, and the queues hold {:?}",
                    if streams { "read" } else { "not read" },
                    world.network.bus.depth()
                ),
            );
            return;
        }
        tokio::time::sleep(Duration::from_secs(12)).await;
    }
}

/// Restores billing's log to what it was at `point`, in milliseconds of the run, under the next generation.
async fn restore(world: &Arc<World>, point: u64) {
    let _closed = world.gate.write().await;
    let (tables, billing) = (&world.network.tables, world.pipeline(Service::Billing));
    let items = world.table(Service::Billing.log()).await;
    let is_later = |item: &annals_reads::Item| {
        let version = crate::world::text(item, "SK").parse().unwrap_or(0);
        tables.inserted_at(Service::Billing.log(), crate::world::text(item, "PK"), version).is_some_and(|at| at >= point)
    };
    let later: Vec<_> = items.into_iter().filter(is_later).collect();
    for commit in later.iter().filter_map(|item| annals_log::Commit::from_item(item).ok()) {
        world.history.tell(commit.command, Told::TakenBack);
    }
    world.delete(Service::Billing.log(), &later).await;
    for table in [Service::Billing.rows(), Service::Billing.ledger()] {
        world.delete(table, &world.table(table).await).await;
    }
    tables.restored(Service::Billing.log(), Service::Billing.rows(), point);
    if !planted(Bug::RestoreReusesEventIds) {
        world.generation.fetch_add(1, Ordering::Relaxed);
    }
    world.commands.retire();
    billing.restore();
    billing.mappings.renew();
    billing.mappings.lose();
}
