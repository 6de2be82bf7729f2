//! A new revision of totals: counted from the beginning beside the old one, until a walk has met the whole log and the pointer moves.
//!
//! Every commit adds one. What a transaction with its stamp holds is in `following`; here it is one step. The walk begins when the new code
//! is everywhere: the last mutant shows why.

use std::fmt;

use stateright::{Model, Property};

use crate::deployment::Deployed;
use crate::explore::Part;
use crate::transaction::{How, Who, tell};

/// Crashes, transactions without an answer, places in the shard forgotten.
const FAULTS: u8 = 3;
/// How many commits the streams get.
const COMMITS: [u8; 2] = [2, 2];
/// The two revisions, by their places.
const OLD: usize = 0;
const NEW: usize = 1;

/// The model.
pub(crate) struct Recounting {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    MixesRevisions,
    SharesStamps,
    PointsAtOnce,
    PointsThoughLacking,
    WalksTooEarly,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    heads: [u8; 2],
    /// The streams and versions of the records, in order.
    shard: Vec<(usize, u8)>,
    /// How many of them live delivery has behind it.
    checkpoint: usize,
    /// Up to where each revision has folded each stream.
    stamps: [[u8; 2]; 2],
    /// The total of each revision.
    totals: [u8; 2],
    /// The revision that readers see.
    pointer: usize,
    /// Up to where readers have seen each stream counted.
    seen: [u8; 2],
    deployed: Deployed,
    live: Option<Run>,
    walk: Option<Walk>,
    faults: u8,
}

/// One stream on its way; with its stamp as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    revision: usize,
    stream: usize,
    upto: u8,
    before: u8,
}

/// The walk over the log at the new revision: which streams it has been through, and which it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Walk {
    passed: [Passed; 2],
    at: Option<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Passed {
    No,
    Whole,
    Failed,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Append { stream: usize },
    Deploy,
    Deliver { revision: usize },
    BeginWalk,
    Meet { stream: usize },
    Transact { who: Who, how: How },
    EndWalk,
    Crash(Who),
    ForgetCheckpoint,
}

impl Part for Recounting {
    const NAME: &'static str = "recounting";
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] =
        &[Mutant::SharesStamps, Mutant::MixesRevisions, Mutant::PointsAtOnce, Mutant::PointsThoughLacking, Mutant::WalksTooEarly];

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    fn is_settled(&self, state: &State) -> bool {
        state.is_settled()
    }
}

impl Model for Recounting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            heads: [0; 2],
            shard: vec![],
            checkpoint: 0,
            stamps: [[0; 2]; 2],
            totals: [0; 2],
            pointer: OLD,
            seen: [0; 2],
            deployed: Deployed::Nowhere,
            live: None,
            walk: None,
            faults: FAULTS,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let open = (0..2).filter(|&stream| state.heads[stream] < COMMITS[stream]);
        actions.extend(open.map(|stream| Action::Append { stream }));
        if state.deployed != Deployed::Everywhere {
            actions.push(Action::Deploy);
        }
        match state.live {
            Some(_) => state.ways_to_end(Who::Live, actions),
            None => {
                let revisions = state.deployed.revisions([OLD, NEW]).filter(|_| state.checkpoint < state.shard.len());
                actions.extend(revisions.map(|revision| Action::Deliver { revision }));
                if state.faults > 0 && state.checkpoint > 0 {
                    actions.push(Action::ForgetCheckpoint);
                }
            }
        }
        self.steps_of_the_walk(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Append { stream } => {
                next.heads[stream] += 1;
                next.shard.push((stream, next.heads[stream]));
            }
            Action::Deploy => {
                next.deployed = next.deployed.further();
                if self.has(Mutant::PointsAtOnce) {
                    next.pointer = NEW;
                }
            }
            Action::Deliver { revision } => self.deliver(&mut next, revision),
            Action::BeginWalk => next.walk = Some(Walk { passed: [Passed::No; 2], at: None }),
            Action::Meet { stream } => self.meet(&mut next, stream),
            Action::Transact { who, how } => self.transact(&mut next, who, how),
            Action::EndWalk => self.end_walk(&mut next),
            Action::Crash(who) => next.crash(who),
            Action::ForgetCheckpoint => {
                next.faults -= 1;
                next.checkpoint = 0;
            }
        }
        let served = next.stamps[next.pointer];
        (0..2).for_each(|stream| next.seen[stream] = next.seen[stream].max(served[stream]));
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("5: a total is the sum of its revision's contributions", |_, state: &State| {
                (0..2).all(|revision| state.totals[revision] == state.stamps[revision].iter().sum::<u8>())
            }),
            Property::always("7: what readers have seen counted stays counted", |_, state: &State| {
                state.stamps[state.pointer] == state.seen
            }),
            Property::always("8: settled, readers see every commit counted", |_, state: &State| {
                !state.is_settled() || state.stamps[NEW] == state.heads
            }),
            Property::sometimes("it settles", |_, state: &State| state.is_settled()),
            Property::sometimes("the old revision is counted beside the walk", |_, state: &State| {
                state.walk.is_some() && state.live.is_some_and(|run| run.revision == OLD)
            }),
            Property::sometimes("live delivery has been where the walk comes", |_, state: &State| {
                state.walk.is_some_and(|walk| walk.at.is_some_and(|run| run.before < state.stamps[NEW][run.stream]))
            }),
        ]
    }
}

