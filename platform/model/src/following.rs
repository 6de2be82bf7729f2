//! Rows that move and totals: a stamp a stream, and one transaction for the stamps of a batch, their rows and the totals.
//!
//! Stream A has a row that moves with its second commit and goes with its third; every commit of A and B adds one to a total. One revision:
//! how a new one is counted beside it is in `recounting`. Two take commits in: live delivery, and the reconciler beside it.

use std::fmt;

use stateright::{Model, Property};

use crate::explore::Part;
use crate::transaction::{How, Who, tell};

/// Crashes, transactions that fail or have no answer, places in the shard forgotten.
const FAULTS: u8 = 3;
/// Walks of the reconciler, at any moment.
const WALKS: u8 = 2;
/// How many commits the streams get.
const COMMITS: [u8; 2] = [3, 1];
const A: usize = 0;

/// The model.
pub(crate) struct Following {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    BlindAdd,
    NoCondition,
    RowsApart,
    LeavesTheOldRow,
    DropsTheOthers,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    heads: [u8; 2],
    /// The streams and versions of the records, in order.
    shard: Vec<(usize, u8)>,
    /// How many of them live delivery has behind it.
    checkpoint: usize,
    /// Up to where each stream is folded.
    stamps: [u8; 2],
    /// The newest that each stamp has ever been.
    newest: [u8; 2],
    /// Whether a row of A is at either place.
    rows: [bool; 2],
    total: u8,
    /// The stamps as live delivery remembers them.
    cache: [Option<u8>; 2],
    live: Option<Run>,
    walk: Option<Run>,
    walks: u8,
    faults: u8,
}

/// A batch or a walk on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    /// Where the shard goes on after the batch.
    end: usize,
    works: [Option<Work>; 2],
}

/// One stream's part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Work {
    /// Its first record's place in the shard.
    first: usize,
    /// The highest version that is named.
    upto: u8,
    way: Way,
}

/// How far a stream is in a run; with its stamp as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Lacking(u8),
    /// What does not belong outside the transaction has been written before it.
    Apart(u8),
    Stands,
    Failed,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Append { stream: usize },
    Deliver { upto: usize },
    Walk,
    WriteApart(Who),
    Transact { who: Who, how: How },
    End(Who),
    Crash(Who),
    ForgetCheckpoint,
}

impl Part for Following {
    const NAME: &'static str = "following";
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] =
        &[Mutant::NoCondition, Mutant::BlindAdd, Mutant::RowsApart, Mutant::LeavesTheOldRow, Mutant::DropsTheOthers];

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    fn is_settled(&self, state: &State) -> bool {
        state.is_whole()
    }
}

impl Model for Following {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            heads: [0; 2],
            shard: vec![],
            checkpoint: 0,
            stamps: [0; 2],
            newest: [0; 2],
            rows: [false; 2],
            total: 0,
            cache: [None; 2],
            live: None,
            walk: None,
            walks: WALKS,
            faults: FAULTS,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let open = (0..2).filter(|&stream| state.heads[stream] < COMMITS[stream]);
        actions.extend(open.map(|stream| Action::Append { stream }));
        if state.live.is_none() {
            actions.extend((state.checkpoint + 1..=state.shard.len()).map(|upto| Action::Deliver { upto }));
            if state.faults > 0 && state.checkpoint > 0 {
                actions.push(Action::ForgetCheckpoint);
            }
        }
        if state.walks > 0 && state.walk.is_none() && state.stamps != state.heads {
            actions.push(Action::Walk);
        }
        for who in [Who::Live, Who::Walk] {
            if let Some(run) = state.run(who) {
                self.steps(state, who, run, actions);
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Append { stream } => {
                next.heads[stream] += 1;
                next.shard.push((stream, next.heads[stream]));
            }
            Action::Deliver { upto } => next.deliver(upto),
            Action::Walk => next.walk(),
            Action::WriteApart(who) => self.write_apart(&mut next, who),
            Action::Transact { who, how } => self.transact(&mut next, who, how),
            Action::End(who) => next.end(who),
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
            Property::always("5: rows are those of the stream at its stamp", |model, state: &State| {
                model.waits(state) || state.rows == rows_at(state.stamps[A])
            }),
            Property::always("5: a total is the sum of its contributions", |model, state: &State| {
                model.waits(state) || state.total == state.stamps.iter().sum::<u8>()
            }),
            Property::always("7: a stamp never goes back", |_, state: &State| state.stamps == state.newest),
            Property::always("8: what live delivery has behind it is applied", |_, state: &State| state.behind_is_applied()),
            Property::sometimes("all is delivered and applied", |_, state: &State| state.is_whole()),
            Property::sometimes("a batch meets a stamp that another has moved", |_, state: &State| state.meets_another()),
            Property::sometimes("two streams share a transaction", |_, state: &State| state.shares()),
        ]
    }
}

