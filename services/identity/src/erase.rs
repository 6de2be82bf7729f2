//! Erases a person by an operator's hand: what opens the API for them, the claim of their address, and the key of everything sealed for them.
//!
//! The key goes last: where it is gone, all else is done. The same again finishes what was interrupted, and otherwise changes nothing.

use annals_answers::load_problem;
use annals_kit::ids::derived_uuid;
use annals_kit::{Actor, CommandId, CustomerId, Role, Tenant, Timestamp};
use annals_lambda::Problem;
use annals_log::{Expect, Joint, Request, execute_together};
use identity::claim::ReleaseEmail;
use identity::contact::EraseContact;
use identity::erasure::{Certify, ErasureCertified};
use identity::organisation::{Change, ChangeMember};
use identity::user::ChangeUser;
use uuid::Uuid;

use crate::answer::{Refusal, key_problem, problem};
use crate::deps::{Deps, everyone};
use crate::personal::{Key, claim_stream, contact_stream, customer, erasure_stream, organisation_stream, user_stream};
use crate::revoke::follow_role;

/// What is known of a person before they are erased: where to look for what remains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Their addresses, plain. They go nowhere but into the search for copies.
    pub emails: Vec<String>,
    /// The ids under which vaults have keys for them.
    pub persons: Vec<Uuid>,
    /// Whether anything is known at all.
    pub any: bool,
}

/// Who is to be erased: a customer of a tenant, by the tenant's own id; or one of its people, by theirs.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Of which organisation.
    pub tenant: Tenant,
    /// Their id.
    pub id: CustomerId,
}

impl Subject {
    fn user(&self) -> Option<Uuid> {
        Uuid::parse_str(self.id.as_str()).ok()
    }
}

/// What is known of someone.
///
/// Cost: a strong Query of their contact, and of their account where the id may be one; their keys.
pub async fn known(deps: &Deps, subject: &Subject) -> Result<Known, Problem> {
    let (stream, person) = (contact_stream(&subject.tenant, &subject.id), customer(&subject.tenant, &subject.id));
    let contact = deps.contacts.load(&stream).await.map_err(|error| load_problem(error, "contact"))?.state;
    let mut known = Known { emails: vec![], persons: vec![person], any: contact.customer.is_some() };
    if let Some(email) = &contact.email {
        known.emails.extend(Key::of(deps, person).await?.open(&stream, email, "email")?);
    }
    let Some(user) = subject.user() else { return Ok(known) };
    let loaded = deps.users.load(&user_stream(user)).await.map_err(|error| load_problem(error, "user"))?;
    if loaded.head.is_some_and(|head| head.tenant == subject.tenant) {
        known.any = true;
        known.persons.push(user);
        if let Some(email) = &loaded.state.email {
            known.emails.extend(Key::of(deps, user).await?.open(&user_stream(user), email, "email")?);
        }
    }
    Ok(known)
}

/// Erases someone of whom this is known; when their keys were destroyed.
pub async fn erase(deps: &Deps, subject: &Subject, known: &Known, actor: &Actor) -> Result<Timestamp, Problem> {
    if let Some(user) = subject.user().filter(|user| known.persons.contains(user)) {
        account(deps, &subject.tenant, user, actor).await?;
    }
    let command = |what: &str| CommandId(derived_uuid("erase", &subject.tenant, &format!("{what}/{}", subject.id)));
    let request = Request::new(&subject.tenant, actor.clone(), command("contact"), subject.id.as_str().as_bytes());
    let erased = EraseContact(subject.id.clone());
    let stream = contact_stream(&subject.tenant, &subject.id);
    deps.contacts.execute(&request, &stream, Expect::New, &erased).await.map_err(|error| problem(error, "contact"))?;
    let mut last = None;
    for person in &known.persons {
        last = Some(deps.vault.erase(person).await.map_err(|error| key_problem(&error))?);
    }
    last.ok_or_else(Problem::internal)
}

/// Records that it was done: the last thing, when nothing opens any more what was sealed. The same again changes nothing.
///
/// Cost: a strong Query, and 1 WCU.
pub async fn certify(deps: &Deps, certified: ErasureCertified, actor: &Actor) -> Result<(), Problem> {
    let stream = erasure_stream(&certified.organisation_id, &certified.person_id);
    let what = format!("{stream}/{}/{}", certified.erased_at, certified.sealed_commits);
    let command = CommandId(derived_uuid("certify erasure", &certified.organisation_id, &what));
    let request = Request::new(&certified.organisation_id, actor.clone(), command, what.as_bytes());
    let done = deps.erasures.execute(&request, &stream, Expect::New, &Certify(certified)).await;
    done.map(drop).map_err(|error| problem(error, "erasure"))
}

/// Ends an account: nothing opens the API for it any more, nobody is kept from its address, and its organisation goes on without it.
async fn account(deps: &Deps, tenant: &Tenant, user: Uuid, actor: &Actor) -> Result<(), Problem> {
    deps.safe.forget_password(user).await?;
    let loaded = deps.users.load(&user_stream(user)).await.map_err(|error| load_problem(error, "user"))?;
    let Some(created) = loaded.state.created else { return Ok(()) };
    let command = CommandId(derived_uuid("erase", tenant, &user.to_string()));
    let request = Request::new(tenant, actor.clone(), command, user.as_bytes());
    let of_everyone = Request { tenant: everyone(), ..request.clone() };
    let leaves = ChangeMember { user_id: user, change: Change::LeaveErased, by: Role::Owner };
    let mut erased = Joint::new(&deps.users, request.clone(), user_stream(user), ChangeUser::Erase);
    let mut released = Joint::new(&deps.claims, of_everyone, claim_stream(&created.email_hash), ReleaseEmail { user_id: user });
    let mut left = Joint::new(&deps.organisations, request, organisation_stream(tenant), leaves);
    let mut parts: [&mut dyn annals_log::Part<Refusal>; 3] = [&mut erased, &mut released, &mut left];
    execute_together(deps.users.log(), command, &mut parts).await.map_err(|error| problem(error, "user"))?;
    follow_role(deps, (tenant, actor), user, None).await
}
