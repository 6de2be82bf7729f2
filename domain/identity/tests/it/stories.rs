//! Accounts, organisations, invitations, keys and contacts, one sentence a test.

use annals_kit::story::{Given, given, given_nothing};
use annals_kit::{Aggregate, Role, Tenant, Timestamp};
use identity::api_key::{ApiKey, ApiKeyCreated, ApiKeyEvent, ApiKeyRefusal, ApiKeyRevoked, CreateApiKey, RevokeApiKey, Revoker};
use identity::claim::{Claim, ClaimEmail, ClaimEvent, EmailClaim, ReleaseEmail, Taken};
use identity::contact::{Contact, ContactErased, ContactEvent, ContactSet, EraseContact, Erased, SetContact};
use identity::erasure::{Certify, Erasure, ErasureCertified, ErasureEvent};
use identity::invitation::{
    AnswerInvitation, Invitation, InvitationAccepted, InvitationEvent, InvitationRefusal, InvitationWithdrawn, Invite, MemberInvited,
};
use identity::organisation::{
    Change, ChangeMember, Found, Membership, Organisation, OrganisationCreated, OrganisationEvent, OrganisationRefusal,
};
use identity::user::{
    Address, ChangeUser, CreateUser, PasswordChanged, ProfileChanged, SessionStarted, User, UserCreated, UserErased, UserEvent,
    UserRefusal, UserVerified, VerificationRequested,
};
use uuid::Uuid;

pub(crate) const ADA: Uuid = Uuid::from_u128(1);
pub(crate) const BOB: Uuid = Uuid::from_u128(2);
const CAROL: Uuid = Uuid::from_u128(3);
const THING: Uuid = Uuid::from_u128(9);

pub(crate) fn at(day: i64) -> Timestamp {
    Timestamp::from_seconds(1_767_225_600 + day * 86_400).unwrap()
}

pub(crate) fn acme() -> Tenant {
    "acme".parse().unwrap()
}

/// These events, one a day.
fn history<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    given((0..).zip(events).map(|(day, event)| (at(day), event)))
}

pub(crate) fn created() -> UserCreated {
    UserCreated {
        user_id: ADA,
        organisation_id: acme(),
        email: "ada@example.com".into(),
        email_hash: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        name: "Ada".into(),
    }
}

fn sign_up() -> CreateUser {
    CreateUser { created: created(), address: Address::Unverified }
}

fn signed_up() -> UserEvent {
    UserEvent::Created(created())
}

fn verified() -> UserEvent {
    UserEvent::Verified(UserVerified { user_id: ADA, organisation_id: acme() })
}

fn erased() -> UserEvent {
    UserEvent::Erased(UserErased { user_id: ADA, organisation_id: acme() })
}

#[test]
fn a_person_signs_up_once() {
    given_nothing().when(at(0), sign_up()).then([signed_up()]);
    history::<User>([signed_up()]).when(at(1), sign_up()).then_refused(UserRefusal::Exists);
}

#[test]
fn who_comes_by_an_invitation_has_shown_their_address() {
    given_nothing().when(at(0), CreateUser { created: created(), address: Address::Verified }).then([signed_up(), verified()]);
}

#[test]
fn an_address_is_shown_once() {
    history::<User>([signed_up()]).when(at(1), ChangeUser::Verify).then([verified()]);
    history::<User>([signed_up(), verified()]).when(at(2), ChangeUser::Verify).then_nothing();
    given_nothing().when(at(0), ChangeUser::Verify).then_refused(UserRefusal::Unknown);
}

#[test]
fn another_link_is_asked_for_until_the_address_is_shown() {
    let asked = UserEvent::VerificationRequested(VerificationRequested { user_id: ADA, organisation_id: acme() });
    history::<User>([signed_up()]).when(at(1), ChangeUser::AskVerification).then([asked.clone()]);
    history::<User>([signed_up(), asked.clone()]).when(at(2), ChangeUser::AskVerification).then([asked]);
    history::<User>([signed_up(), verified()]).when(at(2), ChangeUser::AskVerification).then_nothing();
    history::<User>([signed_up(), erased()]).when(at(2), ChangeUser::AskVerification).then_refused(UserRefusal::Erased);
    given_nothing().when(at(0), ChangeUser::AskVerification).then_refused(UserRefusal::Unknown);
}

