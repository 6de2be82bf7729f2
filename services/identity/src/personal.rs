//! Opens what is sealed for its final reader, and makes seals for what is about to be stored.

use std::sync::Arc;

use annals_answers::internal;
use annals_kit::ids::derived_uuid;
use annals_kit::{Aggregate, CustomerId, EventId, Generation, StreamId, Tenant, Version};
use annals_lambda::Problem;
use annals_log::Seal;
use annals_vault::{FieldSeal, KeyError, PersonKey, place};
use identity::sealed::Sealed;
use uuid::Uuid;

use crate::answer::key_problem;
use crate::deps::Deps;

/// What opens and seals for one person, or that they are erased.
pub(crate) enum Key {
    /// What was sealed before the log was restored keeps its place: it is looked for in every generation up to this one.
    Open(Box<PersonKey>, Generation),
    Erased,
}

impl Key {
    /// The key of a person, by the id that the vault has for them.
    ///
    /// Cost: see [`annals_vault::Vault::key`]; a person who has none gets one.
    pub(crate) async fn of(deps: &Deps, person: Uuid) -> Result<Self, Problem> {
        match deps.vault.key(&person).await {
            Ok(key) => Ok(Self::Open(Box::new(key), deps.generation)),
            Err(KeyError::Erased) => Ok(Self::Erased),
            Err(error) => Err(key_problem(&error)),
        }
    }

    /// What seals these fields; refused where the person is erased.
    pub(crate) fn seal(self, fields: &'static [&'static str]) -> Result<Arc<dyn Seal>, Problem> {
        match self {
            Self::Open(key, _) => Ok(Arc::new(FieldSeal::new(*key, fields))),
            Self::Erased => Err(key_problem(&KeyError::Erased)),
        }
    }

    /// The text that was sealed under `field` in the first event of a commit of `stream`; `None` where the person is erased.
    pub(crate) fn open(&self, stream: &StreamId, sealed: &Sealed, field: &str) -> Result<Option<String>, Problem> {
        let Self::Open(key, newest) = self else { return Ok(None) };
        let version = Version::new(sealed.version).ok_or_else(Problem::internal)?;
        let at = |generation| EventId { generation: Generation(generation), stream: stream.clone(), version, index: 0 };
        let opened = (0..=newest.0).rev().find_map(|generation| key.open(&sealed.text, &place(&at(generation), field)).ok());
        opened.map(Some).ok_or_else(|| internal(&annals_vault::DoesNotOpen))
    }

    /// The same of text that may not be there.
    pub(crate) fn open_some(&self, stream: &StreamId, sealed: Option<&Sealed>, field: &str) -> Result<Option<String>, Problem> {
        sealed.map_or(Ok(None), |sealed| self.open(stream, sealed, field))
    }
}

/// By which id the vault knows a tenant's customer: billing's vault has the same.
pub fn customer(tenant: &Tenant, customer: &CustomerId) -> Uuid {
    derived_uuid("person", tenant, customer.as_str())
}

/// The stream of a tenant's customer.
pub fn contact_stream(tenant: &Tenant, customer: &CustomerId) -> StreamId {
    StreamId::of(identity::contact::Contact::STREAM_TYPE, derived_uuid("contact", tenant, customer.as_str()))
}

/// The stream of the erasure of a tenant's customer or member.
pub fn erasure_stream(tenant: &Tenant, person: &CustomerId) -> StreamId {
    StreamId::of(identity::erasure::Erasure::STREAM_TYPE, derived_uuid("erasure", tenant, person.as_str()))
}

/// The stream of a person.
pub fn user_stream(user: Uuid) -> StreamId {
    StreamId::of(identity::user::User::STREAM_TYPE, user)
}

/// The stream of an invitation.
pub fn invitation_stream(invitation: Uuid) -> StreamId {
    StreamId::of(identity::invitation::Invitation::STREAM_TYPE, invitation)
}

/// The stream of an organisation.
pub fn organisation_stream(organisation: &Tenant) -> StreamId {
    StreamId::new(identity::organisation::Organisation::STREAM_TYPE, organisation.as_str()).expect("a tenant is a stream's id")
}

/// The stream of an address.
pub fn claim_stream(email: &identity::email::EmailHash) -> StreamId {
    StreamId::new(identity::claim::EmailClaim::STREAM_TYPE, email.as_str()).expect("32 digits are a stream's id")
}
