//! Appends: three commands, two writers with a memory of their own, one stream; answers are lost, inserts come late, callers ask again.
//!
//! The stream is an account that cannot be overdrawn: one deposit and two withdrawals of as much, so that each command matters to the others
//! and one that is carried out twice shows. A step is one call of the log; what a writer does between two calls concerns nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use stateright::{Model, Property};

use crate::explore::Part;

/// Lost and late answers, throttled inserts, callers who hear nothing: so many in all.
const FAULTS: u8 = 4;
/// How often a call tries before it gives up.
const TRIES: u8 = 2;
/// What callers ask for, in no order.
const COMMANDS: [Command; 3] = [Command::Deposit, Command::Withdraw, Command::Withdraw];

/// The model.
pub(crate) struct Writing {
    mutant: Option<Mutant>,
}

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    LostIsFailed,
    NewIdPerTry,
    TakenIsOurs,
    ForgetsCommands,
    Overwrites,
    SkipsTheDoubtful,
    DecidesOnce,
    WarmRefuses,
    EmptyReadEndsDoubt,
    UnknownIsFailed,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Deposit,
    Withdraw,
}

/// Which of [`COMMANDS`], and under which id: 0 is the first that its caller gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    command: usize,
    round: u8,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// By version.
    log: BTreeMap<u8, Id>,
    /// Inserts whose callers no longer wait for them: version, id, and whether the call has ended as well.
    late: BTreeSet<(u8, Id, bool)>,
    /// How far each writer remembers the stream.
    warm: [Option<u8>; 2],
    callers: [Caller; 3],
    faults: u8,
}

/// One command's way, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Caller {
    /// Which id it gives the command.
    round: u8,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Has not called, or has heard nothing.
    Waits,
    Calls(Call),
    Told(Answer),
}

/// A call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Call {
    writer: usize,
    next: Next,
    /// The versions that the decision stands on.
    basis: u8,
    /// Whether that is known to be the newest state.
    fresh: bool,
    /// An insert has had no answer, and nothing has been read that decides it.
    in_doubt: bool,
    tries: u8,
    /// What nobody in the system knows: an insert of this call is in the log.
    written: bool,
}

/// The next call of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    Insert,
    Read(Why),
}

/// Why the tail is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Why {
    Cold,
    /// The warm state would refuse.
    Refusal,
    Taken,
    NoAnswer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Committed {
        version: u8,
    },
    Refused {
        /// Whether the stream was so when it was said.
        rightly: bool,
    },
    /// Nothing was written.
    Busy {
        /// Whether it is so, and stays so.
        rightly: bool,
    },
    Unknown,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Ask {
        caller: usize,
        writer: usize,
    },
    /// `free`: nothing stands at the version, or nobody asks.
    Insert {
        caller: usize,
        how: How,
        free: bool,
    },
    Read {
        caller: usize,
    },
    HearNothing {
        caller: usize,
    },
    Land {
        version: u8,
        id: Id,
        ended: bool,
    },
}

/// What becomes of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Answered,
    /// It is made, and its answer lost.
    Unanswered,
    /// It has no answer, and may be made later.
    Late,
    Throttled,
}

impl Part for Writing {
    const NAME: &'static str = "writing";
    type Mutant = Mutant;
    const MUTANTS: &'static [Mutant] = &[
        Mutant::LostIsFailed,
        Mutant::NewIdPerTry,
        Mutant::TakenIsOurs,
        Mutant::ForgetsCommands,
        Mutant::Overwrites,
        Mutant::SkipsTheDoubtful,
        Mutant::DecidesOnce,
        Mutant::WarmRefuses,
        Mutant::EmptyReadEndsDoubt,
        Mutant::UnknownIsFailed,
    ];

    fn with(mutant: Option<Mutant>) -> Self {
        Self { mutant }
    }

    fn is_settled(&self, state: &State) -> bool {
        state.all_are_answered()
    }
}

