//! The row of a plan in the price book.

use annals_kit::{Recorded, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::PlanName;
use crate::price_book::{PlanEvent, PlanVersion, Price};

/// A plan: `PK=PLAN#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub plan: PlanName,
    /// `draft` (nothing was released yet), `released` or `retired`.
    pub status: String,
    /// The newest version that was released; 0 where none was.
    pub newest: u32,
    /// What was released, oldest first.
    pub versions: Vec<ReleasedVersion>,
    /// The draft of the next version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftVersion>,
}

/// A version that was released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReleasedVersion {
    /// Which.
    pub version: u32,
    /// What it costs.
    pub prices: Vec<Price>,
    /// How many days are free before the first period.
    pub trial_days: u16,
    /// When it was released.
    pub released_at: Timestamp,
}

/// A version that may still change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DraftVersion {
    /// Which.
    pub version: u32,
    /// What it would cost.
    pub prices: Vec<Price>,
    /// How many days would be free before the first period.
    pub trial_days: u16,
}

impl PlanRow {
    /// The row after `event`.
    pub fn fold(row: Option<Self>, event: &PlanEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (PlanEvent::Drafted(draft), row) => {
                Some(Self { draft: Some(DraftVersion::of(draft)), ..row.unwrap_or_else(|| Self::new(draft)) })
            }
            (PlanEvent::Released(released), row) => {
                let mut row = row.unwrap_or_else(|| Self::new(released));
                let PlanVersion { version, prices, trial_days, .. } = released.clone();
                row.versions.push(ReleasedVersion { version, prices, trial_days, released_at: recorded.at });
                Some(Self { status: "released".into(), newest: version, draft: None, ..row })
            }
            (PlanEvent::Retired(_), Some(row)) => Some(Self { status: "retired".into(), ..row }),
            (PlanEvent::Retired(_), None) => None,
        }
    }

    fn new(of: &PlanVersion) -> Self {
        Self { id: of.plan_id, plan: of.plan.clone(), status: "draft".into(), newest: 0, versions: vec![], draft: None }
    }
}

impl DraftVersion {
    fn of(draft: &PlanVersion) -> Self {
        Self { version: draft.version, prices: draft.prices.clone(), trial_days: draft.trial_days }
    }
}