impl Following {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn writes_apart(&self) -> bool {
        self.has(Mutant::BlindAdd) || self.has(Mutant::RowsApart)
    }

    /// Who writes in two steps is judged when both have been taken, as often as it took.
    fn waits(&self, state: &State) -> bool {
        self.writes_apart() && !state.is_quiet()
    }

    /// What may become of a run.
    fn steps(&self, state: &State, who: Who, run: Run, actions: &mut Vec<Action>) {
        let is_at = |way: fn(Way) -> Option<u8>| run.works.iter().flatten().any(|work| way(work.way).is_some());
        if is_at(Way::lacking) && self.writes_apart() {
            actions.push(Action::WriteApart(who));
        } else if is_at(Way::lacking) || is_at(Way::apart) {
            actions.push(Action::Transact { who, how: How::Answered });
            if state.faults > 0 {
                actions.extend([How::Unanswered, How::Fails].map(|how| Action::Transact { who, how }));
            }
        } else {
            actions.push(Action::End(who));
        }
        if state.faults > 0 {
            actions.push(Action::Crash(who));
        }
    }

    /// Before the transaction, and whatever becomes of it.
    fn write_apart(&self, state: &mut State, who: Who) {
        let Some(mut run) = state.run(who) else { return };
        for (stream, work) in run.works.iter_mut().enumerate() {
            let Some(work) = work else { continue };
            let Some(before) = work.way.lacking() else { continue };
            if self.has(Mutant::BlindAdd) {
                state.total += work.upto - before;
            }
            if self.has(Mutant::RowsApart) && stream == A {
                state.rows = rows_at(work.upto);
            }
            work.way = Way::Apart(before);
        }
        *state.run_mut(who) = Some(run);
    }

    /// One transaction for all streams that lack something: it is made where every stamp stands as it was read.
    fn transact(&self, state: &mut State, who: Who, how: How) {
        let Some(run) = state.run(who) else { return };
        let as_read = |(work, stamp): (&Option<Work>, u8)| work.and_then(|work| work.way.before()).is_none_or(|before| before == stamp);
        let is_as_read = run.works.iter().zip(state.stamps).all(as_read) || self.has(Mutant::NoCondition);
        state.faults -= u8::from(how != How::Answered);
        if how != How::Fails && is_as_read {
            self.apply(state, run);
        }
        let mut next = run;
        for (stream, work) in next.works.iter_mut().enumerate() {
            let Some(work) = work else { continue };
            let Some(before) = work.way.before() else { continue };
            let moved = before != state.stamps[stream] || !self.has(Mutant::DropsTheOthers);
            work.way = match (how, is_as_read) {
                (How::Answered, true) => Way::Stands,
                (How::Answered, false) if moved => gate(state.stamps[stream], work.upto),
                (How::Answered, false) => Way::Stands,
                (How::Unanswered | How::Fails, _) => Way::Failed,
            };
            let written = (how == How::Answered && is_as_read).then_some(work.upto);
            state.remember(who, stream, written);
        }
        *state.run_mut(who) = Some(next);
    }

    /// What the transaction of a run changes.
    fn apply(&self, state: &mut State, run: Run) {
        for (stream, work) in run.works.iter().enumerate() {
            let Some((work, before)) = work.and_then(|work| Some((work, work.way.before()?))) else { continue };
            state.stamps[stream] = work.upto;
            state.newest[stream] = state.newest[stream].max(work.upto);
            if !self.has(Mutant::BlindAdd) {
                state.total += work.upto.saturating_sub(before);
            }
            if stream == A && self.has(Mutant::LeavesTheOldRow) {
                state.put_rows(work.upto);
            } else if stream == A && !self.has(Mutant::RowsApart) {
                state.replace_rows(before, work.upto);
            }
        }
    }
}

/// The version gate.
fn gate(stamp: u8, upto: u8) -> Way {
    if stamp >= upto { Way::Stands } else { Way::Lacking(stamp) }
}

/// Where A has a row when it has come to a version.
fn rows_at(version: u8) -> [bool; 2] {
    [version == 1, version == 2]
}

impl Way {
    fn lacking(self) -> Option<u8> {
        if let Self::Lacking(before) = self { Some(before) } else { None }
    }

