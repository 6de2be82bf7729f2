//! Annals' read model, a row a notebook, and its total order: the projection a user writes, and the walk that builds both.

use std::sync::Arc;

use annals_bus::Bus;
use annals_kit::{Aggregate, Clock, Recorded, StreamId};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_lambda::{Metric, Metrics};
use annals_ledger::{LedgerFeed, LedgerTable, Reader, Sequencer};
use annals_projection::{Mode, Projection, Projector, ProjectorDeps, Reconciler, Walk};
use annals_reads::Reads;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::annals::{LOG, NoteEvent, log, matrix};
use crate::note::Notebook;
use crate::way::Way;

/// The table of the total order.
const LEDGER: &str = "notes-ledger";

/// The row of a notebook.
#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    notes: u64,
    sum: u64,
    last: String,
}

/// One row a notebook; a later round is a later revision of the same fold.
struct Rows<const ROUND: u32>;

impl<const ROUND: u32> Projection for Rows<ROUND> {
    const NAME: &'static str = "notebooks";
    const STREAM_TYPE: &'static str = Notebook::STREAM_TYPE;
    const REVISION: u32 = ROUND;
    const ENTITY: &'static str = "Notebook";
    const GATE: &'static str = "get_notebook_strong";
    const GLANCE: &'static str = "glance_notebook";
    type Event = NoteEvent;
    type Row = Row;

    fn fold(stream: &StreamId, row: Option<Row>, NoteEvent::Noted(note): &NoteEvent, _: Recorded) -> Option<Row> {
        let mut notebook = row.map_or_else(Notebook::default, |row| Notebook { notes: row.notes, sum: row.sum, last: row.last });
        notebook.take(note);
        Some(Row { id: stream.id().to_owned(), notes: notebook.notes, sum: notebook.sum, last: notebook.last })
    }
}

struct Uncounted;

impl Metrics for Uncounted {
    fn count(&self, _: &'static str, _: Metric, _: u64, _: &str) {}
    fn time(&self, _: &'static str, _: Metric, _: TimeDelta, _: &str) {}
}

/// Folds every stream again into rows of this round's revision; how many streams there were.
pub async fn rebuild(way: &Way, round: u64) -> Result<u64, String> {
    let account = way.account();
    let (dynamodb, log) = (account.dynamodb(), log(way, 0, 0));
    let deps = ProjectorDeps {
        service: "notes",
        reads: Reads::new(dynamodb.clone(), matrix()),
        log,
        dynamodb,
        bus: Bus::new(account.events(), "annals", "notes", Arc::new(MachineIds)),
        metrics: Arc::new(Uncounted),
        clock: Arc::new(MachineClock),
        ids: Arc::new(MachineIds),
    };
    let (log, projector) = (deps.log.clone(), Projector::new(deps));
    let projector = match round {
        1 => projector.with::<Rows<1>>(),
        2 => projector.with::<Rows<2>>(),
        _ => projector.with::<Rows<3>>(),
    };
    walk(Reconciler::new(log, Arc::new(MachineClock)).feeding(projector), Mode::Rebuild).await
}

/// Gives every commit its place in the total order; how many streams there were.
pub async fn sequence(way: &Way) -> Result<u64, String> {
    let clock: Arc<dyn Clock> = Arc::new(MachineClock);
    let log = log(way, 0, 0);
    let sequencer = Sequencer::new(ledger(way), clock.clone(), Arc::new(MachineIds));
    walk(Reconciler::new(log.clone(), clock.clone()).feeding(LedgerFeed::new(sequencer, log, clock)), Mode::Mend).await
}

/// Reads the total order; how many commits it has.
pub async fn read_order(way: &Way) -> Result<u64, String> {
    let (mut walk, mut commits) = (Reader::new(ledger(way)).all(), 0);
    while let Some(entries) = walk.next_entries().await.map_err(|error| error.to_string())? {
        commits += entries.len() as u64;
    }
    Ok(commits)
}

fn ledger(way: &Way) -> LedgerTable {
    let client = way.account().dynamodb();
    LedgerTable::new(client.clone(), Reads::new(client, matrix()), LEDGER)
}

async fn walk(reconciler: Reconciler, mode: Mode) -> Result<u64, String> {
    let mut walk = Walk::new(MachineClock.now());
    reconciler.go_on(&mut walk, mode, None).await.map_err(|error| error.to_string())?;
    match walk.open() {
        0 => Ok(walk.tally.streams),
        open => Err(format!("{open} streams of {LOG} could not be fed")),
    }
}
