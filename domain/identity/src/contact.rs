//! How a tenant reaches those whom it bills, by the tenant's own customer ids.

use annals_kit::{Aggregate, Command, CustomerId, Event, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sealed::Sealed;

/// The fields of these events that are personal, and sealed.
pub const SEALED: &[&str] = &["email", "name"];

/// What happens to a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum ContactEvent {
    /// The customer is reached so from now on.
    #[serde(rename = "CONTACT_SET")]
    Set(ContactSet),
    /// The customer was erased, and is not reached any more.
    #[serde(rename = "CONTACT_ERASED")]
    Erased(ContactErased),
}

/// The customer is reached so from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContactSet {
    /// The customer, by the tenant's own id.
    pub customer_id: CustomerId,
    /// Their address, sealed.
    pub email: String,
    /// Their name, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The customer was erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContactErased {
    /// The customer.
    pub customer_id: CustomerId,
}

impl Event for ContactEvent {
    // Internal: who needs an address asks for it at the moment of sending.
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "CONTACT_SET", upcasts: &[], published: false },
        Schema { event_type: "CONTACT_ERASED", upcasts: &[], published: false },
    ];
}

/// A contact; `customer` is `None` before it was set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Whose.
    pub customer: Option<CustomerId>,
    /// Their address.
    pub email: Option<Sealed>,
    /// Their name, where it is known.
    pub name: Option<Sealed>,
    /// Whether they were erased.
    pub erased: bool,
}

impl Aggregate for Contact {
    const STREAM_TYPE: &'static str = "CONTACT";
    const FOLD_REVISION: u32 = 1;
    type Event = ContactEvent;

    fn evolve(&mut self, event: &ContactEvent, recorded: Recorded) {
        *self = match event {
            ContactEvent::Set(set) => Self {
                customer: Some(set.customer_id.clone()),
                email: Some(Sealed::of(&set.email, recorded)),
                name: set.name.as_deref().map(|name| Sealed::of(name, recorded)),
                erased: false,
            },
            ContactEvent::Erased(erased) => Self { customer: Some(erased.customer_id.clone()), email: None, name: None, erased: true },
        }
    }
}

/// The customer was erased: a contact never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the customer was erased")]
pub struct Erased;

/// Says how a customer is reached.
#[derive(Clone, Debug)]
pub struct SetContact(pub ContactSet);

impl Command for SetContact {
    type Aggregate = Contact;
    type Refusal = Erased;

    fn decide(&self, state: &Contact, _: Timestamp) -> Result<Vec<ContactEvent>, Erased> {
        if state.erased { Err(Erased) } else { Ok(vec![ContactEvent::Set(self.0.clone())]) }
    }
}

/// Erases a customer, known here or not.
#[derive(Clone, Debug)]
pub struct EraseContact(pub CustomerId);

impl Command for EraseContact {
    type Aggregate = Contact;
    type Refusal = std::convert::Infallible;

    fn decide(&self, state: &Contact, _: Timestamp) -> Result<Vec<ContactEvent>, Self::Refusal> {
        Ok(if state.erased { vec![] } else { vec![ContactEvent::Erased(ContactErased { customer_id: self.0.clone() })] })
    }
}
