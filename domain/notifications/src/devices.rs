//! A person's devices, to which things are pushed. The provider keeps a device's token; history keeps the provider's name for it.

use std::collections::BTreeMap;

use annals_kit::{Aggregate, Command, Event, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many devices a person has at most: one push is sent to all of them within its lease.
pub const DEVICES: usize = 10;

/// The provider's name for a device, such as an SNS platform endpoint's ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(pub String);

/// What happens to a person's devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum DeviceEvent {
    /// Things are pushed to this device from now on.
    #[serde(rename = "DEVICE_ADDED")]
    Added(DeviceAdded),
    /// Nothing is pushed to this device any more.
    #[serde(rename = "DEVICE_REMOVED")]
    Removed(DeviceRemoved),
}

/// Things are pushed to this device from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceAdded {
    /// Whose.
    pub user_id: Uuid,
    /// The device, by an id that its app has made.
    pub device_id: Uuid,
    /// The provider's name for it.
    pub endpoint: Endpoint,
}

/// Nothing is pushed to this device any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRemoved {
    /// Whose.
    pub user_id: Uuid,
    /// The device.
    pub device_id: Uuid,
    /// Why.
    pub because: Because,
}

/// Why nothing is pushed to a device any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// Its person says so.
    Asked,
    /// The provider does not reach it any more.
    Gone,
    /// Its person belongs to the organisation no more.
    Left,
}

impl Event for DeviceEvent {
    // Internal: who pushes looks here, and nobody else does.
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "DEVICE_ADDED", upcasts: &[], published: false },
        Schema { event_type: "DEVICE_REMOVED", upcasts: &[], published: false },
    ];
}

/// A person's devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Devices {
    /// The provider's name for each.
    pub endpoints: BTreeMap<Uuid, Endpoint>,
}

impl Aggregate for Devices {
    const STREAM_TYPE: &'static str = "DEVICES";
    const FOLD_REVISION: u32 = 1;
    type Event = DeviceEvent;

    fn evolve(&mut self, event: &DeviceEvent, _: Recorded) {
        match event {
            DeviceEvent::Added(added) => {
                self.endpoints.insert(added.device_id, added.endpoint.clone());
            }
            DeviceEvent::Removed(removed) => {
                self.endpoints.remove(&removed.device_id);
            }
        }
    }
}

/// Changes to a person's devices.
#[derive(Clone, Debug)]
pub enum ChangeDevices {
    /// Adds one, or gives one that is there another endpoint.
    Add(DeviceAdded),
    /// Removes one.
    Remove(DeviceRemoved),
}

/// There are as many devices as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {DEVICES} devices already: remove one")]
pub struct TooMany;

impl Command for ChangeDevices {
    type Aggregate = Devices;
    type Refusal = TooMany;

    /// What is so already is not said again.
    fn decide(&self, state: &Devices, _: Timestamp) -> Result<Vec<DeviceEvent>, TooMany> {
        match self {
            Self::Add(added) => match state.endpoints.get(&added.device_id) {
                Some(endpoint) if *endpoint == added.endpoint => Ok(vec![]),
                None if state.endpoints.len() >= DEVICES => Err(TooMany),
                Some(_) | None => Ok(vec![DeviceEvent::Added(added.clone())]),
            },
            Self::Remove(removed) => {
                let is_there = state.endpoints.contains_key(&removed.device_id);
                Ok(is_there.then(|| DeviceEvent::Removed(removed.clone())).into_iter().collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};

    use super::*;

    const ADA: Uuid = Uuid::from_u128(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second).unwrap()
    }

    fn added(device: u128, endpoint: &str) -> DeviceAdded {
        DeviceAdded { user_id: ADA, device_id: Uuid::from_u128(device), endpoint: Endpoint(endpoint.into()) }
    }

    fn removed(device: u128, because: Because) -> DeviceRemoved {
        DeviceRemoved { user_id: ADA, device_id: Uuid::from_u128(device), because }
    }

    #[test]
    fn a_device_is_added_once_and_again_where_the_provider_calls_it_otherwise() {
        given_nothing().when(at(0), ChangeDevices::Add(added(1, "a"))).then([DeviceEvent::Added(added(1, "a"))]);
        let there = || given([(at(0), DeviceEvent::Added(added(1, "a")))]);
        there().when(at(1), ChangeDevices::Add(added(1, "a"))).then_nothing();
        there().when(at(1), ChangeDevices::Add(added(1, "b"))).then([DeviceEvent::Added(added(1, "b"))]);
    }

    #[test]
    fn a_device_that_is_there_is_removed_once() {
        let there = || given([(at(0), DeviceEvent::Added(added(1, "a")))]);
        let gone = removed(1, Because::Gone);
        there().when(at(1), ChangeDevices::Remove(gone.clone())).then([DeviceEvent::Removed(gone.clone())]);
        there().when(at(1), ChangeDevices::Remove(removed(2, Because::Asked))).then_nothing();
        given_nothing().when(at(1), ChangeDevices::Remove(gone)).then_nothing();
    }

    #[test]
    fn nobody_has_more_devices_than_one_push_reaches() {
        let full = || given((1..=DEVICES as u128).map(|device| (at(0), DeviceEvent::Added(added(device, "a")))));
        full().when(at(1), ChangeDevices::Add(added(99, "a"))).then_refused(TooMany);
        full().when(at(1), ChangeDevices::Add(added(1, "b"))).then([DeviceEvent::Added(added(1, "b"))]);
    }
}