impl Model for Writing {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let caller = Caller { round: 0, stage: Stage::Waits };
        // Both may think that the stream is new.
        vec![State { log: BTreeMap::new(), late: BTreeSet::new(), warm: [Some(0); 2], callers: [caller; 3], faults: FAULTS }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (caller, one) in state.callers.iter().enumerate() {
            match one.stage {
                Stage::Waits | Stage::Told(Answer::Busy { .. } | Answer::Unknown) => {
                    actions.extend([0, 1].map(|writer| Action::Ask { caller, writer }));
                }
                Stage::Told(Answer::Committed { .. } | Answer::Refused { .. }) => {}
                Stage::Calls(call) => self.steps(state, caller, call, actions),
            }
        }
        actions.extend(state.late.iter().map(|&(version, id, ended)| Action::Land { version, id, ended }));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Ask { caller, writer } => self.ask(&mut next, caller, writer),
            Action::Read { caller } => self.read(&mut next, caller),
            Action::Insert { caller, how, free } => self.insert(&mut next, caller, how, free),
            Action::HearNothing { caller } => next.hear_nothing(caller),
            Action::Land { version, id, ended } => next.land(version, id, ended),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("1: what was acknowledged is in the log", |_, state: &State| state.acknowledged_is_there()),
            Property::always("2: nothing is in the log that nobody issued", |_, state: &State| state.all_was_issued()),
            Property::always("3: versions have no gap and no duplicate", |_, state: &State| state.versions_are_whole()),
            Property::always("4: a command takes effect at most once", |_, state: &State| state.each_at_most_once()),
            Property::always("what is in the log was allowed by what came before it", |_, state: &State| state.never_overdrawn()),
            Property::always("who is refused is refused by the newest state", |_, state: &State| {
                !state.told(Answer::Refused { rightly: false })
            }),
            Property::always("what is called not written is not written", |_, state: &State| !state.told(Answer::Busy { rightly: false })),
            Property::sometimes("all three are carried out or refused", |_, state: &State| state.all_are_answered()),
            Property::sometimes("a command is refused", |_, state: &State| state.told(Answer::Refused { rightly: true })),
            Property::sometimes("an outcome is unknown", |_, state: &State| state.told(Answer::Unknown)),
            Property::sometimes("an insert without an answer is in the log", |_, state: &State| state.is_written_unanswered()),
        ]
    }
}

impl Writing {
    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What may become of a call.
    fn steps(&self, state: &State, caller: usize, call: Call, actions: &mut Vec<Action>) {
        let free = self.has(Mutant::Overwrites) || !state.log.contains_key(&(call.basis + 1));
        match call.next {
            Next::Read(_) => actions.push(Action::Read { caller }),
            Next::Insert => actions.push(Action::Insert { caller, how: How::Answered, free }),
        }
        if state.faults > 0 {
            if call.next == Next::Insert {
                actions.extend([How::Late, How::Unanswered, How::Throttled].map(|how| Action::Insert { caller, how, free }));
            }
            actions.push(Action::HearNothing { caller });
        }
    }

    /// A call begins with what its writer remembers, or reads.
    fn ask(&self, state: &mut State, caller: usize, writer: usize) {
        let call = Call { writer, next: Next::Read(Why::Cold), basis: 0, fresh: false, in_doubt: false, tries: 0, written: false };
        match state.warm[writer] {
            Some(basis) => self.decide(state, caller, Call { basis, ..call }),
            None => state.callers[caller].stage = Stage::Calls(call),
        }
    }

    /// Answers or goes on from the state at `call.basis`.
    fn decide(&self, state: &mut State, caller: usize, mut call: Call) {
        let (id, history) = (state.id(caller), state.upto(call.basis));
        if let Some(version) =
            history.iter().find(|(_, one)| **one == id && !self.has(Mutant::ForgetsCommands)).map(|(version, _)| *version)
        {
            return state.acknowledge(caller, call.writer, version, call.basis);
        }
        call.in_doubt &= !call.fresh;
        let refused = COMMANDS[caller] == Command::Withdraw && balance(history.values()) == 0;
        call.next = match (refused, call.fresh || self.has(Mutant::WarmRefuses)) {
            (false, _) => Next::Insert,
            (true, false) => Next::Read(Why::Refusal),
            (true, true) => {
                let rightly = balance(state.log.values()) == 0;
                state.callers[caller].stage = Stage::Told(Answer::Refused { rightly });
                return;
            }
        };
        state.callers[caller].stage = Stage::Calls(call);
    }

