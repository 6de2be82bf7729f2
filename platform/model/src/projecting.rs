//! Delivery: two streams, batches of their records, the projector's gate, gap fill, publish, then advance; the reconciler beside it.
//!
//! Stream A gets two commits and B one, so that a gap can be, and a batch can hold two streams of which one fails. A step is a call of the
//! bus or the write of one row. What is read belongs to the step before: later steps act on what may have changed since.

use std::fmt;

use stateright::{Model, Property};

use crate::explore::Part;

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

/// Versions of one stream, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Versions(u8);

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

impl Projecting {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn may_walk(&self, state: &State) -> bool {
        let lacking = (0..2).any(|stream| state.rows[stream].version < state.heads[stream]);
        let early = state.early_walks > 0 && lacking;
        state.reconciler.is_none() && (state.is_quiet() && !state.walked || early) && !self.has(Mutant::NoReconciler)
    }

    /// What may become of a run.
    fn steps(&self, state: &State, who: Who, run: Run, actions: &mut Vec<Action>) {
        let wanted = [0, 1].map(|stream| run.works[stream].map_or(Versions::default(), |work| self.wanted(who, work)));
        if (0..2).any(|stream| run.works[stream].is_some_and(|work| self.publishes_from(work.way).is_some())) {
            let refused = subsets(wanted).filter(|refused| refused[0].count() + refused[1].count() <= state.faults);
            actions.extend(refused.map(|refused| Action::Publish { who, refused }));
        }
        for stream in (0..2).filter(|&stream| run.works[stream].is_some_and(|work| self.advances_from(work.way).is_some())) {
            actions.push(Action::Advance { who, stream, how: How::Answered });
            if state.faults > 0 {
                actions.extend([How::Unanswered, How::Fails].map(|how| Action::Advance { who, stream, how }));
            }
        }
        if run.has_ended() {
            actions.push(Action::End { who });
        }
        if state.faults > 0 {
            actions.push(Action::Crash { who });
        }
    }

    /// The row that a work which is to be published now began with.
    fn publishes_from(&self, way: Way) -> Option<Row> {
        match (way, self.has(Mutant::AdvancesFirst)) {
            (Way::Lacking(before), false) | (Way::Halfway(before), true) => Some(before),
            _ => None,
        }
    }

    /// The row that a work whose row is to be written now began with.
    fn advances_from(&self, way: Way) -> Option<Row> {
        match (way, self.has(Mutant::AdvancesFirst)) {
            (Way::Halfway(before), false) | (Way::Lacking(before), true) => Some(before),
            _ => None,
        }
    }

    /// What a work is to publish now: what its row lacks.
    fn wanted(&self, who: Who, work: Work) -> Versions {
        let Some(before) = self.publishes_from(work.way) else { return Versions::default() };
        let lacking = Versions::between(before.version, work.named.highest());
        match self.mutant {
            Some(Mutant::PublishesDelivered) => lacking.and(work.named),
            Some(Mutant::WalkPublishesNothing) if who == Who::Reconciler => Versions::default(),
            _ => lacking,
        }
    }

    /// One answer of the bus, which says of each entry whether it was accepted.
    fn publish(&self, state: &mut State, who: Who, refused: [Versions; 2]) {
        let Some(mut run) = state.run(who) else { return };
        state.faults -= refused[0].count() + refused[1].count();
        for (stream, refused) in refused.into_iter().enumerate() {
            let Some(work) = run.works[stream].as_mut() else { continue };
            let Some(before) = self.publishes_from(work.way) else { continue };
            state.bus[stream] = state.bus[stream].or(self.wanted(who, *work).without(refused));
            work.way = match refused.count() > 0 && !self.has(Mutant::IgnoresFailedEntries) {
                true => state.fail(who, stream),
                false if self.has(Mutant::AdvancesFirst) => Way::Stands,
                false => Way::Halfway(before),
            };
        }
        *state.run_mut(who) = Some(run);
    }

