//! A new revision: a backfill folds a row again, beside live delivery by old code, by both for a while, then by new.
//!
//! One stream and its row: a backfill passes one stream after the other, and rows do not touch each other. What batches of several streams
//! and entries that the bus refuses bring is in `projecting`.

use std::fmt;

use stateright::{Model, Property};

use crate::deployment::Deployed;
use crate::explore::Part;

/// Crashes, writes without an answer, places in the shard forgotten.
const FAULTS: u8 = 3;
/// Backfills that begin at any moment. One more begins when the new code is everywhere and all is quiet.
const EARLY_BACKFILLS: u8 = 1;
/// How many commits the stream gets.
const COMMITS: u8 = 3;
/// The revision of the code that is replaced, and of that which replaces it.
const OLD: u8 = 1;
const NEW: u8 = 2;

/// The model.
pub(crate) struct Rebuilding {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    Overwrites,
    KeepsOldContent,
    PublishesNothing,
    AnyVersion,
    OldOverwritesNew,
    EarlyIsEnough,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    head: u8,
    /// How many records live delivery has behind it.
    checkpoint: u8,
    row: Row,
    /// The newest that the row has ever been.
    newest: Stamp,
    /// Which versions the bus has.
    bus: [bool; COMMITS as usize],
    /// The row as live delivery remembers it, by the old code and the new.
    caches: [Option<Row>; 2],
    deployed: Deployed,
    live: Option<Run>,
    backfill: Option<Run>,
    early_backfills: u8,
    /// A backfill that began when all was quiet has ended, and did not fail: none follows.
    rebuilt: bool,
    faults: u8,
}

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Stamp {
    revision: u8,
    version: u8,
}

/// A row: its stamp, and which revision folded each version into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    stamp: Stamp,
    folded: [u8; COMMITS as usize],
}

/// One pass over the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    revision: u8,
    /// Of a backfill: it began when all was quiet.
    last: bool,
    /// The version that the row is to be brought to.
    upto: u8,
    way: Way,
}

/// How far it is; with the row as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Lacking(Row),
    Published(Row),
    Stands,
    Failed,
}

/// Who folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Live,
    Backfill,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Append,
    Deploy,
    Deliver { upto: u8, revision: u8 },
    Begin,
    Publish(Who),
    Write { who: Who, how: How },
    End(Who),
    Crash(Who),
    ForgetCheckpoint,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Answered,
    /// It is made, and its answer lost.
    Unanswered,
}

impl Part for Rebuilding {
    const NAME: &'static str = "rebuilding";
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] = &[
        Mutant::Overwrites,
        Mutant::KeepsOldContent,
        Mutant::PublishesNothing,
        Mutant::AnyVersion,
        Mutant::OldOverwritesNew,
        Mutant::EarlyIsEnough,
    ];

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    fn is_settled(&self, state: &State) -> bool {
        state.is_settled()
    }
}

impl Model for Rebuilding {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            head: 0,
            checkpoint: 0,
            row: Row::default(),
            newest: Stamp::default(),
            bus: [false; COMMITS as usize],
            caches: [None; 2],
            deployed: Deployed::Nowhere,
            live: None,
            backfill: None,
            early_backfills: EARLY_BACKFILLS,
            rebuilt: false,
            faults: FAULTS,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.head < COMMITS {
            actions.push(Action::Append);
        }
        if state.deployed != Deployed::Everywhere {
            actions.push(Action::Deploy);
        }
        if state.live.is_none() {
            for revision in state.deployed.revisions([OLD, NEW]) {
                actions.extend((state.checkpoint + 1..=state.head).map(|upto| Action::Deliver { upto, revision }));
            }
        }
        if self.may_begin(state) {
            actions.push(Action::Begin);
        }
        for who in [Who::Live, Who::Backfill] {
            if let Some(run) = state.run(who) {
                steps(state, who, run, actions);
            }
        }
        if state.faults > 0 && state.live.is_none() && state.checkpoint > 0 {
            actions.push(Action::ForgetCheckpoint);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Append => next.head += 1,
            Action::Deploy => next.deployed = next.deployed.further(),
            Action::Deliver { upto, revision } => {
                let row = next.caches[of(revision)].unwrap_or(next.row);
                next.live = Some(self.gate(Run { revision, last: false, upto, way: Way::Stands }, row));
            }
            Action::Begin => {
                let last = next.is_quiet();
                next.early_backfills -= u8::from(!last);
                next.backfill = Some(self.gate(Run { revision: NEW, last, upto: next.head, way: Way::Stands }, next.row));
            }
            Action::Publish(who) => self.publish(&mut next, who),
            Action::Write { who, how } => self.write(&mut next, who, how),
            Action::End(who) => self.end(&mut next, who),
            Action::Crash(who) => next.crash(who),
            Action::ForgetCheckpoint => {
                next.faults -= 1;
                next.checkpoint = 0;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("5: a row is the fold of its stream, by its revision, up to its stamp", |_, state: &State| {
                state.row.is_fold()
            }),
            Property::always("7: a row never goes back", |_, state: &State| !state.row.stamp.is_before(state.newest)),
            Property::always("8: settled, every commit is applied, at the new revision", |_, state: &State| {
                !state.is_settled() || state.row.stamp == Stamp { revision: NEW, version: state.head }
            }),
            Property::always("9: settled, every commit is on the bus", |_, state: &State| {
                !state.is_settled() || state.bus.iter().take(usize::from(state.head)).all(|there| *there)
            }),
            Property::sometimes("it settles", |_, state: &State| state.is_settled()),
            Property::sometimes("old code is at it beside a backfill", |_, state: &State| {
                state.backfill.is_some() && state.live.is_some_and(|run| run.revision == OLD)
            }),
            Property::sometimes("old code leaves a newer revision alone", |_, state: &State| state.leaves_alone()),
            Property::sometimes("a backfill publishes what nobody has delivered", |_, state: &State| state.publishes_undelivered()),
        ]
    }
}