    /// What a strong read of the tail brings.
    fn read(&self, state: &mut State, caller: usize) {
        let Stage::Calls(mut call) = state.callers[caller].stage else { return };
        let before = std::mem::replace(&mut call.basis, state.head());
        call.fresh = true;
        let ours = state.upto(call.basis).values().any(|id| *id == state.id(caller));
        match call.next {
            Next::Read(Why::NoAnswer) if call.basis == before => {
                // The insert may still be on its way.
                call.fresh = self.has(Mutant::EmptyReadEndsDoubt);
                self.pause(state, caller, call);
            }
            Next::Read(Why::Taken) if !ours => {
                call.in_doubt = false;
                if self.has(Mutant::DecidesOnce) {
                    state.callers[caller].stage = Stage::Calls(Call { next: Next::Insert, ..call });
                    return;
                }
                self.pause(state, caller, call);
            }
            Next::Insert | Next::Read(_) => self.decide(state, caller, call),
        }
    }

    /// Tries again, or gives up.
    fn pause(&self, state: &mut State, caller: usize, mut call: Call) {
        call.tries += 1;
        if call.tries < TRIES {
            return self.decide(state, caller, call);
        }
        let answer = match call.in_doubt && !self.has(Mutant::UnknownIsFailed) {
            true => Answer::Unknown,
            false => Answer::Busy { rightly: !call.written && !state.late.contains(&(call.basis + 1, state.id(caller), false)) },
        };
        state.end(caller, answer);
    }

    fn insert(&self, state: &mut State, caller: usize, how: How, free: bool) {
        let Stage::Calls(mut call) = state.callers[caller].stage else { return };
        let (version, mut id) = (call.basis + 1, state.id(caller));
        if self.has(Mutant::NewIdPerTry) {
            id.round = 10 * call.tries;
        }
        state.faults -= u8::from(how != How::Answered);
        if free && matches!(how, How::Answered | How::Unanswered) {
            state.log.insert(version, id);
            call.written = true;
        }
        match how {
            How::Answered if free || self.has(Mutant::TakenIsOurs) => state.acknowledge(caller, call.writer, version, version),
            How::Answered => state.callers[caller].stage = Stage::Calls(Call { next: Next::Read(Why::Taken), ..call }),
            How::Throttled => self.pause(state, caller, call),
            How::Unanswered => self.doubt(state, caller, call),
            How::Late => {
                state.late.insert((version, id, false));
                self.doubt(state, caller, call);
            }
        }
    }

    /// An insert had no answer.
    fn doubt(&self, state: &mut State, caller: usize, call: Call) {
        if self.has(Mutant::LostIsFailed) {
            state.callers[caller].round += 1;
            return state.end_unheard(caller);
        }
        if self.has(Mutant::SkipsTheDoubtful) {
            state.callers[caller].stage = Stage::Calls(Call { basis: call.basis + 1, ..call });
            return;
        }
        state.callers[caller].stage = Stage::Calls(Call { in_doubt: true, next: Next::Read(Why::NoAnswer), ..call });
    }
}

impl State {
    fn id(&self, caller: usize) -> Id {
        Id { command: caller, round: self.callers[caller].round }
    }

    fn head(&self) -> u8 {
        self.log.keys().next_back().copied().unwrap_or(0)
    }

    fn upto(&self, basis: u8) -> BTreeMap<u8, Id> {
        self.log.range(..=basis).map(|(version, id)| (*version, *id)).collect()
    }

    fn acknowledge(&mut self, caller: usize, writer: usize, version: u8, known: u8) {
        self.warm[writer] = self.warm[writer].max(Some(known));
        self.end(caller, Answer::Committed { version });
    }

    fn end(&mut self, caller: usize, answer: Answer) {
        self.end_unheard(caller);
        self.callers[caller].stage = Stage::Told(answer);
    }

    /// What is on its way goes on without its call.
    fn end_unheard(&mut self, caller: usize) {
        self.callers[caller].stage = Stage::Waits;
        self.late = self.late.iter().map(|&(version, id, ended)| (version, id, ended || id.command == caller)).collect();
    }

