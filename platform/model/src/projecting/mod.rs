//! Delivery: two streams, batches of their records, the projector's gate, gap fill, publish, then advance; the reconciler beside it.
//!
//! Stream A gets two commits and B one, so that a gap can be, and a batch can hold two streams of which one fails. A step is a call of the
//! bus or the write of one row. What is read belongs to the step before: later steps act on what may have changed since.
//!
//! - this file: everything there is, what may happen to it, what must hold
//! - `steps`: what projector and reconciler do, and the mutants instead; `state`: what happens, whoever does it
//! - `versions`: a set of versions; `words`: how mutants and steps are told

use stateright::{Model, Property};

use crate::explore::Part;

mod state;
mod steps;
mod versions;
mod words;

use versions::Versions;

/// Crashes, entries that the bus refuses, writes that fail or have no answer, records lost or out of order, places in the shard forgotten.
const FAULTS: u8 = 3;
/// Walks of the reconciler that begin while something is under way. Others begin when all is quiet.
const EARLY_WALKS: u8 = 1;
/// How many commits the streams get.
const COMMITS: [u8; 2] = [2, 1];

/// The model.
pub(crate) struct Projecting {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    HighestFailed,
    IgnoresPartialFailure,
    AdvancesFirst,
    PublishesDelivered,
    IgnoresFailedEntries,
    NoCondition,
    FoldsOverGaps,
    FromLatest,
    NoReconciler,
    WalkPublishesNothing,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// How many commits each stream has.
    heads: [u8; 2],
    /// The records of the commits, in the order in which they are delivered.
    shard: Vec<Record>,
    /// How many records the event source mapping has behind it; `None` before it is there.
    checkpoint: Option<usize>,
    rows: [Row; 2],
    /// The newest that each row has ever been.
    newest: [u8; 2],
    /// What the bus has accepted of each stream.
    bus: [Versions; 2],
    /// The rows as the projector remembers them.
    cache: [Option<Row>; 2],
    projector: Option<Run>,
    reconciler: Option<Run>,
    early_walks: u8,
    /// A walk that began when all was quiet has ended, nothing failed in it, and there has been no commit since.
    walked: bool,
    faults: u8,
}

/// A stream's row: its stamp, and what was folded into it, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    version: u8,
    folded: [u8; 2],
}

/// That a stream has come to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    stream: usize,
    version: u8,
    /// Trimmed, or discarded after the last retry: nobody is told any more.
    lost: bool,
}

/// A batch of the projector, or a walk of the reconciler, on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    /// Where the shard goes on after the batch.
    end: usize,
    /// Of a walk: it began when all was quiet, and no commit has come since.
    last: bool,
    works: [Option<Work>; 2],
}

/// One stream's part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Work {
    /// Its first record's place in the shard.
    first: usize,
    /// The versions that the records name.
    named: Versions,
    way: Way,
}

/// How far a stream is in a run; with the row as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Lacking(Row),
    /// The bus has accepted what the row lacks.
    Halfway(Row),
    Stands,
    Failed,
}

/// Who takes commits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Projector,
    Reconciler,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Append { stream: usize, out_of_order: bool },
    BeginMapping,
    Deliver { upto: usize },
    Walk,
    Publish { who: Who, refused: [Versions; 2] },
    Advance { who: Who, stream: usize, how: How },
    End { who: Who },
    Crash { who: Who },
    LoseRecord,
    ForgetCheckpoint,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Answered,
    /// It is made, and its answer lost.
    Unanswered,
    Fails,
}

impl Part for Projecting {
    const NAME: &'static str = "projecting";
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] = &[
        Mutant::HighestFailed,
        Mutant::IgnoresPartialFailure,
        Mutant::AdvancesFirst,
        Mutant::PublishesDelivered,
        Mutant::IgnoresFailedEntries,
        Mutant::NoCondition,
        Mutant::FoldsOverGaps,
        Mutant::FromLatest,
        Mutant::NoReconciler,
        Mutant::WalkPublishesNothing,
    ];

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    /// All is delivered and nothing under way, and the reconciler has been there since.
    fn is_settled(&self, state: &State) -> bool {
        state.is_quiet() && (state.walked || self.has(Mutant::NoReconciler))
    }
}

impl Model for Projecting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            heads: [0; 2],
            shard: vec![],
            checkpoint: None,
            rows: [Row::default(); 2],
            newest: [0; 2],
            bus: [Versions::default(); 2],
            cache: [None; 2],
            projector: None,
            reconciler: None,
            early_walks: EARLY_WALKS,
            walked: false,
            faults: FAULTS,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let open = (0..2).filter(|&stream| state.heads[stream] < COMMITS[stream]);
        actions.extend(open.map(|stream| Action::Append { stream, out_of_order: false }));
        match state.checkpoint {
            None => actions.push(Action::BeginMapping),
            Some(checkpoint) if state.projector.is_none() => {
                actions.extend((checkpoint + 1..=state.shard.len()).map(|upto| Action::Deliver { upto }));
            }
            Some(_) => {}
        }
        if self.may_walk(state) {
            actions.push(Action::Walk);
        }
        for who in [Who::Projector, Who::Reconciler] {
            if let Some(run) = state.run(who) {
                self.steps(state, who, run, actions);
            }
        }
        if state.faults > 0 {
            state.faults_of_the_shard(actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Append { stream, out_of_order } => next.append(stream, out_of_order),
            Action::BeginMapping if self.has(Mutant::FromLatest) => next.checkpoint = Some(next.shard.len()),
            Action::BeginMapping => next.checkpoint = Some(0),
            Action::Deliver { upto } => next.deliver(upto),
            Action::Walk => next.walk(),
            Action::Publish { who, refused } => self.publish(&mut next, who, refused),
            Action::Advance { who, stream, how } => self.advance(&mut next, who, stream, how),
            Action::End { who: Who::Projector } => self.answer(&mut next),
            Action::End { who: Who::Reconciler } => next.end_walk(),
            Action::Crash { who } => next.crash(who),
            Action::LoseRecord => next.lose_record(),
            Action::ForgetCheckpoint => {
                next.faults -= 1;
                next.checkpoint = Some(0);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("5, 6: a row is the fold of its stream, in order, up to its stamp", |_, state: &State| state.rows_are_folds()),
            Property::always("7: a row never goes back", |_, state: &State| state.rows_never_went_back()),
            Property::always("8: what the mapping has behind it is applied", |_, state: &State| state.behind_is_applied()),
            Property::always("8: settled, every commit is applied", |model, state: &State| {
                !model.is_settled(state) || state.all_is_applied()
            }),
            Property::always("9: settled, every commit is on the bus", |model, state: &State| {
                !model.is_settled(state) || state.all_is_published()
            }),
            Property::sometimes("it settles after a lost last record", |model, state: &State| {
                model.is_settled(state) && state.last_is_lost()
            }),
            Property::sometimes("a gap is filled", |_, state: &State| state.fills_a_gap()),
            Property::sometimes("one stream of a batch fails", |_, state: &State| state.fails_in_part()),
            Property::sometimes("two have begun with the same row", |_, state: &State| state.two_at_one_row()),
        ]
    }
}
