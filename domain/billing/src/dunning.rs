//! Dunning: what is done, and when, about an invoice whose payment failed.
//!
//! Reminders at set days after the first failure, then the invoice is given up. A payment ends it at any time. The payment provider retries
//! the card by its own schedule; dunning tells the customer and draws the line.

use annals_kit::Timestamp;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done about an unpaid invoice. Recorded when dunning starts, so that a later policy does not change what is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DunningPolicy {
    /// A reminder goes out so many days after the first failure, in rising order.
    pub reminders_after_days: Vec<u16>,
    /// The invoice is uncollectible so many days after the first failure.
    pub give_up_after_days: u16,
    /// What becomes of the subscription then.
    pub then: Afterwards,
}

/// What becomes of a subscription whose invoice is uncollectible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Afterwards {
    /// It is cancelled.
    CancelSubscription,
    /// It stays as it is, and goes on being invoiced.
    KeepSubscription,
}

impl Default for DunningPolicy {
    /// Reminders after 3, 7 and 14 days, a week for the last of them, then cancelled.
    fn default() -> Self {
        Self { reminders_after_days: vec![3, 7, 14], give_up_after_days: 21, then: Afterwards::CancelSubscription }
    }
}

impl DunningPolicy {
    /// How many steps there are: the reminders, and giving up.
    pub fn steps(&self) -> u32 {
        u32::try_from(self.reminders_after_days.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// When `step`, from 1, is due: by the policy, and never within a day of what came before it, however late that was.
    fn due(&self, step: u32, failed_at: Timestamp, before: Timestamp) -> Timestamp {
        let reminder = usize::try_from(step.saturating_sub(1)).ok().and_then(|at| self.reminders_after_days.get(at));
        let days = reminder.copied().unwrap_or(self.give_up_after_days);
        failed_at.plus(TimeDelta::days(i64::from(days))).max(before.plus(TimeDelta::days(1)))
    }
}

/// An invoice's dunning, while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dunning {
    /// What it follows.
    pub policy: DunningPolicy,
    /// The first failure, from which days are counted.
    pub failed_at: Timestamp,
    /// The step that comes next, from 1.
    pub next_step: u32,
    /// When it is due.
    pub next_step_at: Timestamp,
}

impl Dunning {
    /// Dunning for a payment that failed at `failed_at`, as is learnt at `now`.
    pub fn start(policy: DunningPolicy, failed_at: Timestamp, now: Timestamp) -> Self {
        // A notice may come late, and its clock may be ahead of ours.
        let failed_at = failed_at.min(now);
        let next_step_at = policy.due(1, failed_at, now);
        Self { policy, failed_at, next_step: 1, next_step_at }
    }

    /// When the step after the next one will be due, with the next taken at `now`.
    pub fn after_next(&self, now: Timestamp) -> Timestamp {
        self.policy.due(self.next_step.saturating_add(1), self.failed_at, now)
    }

    /// Whether the next step is a reminder; the last step gives up.
    pub fn next_is_reminder(&self) -> bool {
        self.next_step < self.policy.steps()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600 + day * 86_400).unwrap()
    }

    #[test]
    fn steps_are_3_7_14_and_21_days_after_the_first_failure() {
        let mut dunning = Dunning::start(DunningPolicy::default(), at(0), at(0));
        let mut due = vec![];
        while dunning.next_step <= dunning.policy.steps() {
            due.push(dunning.next_step_at);
            dunning.next_step_at = dunning.after_next(dunning.next_step_at);
            dunning.next_step += 1;
        }
        assert_eq!(due, [at(3), at(7), at(14), at(21)]);
    }

    #[test]
    fn a_notice_that_comes_late_leaves_a_day_before_each_step() {
        let dunning = Dunning::start(DunningPolicy::default(), at(0), at(30));
        assert_eq!((dunning.next_step_at, dunning.after_next(at(31))), (at(31), at(32)));
    }

    proptest! {
        /// Law: a step is never due within a day of the one before it, nor before the policy says.
        #[test]
        fn steps_keep_their_distance(days in prop::collection::vec(0u16..60, 0..5), give_up in 0u16..90, failed in -90i64..90, late in 0i64..40) {
            let policy = DunningPolicy { reminders_after_days: days, give_up_after_days: give_up, then: Afterwards::KeepSubscription };
            let mut dunning = Dunning::start(policy, at(failed), at(0));
            let mut before = at(0);
            for step in 1..=dunning.policy.steps() {
                let days = dunning.policy.reminders_after_days.get(step as usize - 1).copied().unwrap_or(give_up);
                prop_assert!(dunning.next_step_at.since(before) >= TimeDelta::days(1));
                prop_assert!(dunning.next_step_at >= at(failed.min(0)).plus(TimeDelta::days(i64::from(days))));
                before = dunning.next_step_at.plus(TimeDelta::days(late));
                dunning.next_step_at = dunning.after_next(before);
                dunning.next_step += 1;
            }
        }
    }
}
