//! Explores a model whole: whether its laws hold in every state, and by which shortest way a mistake breaks one.
//!
//! Breadth first and in one thread, so that the first way that is found to a broken law is a shortest, and every run finds the same. A state
//! counts as met when its hash of 64 bits has been: among a million states, two share one once in 37 million models.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// A part of the protocol as a model, and the mistakes that can be planted in it.
///
/// Its properties are laws, which hold `always`, and sights, which are to be met `sometimes`: a law about what never comes about says nothing.
pub(crate) trait Part:
    Model<State: Clone + Hash + PartialEq + Send + Sync, Action: Clone + Display + PartialEq> + Send + Sync + 'static
{
    /// Its name, which is its module's.
    const NAME: &'static str;
    /// A mistake; shown as what is done wrong.
    type Mutant: Copy + Display + Send + Sync + 'static;
    /// All of them.
    const MUTANTS: &'static [Self::Mutant];

    /// The protocol, or with a mistake in it.
    fn with(mutant: Option<Self::Mutant>) -> Self;

    /// Whether all that was begun has come to its end.
    fn is_settled(&self, state: &Self::State) -> bool;
}

/// A part, whatever its types.
pub trait Explored {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Explores the protocol.
    fn protocol(&self) -> Protocol;

    /// Explores every mutant of it, each until it breaks a law.
    fn mutants(&self) -> Vec<Mutant>;

    /// Whether some mutant breaks this law, be it not the first that falls.
    fn is_broken_by_some(&self, law: &'static str) -> bool;
}

/// What the protocol has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The states that can be reached; all of them were looked at.
    pub states: usize,
    /// What must hold.
    pub laws: Vec<&'static str>,
    /// The one that does not, nearest to the beginning.
    pub broken: Option<Counterexample>,
    /// What was to be met in some state and was not.
    pub unmet: Vec<&'static str>,
}

/// What a mistake has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What is done wrong.
    pub mistake: String,
    /// Where it shows first; `None` where it never does.
    pub broken: Option<Counterexample>,
    /// How many states were met until then.
    pub states: usize,
}

/// A law that does not hold, and a shortest way to where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The law.
    pub law: &'static str,
    /// What happens, in order.
    pub steps: Vec<String>,
}

/// `P` as one of several.
pub(crate) fn part<P: Part>() -> Box<dyn Explored> {
    Box::new(Of::<P>(PhantomData))
}

struct Of<P>(PhantomData<fn() -> P>);

impl<P: Part> Explored for Of<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn protocol(&self) -> Protocol {
        let (broken, states) = broken_law(P::with(None));
        let (laws, sights) = laws_and_sights(&P::with(None));
        let wanted = HasDiscoveries::AllOf(sights.iter().copied().collect());
        let met = P::with(None).checker().finish_when(wanted).spawn_bfs().join().discoveries();
        let unmet = sights.into_iter().filter(|sight| !met.contains_key(sight)).collect();
        Protocol { states, laws, broken, unmet }
    }

    fn mutants(&self) -> Vec<Mutant> {
        let explored = |mutant: &P::Mutant| {
            let (broken, states) = broken_law(P::with(Some(*mutant)));
            Mutant { mistake: mutant.to_string(), broken, states }
        };
        P::MUTANTS.iter().map(explored).collect()
    }

    fn is_broken_by_some(&self, law: &'static str) -> bool {
        let until = || HasDiscoveries::AnyOf(BTreeSet::from([law]));
        let breaks = |mutant: &P::Mutant| P::with(Some(*mutant)).checker().finish_when(until()).spawn_bfs().join().discovery(law).is_some();
        P::MUTANTS.iter().any(breaks)
    }
}

/// The names of what must hold, and of what must come about.
fn laws_and_sights<P: Part>(part: &P) -> (Vec<&'static str>, Vec<&'static str>) {
    let properties = part.properties();
    let (laws, sights): (Vec<_>, Vec<_>) = properties.iter().partition(|property| property.expectation == Expectation::Always);
    (laws.iter().map(|law| law.name).collect(), sights.iter().map(|sight| sight.name).collect())
}

/// The nearest state where a law does not hold, and how many states were met until it was found, or in all.
fn broken_law<P: Part>(part: P) -> (Option<Counterexample>, usize) {
    let explored = AsOneLaw(part).checker().spawn_bfs().join();
    let broken = explored.discovery(ALL_LAWS).and_then(|path| {
        let law = explored.model().broken_in(path.last_state())?;
        Some(Counterexample { law, steps: path.into_actions().iter().map(ToString::to_string).collect() })
    });
    (broken, explored.unique_state_count())
}

/// The same model with all of its laws as one, at which the search ends: with several, stateright goes on for the others and keeps not the
/// first way but the last that it has met to a broken one.
struct AsOneLaw<P>(P);

const ALL_LAWS: &str = "every law holds";
/// A law of every part. Without it, one that speaks of settled states could hold because none is reached.
const NOT_STUCK: &str = "what cannot go on is settled";

impl<P: Part> AsOneLaw<P> {
    fn broken_in(&self, state: &P::State) -> Option<&'static str> {
        let is_broken = |law: &Property<P>| law.expectation == Expectation::Always && !(law.condition)(&self.0, state);
        let stuck = || self.is_stuck(state).then_some(NOT_STUCK);
        self.0.properties().into_iter().find(is_broken).map(|law| law.name).or_else(stuck)
    }

    fn is_stuck(&self, state: &P::State) -> bool {
        let mut actions = vec![];
        self.0.actions(state, &mut actions);
        actions.is_empty() && !self.0.is_settled(state)
    }
}

impl<P: Part> Model for AsOneLaw<P> {
    type State = P::State;
    type Action = P::Action;

    fn init_states(&self) -> Vec<P::State> {
        self.0.init_states()
    }

    fn actions(&self, state: &P::State, actions: &mut Vec<P::Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &P::State, action: P::Action) -> Option<P::State> {
        self.0.next_state(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(ALL_LAWS, |model, state| model.broken_in(state).is_none())]
    }
}