    fn apart(self) -> Option<u8> {
        if let Self::Apart(before) = self { Some(before) } else { None }
    }

    fn before(self) -> Option<u8> {
        self.lacking().or(self.apart())
    }
}

impl State {
    fn run(&self, who: Who) -> Option<Run> {
        match who {
            Who::Live => self.live,
            Who::Walk => self.walk,
        }
    }

    fn run_mut(&mut self, who: Who) -> &mut Option<Run> {
        match who {
            Who::Live => &mut self.live,
            Who::Walk => &mut self.walk,
        }
    }

    fn deliver(&mut self, end: usize) {
        let mut works: [Option<Work>; 2] = [None; 2];
        for (place, &(stream, version)) in self.shard.iter().enumerate().take(end).skip(self.checkpoint) {
            // A stream whose beginning is in the batch has no stamp yet, unless it comes again: it is not asked for.
            let known = self.cache[stream].unwrap_or(if version == 1 { 0 } else { self.stamps[stream] });
            let work = works[stream].get_or_insert(Work { first: place, upto: 0, way: Way::Lacking(known) });
            work.upto = version;
        }
        for work in works.iter_mut().flatten() {
            work.way = gate(work.way.lacking().unwrap_or(0), work.upto);
        }
        self.live = Some(Run { end, works });
    }

    fn walk(&mut self) {
        self.walks -= 1;
        let work = |stream: usize| Work { first: 0, upto: self.heads[stream], way: gate(self.stamps[stream], self.heads[stream]) };
        self.walk = Some(Run { end: 0, works: [Some(work(0)), Some(work(1))] });
    }

    fn end(&mut self, who: Who) {
        let Some(run) = self.run_mut(who).take() else { return };
        if who == Who::Live {
            let failed = run.works.iter().flatten().filter(|work| work.way == Way::Failed).map(|work| work.first);
            self.checkpoint = failed.min().unwrap_or(run.end);
        }
    }

    fn remember(&mut self, who: Who, stream: usize, stamp: Option<u8>) {
        if who == Who::Live {
            self.cache[stream] = stamp;
        }
    }

    fn crash(&mut self, who: Who) {
        self.faults -= 1;
        *self.run_mut(who) = None;
        if who == Who::Live {
            self.cache = [None; 2];
        }
    }

    fn put_rows(&mut self, version: u8) {
        (0..2).for_each(|place| self.rows[place] |= rows_at(version)[place]);
    }

    /// Deletes the rows that the stamp listed, and puts those that there are now.
    fn replace_rows(&mut self, before: u8, version: u8) {
        (0..2).for_each(|place| self.rows[place] &= !rows_at(before)[place]);
        self.put_rows(version);
    }

    fn is_quiet(&self) -> bool {
        self.checkpoint == self.shard.len() && self.live.is_none() && self.walk.is_none()
    }

    fn behind_is_applied(&self) -> bool {
        self.shard.iter().take(self.checkpoint).all(|&(stream, version)| self.stamps[stream] >= version)
    }

    fn is_whole(&self) -> bool {
        self.is_quiet() && self.stamps == COMMITS
    }

    fn befores(&self) -> [Option<u8>; 2] {
        self.live.map_or([None; 2], |run| run.works.map(|work| work.and_then(|work| work.way.before())))
    }

    fn meets_another(&self) -> bool {
        self.befores().iter().zip(self.stamps).any(|(before, stamp)| before.is_some_and(|before| before < stamp))
    }

    fn shares(&self) -> bool {
        self.befores().iter().all(Option::is_some)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlindAdd => "blind ADD to a total",
            Self::NoCondition => "the transaction is made without the stamps' condition",
            Self::RowsApart => "rows are put without the stamp's condition: a late record resurrects a row that has moved",
            Self::LeavesTheOldRow => "the row that has moved is not deleted where it was",
            Self::DropsTheOthers => "of a cancelled transaction only the streams that met another are tried again",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append { stream } => write!(f, "commit to {}", ["A", "B"][*stream]),
            Self::Deliver { upto } => write!(f, "delivered up to record {upto}"),
            Self::Walk => f.write_str("walk begins"),
            Self::WriteApart(who) => write!(f, "{who} writes outside its transaction"),
            Self::Transact { who, how } => tell(f, *who, *how),
            Self::End(Who::Live) => f.write_str("batch ends"),
            Self::End(Who::Walk) => f.write_str("walk ends"),
            Self::Crash(who) => write!(f, "{who} crashes"),
            Self::ForgetCheckpoint => f.write_str("checkpoint lost"),
        }
    }
}
