//! The other side of the bus: one event comes at least once, and an effect of it happens under a lease: intent, send, done.
//!
//! One event is enough: what is kept of an effect is kept under the id that follows from its event. The lease and the mark are commits of
//! one stream, so each is taken by one only; how, is in `writing`.

use std::collections::BTreeSet;
use std::fmt;

use stateright::{Model, Property};

use crate::explore::Part;

/// Crashes, calls without an answer, calls refused, clocks that jump: so many in all.
const FAULTS: u8 = 4;
/// How often the event comes at most: from the bus, redriven, or visible again while it is handled.
const COPIES: u8 = 3;
/// Runs of the consumer, side by side or one after the other.
const RUNS: usize = 3;

/// The model, at a provider that honours idempotency keys (`KEYED`), and at one that does not.
pub(crate) struct Consuming<const KEYED: bool> {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    DoneFirst,
    NoDedup,
    NoLease,
    KeyPerAttempt,
    AcknowledgesFirst,
    UnknownIsDone,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// Copies of the event that are still to come.
    copies: u8,
    /// Messages in the queue that nobody has.
    waiting: u8,
    note: Note,
    /// How many attempts there have been.
    attempts: u8,
    runs: [Step; RUNS],
    /// The keys under which the provider has had it.
    keys: BTreeSet<u8>,
    /// How often the effect has happened, up to two.
    effects: u8,
    /// Whether it has happened again after it was marked as done.
    again: bool,
    faults: u8,
}

/// What is kept of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Note {
    New,
    /// This attempt has it, until its lease ends.
    Held(u8),
    /// An attempt had it, and its time is over.
    Over,
    Done,
}

/// Where a run of the consumer is, which has one message; and at which attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Idle,
    Intends,
    Sends(u8),
    Marks(u8),
    Acknowledges,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Arrive,
    Receive { run: usize },
    Intend { run: usize },
    Send { run: usize, how: How },
    Mark { run: usize },
    Acknowledge { run: usize },
    LeaseEnds,
    Crash { run: usize },
}

/// What becomes of a call to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Answered,
    /// It is taken, and the answer lost.
    Unanswered,
    Refused,
}

impl<const KEYED: bool> Part for Consuming<KEYED> {
    const NAME: &'static str = if KEYED { "consuming, with keys" } else { "consuming, without keys" };
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] = match KEYED {
        true => &[Mutant::DoneFirst, Mutant::KeyPerAttempt, Mutant::AcknowledgesFirst],
        false => &[Mutant::NoDedup, Mutant::NoLease, Mutant::UnknownIsDone, Mutant::AcknowledgesFirst],
    };

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    fn is_settled(&self, state: &State) -> bool {
        state.is_settled()
    }
}

impl<const KEYED: bool> Model for Consuming<KEYED> {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            copies: COPIES,
            waiting: 0,
            note: Note::New,
            attempts: 0,
            runs: [Step::Idle; RUNS],
            keys: BTreeSet::new(),
            effects: 0,
            again: false,
            faults: FAULTS,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.copies > 0 {
            actions.push(Action::Arrive);
        }
        // Which of those that are idle takes a message makes no difference.
        let idle = state.runs.iter().position(|step| *step == Step::Idle);
        actions.extend(idle.filter(|_| state.waiting > 0).map(|run| Action::Receive { run }));
        for (run, step) in state.runs.iter().enumerate() {
            self.steps(state, run, *step, actions);
        }
        if self.lease_may_end(state) {
            actions.push(Action::LeaseEnds);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Arrive => {
                next.copies -= 1;
                next.waiting += 1;
            }
            Action::Receive { run } => {
                next.waiting -= 1;
                next.runs[run] = Step::Intends;
            }
            Action::Intend { run } => self.intend(&mut next, run),
            Action::Send { run, how } => self.send(&mut next, run, how),
            Action::Mark { run } => self.mark(&mut next, run),
            Action::Acknowledge { run } => next.runs[run] = Step::Idle,
            Action::LeaseEnds => {
                next.faults -= u8::from(next.holder_is_alive());
                next.note = Note::Over;
            }
            Action::Crash { run } => {
                next.faults -= 1;
                self.comes_again(&mut next, run);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("10: an effect never happens again once recorded done", |_, state: &State| !state.again),
            Property::always("10: settled, the effect has happened", |_, state: &State| !state.is_settled() || state.effects > 0),
            Property::always("10: settled, the effect is recorded done", |_, state: &State| {
                !state.is_settled() || state.note == Note::Done
            }),
            Property::sometimes("it settles", |_, state: &State| state.is_settled()),
            Property::sometimes("an effect is taken over", |_, state: &State| state.note == Note::Over && state.effects > 0),
            Property::sometimes("a copy comes when it is done", |_, state: &State| {
                state.note == Note::Done && state.runs.contains(&Step::Intends)
            }),
        ];
        properties.push(match KEYED {
            true => Property::always("10: an effect happens at most once", |_, state: &State| state.effects <= 1),
            false => Property::sometimes("an effect happens twice", |_, state: &State| state.effects > 1),
        });
        properties
    }
}