    /// Writes a row where it is still older than what was folded.
    fn advance(&self, state: &mut State, who: Who, stream: usize, how: How) {
        let Some(mut run) = state.run(who) else { return };
        let Some(work) = run.works[stream].as_mut() else { return };
        let Some(before) = self.advances_from(work.way) else { return };
        let row = self.folded(before, work.named);
        let is_forward = state.rows[stream].version < row.version || self.has(Mutant::NoCondition);
        if how != How::Fails && is_forward {
            state.rows[stream] = row;
            state.newest[stream] = state.newest[stream].max(row.version);
        }
        state.faults -= u8::from(how != How::Answered);
        work.way = match how {
            How::Unanswered | How::Fails => state.fail(who, stream),
            How::Answered => {
                let stored = state.rows[stream];
                state.remember(who, stream, Some(stored));
                match is_forward {
                    true if self.has(Mutant::AdvancesFirst) => Way::Halfway(before),
                    true => Way::Stands,
                    false => gate(stored, work.named),
                }
            }
        };
        *state.run_mut(who) = Some(run);
    }

    /// The row after what it lacks.
    fn folded(&self, before: Row, named: Versions) -> Row {
        let lacking = Versions::between(before.version, named.highest());
        let folds = if self.has(Mutant::FoldsOverGaps) { lacking.and(named) } else { lacking };
        let mut row = Row { version: named.highest(), ..before };
        for version in folds.each() {
            if let Some(free) = row.folded.iter_mut().find(|place| **place == 0) {
                *free = version;
            }
        }
        row
    }

    /// The batch has ended: the mapping goes on behind it, or at the first record that has to come again.
    fn answer(&self, state: &mut State) {
        let Some(run) = state.projector.take() else { return };
        let failed = run.works.iter().flatten().filter(|work| work.way == Way::Failed).map(|work| work.first);
        let reported = match self.mutant {
            Some(Mutant::HighestFailed) => failed.max(),
            Some(Mutant::IgnoresPartialFailure) => None,
            _ => failed.min(),
        };
        state.checkpoint = Some(reported.unwrap_or(run.end));
    }
}

/// The version gate: older records are skipped.
fn gate(row: Row, named: Versions) -> Way {
    if row.version >= named.highest() { Way::Stands } else { Way::Lacking(row) }
}

impl Run {
    fn has_ended(self) -> bool {
        self.works.iter().flatten().all(|work| matches!(work.way, Way::Stands | Way::Failed))
    }
}

impl State {
    fn is_quiet(&self) -> bool {
        self.checkpoint == Some(self.shard.len()) && self.projector.is_none() && self.reconciler.is_none()
    }

    fn run(&self, who: Who) -> Option<Run> {
        match who {
            Who::Projector => self.projector,
            Who::Reconciler => self.reconciler,
        }
    }

    fn run_mut(&mut self, who: Who) -> &mut Option<Run> {
        match who {
            Who::Projector => &mut self.projector,
            Who::Reconciler => &mut self.reconciler,
        }
    }

    fn faults_of_the_shard(&self, actions: &mut Vec<Action>) {
        let unread = self.projector.map_or(self.checkpoint.unwrap_or(0), |run| run.end);
        let last = self.shard.last().filter(|_| unread < self.shard.len()).map(|record| record.stream);
        actions.extend(
            last.filter(|&stream| self.heads[stream] < COMMITS[stream]).map(|stream| Action::Append { stream, out_of_order: true }),
        );
        if self.projector.is_none() {
            if self.next_to_lose().is_some() {
                actions.push(Action::LoseRecord);
            }
            if self.checkpoint.is_some_and(|checkpoint| checkpoint > 0) {
                actions.push(Action::ForgetCheckpoint);
            }
        }
    }

    fn append(&mut self, stream: usize, out_of_order: bool) {
        self.heads[stream] += 1;
        let place = self.shard.len() - usize::from(out_of_order);
        self.shard.insert(place, Record { stream, version: self.heads[stream], lost: false });
        self.faults -= u8::from(out_of_order);
        self.walked = false;
        if let Some(walk) = &mut self.reconciler {
            walk.last = false;
        }
    }