impl Rebuilding {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn may_begin(&self, state: &State) -> bool {
        let early = state.early_backfills > 0 && state.head > 0;
        state.backfill.is_none() && !state.rebuilt && (early || state.is_quiet())
    }

    /// Whether the run lacks anything: a newer revision is left alone, an older one is folded again even at the same version.
    fn gate(&self, run: Run, row: Row) -> Run {
        let newer = row.stamp.revision > run.revision && !self.has(Mutant::OldOverwritesNew);
        let older = row.stamp.revision < run.revision;
        let whole = row.stamp.version > run.upto || row.stamp.version == run.upto && !older;
        Run { way: if newer || whole { Way::Stands } else { Way::Lacking(row) }, ..run }
    }

    /// The bus has what is beyond the row; a fold of what the row has already publishes nothing.
    fn publish(&self, state: &mut State, who: Who) {
        let Some(run) = state.run(who) else { return };
        let Way::Lacking(before) = run.way else { return };
        if who == Who::Live || !self.has(Mutant::PublishesNothing) {
            (before.stamp.version..run.upto).for_each(|place| state.bus[usize::from(place)] = true);
        }
        *state.run_mut(who) = Some(Run { way: Way::Published(before), ..run });
    }

    /// Writes the row under its guard.
    fn write(&self, state: &mut State, who: Who, how: How) {
        let Some(run) = state.run(who) else { return };
        let Way::Published(before) = run.way else { return };
        let row = self.folded(run, before);
        let is_forward = self.is_forward(state.row.stamp, row.stamp) || who == Who::Backfill && self.has(Mutant::Overwrites);
        if is_forward {
            state.row = row;
            state.newest = state.newest.max(row.stamp);
        }
        let stored = state.row;
        state.remember(who, run.revision, Some(stored));
        let run = match how {
            How::Unanswered => {
                state.faults -= 1;
                state.remember(who, run.revision, None);
                Run { way: Way::Failed, ..run }
            }
            How::Answered if is_forward => Run { way: Way::Stands, ..run },
            How::Answered => self.gate(run, stored),
        };
        *state.run_mut(who) = Some(run);
    }

    fn end(&self, state: &mut State, who: Who) {
        let Some(run) = state.run_mut(who).take().filter(|run| run.way == Way::Stands) else { return };
        match who {
            Who::Live => state.checkpoint = run.upto,
            Who::Backfill => state.rebuilt = run.last || self.has(Mutant::EarlyIsEnough),
        }
    }

    /// From the first commit on where the row is of an older revision.
    fn folded(&self, run: Run, before: Row) -> Row {
        let keeps = before.stamp.revision == run.revision || self.has(Mutant::KeepsOldContent);
        let mut row = Row { stamp: Stamp { revision: run.revision, version: run.upto }, folded: [0; COMMITS as usize] };
        for place in 0..run.upto {
            let old = before.folded[usize::from(place)];
            row.folded[usize::from(place)] = if keeps && old > 0 { old } else { run.revision };
        }
        row
    }