impl<const KEYED: bool> Consuming<KEYED> {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What may become of a run. A message that finds the lease taken comes again until it is free, which is as if it waited.
    fn steps(&self, state: &State, run: usize, step: Step, actions: &mut Vec<Action>) {
        match step {
            Step::Idle => return,
            Step::Intends if matches!(state.note, Note::Held(_)) && !self.has(Mutant::NoLease) => {}
            Step::Intends => actions.push(Action::Intend { run }),
            Step::Sends(_) => actions.push(Action::Send { run, how: How::Answered }),
            Step::Marks(_) => actions.push(Action::Mark { run }),
            Step::Acknowledges => actions.push(Action::Acknowledge { run }),
        }
        if state.faults > 0 {
            if matches!(step, Step::Sends(_)) {
                actions.extend([How::Unanswered, How::Refused].map(|how| Action::Send { run, how }));
            }
            actions.push(Action::Crash { run });
        }
    }

    /// A lease ends with its function's own deadline. Only a clock that jumps ends it earlier, and where keys are not honoured nobody can
    /// mend that.
    fn lease_may_end(&self, state: &State) -> bool {
        let is_held = matches!(state.note, Note::Held(_));
        is_held && (!state.holder_is_alive() || KEYED && state.faults > 0)
    }

    /// Takes the lease, unless it is done.
    fn intend(&self, state: &mut State, run: usize) {
        let is_done = state.note == Note::Done;
        if is_done && !self.has(Mutant::NoDedup) {
            state.runs[run] = Step::Acknowledges;
            return;
        }
        state.attempts += 1;
        if !is_done {
            state.note = Note::Held(state.attempts);
        }
        let marks_first = self.has(Mutant::DoneFirst);
        state.runs[run] = if marks_first { Step::Marks(state.attempts) } else { Step::Sends(state.attempts) };
    }

    fn send(&self, state: &mut State, run: usize, how: How) {
        let Step::Sends(attempt) = state.runs[run] else { return };
        state.faults -= u8::from(how != How::Answered);
        if how != How::Refused {
            state.take(if self.has(Mutant::KeyPerAttempt) { attempt } else { 0 }, KEYED);
        }
        if how != How::Answered && !self.has(Mutant::UnknownIsDone) {
            return self.comes_again(state, run);
        }
        state.runs[run] = if self.has(Mutant::DoneFirst) { Step::Acknowledges } else { Step::Marks(attempt) };
    }

    /// What is done stays as it was first done.
    fn mark(&self, state: &mut State, run: usize) {
        let Step::Marks(attempt) = state.runs[run] else { return };
        state.note = Note::Done;
        state.runs[run] = if self.has(Mutant::DoneFirst) { Step::Sends(attempt) } else { Step::Acknowledges };
    }

    /// The run ends, and its message is visible again, unless it is gone.
    fn comes_again(&self, state: &mut State, run: usize) {
        state.runs[run] = Step::Idle;
        state.waiting += u8::from(!self.has(Mutant::AcknowledgesFirst));
    }
}

impl State {
    /// The provider does what is asked of it; under a key that it has had, nothing.
    fn take(&mut self, key: u8, honours_keys: bool) {
        if self.keys.insert(key) || !honours_keys {
            self.again |= self.note == Note::Done && self.effects > 0;
            self.effects = (self.effects + 1).min(2);
        }
    }

    fn holder_is_alive(&self) -> bool {
        let Note::Held(attempt) = self.note else { return false };
        self.runs.contains(&Step::Sends(attempt)) || self.runs.contains(&Step::Marks(attempt))
    }

    fn is_settled(&self) -> bool {
        self.copies < COPIES && self.waiting == 0 && self.runs == [Step::Idle; RUNS]
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoneFirst => "an effect is marked done before it is done",
            Self::NoDedup => "no consumer dedup",
            Self::NoLease => "no lease",
            Self::KeyPerAttempt => "the provider's key is the attempt's instead of the effect's",
            Self::AcknowledgesFirst => "the message is acknowledged when it is received",
            Self::UnknownIsDone => "an outcome that is not known counts as done",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrive => f.write_str("event arrives"),
            Self::Receive { run } => write!(f, "run {} receives", run + 1),
            Self::Intend { run } => write!(f, "run {} intends", run + 1),
            Self::Send { run, how: How::Answered } => write!(f, "run {} sends", run + 1),
            Self::Send { run, how: How::Unanswered } => write!(f, "run {} sends, answer lost", run + 1),
            Self::Send { run, how: How::Refused } => write!(f, "run {} is refused", run + 1),
            Self::Mark { run } => write!(f, "run {} marks done", run + 1),
            Self::Acknowledge { run } => write!(f, "run {} acknowledges", run + 1),
            Self::LeaseEnds => f.write_str("lease ends"),
            Self::Crash { run } => write!(f, "run {} crashes", run + 1),
        }
    }
}
