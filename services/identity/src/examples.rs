//! A small organisation's story, as the domain decides it: founded, joined, left, one person erased. The contract's examples, and the rows that
//! follow from it, as people are shown them.

use std::fmt::Debug;

use annals_kit::{Aggregate, Command, Recorded, Role, StreamId, Tenant, Timestamp, Version};
use identity::api_key::{ApiKey, ApiKeyCreated, ApiKeyEvent, CreateApiKey, RevokeApiKey, Revoker};
use identity::invitation::{AnswerInvitation, Invitation, InvitationEvent, Invite, MemberInvited};
use identity::organisation::{Change, ChangeMember, Found, Organisation, OrganisationCreated, OrganisationEvent};
use identity::rows::{ApiKeyRow, InvitationRow, OrganisationRow, UserRow, fold_members};
use identity::user::{Address, ChangeUser, CreateUser, User, UserCreated, UserEvent};
use uuid::Uuid;

use crate::opened::{OpenedInvitation, OpenedMember, OpenedUser};
use crate::secret::{Bearer, Secret};

pub(crate) const ADA: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0101);
pub(crate) const BOB: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0102);
pub(crate) const INVITATION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0103);
const WITHDRAWN: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0104);
pub(crate) const KEY: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0105);
pub(crate) const SESSION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0106);
pub(crate) const ACME: &str = "018f2c00-0000-7000-8000-000000000100";
/// What nobody's secret is.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What no device is marked with.
pub(crate) const DEVICE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// As what is sealed looks: ciphertext in base64.
const SEALED: &str = "q83vEjRWeJASNFZ4kKvN7xI0VniQEjRWeJCrze8=";

/// A story so far: its stream, and its events with their versions.
struct Story<A: Aggregate> {
    stream: StreamId,
    state: A,
    told: Vec<(StreamId, Version, A::Event)>,
}

impl<A: Aggregate> Story<A> {
    fn of(stream: StreamId) -> Self {
        Self { stream, state: A::default(), told: vec![] }
    }

    /// Goes on with what `command` comes to, one commit.
    fn then<C: Command<Aggregate = A, Refusal: Debug>>(mut self, command: C) -> Self {
        let version = Version::after(self.told.last().map(|(_, version, _)| *version));
        for event in command.decide(&self.state, at()).expect("the story is one that the domain accepts") {
            self.state.evolve(&event, Recorded { version, at: at() });
            self.told.push((self.stream.clone(), version, event));
        }
        self
    }
}

/// A person who signs up, shows that the address is theirs, takes another password, and is erased.
pub(crate) fn user_events() -> Vec<(StreamId, Version, UserEvent)> {
    let created = UserCreated {
        user_id: ADA,
        organisation_id: acme(),
        email: SEALED.into(),
        email_hash: "0123456789abcdef0123456789abcdef".parse().expect("a hash"),
        name: SEALED.into(),
    };
    Story::<User>::of(StreamId::of("USER", ADA))
        .then(CreateUser { created, address: Address::Unverified })
        .then(ChangeUser::AskVerification)
        .then(ChangeUser::Verify)
        .then(ChangeUser::ChangePassword)
        .then(ChangeUser::Erase)
        .told
}

/// The organisation, a second member, who changes roles and leaves.
pub(crate) fn organisation_events() -> Vec<(StreamId, Version, OrganisationEvent)> {
    let stream = StreamId::new("ORG", acme().as_str()).expect("a tenant is a stream's id");
    let created = OrganisationCreated { organisation_id: acme(), name: "Acme".into() };
    let bob = |change| ChangeMember { user_id: BOB, change, by: Role::Owner };
    Story::<Organisation>::of(stream)
        .then(Found { created, owner: ADA })
        .then(bob(Change::Join(Role::Finance)))
        .then(bob(Change::SetRole(Role::Auditor)))
        .then(bob(Change::Leave))
        .told
}

/// An invitation that is accepted, and one that is withdrawn.
pub(crate) fn invitation_events() -> Vec<(StreamId, Version, InvitationEvent)> {
    let invite = |invitation_id| {
        let made = MemberInvited { invitation_id, organisation_id: acme(), role: Role::Finance, email: SEALED.into() };
        Story::<Invitation>::of(StreamId::of("INVITE", invitation_id)).then(Invite { made, by: Role::Owner })
    };
    let accepted = invite(INVITATION).then(AnswerInvitation::Accept(BOB)).told;
    let withdrawn = invite(WITHDRAWN).then(AnswerInvitation::Withdraw(Role::Owner)).told;
    [accepted, withdrawn].concat()
}

/// A key, made and revoked.
pub(crate) fn api_key_events() -> Vec<(StreamId, Version, ApiKeyEvent)> {
    let created = ApiKeyCreated { key_id: KEY, organisation_id: acme(), user_id: ADA, name: "nightly export".into(), role: Role::Finance };
    Story::<ApiKey>::of(StreamId::of("KEY", KEY))
        .then(CreateApiKey { created, by: Role::Owner })
        .then(RevokeApiKey(Revoker::Member(ADA, Role::Owner)))
        .told
}

/// The person, once the address is shown to be theirs.
pub(crate) fn user() -> OpenedUser {
    let row = folded(&user_events()[..2], UserRow::fold);
    OpenedUser::with(row, Some("ada@example.com".into()), Some("Ada".into()))
}

/// The organisation of the two.
pub(crate) fn organisation_row() -> OrganisationRow {
    folded(&organisation_events()[..3], OrganisationRow::fold)
}

/// The person as its member.
pub(crate) fn member() -> OpenedMember {
    let mut members = vec![];
    for (_, version, event) in &organisation_events()[..2] {
        fold_members(&mut members, event, Recorded { version: *version, at: at() });
    }
    OpenedMember::with(&members[0], Some(user()))
}

/// The invitation, while it waits for an answer.
pub(crate) fn invitation() -> OpenedInvitation {
    OpenedInvitation::with(folded(&invitation_events()[..1], InvitationRow::fold), Some("bob@example.com".into()))
}

/// The key, while it opens something.
pub(crate) fn api_key_row() -> ApiKeyRow {
    folded(&api_key_events()[..1], ApiKeyRow::fold)
}

/// What the person sends while they are logged in.
pub(crate) fn session_token() -> String {
    Bearer::Session(ADA, secret()).text()
}

/// What a program of theirs sends.
pub(crate) fn api_key_text() -> String {
    Bearer::ApiKey(ADA, secret()).text()
}

fn secret() -> Secret {
    SECRET.parse().expect("32 digits are a secret")
}

fn folded<E, R>(told: &[(StreamId, Version, E)], fold: impl Fn(Option<R>, &E, Recorded) -> Option<R>) -> R {
    let row = told.iter().fold(None, |row, (_, version, event)| fold(row, event, Recorded { version: *version, at: at() }));
    row.expect("what has happened makes a row")
}

fn acme() -> Tenant {
    ACME.parse().expect("a tenant")
}

fn at() -> Timestamp {
    Timestamp::from_seconds(1_769_851_800).expect("2026-01-31 is within four digits")
}
