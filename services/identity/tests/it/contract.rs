//! Law: every event that the domain can decide is one that the contract describes.

use annals_kit::event::schema_of;
use annals_kit::{Event, Role, StoredEvent, Tenant};
use identity::api_key::{ApiKeyCreated, ApiKeyEvent, ApiKeyRevoked};
use identity::email::EmailHash;
use identity::invitation::{InvitationAccepted, InvitationEvent, InvitationWithdrawn, MemberInvited};
use identity::organisation::{Membership, OrganisationCreated, OrganisationEvent};
use identity::user::{PasswordChanged, UserCreated, UserErased, UserEvent, UserVerified};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

/// What the contract finds wrong with the data of an event; `None` where it is not published.
fn faults<E: Event>(event: &E) -> Option<Vec<String>> {
    let stored = StoredEvent::encode(event);
    schema_of::<E>(&stored.event_type).filter(|schema| schema.published)?;
    let contract = identity_service::contract();
    let message = contract.publishes.get(&stored.event_type).expect("a published type is in the contract");
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true).build(&message.data).unwrap();
    Some(validator.iter_errors(&Value::Object(stored.payload)).map(|error| format!("{}: {error}", error.instance_path())).collect())
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn tenant() -> impl Strategy<Value = Tenant> {
    "[A-Za-z0-9_-]{1,40}".prop_map(|text| text.parse().unwrap())
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn hash() -> impl Strategy<Value = EmailHash> {
    any::<[u8; 16]>().prop_map(EmailHash::new)
}

proptest! {
    #[test]
    fn every_event_of_a_person_fits_its_schema(user_id in uuid(), organisation_id in tenant(), sealed in "\\PC{0,60}", email_hash in hash()) {
        let created = UserCreated { user_id, organisation_id: organisation_id.clone(), email: sealed.clone(), email_hash, name: sealed };
        prop_assert_eq!(faults(&UserEvent::Created(created)), Some(vec![]));
        prop_assert_eq!(faults(&UserEvent::Verified(UserVerified { user_id, organisation_id: organisation_id.clone() })), Some(vec![]));
        prop_assert_eq!(faults(&UserEvent::PasswordChanged(PasswordChanged { user_id, organisation_id: organisation_id.clone() })), Some(vec![]));
        prop_assert_eq!(faults(&UserEvent::Erased(UserErased { user_id, organisation_id })), Some(vec![]));
    }

    #[test]
    fn every_event_of_an_organisation_fits_its_schema(user_id in uuid(), organisation_id in tenant(), name in "\\PC{1,60}", role in role()) {
        let membership = || Membership { organisation_id: organisation_id.clone(), user_id, role };
        for event in [
            OrganisationEvent::Created(OrganisationCreated { organisation_id: organisation_id.clone(), name: name.clone() }),
            OrganisationEvent::Joined(membership()),
            OrganisationEvent::RoleChanged(membership()),
            OrganisationEvent::Left(membership()),
        ] {
            prop_assert_eq!(faults(&event), Some(vec![]));
        }
    }

    #[test]
    fn every_event_of_invitations_and_keys_fits_its_schema(id in uuid(), user_id in uuid(), organisation_id in tenant(), text in "\\PC{1,60}", role in role()) {
        for event in [
            InvitationEvent::Made(MemberInvited { invitation_id: id, organisation_id: organisation_id.clone(), role, email: text.clone() }),
            InvitationEvent::Accepted(InvitationAccepted { invitation_id: id, organisation_id: organisation_id.clone(), user_id }),
            InvitationEvent::Withdrawn(InvitationWithdrawn { invitation_id: id, organisation_id: organisation_id.clone() }),
        ] {
            prop_assert_eq!(faults(&event), Some(vec![]));
        }
        let created = ApiKeyCreated { key_id: id, organisation_id: organisation_id.clone(), user_id, name: text, role };
        prop_assert_eq!(faults(&ApiKeyEvent::Created(created)), Some(vec![]));
        prop_assert_eq!(faults(&ApiKeyEvent::Revoked(ApiKeyRevoked { key_id: id, organisation_id, user_id })), Some(vec![]));
    }
}