impl Recounting {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn steps_of_the_walk(&self, state: &State, actions: &mut Vec<Action>) {
        let Some(walk) = state.walk else {
            let may_begin = state.deployed == Deployed::Everywhere || self.has(Mutant::WalksTooEarly);
            if may_begin && state.pointer == OLD {
                actions.push(Action::BeginWalk);
            }
            return;
        };
        let open: Vec<usize> = (0..2).filter(|&stream| walk.passed[stream] == Passed::No).collect();
        match walk.at {
            Some(_) => state.ways_to_end(Who::Walk, actions),
            None if open.is_empty() => actions.push(Action::EndWalk),
            None => actions.extend(open.into_iter().map(|stream| Action::Meet { stream })),
        }
    }

    /// Where a revision's stamps are.
    fn slot(&self, revision: usize) -> usize {
        if self.has(Mutant::SharesStamps) { OLD } else { revision }
    }

    /// The next record, a batch of its own: what a batch of several adds is in `following`.
    fn deliver(&self, state: &mut State, revision: usize) {
        let (stream, upto) = state.shard[state.checkpoint];
        self.take_in(state, Who::Live, Run { revision, stream, upto, before: 0 });
    }

    fn meet(&self, state: &mut State, stream: usize) {
        self.take_in(state, Who::Walk, Run { revision: NEW, stream, upto: state.heads[stream], before: 0 });
    }

    /// The version gate.
    fn take_in(&self, state: &mut State, who: Who, run: Run) {
        let before = state.stamps[self.slot(run.revision)][run.stream];
        state.go_on(who, Some(Run { before, ..run }));
        if before >= run.upto {
            state.pass(who, run.stream, Passed::Whole);
        }
    }

    /// Stamp and total in one: made where the stamp stands as it was read, otherwise begun again from what it is.
    fn transact(&self, state: &mut State, who: Who, how: How) {
        let Some(run) = state.run(who) else { return };
        let stamp = &mut state.stamps[self.slot(run.revision)][run.stream];
        let is_as_read = *stamp == run.before;
        state.faults -= u8::from(how != How::Answered);
        if how != How::Fails && is_as_read {
            *stamp = run.upto;
            let total = if self.has(Mutant::MixesRevisions) { OLD } else { run.revision };
            state.totals[total] += run.upto - run.before;
        }
        match (how, is_as_read) {
            (How::Answered, true) => state.pass(who, run.stream, Passed::Whole),
            (How::Answered, false) => self.take_in(state, who, run),
            (How::Unanswered | How::Fails, _) => state.pass(who, run.stream, Passed::Failed),
        }
    }

    /// The pointer moves where nothing failed; otherwise another walk follows.
    fn end_walk(&self, state: &mut State) {
        let Some(walk) = state.walk.take() else { return };
        if walk.passed == [Passed::Whole; 2] || self.has(Mutant::PointsThoughLacking) {
            state.pointer = NEW;
        }
    }
}

impl State {
    fn run(&self, who: Who) -> Option<Run> {
        match who {
            Who::Live => self.live,
            Who::Walk => self.walk.and_then(|walk| walk.at),
        }
    }

    fn go_on(&mut self, who: Who, run: Option<Run>) {
        match (who, &mut self.walk) {
            (Who::Live, _) => self.live = run,
            (Who::Walk, Some(walk)) => walk.at = run,
            (Who::Walk, None) => {}
        }
    }

    fn ways_to_end(&self, who: Who, actions: &mut Vec<Action>) {
        actions.push(Action::Transact { who, how: How::Answered });
        if self.faults > 0 {
            actions.extend([How::Unanswered, How::Fails].map(|how| Action::Transact { who, how }));
            actions.push(Action::Crash(who));
        }
    }

    /// A stream has been taken in, or could not be.
    fn pass(&mut self, who: Who, stream: usize, passed: Passed) {
        self.go_on(who, None);
        match (who, &mut self.walk) {
            (Who::Live, _) => self.checkpoint += usize::from(passed == Passed::Whole),
            (Who::Walk, Some(walk)) => walk.passed[stream] = passed,
            (Who::Walk, None) => {}
        }
    }

    fn crash(&mut self, who: Who) {
        self.faults -= 1;
        match who {
            Who::Live => self.live = None,
            Who::Walk => self.walk = None,
        }
    }

    fn is_settled(&self) -> bool {
        let is_delivered = self.checkpoint == self.shard.len() && self.live.is_none();
        is_delivered && self.deployed == Deployed::Everywhere && self.pointer == NEW && self.walk.is_none()
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MixesRevisions => "totals mix revisions",
            Self::SharesStamps => "the revisions share their stamps",
            Self::PointsAtOnce => "the pointer moves with the deployment",
            Self::PointsThoughLacking => "the pointer moves though a stream could not be counted",
            Self::WalksTooEarly => "the walk begins while old code still takes batches",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |stream: &usize| ["A", "B"][*stream];
        match self {
            Self::Append { stream } => write!(f, "commit to {}", name(stream)),
            Self::Deploy => f.write_str("deployment goes on"),
            Self::Deliver { revision } => write!(f, "next record delivered to revision {}", revision + 1),
            Self::BeginWalk => f.write_str("walk begins"),
            Self::Meet { stream } => write!(f, "walk meets {}", name(stream)),
            Self::Transact { who, how } => tell(f, *who, *how),
            Self::EndWalk => f.write_str("walk ends"),
            Self::Crash(who) => write!(f, "{who} crashes"),
            Self::ForgetCheckpoint => f.write_str("checkpoint lost"),
        }
    }
}
