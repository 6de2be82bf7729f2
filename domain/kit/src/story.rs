//! Given, when, then: domain tests that read as sentences. Each step is a type, so none can be skipped.

use std::fmt::Debug;

use crate::aggregate::{Aggregate, Command, Recorded};
use crate::ids::Version;
use crate::time::Timestamp;

/// The history before the command.
pub struct Given<A: Aggregate> {
    state: A,
}

/// What the command came to.
pub struct When<E, R> {
    outcome: Result<Vec<E>, R>,
}

/// The state after these events, one commit each, recorded at the given times, and as a snapshot gives it back: JSON that loses nothing of
/// what decisions stand on.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = (Timestamp, A::Event)>) -> Given<A> {
    let mut state = A::default();
    let mut version = None;
    for (at, event) in events {
        let this = Version::after(version);
        state.evolve(&event, Recorded { version: this, at });
        version = Some(this);
    }
    Given { state: restored(&state) }
}

fn restored<A: Aggregate>(state: &A) -> A {
    let snapshot = serde_json::to_vec(state).expect("a state has a JSON form");
    serde_json::from_slice(&snapshot).expect("a state is read as it was written")
}

/// The state before anything happened.
pub fn given_nothing<A: Aggregate>() -> Given<A> {
    given([])
}

impl<A: Aggregate> Given<A> {
    /// Decides `command` at time `at`.
    pub fn when<C: Command<Aggregate = A>>(self, at: Timestamp, command: C) -> When<A::Event, C::Refusal> {
        When { outcome: command.decide(&self.state, at) }
    }
}

impl<E: PartialEq + Debug, R: PartialEq + Debug> When<E, R> {
    /// Exactly these events happen.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = E>) {
        assert_eq!(self.outcome, Ok(events.into_iter().collect()));
    }

    /// Nothing happens, as it is already so.
    #[track_caller]
    pub fn then_nothing(self) {
        assert_eq!(self.outcome, Ok(vec![]));
    }

    /// The command is refused for this reason.
    #[track_caller]
    pub fn then_refused(self, refusal: R) {
        assert_eq!(self.outcome, Err(refusal));
    }
}
