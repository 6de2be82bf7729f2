//! The record of an erasure: its certificate, written last, when nothing opens any more what was sealed. It holds no personal data.

use std::collections::BTreeMap;
use std::convert::Infallible;

use annals_kit::{Aggregate, Command, CustomerId, Event, Recorded, Schema, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to an erasure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum ErasureEvent {
    /// It is done.
    #[serde(rename = "ERASURE_CERTIFIED")]
    Certified(ErasureCertified),
}

/// Nothing opens any more what was sealed for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureCertified {
    /// A customer, by the tenant's own id; or a member, by that of their account.
    pub person_id: CustomerId,
    /// Of which organisation.
    pub organisation_id: Tenant,
    /// When their keys were destroyed.
    pub erased_at: Timestamp,
    /// Until when a function might have a key in its memory.
    pub caches_end: Timestamp,
    /// In how many commits sealed text of theirs stands, closed for good.
    pub sealed_commits: u64,
    /// When the backups that hold the keys lapse, by vault.
    pub backups_lapse: BTreeMap<String, Timestamp>,
}

impl Event for ErasureEvent {
    // Internal: USER_ERASED tells other services what they must know.
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "ERASURE_CERTIFIED", upcasts: &[], published: false }];
}

/// An erasure; `certified` is `None` before it was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// What was certified last.
    pub certified: Option<ErasureCertified>,
}

impl Aggregate for Erasure {
    const STREAM_TYPE: &'static str = "ERASURE";
    const FOLD_REVISION: u32 = 1;
    type Event = ErasureEvent;

    fn evolve(&mut self, event: &ErasureEvent, _: Recorded) {
        let ErasureEvent::Certified(certified) = event;
        self.certified = Some(certified.clone());
    }
}

/// Certifies an erasure.
#[derive(Clone, Debug)]
pub struct Certify(pub ErasureCertified);

impl Command for Certify {
    type Aggregate = Erasure;
    type Refusal = Infallible;

    /// What is certified already changes nothing.
    fn decide(&self, state: &Erasure, _: Timestamp) -> Result<Vec<ErasureEvent>, Infallible> {
        let is_so = state.certified.as_ref() == Some(&self.0);
        Ok(if is_so { vec![] } else { vec![ErasureEvent::Certified(self.0.clone())] })
    }
}