#[test]
fn nobody_acts_under_an_address_that_was_not_shown() {
    for change in
        [ChangeUser::StartSession(THING), ChangeUser::ChangePassword, ChangeUser::Rename("Bea".into()), ChangeUser::EndSession(THING)]
    {
        history::<User>([signed_up()]).when(at(1), change).then_refused(UserRefusal::Unverified);
    }
}

#[test]
fn a_verified_person_logs_in_and_changes_name_and_password() {
    let person = || history::<User>([signed_up(), verified()]);
    person()
        .when(at(2), ChangeUser::StartSession(THING))
        .then([UserEvent::SessionStarted(SessionStarted { user_id: ADA, session_id: THING })]);
    person()
        .when(at(2), ChangeUser::Rename("Bea".into()))
        .then([UserEvent::ProfileChanged(ProfileChanged { user_id: ADA, name: "Bea".into() })]);
    person()
        .when(at(2), ChangeUser::ChangePassword)
        .then([UserEvent::PasswordChanged(PasswordChanged { user_id: ADA, organisation_id: acme() })]);
}

#[test]
fn an_erased_person_never_comes_back() {
    history::<User>([signed_up()]).when(at(1), ChangeUser::Erase).then([erased()]);
    let gone = || history::<User>([signed_up(), verified(), erased()]);
    gone().when(at(3), ChangeUser::Erase).then_nothing();
    gone().when(at(3), sign_up()).then_refused(UserRefusal::Erased);
    gone().when(at(3), ChangeUser::StartSession(THING)).then_refused(UserRefusal::Erased);
    gone().when(at(3), ChangeUser::Verify).then_refused(UserRefusal::Erased);
}

#[test]
fn an_address_has_one_owner_until_it_is_released() {
    let claimed = |user_id| ClaimEvent::Claimed(Claim { user_id });
    let released = |user_id| ClaimEvent::Released(Claim { user_id });
    given_nothing().when(at(0), ClaimEmail { user_id: ADA }).then([claimed(ADA)]);
    history::<EmailClaim>([claimed(ADA)]).when(at(1), ClaimEmail { user_id: ADA }).then_nothing();
    history::<EmailClaim>([claimed(ADA)]).when(at(1), ClaimEmail { user_id: BOB }).then_refused(Taken);
    history::<EmailClaim>([claimed(ADA)]).when(at(1), ReleaseEmail { user_id: BOB }).then_nothing();
    history::<EmailClaim>([claimed(ADA)]).when(at(1), ReleaseEmail { user_id: ADA }).then([released(ADA)]);
    history::<EmailClaim>([claimed(ADA), released(ADA)]).when(at(2), ClaimEmail { user_id: BOB }).then([claimed(BOB)]);
}

fn founded() -> OrganisationEvent {
    OrganisationEvent::Created(OrganisationCreated { organisation_id: acme(), name: "Acme".into() })
}

fn member(user_id: Uuid, role: Role) -> Membership {
    Membership { organisation_id: acme(), user_id, role }
}

fn change(user_id: Uuid, change: Change, by: Role) -> ChangeMember {
    ChangeMember { user_id, change, by }
}

/// Ada is its owner, Bob looks after its money.
fn organisation() -> Given<Organisation> {
    history([founded(), OrganisationEvent::Joined(member(ADA, Role::Owner)), OrganisationEvent::Joined(member(BOB, Role::Finance))])
}

#[test]
fn an_organisation_is_founded_with_its_owner() {
    let found = || Found { created: OrganisationCreated { organisation_id: acme(), name: "Acme".into() }, owner: ADA };
    given_nothing().when(at(0), found()).then([founded(), OrganisationEvent::Joined(member(ADA, Role::Owner))]);
    organisation().when(at(9), found()).then_refused(OrganisationRefusal::Exists);
}

