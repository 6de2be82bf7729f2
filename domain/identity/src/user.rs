//! One person's account: created, verified, changed, erased. Sessions are history here, and secrets elsewhere.

use annals_kit::{Aggregate, Command, Event, Recorded, Schema, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::email::EmailHash;
use crate::sealed::Sealed;

/// The fields of these events that are personal, and sealed.
pub const SEALED: &[&str] = &["email", "name"];

/// What happens to a person's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum UserEvent {
    /// A person has an account.
    #[serde(rename = "USER_CREATED")]
    Created(UserCreated),
    /// The person has asked for another link by which to show that the address is theirs.
    #[serde(rename = "USER_VERIFICATION_REQUESTED")]
    VerificationRequested(VerificationRequested),
    /// The person has shown that the address is theirs.
    #[serde(rename = "USER_VERIFIED")]
    Verified(UserVerified),
    /// The person goes by another name.
    #[serde(rename = "USER_PROFILE_CHANGED")]
    ProfileChanged(ProfileChanged),
    /// The person has another password; every session but the one that changed it has ended.
    #[serde(rename = "USER_PASSWORD_CHANGED")]
    PasswordChanged(PasswordChanged),
    /// The person logged in.
    #[serde(rename = "SESSION_STARTED")]
    SessionStarted(SessionStarted),
    /// The person logged out.
    #[serde(rename = "SESSION_ENDED")]
    SessionEnded(SessionEnded),
    /// The person was erased: nothing sealed for them can be opened any more.
    #[serde(rename = "USER_ERASED")]
    Erased(UserErased),
}

/// A person has an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    /// The person.
    pub user_id: Uuid,
    /// The organisation that they belong to.
    pub organisation_id: Tenant,
    /// Their address, sealed: ask identity's contact route.
    pub email: String,
    /// The keyed hash of the address.
    pub email_hash: EmailHash,
    /// Their name, sealed.
    pub name: String,
}

/// The person has asked for another link by which to show that the address is theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationRequested {
    /// The person.
    pub user_id: Uuid,
    /// Their organisation.
    pub organisation_id: Tenant,
}

/// The person has shown that the address is theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserVerified {
    /// The person.
    pub user_id: Uuid,
    /// Their organisation.
    pub organisation_id: Tenant,
}

/// The person goes by another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChanged {
    /// The person.
    pub user_id: Uuid,
    /// Their name, sealed.
    pub name: String,
}

/// The person has another password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// The person.
    pub user_id: Uuid,
    /// Their organisation.
    pub organisation_id: Tenant,
}

/// The person logged in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    /// The person.
    pub user_id: Uuid,
    /// Names the session; it is not the secret that proves it.
    pub session_id: Uuid,
}

/// The person logged out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEnded {
    /// The person.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
}

/// The person was erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {
    /// The person.
    pub user_id: Uuid,
    /// The organisation that they belonged to.
    pub organisation_id: Tenant,
}

impl Event for UserEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "USER_CREATED", upcasts: &[], published: true },
        Schema { event_type: "USER_VERIFICATION_REQUESTED", upcasts: &[], published: true },
        Schema { event_type: "USER_VERIFIED", upcasts: &[], published: true },
        // Internal: nobody else keeps names, and who is logged in is nobody else's business.
        Schema { event_type: "USER_PROFILE_CHANGED", upcasts: &[], published: false },
        Schema { event_type: "USER_PASSWORD_CHANGED", upcasts: &[], published: true },
        Schema { event_type: "SESSION_STARTED", upcasts: &[], published: false },
        Schema { event_type: "SESSION_ENDED", upcasts: &[], published: false },
        Schema { event_type: "USER_ERASED", upcasts: &[], published: true },
    ];
}

/// A person's account; `created` is `None` before there was one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Who, and of which organisation; address and name in it are sealed.
    pub created: Option<UserCreated>,
    /// Their address.
    pub email: Option<Sealed>,
    /// Their name.
    pub name: Option<Sealed>,
    /// Whether the address was shown to be theirs.
    pub verified: bool,
    /// Whether they were erased.
    pub erased: bool,
}

impl User {
    /// The account, where there is one and its person is not erased.
    pub fn living(&self) -> Result<&UserCreated, UserRefusal> {
        match &self.created {
            None => Err(UserRefusal::Unknown),
            Some(_) if self.erased => Err(UserRefusal::Erased),
            Some(created) => Ok(created),
        }
    }