    /// The writer dies, or its answer does not come through.
    fn hear_nothing(&mut self, caller: usize) {
        self.faults -= 1;
        if let Stage::Calls(call) = self.callers[caller].stage {
            self.warm[call.writer] = None;
        }
        self.end_unheard(caller);
    }

    /// A late insert arrives: only where the version is free.
    fn land(&mut self, version: u8, id: Id, ended: bool) {
        self.late.remove(&(version, id, ended));
        if self.log.contains_key(&version) {
            return;
        }
        self.log.insert(version, id);
        if let Stage::Calls(call) = &mut self.callers[id.command].stage {
            call.written |= !ended;
        }
    }

    fn acknowledged_is_there(&self) -> bool {
        self.callers.iter().enumerate().all(|(caller, one)| match one.stage {
            Stage::Told(Answer::Committed { version }) => self.log.get(&version).is_some_and(|id| id.command == caller),
            Stage::Waits | Stage::Calls(_) | Stage::Told(_) => true,
        })
    }

    fn all_was_issued(&self) -> bool {
        self.log.values().all(|id| id.round <= self.callers[id.command].round)
    }

    fn versions_are_whole(&self) -> bool {
        usize::from(self.head()) == self.log.len()
    }

    fn each_at_most_once(&self) -> bool {
        let commands: BTreeSet<usize> = self.log.values().map(|id| id.command).collect();
        commands.len() == self.log.len()
    }

    fn never_overdrawn(&self) -> bool {
        (1..=self.head()).all(|version| balance(self.upto(version).values()) >= 0)
    }

    fn told(&self, answer: Answer) -> bool {
        self.callers.iter().any(|caller| caller.stage == Stage::Told(answer))
    }

    fn all_are_answered(&self) -> bool {
        self.callers.iter().all(|caller| matches!(caller.stage, Stage::Told(Answer::Committed { .. } | Answer::Refused { .. })))
    }

    fn is_written_unanswered(&self) -> bool {
        self.callers.iter().any(|caller| matches!(caller.stage, Stage::Calls(Call { written: true, next: Next::Read(Why::NoAnswer), .. })))
    }
}

fn balance<'a>(history: impl Iterator<Item = &'a Id>) -> i8 {
    history.map(|id| if COMMANDS[id.command] == Command::Deposit { 1 } else { -1 }).sum()
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LostIsFailed => "a lost answer counts as a failure, and the command is issued again under a new id",
            Self::NewIdPerTry => "every try has a command id of its own",
            Self::TakenIsOurs => "a version that is taken is thought to be one's own, without comparing the command id",
            Self::ForgetsCommands => "the command ids of a stream are not looked at",
            Self::Overwrites => "the insert has no condition",
            Self::SkipsTheDoubtful => "after a lost answer the next version is tried, without reading",
            Self::DecidesOnce => "after a lost race the same events are inserted one version on, without deciding again",
            Self::WarmRefuses => "a warm state refuses",
            Self::EmptyReadEndsDoubt => "a read that does not find the insert ends the doubt, though it may still be on its way",
            Self::UnknownIsFailed => "what cannot be resolved is called not written",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |caller: usize| ["deposit", "withdrawal", "other withdrawal"][caller];
        match self {
            Self::Ask { caller, writer } => write!(f, "{} asked of writer {}", name(*caller), writer + 1),
            Self::Read { caller } => write!(f, "{}: tail read", name(*caller)),
            Self::Insert { caller, how, free } => {
                let end = match how {
                    How::Answered if *free => "inserted",
                    How::Answered => "version taken",
                    How::Unanswered if *free => "inserted, answer lost",
                    How::Unanswered => "version taken, answer lost",
                    How::Late => "no answer, insert on its way",
                    How::Throttled => "throttled",
                };
                write!(f, "{}: {end}", name(*caller))
            }
            Self::HearNothing { caller } => write!(f, "{}: caller hears nothing", name(*caller)),
            Self::Land { id, .. } => write!(f, "{}: late insert arrives", name(id.command)),
        }
    }
}