    /// The mapping hands over the next records.
    fn deliver(&mut self, end: usize) {
        let Some(begin) = self.checkpoint else { return };
        let mut works: [Option<Work>; 2] = [None; 2];
        for (place, record) in self.shard.iter().enumerate().take(end).skip(begin).filter(|(_, record)| !record.lost) {
            let new = Work { first: place, named: Versions::default(), way: Way::Stands };
            let work = works[record.stream].get_or_insert(new);
            work.named = work.named.with(record.version);
        }
        for (stream, work) in works.iter_mut().enumerate() {
            if let Some(work) = work {
                let row = self.cache[stream].unwrap_or(self.rows[stream]);
                work.way = gate(row, work.named);
            }
        }
        self.projector = Some(Run { end, last: false, works });
    }

    /// The reconciler compares the heads with the rows: a head is a record that says no more than that its stream has come this far.
    fn walk(&mut self) {
        let last = self.is_quiet();
        self.early_walks -= u8::from(!last);
        let work = |stream: usize| {
            let head = Some(self.heads[stream]).filter(|head| *head > 0)?;
            let named = Versions::default().with(head);
            Some(Work { first: 0, named, way: gate(self.rows[stream], named) })
        };
        self.reconciler = Some(Run { end: 0, last, works: [work(0), work(1)] });
    }

    fn end_walk(&mut self) {
        let Some(run) = self.reconciler.take() else { return };
        self.walked |= run.last && run.works.iter().flatten().all(|work| work.way == Way::Stands);
    }

    /// The stream has to come again. What was remembered may be what misled.
    fn fail(&mut self, who: Who, stream: usize) -> Way {
        self.remember(who, stream, None);
        Way::Failed
    }

    fn remember(&mut self, who: Who, stream: usize, row: Option<Row>) {
        if who == Who::Projector {
            self.cache[stream] = row;
        }
    }

    fn crash(&mut self, who: Who) {
        self.faults -= 1;
        *self.run_mut(who) = None;
        if who == Who::Projector {
            self.cache = [None; 2];
        }
    }

    fn next_to_lose(&self) -> Option<usize> {
        let from = self.checkpoint.unwrap_or(0);
        (from..self.shard.len()).find(|&place| !self.shard[place].lost)
    }

    fn lose_record(&mut self) {
        self.faults -= 1;
        if let Some(place) = self.next_to_lose() {
            self.shard[place].lost = true;
        }
    }

    fn rows_are_folds(&self) -> bool {
        self.rows
            .iter()
            .all(|row| (1u8..).zip(row.folded).all(|(version, folded)| folded == if version <= row.version { version } else { 0 }))
    }

    fn rows_never_went_back(&self) -> bool {
        (0..2).all(|stream| self.rows[stream].version >= self.newest[stream])
    }

    fn behind_is_applied(&self) -> bool {
        let behind = self.shard.iter().take(self.checkpoint.unwrap_or(0)).filter(|record| !record.lost);
        behind.into_iter().all(|record| self.rows[record.stream].version >= record.version)
    }

    fn all_is_applied(&self) -> bool {
        (0..2).all(|stream| self.rows[stream].version == self.heads[stream])
    }

    fn all_is_published(&self) -> bool {
        (0..2).all(|stream| self.bus[stream] == Versions::between(0, self.heads[stream]))
    }

    fn last_is_lost(&self) -> bool {
        self.shard.last().is_some_and(|record| record.lost)
    }

    fn works(&self) -> impl Iterator<Item = Work> {
        [self.projector, self.reconciler].into_iter().flatten().flat_map(|run| run.works).flatten()
    }

    fn fills_a_gap(&self) -> bool {
        let lacks = |work: Work| matches!(work.way, Way::Halfway(row) if !work.named.has(row.version + 1));
        self.works().any(lacks)
    }