    /// Whether the person may log in.
    pub fn may_log_in(&self) -> bool {
        self.verified && self.living().is_ok()
    }
}

impl Aggregate for User {
    const STREAM_TYPE: &'static str = "USER";
    const FOLD_REVISION: u32 = 1;
    type Event = UserEvent;

    fn evolve(&mut self, event: &UserEvent, recorded: Recorded) {
        match event {
            UserEvent::Created(created) => {
                self.email = Some(Sealed::of(&created.email, recorded));
                self.name = Some(Sealed::of(&created.name, recorded));
                self.created = Some(created.clone());
            }
            UserEvent::ProfileChanged(changed) => self.name = Some(Sealed::of(&changed.name, recorded)),
            UserEvent::Verified(_) => self.verified = true,
            UserEvent::Erased(_) => {
                (self.email, self.name, self.erased) = (None, None, true);
            }
            UserEvent::VerificationRequested(_)
            | UserEvent::PasswordChanged(_)
            | UserEvent::SessionStarted(_)
            | UserEvent::SessionEnded(_) => {}
        }
    }
}

/// Why nothing is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// There is no such person.
    #[error("there is no such user")]
    Unknown,
    /// The person was erased: an account never comes back.
    #[error("the user was erased")]
    Erased,
    /// The account is there already.
    #[error("the user exists already")]
    Exists,
    /// The address was not shown to be theirs.
    #[error("the email address is not verified")]
    Unverified,
}

/// Whether a new account's address is known to be its person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// To be shown by a link.
    Unverified,
    /// Shown already, by the link of an invitation.
    Verified,
}

/// Gives a person an account.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Who; address and name are plain here.
    pub created: UserCreated,
    /// Whether the address is known to be theirs.
    pub address: Address,
}

impl Command for CreateUser {
    type Aggregate = User;
    type Refusal = UserRefusal;

    fn decide(&self, state: &User, _: Timestamp) -> Result<Vec<UserEvent>, UserRefusal> {
        match state.living() {
            Ok(_) => return Err(UserRefusal::Exists),
            Err(UserRefusal::Erased) => return Err(UserRefusal::Erased),
            Err(_) => {}
        }
        let UserCreated { user_id, organisation_id, .. } = self.created.clone();
        let mut events = vec![UserEvent::Created(self.created.clone())];
        if self.address == Address::Verified {
            events.push(UserEvent::Verified(UserVerified { user_id, organisation_id }));
        }
        Ok(events)
    }
}

/// What a person does with their account.
#[derive(Clone, Debug)]
pub enum ChangeUser {
    /// Asks for another link by which to show that the address is theirs.
    AskVerification,
    /// Shows that the address is theirs.
    Verify,
    /// Takes another name, plain here.
    Rename(String),
    /// Takes another password.
    ChangePassword,
    /// Logs in.
    StartSession(Uuid),
    /// Logs out.
    EndSession(Uuid),
    /// Is erased.
    Erase,
}

impl Command for ChangeUser {
    type Aggregate = User;
    type Refusal = UserRefusal;

    /// What is so already changes nothing.
    fn decide(&self, state: &User, _: Timestamp) -> Result<Vec<UserEvent>, UserRefusal> {
        if state.erased && matches!(self, Self::Erase) {
            return Ok(vec![]);
        }
        let UserCreated { user_id, organisation_id, .. } = state.living()?;
        let (user_id, organisation_id) = (*user_id, organisation_id.clone());
        if !state.verified && !matches!(self, Self::AskVerification | Self::Verify | Self::Erase) {
            return Err(UserRefusal::Unverified);
        }
        Ok(match self {
            Self::AskVerification | Self::Verify if state.verified => vec![],
            Self::AskVerification => vec![UserEvent::VerificationRequested(VerificationRequested { user_id, organisation_id })],
            Self::Verify => vec![UserEvent::Verified(UserVerified { user_id, organisation_id })],
            Self::Rename(name) => vec![UserEvent::ProfileChanged(ProfileChanged { user_id, name: name.clone() })],
            Self::ChangePassword => vec![UserEvent::PasswordChanged(PasswordChanged { user_id, organisation_id })],
            Self::StartSession(session_id) => vec![UserEvent::SessionStarted(SessionStarted { user_id, session_id: *session_id })],
            Self::EndSession(session_id) => vec![UserEvent::SessionEnded(SessionEnded { user_id, session_id: *session_id })],
            Self::Erase => vec![UserEvent::Erased(UserErased { user_id, organisation_id })],
        })
    }
}
