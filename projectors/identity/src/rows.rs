//! Identity's projections: one row per person, organisation, invitation, key and contact, and the members of an organisation. The folds are in
//! `domain/identity/src/rows.rs`.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, NewRow, Projection, Rows};
use identity::api_key::ApiKeyEvent;
use identity::contact::ContactEvent;
use identity::invitation::InvitationEvent;
use identity::organisation::OrganisationEvent;
use identity::rows::{ApiKeyRow, ContactRow, InvitationRow, MemberRow, OrganisationRow, UserRow, fold_members};
use identity::user::UserEvent;

/// A person: `PK=USER#<id> SK=META`, by address on GSI2 until they are erased.
pub struct Users;

impl Projection for Users {
    const NAME: &'static str = "users";
    const STREAM_TYPE: &'static str = "USER";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "User";
    const GATE: &'static str = "get_user_strong";
    const GLANCE: &'static str = "glance_user";
    type Event = UserEvent;
    type Row = UserRow;

    fn fold(_: &StreamId, row: Option<UserRow>, event: &UserEvent, recorded: Recorded) -> Option<UserRow> {
        UserRow::fold(row, event, recorded)
    }
}

/// `PK=ORG#<id> SK=META`.
pub struct Organisations;

impl Projection for Organisations {
    const NAME: &'static str = "organisations";
    const STREAM_TYPE: &'static str = "ORG";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Organisation";
    const GATE: &'static str = "get_organisation_strong";
    const GLANCE: &'static str = "glance_organisation";
    type Event = OrganisationEvent;
    type Row = OrganisationRow;

    fn fold(_: &StreamId, row: Option<OrganisationRow>, event: &OrganisationEvent, recorded: Recorded) -> Option<OrganisationRow> {
        OrganisationRow::fold(row, event, recorded)
    }
}

/// `PK=INVITE#<id> SK=META`, by organisation on GSI1.
pub struct Invitations;

impl Projection for Invitations {
    const NAME: &'static str = "invitations";
    const STREAM_TYPE: &'static str = "INVITE";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Invitation";
    const GATE: &'static str = "get_invitation_strong";
    const GLANCE: &'static str = "glance_invitation";
    type Event = InvitationEvent;
    type Row = InvitationRow;

    fn fold(_: &StreamId, row: Option<InvitationRow>, event: &InvitationEvent, recorded: Recorded) -> Option<InvitationRow> {
        InvitationRow::fold(row, event, recorded)
    }
}

/// `PK=KEY#<id> SK=META`, by who made it on GSI1.
pub struct ApiKeys;

impl Projection for ApiKeys {
    const NAME: &'static str = "api-keys";
    const STREAM_TYPE: &'static str = "KEY";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "ApiKey";
    const GATE: &'static str = "get_api_key_strong";
    const GLANCE: &'static str = "glance_api_key";
    type Event = ApiKeyEvent;
    type Row = ApiKeyRow;

    fn fold(_: &StreamId, row: Option<ApiKeyRow>, event: &ApiKeyEvent, recorded: Recorded) -> Option<ApiKeyRow> {
        ApiKeyRow::fold(row, event, recorded)
    }
}

/// `PK=CONTACT#<id> SK=META`.
pub struct Contacts;

impl Projection for Contacts {
    const NAME: &'static str = "contacts";
    const STREAM_TYPE: &'static str = "CONTACT";
    const REVISION: u32 = 1;
    const ENTITY: &'static str = "Contact";
    const GATE: &'static str = "get_contact_strong";
    const GLANCE: &'static str = "glance_contact";
    type Event = ContactEvent;
    type Row = ContactRow;

    fn fold(stream: &StreamId, row: Option<ContactRow>, event: &ContactEvent, recorded: Recorded) -> Option<ContactRow> {
        ContactRow::fold(stream.id(), row, event, recorded)
    }
}

/// `PK=ORG#<organisation> SK=MEMBER#<user>`.
pub struct Members;

impl Rows for Members {
    const NAME: &'static str = "members";
    const STREAM_TYPE: &'static str = "ORG";
    const REVISION: u32 = 1;
    type Event = OrganisationEvent;
    type State = Vec<MemberRow>;

    fn fold(_: &StreamId, state: &mut Vec<MemberRow>, event: &OrganisationEvent, recorded: Recorded) -> Result<(), CannotFold> {
        fold_members(state, event, recorded);
        Ok(())
    }

    fn rows(stream: &StreamId, state: &Vec<MemberRow>) -> Vec<NewRow> {
        // A row's key holds its stream's id, whatever an event says.
        let of_stream = |member: &MemberRow| match stream.id().parse() {
            Ok(organisation_id) => NewRow::new("Member", &MemberRow { organisation_id, ..member.clone() }),
            Err(_) => NewRow::new("Member", member),
        };
        state.iter().map(of_stream).collect()
    }
}