    /// `(row.rev < mine and row.version <= folded) or (row.rev = mine and row.version < folded)`
    fn is_forward(&self, stored: Stamp, mine: Stamp) -> bool {
        let older = stored.revision < mine.revision;
        let same = stored.revision == mine.revision || self.has(Mutant::OldOverwritesNew);
        older && (stored.version <= mine.version || self.has(Mutant::AnyVersion)) || same && stored.version < mine.version
    }
}

/// What may become of a run.
fn steps(state: &State, who: Who, run: Run, actions: &mut Vec<Action>) {
    match run.way {
        Way::Lacking(_) => actions.push(Action::Publish(who)),
        Way::Published(_) => actions.push(Action::Write { who, how: How::Answered }),
        Way::Stands | Way::Failed => actions.push(Action::End(who)),
    }
    if state.faults > 0 {
        if matches!(run.way, Way::Published(_)) {
            actions.push(Action::Write { who, how: How::Unanswered });
        }
        actions.push(Action::Crash(who));
    }
}

impl State {
    fn run(&self, who: Who) -> Option<Run> {
        match who {
            Who::Live => self.live,
            Who::Backfill => self.backfill,
        }
    }

    fn run_mut(&mut self, who: Who) -> &mut Option<Run> {
        match who {
            Who::Live => &mut self.live,
            Who::Backfill => &mut self.backfill,
        }
    }

    fn is_quiet(&self) -> bool {
        let is_delivered = self.head > 0 && self.checkpoint == self.head && self.deployed == Deployed::Everywhere;
        is_delivered && self.live.is_none() && self.backfill.is_none()
    }

    /// All is delivered and nothing under way, and a backfill has been there.
    fn is_settled(&self) -> bool {
        self.is_quiet() && self.rebuilt
    }

    fn remember(&mut self, who: Who, revision: u8, row: Option<Row>) {
        if who == Who::Live {
            self.caches[of(revision)] = row;
        }
    }

    fn crash(&mut self, who: Who) {
        self.faults -= 1;
        if let Some(run) = self.run_mut(who).take() {
            self.remember(who, run.revision, None);
        }
    }

    fn leaves_alone(&self) -> bool {
        let leaves = |run: Run| run.revision == OLD && run.way == Way::Stands && run.upto > self.row.stamp.version;
        self.row.stamp.revision == NEW && self.live.is_some_and(leaves)
    }

    fn publishes_undelivered(&self) -> bool {
        let new = |run: Run| matches!(run.way, Way::Published(before) if before.stamp.version < run.upto) && run.upto > self.checkpoint;
        self.live.is_none() && self.backfill.is_some_and(new)
    }
}

/// The place of a revision's cache.
fn of(revision: u8) -> usize {
    usize::from(revision - OLD)
}

impl Stamp {
    fn is_before(self, other: Self) -> bool {
        self.revision < other.revision || self.version < other.version
    }

    fn max(self, other: Self) -> Self {
        Self { revision: self.revision.max(other.revision), version: self.version.max(other.version) }
    }
}

impl Row {
    fn is_fold(self) -> bool {
        let fold = |place: usize| if place < usize::from(self.stamp.version) { self.stamp.revision } else { 0 };
        (0..self.folded.len()).all(|place| self.folded[place] == fold(place))
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overwrites => "a backfill overwrites newer rows",
            Self::KeepsOldContent => "a backfill goes on from what the old revision has folded",
            Self::PublishesNothing => "a backfill publishes nothing, not even what the row lacks",
            Self::AnyVersion => "a newer revision replaces an older one whatever its version",
            Self::OldOverwritesNew => "old code does not leave a newer revision alone",
            Self::EarlyIsEnough => "a backfill that began before old code has taken its last batch is the last",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append => f.write_str("commit"),
            Self::Deploy => f.write_str("deployment goes on"),
            Self::Deliver { upto, revision } => write!(f, "commits up to {upto} delivered to revision {revision}"),
            Self::Begin => f.write_str("backfill reads log and row"),
            Self::Publish(who) => write!(f, "{who} publishes"),
            Self::Write { who, how: How::Answered } => write!(f, "{who} writes"),
            Self::Write { who, how: How::Unanswered } => write!(f, "{who} writes, answer lost"),
            Self::End(Who::Live) => f.write_str("batch ends"),
            Self::End(Who::Backfill) => f.write_str("backfill ends"),
            Self::Crash(who) => write!(f, "{who} crashes"),
            Self::ForgetCheckpoint => f.write_str("checkpoint lost"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live delivery",
            Self::Backfill => "backfill",
        })
    }
}