    fn fails_in_part(&self) -> bool {
        let ways = self.projector.map(|run| run.works.map(|work| work.map(|work| work.way)));
        ways.is_some_and(|ways| ways.contains(&Some(Way::Failed)) && ways.contains(&Some(Way::Stands)))
    }

    fn two_at_one_row(&self) -> bool {
        let (Some(one), Some(other)) = (self.projector, self.reconciler) else { return false };
        (0..2).any(|stream| {
            let ways = (one.works[stream].map(|work| work.way), other.works[stream].map(|work| work.way));
            matches!(ways, (Some(Way::Halfway(one)), Some(Way::Halfway(other))) if one == other)
        })
    }
}

impl Versions {
    /// Those above one and up to another.
    fn between(above: u8, upto: u8) -> Self {
        (above + 1..=upto).fold(Self::default(), Self::with)
    }

    fn with(self, version: u8) -> Self {
        Self(self.0 | 1 << (version - 1))
    }

    fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    fn has(self, version: u8) -> bool {
        self.each().any(|one| one == version)
    }

    fn count(self) -> u8 {
        self.each().fold(0, |count, _| count + 1)
    }

    fn highest(self) -> u8 {
        self.each().last().unwrap_or(0)
    }

    fn each(self) -> impl Iterator<Item = u8> {
        (1..=8).filter(move |version| self.0 & 1 << (version - 1) != 0)
    }
}

/// All that may be taken out of two sets.
fn subsets(of: [Versions; 2]) -> impl Iterator<Item = [Versions; 2]> {
    let of_one = |all: Versions| (0..=all.0).map(Versions).filter(move |some| some.without(all) == Versions::default());
    of_one(of[0]).flat_map(move |first| of_one(of[1]).map(move |second| [first, second]))
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HighestFailed => "the highest failed sequence number is reported instead of the lowest",
            Self::IgnoresPartialFailure => "partial failure is ignored",
            Self::AdvancesFirst => "the row advances before the bus has accepted",
            Self::PublishesDelivered => "after a gap fill only the delivered commit is published",
            Self::IgnoresFailedEntries => "FailedEntryCount is ignored",
            Self::NoCondition => "the row is written without the stamp's condition",
            Self::FoldsOverGaps => "gaps are not filled",
            Self::FromLatest => "the mapping begins at LATEST instead of TRIM_HORIZON",
            Self::NoReconciler => "no reconciler",
            Self::WalkPublishesNothing => "the reconciler brings rows on without publishing",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |stream: usize| ["A", "B"][stream];
        match self {
            Self::Append { stream, out_of_order: false } => write!(f, "commit to {}", name(*stream)),
            Self::Append { stream, out_of_order: true } => write!(f, "commit to {}, its record before the last one's", name(*stream)),
            Self::BeginMapping => f.write_str("mapping begins"),
            Self::Deliver { upto } => write!(f, "delivered up to record {upto}"),
            Self::Walk => f.write_str("walk begins"),
            Self::Publish { who, refused } => {
                write!(f, "{who} publishes")?;
                let each = |stream: usize| refused[stream].each().map(move |version| format!("{}@{version}", name(stream)));
                let refused: Vec<String> = each(0).chain(each(1)).collect();
                if refused.is_empty() { Ok(()) } else { write!(f, ", {} refused", refused.join(" and ")) }
            }
            Self::Advance { who, stream, how: How::Answered } => write!(f, "{who} writes row {}", name(*stream)),
            Self::Advance { who, stream, how: How::Unanswered } => write!(f, "{who} writes row {}, answer lost", name(*stream)),
            Self::Advance { who, stream, how: How::Fails } => write!(f, "{who} cannot write row {}", name(*stream)),
            Self::End { who: Who::Projector } => f.write_str("batch ends"),
            Self::End { who: Who::Reconciler } => f.write_str("walk ends"),
            Self::Crash { who } => write!(f, "{who} crashes"),
            Self::LoseRecord => f.write_str("oldest unread record lost"),
            Self::ForgetCheckpoint => f.write_str("checkpoint lost"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Projector => "projector",
            Self::Reconciler => "reconciler",
        })
    }
}
