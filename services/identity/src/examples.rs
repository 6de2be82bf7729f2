//! A small organisation's story, as the domain decides it: founded, joined, left, one person erased. The contract's examples.

use std::fmt::Debug;

use annals_kit::{Aggregate, Command, Recorded, Role, StreamId, Tenant, Timestamp, Version};
use identity::api_key::{ApiKey, ApiKeyCreated, ApiKeyEvent, CreateApiKey, RevokeApiKey, Revoker};
use identity::invitation::{AnswerInvitation, Invitation, InvitationEvent, Invite, MemberInvited};
use identity::organisation::{Change, ChangeMember, Found, Organisation, OrganisationCreated, OrganisationEvent};
use identity::user::{Address, ChangeUser, CreateUser, User, UserCreated, UserEvent};
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0101);
const BOB: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0102);
const INVITATION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0103);
const WITHDRAWN: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0104);
const KEY: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0105);
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
pub(crate) fn user() -> Vec<(StreamId, Version, UserEvent)> {
    let created = UserCreated {
        user_id: ADA,
        organisation_id: acme(),
        email: SEALED.into(),
        email_hash: "0123456789abcdef0123456789abcdef".parse().expect("a hash"),
        name: SEALED.into(),
    };
    Story::<User>::of(StreamId::of("USER", ADA))
        .then(CreateUser { created, address: Address::Unverified })
        .then(ChangeUser::Verify)
        .then(ChangeUser::ChangePassword)
        .then(ChangeUser::Erase)
        .told
}

/// The organisation, a second member, who changes roles and leaves.
pub(crate) fn organisation() -> Vec<(StreamId, Version, OrganisationEvent)> {
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
pub(crate) fn invitation() -> Vec<(StreamId, Version, InvitationEvent)> {
    let invite = |invitation_id| {
        let made = MemberInvited { invitation_id, organisation_id: acme(), role: Role::Finance, email: SEALED.into() };
        Story::<Invitation>::of(StreamId::of("INVITE", invitation_id)).then(Invite { made, by: Role::Owner })
    };
    let accepted = invite(INVITATION).then(AnswerInvitation::Accept(BOB)).told;
    let withdrawn = invite(WITHDRAWN).then(AnswerInvitation::Withdraw(Role::Owner)).told;
    [accepted, withdrawn].concat()
}

/// A key, made and revoked.
pub(crate) fn api_key() -> Vec<(StreamId, Version, ApiKeyEvent)> {
    let created = ApiKeyCreated { key_id: KEY, organisation_id: acme(), user_id: ADA, name: "nightly export".into(), role: Role::Finance };
    Story::<ApiKey>::of(StreamId::of("KEY", KEY))
        .then(CreateApiKey { created, by: Role::Owner })
        .then(RevokeApiKey(Revoker::Member(ADA, Role::Owner)))
        .told
}

fn acme() -> Tenant {
    "018f2c00-0000-7000-8000-000000000100".parse().expect("a tenant")
}

fn at() -> Timestamp {
    Timestamp::from_seconds(1_769_851_800).expect("2026-01-31 is within four digits")
}