#[test]
fn members_join_change_and_leave() {
    organisation()
        .when(at(9), change(CAROL, Change::Join(Role::Auditor), Role::Owner))
        .then([OrganisationEvent::Joined(member(CAROL, Role::Auditor))]);
    organisation().when(at(9), change(BOB, Change::Join(Role::Auditor), Role::Owner)).then_nothing();
    organisation()
        .when(at(9), change(BOB, Change::SetRole(Role::Admin), Role::Owner))
        .then([OrganisationEvent::RoleChanged(member(BOB, Role::Admin))]);
    organisation().when(at(9), change(BOB, Change::SetRole(Role::Finance), Role::Admin)).then_nothing();
    organisation().when(at(9), change(BOB, Change::Leave, Role::Admin)).then([OrganisationEvent::Left(member(BOB, Role::Finance))]);
    organisation().when(at(9), change(CAROL, Change::Leave, Role::Admin)).then_refused(OrganisationRefusal::NoMember);
    given_nothing().when(at(0), change(BOB, Change::Leave, Role::Owner)).then_refused(OrganisationRefusal::Unknown);
}

#[test]
fn nobody_gives_or_takes_more_than_they_have() {
    let refused = OrganisationRefusal::NotCovered(Role::Owner);
    organisation().when(at(9), change(BOB, Change::SetRole(Role::Owner), Role::Admin)).then_refused(refused);
    organisation().when(at(9), change(ADA, Change::Leave, Role::Admin)).then_refused(refused);
    organisation().when(at(9), change(BOB, Change::Leave, Role::Member)).then_refused(OrganisationRefusal::NotCovered(Role::Finance));
}

#[test]
fn an_organisation_keeps_an_owner_unless_they_are_erased() {
    organisation().when(at(9), change(ADA, Change::Leave, Role::Owner)).then_refused(OrganisationRefusal::LastOwner);
    organisation().when(at(9), change(ADA, Change::SetRole(Role::Member), Role::Owner)).then_refused(OrganisationRefusal::LastOwner);
    organisation().when(at(9), change(ADA, Change::LeaveErased, Role::Owner)).then([OrganisationEvent::Left(member(ADA, Role::Owner))]);
    organisation().when(at(9), change(CAROL, Change::LeaveErased, Role::Owner)).then_nothing();
}

fn invited(role: Role) -> MemberInvited {
    MemberInvited { invitation_id: THING, organisation_id: acme(), role, email: "bob@example.com".into() }
}

#[test]
fn an_invitation_is_made_by_whoever_covers_its_role() {
    let invite = |role, by| Invite { made: invited(role), by };
    given_nothing().when(at(0), invite(Role::Finance, Role::Admin)).then([InvitationEvent::Made(invited(Role::Finance))]);
    given_nothing().when(at(0), invite(Role::Owner, Role::Admin)).then_refused(InvitationRefusal::NotCovered(Role::Owner));
    history::<Invitation>([InvitationEvent::Made(invited(Role::Finance))])
        .when(at(1), invite(Role::Finance, Role::Owner))
        .then_refused(InvitationRefusal::Exists);
}

#[test]
fn an_invitation_is_answered_once() {
    let made = || InvitationEvent::Made(invited(Role::Finance));
    let accepted = || InvitationEvent::Accepted(InvitationAccepted { invitation_id: THING, organisation_id: acme(), user_id: BOB });
    let withdrawn = || InvitationEvent::Withdrawn(InvitationWithdrawn { invitation_id: THING, organisation_id: acme() });
    let open = || history::<Invitation>([made()]);
    open().when(at(1), AnswerInvitation::Accept(BOB)).then([accepted()]);
    open().when(at(1), AnswerInvitation::Withdraw(Role::Owner)).then([withdrawn()]);
    open().when(at(1), AnswerInvitation::Withdraw(Role::Member)).then_refused(InvitationRefusal::NotCovered(Role::Finance));
    history::<Invitation>([made(), accepted()]).when(at(2), AnswerInvitation::Accept(BOB)).then_nothing();
    history::<Invitation>([made(), accepted()]).when(at(2), AnswerInvitation::Accept(CAROL)).then_refused(InvitationRefusal::Closed);
    history::<Invitation>([made(), accepted()])
        .when(at(2), AnswerInvitation::Withdraw(Role::Owner))
        .then_refused(InvitationRefusal::Closed);
    history::<Invitation>([made(), withdrawn()]).when(at(2), AnswerInvitation::Accept(BOB)).then_refused(InvitationRefusal::Closed);
    given_nothing().when(at(0), AnswerInvitation::Accept(BOB)).then_refused(InvitationRefusal::Unknown);
}

