//! The price book: each plan a stream of its own, with versions. A draft may be changed until it is released; what is released is final.

use annals_kit::{Aggregate, Command, Currency, Event, Money, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::{Interval, PlanName};

/// What happens to a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum PlanEvent {
    /// Its next version was drafted.
    #[serde(rename = "PLAN_DRAFTED")]
    Drafted(PlanVersion),
    /// The draft was released: from now on it is what is sold, and it never changes.
    #[serde(rename = "PLAN_RELEASED")]
    Released(PlanVersion),
    /// It is not sold any more; whoever has it keeps it.
    #[serde(rename = "PLAN_RETIRED")]
    Retired(PlanRetired),
}

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanVersion {
    /// The plan's id.
    pub plan_id: Uuid,
    /// Its name.
    pub plan: PlanName,
    /// The version, from 1.
    pub version: u32,
    /// What one of it costs, before tax: at most one price for each interval and currency.
    pub prices: Vec<Price>,
    /// How many days are free before the first period.
    pub trial_days: u16,
}

/// A price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// How often it is due.
    pub interval: Interval,
    /// How much.
    pub price: Money,
}

/// A plan is not sold any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRetired {
    /// The plan's id.
    pub plan_id: Uuid,
    /// Its name.
    pub plan: PlanName,
}

impl Event for PlanEvent {
    const SCHEMAS: &'static [Schema] = &[
        // Internal: a draft concerns nobody until it is released.
        Schema { event_type: "PLAN_DRAFTED", upcasts: &[], published: false },
        Schema { event_type: "PLAN_RELEASED", upcasts: &[], published: true },
        Schema { event_type: "PLAN_RETIRED", upcasts: &[], published: true },
    ];
}

impl PlanVersion {
    /// What it costs by this interval in this currency, if it is sold so.
    pub fn price(&self, interval: Interval, currency: Currency) -> Option<Money> {
        self.prices.iter().find(|price| price.interval == interval && price.price.currency() == currency).map(|price| price.price)
    }

    fn is_sound(&self) -> bool {
        let unique = |(n, one): (usize, &Price)| {
            self.prices[..n].iter().all(|other| other.interval != one.interval || other.price.currency() != one.price.currency())
        };
        self.prices.iter().all(|price| price.price.minor() >= 0) && self.prices.iter().enumerate().all(unique)
    }
}

/// A plan as its history leaves it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The draft of the next version.
    pub draft: Option<PlanVersion>,
    /// What was released, oldest first.
    pub released: Vec<PlanVersion>,
    /// Whether it is not sold any more.
    pub retired: bool,
}

impl Plan {
    /// What is sold: this version or, where none is named, the newest that was released. A version that was named is found after the plan
    /// is retired as well.
    pub fn offered(&self, version: Option<u32>) -> Option<&PlanVersion> {
        match version {
            Some(version) => self.released.iter().find(|released| released.version == version),
            None => self.released.last().filter(|_| !self.retired),
        }
    }

    fn next_version(&self) -> u32 {
        self.released.last().map_or(1, |released| released.version.saturating_add(1))
    }
}

impl Aggregate for Plan {
    const STREAM_TYPE: &'static str = "PLAN";
    const FOLD_REVISION: u32 = 1;
    type Event = PlanEvent;

    fn evolve(&mut self, event: &PlanEvent, _: Recorded) {
        match event {
            PlanEvent::Drafted(draft) => self.draft = Some(draft.clone()),
            PlanEvent::Released(released) => {
                self.draft = None;
                self.retired = false;
                self.released.push(released.clone());
            }
            PlanEvent::Retired(_) => self.retired = true,
        }
    }
}

/// Drafts the next version of a plan, in place of an earlier draft.
#[derive(Clone, Debug)]
pub struct DraftPlan {
    /// The plan's id.
    pub plan_id: Uuid,
    /// Its name.
    pub plan: PlanName,
    /// What it costs.
    pub prices: Vec<Price>,
    /// How many days are free before the first period.
    pub trial_days: u16,
}

/// Releases the draft.
#[derive(Clone, Copy, Debug)]
pub struct ReleasePlan {
    /// The version that is meant: releasing what was released changes nothing.
    pub version: u32,
}

/// Takes a plan out of the offer.
#[derive(Clone, Copy, Debug)]
pub struct RetirePlan;

/// Why a command on a plan is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    /// There is no such plan.
    #[error("there is no such plan")]
    Unknown,
    /// No prices, one below zero, or two for one interval and currency.
    #[error("a version has prices, none below zero, and one for each interval and currency")]
    Prices,
    /// The trial is longer than a year.
    #[error("a trial has 366 days at most")]
    LongTrial,
    /// No such draft.
    #[error("there is no draft of that version; the next version is {next}")]
    NoDraft {
        /// The next version.
        next: u32,
    },
}

impl Command for DraftPlan {
    type Aggregate = Plan;
    type Refusal = PlanRefusal;

    /// The same draft again changes nothing.
    fn decide(&self, state: &Plan, _: Timestamp) -> Result<Vec<PlanEvent>, PlanRefusal> {
        let Self { plan_id, plan, prices, trial_days } = self.clone();
        let draft = PlanVersion { plan_id, plan, version: state.next_version(), prices, trial_days };
        match () {
            () if draft.prices.is_empty() || draft.prices.len() > 50 || !draft.is_sound() => Err(PlanRefusal::Prices),
            () if trial_days > 366 => Err(PlanRefusal::LongTrial),
            () if state.draft.as_ref() == Some(&draft) => Ok(vec![]),
            () => Ok(vec![PlanEvent::Drafted(draft)]),
        }
    }
}

impl Command for ReleasePlan {
    type Aggregate = Plan;
    type Refusal = PlanRefusal;

    fn decide(&self, state: &Plan, _: Timestamp) -> Result<Vec<PlanEvent>, PlanRefusal> {
        match &state.draft {
            Some(draft) if draft.version == self.version => Ok(vec![PlanEvent::Released(draft.clone())]),
            _ if state.released.iter().any(|released| released.version == self.version) => Ok(vec![]),
            _ => Err(PlanRefusal::NoDraft { next: state.next_version() }),
        }
    }
}

impl Command for RetirePlan {
    type Aggregate = Plan;
    type Refusal = PlanRefusal;

    fn decide(&self, state: &Plan, _: Timestamp) -> Result<Vec<PlanEvent>, PlanRefusal> {
        let newest = state.released.last().ok_or(PlanRefusal::Unknown)?;
        let retired = PlanRetired { plan_id: newest.plan_id, plan: newest.plan.clone() };
        Ok(if state.retired { vec![] } else { vec![PlanEvent::Retired(retired)] })
    }
}
