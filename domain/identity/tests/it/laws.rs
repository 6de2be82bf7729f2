//! Laws against plain models: arbitrary commands on organisations and accounts; rows say what streams say.

use std::collections::BTreeMap;

use annals_kit::{Aggregate, Command, Recorded, Role, StoredEvent, Timestamp, Version};
use identity::claim::{ClaimEmail, EmailClaim, ReleaseEmail};
use identity::organisation::{Change, ChangeMember, Found, Organisation, OrganisationCreated};
use identity::rows::{MemberRow, OrganisationRow, UserRow, fold_members};
use identity::user::{Address, ChangeUser, CreateUser, User};
use proptest::prelude::*;
use uuid::Uuid;

use crate::stories::{acme, at, created};

/// A stream as it is stored, and what was made of it.
struct Real<A: Aggregate> {
    state: A,
    version: Option<Version>,
}

impl<A: Aggregate> Real<A> {
    fn new() -> Self {
        Self { state: A::default(), version: None }
    }

    /// Whether the command is accepted; its events go through their stored form.
    fn run<C: Command<Aggregate = A>>(&mut self, command: &C, now: Timestamp, mut see: impl FnMut(&A::Event, Recorded)) -> bool {
        let Ok(events) = command.decide(&self.state, now) else { return false };
        let recorded = Recorded { version: Version::after(self.version), at: now };
        for event in &events {
            let event: A::Event = StoredEvent::encode(event).decode().unwrap();
            self.state.evolve(&event, recorded);
            see(&event, recorded);
            self.version = Some(recorded.version);
        }
        true
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn change() -> impl Strategy<Value = ChangeMember> {
    let change = prop_oneof![
        3 => role().prop_map(Change::Join),
        3 => role().prop_map(Change::SetRole),
        2 => Just(Change::Leave),
        1 => Just(Change::LeaveErased),
    ];
    (0u128..5, change, role()).prop_map(|(user, change, by)| ChangeMember { user_id: Uuid::from_u128(user), change, by })
}

/// Whether someone of role `by` may give or take `other`, said another way: each role has what stands below it.
fn may(by: Role, other: Role) -> bool {
    let below: &[Role] = match by {
        Role::Owner => &Role::ALL,
        Role::Admin => &[Role::Admin, Role::Finance, Role::Member, Role::Auditor],
        Role::Finance => &[Role::Finance, Role::Member, Role::Auditor],
        Role::Member => &[Role::Member, Role::Auditor],
        Role::Auditor => &[Role::Auditor],
    };
    below.contains(&other)
}

proptest! {
    /// Law: an organisation's members are those of a plain map under the same rules, it never loses its last owner but to erasure, and its rows
    /// say so.
    #[test]
    fn an_organisation_does_what_a_plain_map_does(changes in prop::collection::vec(change(), 1..60)) {
        let mut real = Real::<Organisation>::new();
        let (mut row, mut members): (Option<OrganisationRow>, Vec<MemberRow>) = (None, vec![]);
        let found = Found { created: OrganisationCreated { organisation_id: acme(), name: "Acme".into() }, owner: Uuid::from_u128(0) };
        let mut see = |event: &_, recorded| {
            row = OrganisationRow::fold(row.take(), event, recorded);
            fold_members(&mut members, event, recorded);
        };
        real.run(&found, at(0), &mut see);
        let mut model = BTreeMap::from([(Uuid::from_u128(0), Role::Owner)]);
        for change in changes {
            let current = model.get(&change.user_id).copied();
            let last_owner = current == Some(Role::Owner) && model.values().filter(|role| **role == Role::Owner).count() == 1;
            let accepted = real.run(&change, at(1), &mut see);
            let expected = match (change.change, current) {
                (Change::Join(role), None) => { model.insert(change.user_id, role); true }
                (Change::Join(_), Some(_)) => true,
                (Change::SetRole(role), Some(current)) if may(change.by, current) && may(change.by, role) && (role == current || !last_owner) => {
                    model.insert(change.user_id, role);
                    true
                }
                (Change::Leave, Some(current)) if may(change.by, current) && !last_owner => { model.remove(&change.user_id); true }
                (Change::LeaveErased, _) => { model.remove(&change.user_id); true }
                (Change::SetRole(_) | Change::Leave, _) => false,
            };
            prop_assert_eq!(accepted, expected, "{:?}", change);
            prop_assert_eq!(&real.state.members, &model);
        }
        let listed: BTreeMap<Uuid, Role> = members.iter().map(|member| (member.user_id, member.role)).collect();
        prop_assert_eq!(listed, model.clone());
        prop_assert_eq!(row.map(|row| row.members), Some(model.len() as u64));
    }

    /// Law: whatever is done in whatever order, a person acts only between showing their address and being erased, and the row says where they
    /// stand and tells nothing of those who are erased.
    #[test]
    fn an_account_does_what_a_plain_model_does(steps in prop::collection::vec(0u8..9, 1..40)) {
        let (mut real, mut row) = (Real::<User>::new(), None::<UserRow>);
        let mut stands = "nowhere";
        for step in steps {
            let mut see = |event: &_, recorded| row = UserRow::fold(row.take(), event, recorded);
            let change = match step {
                0 | 1 => None,
                2 => Some(ChangeUser::Verify),
                3 => Some(ChangeUser::Rename("Bea".into())),
                4 => Some(ChangeUser::ChangePassword),
                5 => Some(ChangeUser::StartSession(Uuid::from_u128(7))),
                6 => Some(ChangeUser::EndSession(Uuid::from_u128(7))),
                7 => Some(ChangeUser::Erase),
                _ => Some(ChangeUser::AskVerification),
            };
            let address = if step == 0 { Address::Unverified } else { Address::Verified };
            let accepted = match &change {
                None => real.run(&CreateUser { created: created(), address }, at(0), &mut see),
                Some(change) => real.run(change, at(0), &mut see),
            };
            let (next, expected) = match (stands, step) {
                ("nowhere", 0) => ("unverified", true),
                ("nowhere", 1) => ("active", true),
                ("unverified", 2) => ("active", true),
                ("unverified" | "active", 7) => ("erased", true),
                ("active", 2..=6) => ("active", true),
                ("unverified" | "active", 8) => (stands, true),
                ("erased", 7) => ("erased", true),
                _ => (stands, false),
            };
            stands = next;
            prop_assert_eq!(accepted, expected, "{} in step {}", stands, step);
            prop_assert_eq!(row.as_ref().map(|row| row.status.as_str()), (stands != "nowhere").then_some(stands));
            let told = row.as_ref().is_some_and(|row| row.email.is_some() || row.name.is_some() || row.email_hash.is_some());
            prop_assert_eq!(told, matches!(stands, "unverified" | "active"));
            prop_assert_eq!(real.state.may_log_in(), stands == "active");
        }
    }

    /// Law: an address belongs to whoever claimed it when it was free, until they give it up.
    #[test]
    fn an_address_has_one_owner(steps in prop::collection::vec((any::<bool>(), 0u128..3), 1..40)) {
        let (mut real, mut owner) = (Real::<EmailClaim>::new(), None);
        for (claims, user) in steps {
            let user_id = Uuid::from_u128(user);
            let accepted = match claims {
                true => real.run(&ClaimEmail { user_id }, at(0), |_, _| {}),
                false => real.run(&ReleaseEmail { user_id }, at(0), |_, _| {}),
            };
            prop_assert_eq!(accepted, !claims || owner.is_none_or(|owner| owner == user_id));
            match claims {
                true => owner = owner.or(Some(user_id)),
                false => owner = owner.filter(|owner| *owner != user_id),
            }
            prop_assert_eq!(real.state.owner, owner);
        }
    }
}
