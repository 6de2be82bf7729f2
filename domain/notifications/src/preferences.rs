//! What a person wants to be told, and by which way: everything, until they turn something off.

use std::collections::BTreeSet;

use annals_kit::{Aggregate, Command, Event, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::note::{Channel, Kind};

/// What can be turned off. What keeps an account safe, such as a welcome with its link or word of another password, cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optional {
    /// A payment came in.
    Receipt,
    /// A payment failed and will be tried again.
    RetryNotice,
    /// An invoice is past due.
    PaymentReminder,
}

impl Optional {
    /// The kind as one that can be turned off; `None` where it cannot.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Receipt => Some(Self::Receipt),
            Kind::RetryNotice => Some(Self::RetryNotice),
            Kind::PaymentReminder => Some(Self::PaymentReminder),
            Kind::Welcome | Kind::Verification | Kind::Invitation | Kind::RoleChanged | Kind::PasswordChanged => None,
        }
    }
}

/// Something that somebody does not want to be told in some way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Off {
    /// What. What keeps an account safe cannot be turned off.
    pub kind: Optional,
    /// In which way.
    pub channel: Channel,
}

/// What happens to a person's preferences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum PreferencesEvent {
    /// This is off, and everything else on.
    #[serde(rename = "PREFERENCES_CHANGED")]
    Changed(PreferencesChanged),
}

/// This is off, and everything else on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreferencesChanged {
    /// Whose.
    pub user_id: Uuid,
    /// What is off.
    pub off: BTreeSet<Off>,
}

impl Event for PreferencesEvent {
    // Internal: who sends looks here, and nobody else does.
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "PREFERENCES_CHANGED", upcasts: &[], published: false }];
}

/// What a person wants to be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preferences {
    /// What is off.
    pub off: BTreeSet<Off>,
}

impl Preferences {
    /// Whether the person wants to be told this in this way; what cannot be turned off is always wanted.
    pub fn want(&self, kind: Kind, channel: Channel) -> bool {
        Optional::of(kind).is_none_or(|kind| !self.off.contains(&Off { kind, channel }))
    }
}

impl Aggregate for Preferences {
    const STREAM_TYPE: &'static str = "PREFS";
    const FOLD_REVISION: u32 = 1;
    type Event = PreferencesEvent;

    fn evolve(&mut self, event: &PreferencesEvent, _: Recorded) {
        match event {
            PreferencesEvent::Changed(changed) => self.off.clone_from(&changed.off),
        }
    }
}

/// Turns this off, and everything else on.
#[derive(Clone, Debug)]
pub struct Choose(pub PreferencesChanged);

impl Command for Choose {
    type Aggregate = Preferences;
    type Refusal = std::convert::Infallible;

    /// What is so already is not said again.
    fn decide(&self, state: &Preferences, _: Timestamp) -> Result<Vec<PreferencesEvent>, Self::Refusal> {
        Ok(if state.off == self.0.off { vec![] } else { vec![PreferencesEvent::Changed(self.0.clone())] })
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};
    use proptest::prelude::*;

    use super::*;

    const RECEIPTS: Off = Off { kind: Optional::Receipt, channel: Channel::Email };
    const REMINDERS: Off = Off { kind: Optional::PaymentReminder, channel: Channel::Email };

    const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Push, Channel::Inbox];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second).unwrap()
    }

    fn off(off: &[Off]) -> PreferencesChanged {
        PreferencesChanged { user_id: Uuid::from_u128(1), off: off.iter().copied().collect() }
    }

    #[test]
    fn what_is_turned_off_is_off_and_everything_else_on() {
        given_nothing().when(at(0), Choose(off(&[RECEIPTS]))).then([PreferencesEvent::Changed(off(&[RECEIPTS]))]);
        let chosen = given([(at(0), PreferencesEvent::Changed(off(&[RECEIPTS])))]);
        chosen.when(at(1), Choose(off(&[REMINDERS]))).then([PreferencesEvent::Changed(off(&[REMINDERS]))]);
    }

    #[test]
    fn what_is_so_already_is_not_said_again() {
        given_nothing().when(at(0), Choose(off(&[]))).then_nothing();
        given([(at(0), PreferencesEvent::Changed(off(&[RECEIPTS])))]).when(at(1), Choose(off(&[RECEIPTS]))).then_nothing();
    }

    proptest! {
        /// Law: whatever somebody turns off, what keeps their account safe is told, and the rest as they chose last.
        #[test]
        fn what_keeps_an_account_safe_is_always_told(chosen in prop::collection::vec(prop::collection::btree_set(any_off(), 0..4), 0..5)) {
            let mut preferences = Preferences::default();
            for off in &chosen {
                let choose = Choose(PreferencesChanged { user_id: Uuid::from_u128(1), off: off.clone() });
                for event in choose.decide(&preferences, at(0)).unwrap() {
                    preferences.evolve(&event, Recorded { version: annals_kit::Version::FIRST, at: at(0) });
                }
            }
            let last = chosen.last().cloned().unwrap_or_default();
            for channel in CHANNELS {
                for safe in [Kind::Welcome, Kind::Verification, Kind::Invitation, Kind::RoleChanged, Kind::PasswordChanged] {
                    prop_assert!(preferences.want(safe, channel));
                }
                prop_assert_eq!(preferences.want(Kind::Receipt, channel), !last.contains(&Off { kind: Optional::Receipt, channel }));
                prop_assert_eq!(
                    preferences.want(Kind::PaymentReminder, channel),
                    !last.contains(&Off { kind: Optional::PaymentReminder, channel })
                );
            }
        }
    }

    fn any_off() -> impl Strategy<Value = Off> {
        let kinds = prop::sample::select(vec![Optional::Receipt, Optional::RetryNotice, Optional::PaymentReminder]);
        (kinds, prop::sample::select(CHANNELS.to_vec())).prop_map(|(kind, channel)| Off { kind, channel })
    }
}