fn key(role: Role) -> ApiKeyCreated {
    ApiKeyCreated { key_id: THING, organisation_id: acme(), user_id: ADA, name: "export".into(), role }
}

#[test]
fn a_key_may_do_no_more_than_who_makes_it() {
    let create = |role, by| CreateApiKey { created: key(role), by };
    given_nothing().when(at(0), create(Role::Finance, Role::Finance)).then([ApiKeyEvent::Created(key(Role::Finance))]);
    given_nothing().when(at(0), create(Role::Admin, Role::Finance)).then_refused(ApiKeyRefusal::NotCovered(Role::Admin));
    history::<ApiKey>([ApiKeyEvent::Created(key(Role::Finance))])
        .when(at(1), create(Role::Finance, Role::Owner))
        .then_refused(ApiKeyRefusal::Exists);
}

#[test]
fn a_key_is_revoked_by_whoever_made_it_and_by_those_who_manage_people() {
    let made = || ApiKeyEvent::Created(key(Role::Finance));
    let revoked = || ApiKeyEvent::Revoked(ApiKeyRevoked { key_id: THING, organisation_id: acme(), user_id: ADA });
    for by in [Revoker::Member(ADA, Role::Member), Revoker::Member(BOB, Role::Admin), Revoker::Organisation] {
        history::<ApiKey>([made()]).when(at(1), RevokeApiKey(by)).then([revoked()]);
        history::<ApiKey>([made(), revoked()]).when(at(2), RevokeApiKey(by)).then_nothing();
    }
    history::<ApiKey>([made()]).when(at(1), RevokeApiKey(Revoker::Member(BOB, Role::Finance))).then_refused(ApiKeyRefusal::NotYours);
    given_nothing().when(at(0), RevokeApiKey(Revoker::Organisation)).then_refused(ApiKeyRefusal::Unknown);
}

#[test]
fn a_customer_is_reached_as_was_said_last_and_never_once_erased() {
    let set = |email: &str| ContactSet { customer_id: "ada".parse().unwrap(), email: email.into(), name: None };
    let erased = || ContactEvent::Erased(ContactErased { customer_id: "ada".parse().unwrap() });
    given_nothing().when(at(0), SetContact(set("a@example.com"))).then([ContactEvent::Set(set("a@example.com"))]);
    history::<Contact>([ContactEvent::Set(set("a@example.com"))])
        .when(at(1), SetContact(set("b@example.com")))
        .then([ContactEvent::Set(set("b@example.com"))]);
    given_nothing().when(at(0), EraseContact("ada".parse().unwrap())).then([erased()]);
    history::<Contact>([ContactEvent::Set(set("a@example.com")), erased()])
        .when(at(2), EraseContact("ada".parse().unwrap()))
        .then_nothing();
    history::<Contact>([erased()]).when(at(1), SetContact(set("a@example.com"))).then_refused(Erased);
}

#[test]
fn an_erasure_is_certified_and_again_only_where_something_else_is_so() {
    let certified = |sealed_commits| ErasureCertified {
        person_id: "ada".parse().unwrap(),
        organisation_id: acme(),
        erased_at: at(0),
        caches_end: at(0),
        sealed_commits,
        backups_lapse: [("users-vault".to_owned(), at(1))].into(),
    };
    let event = |sealed| ErasureEvent::Certified(certified(sealed));
    given_nothing().when(at(0), Certify(certified(2))).then([event(2)]);
    history::<Erasure>([event(2)]).when(at(1), Certify(certified(2))).then_nothing();
    history::<Erasure>([event(2)]).when(at(1), Certify(certified(3))).then([event(3)]);
}
