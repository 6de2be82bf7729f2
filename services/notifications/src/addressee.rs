//! Finds out where an email goes and which link it carries, asked of identity at the moment of sending.
//!
//! The bus and the log carry ids; addresses and links are in neither.

use annals_kit::Tenant;
use annals_lambda::api::AskError;
use uuid::Uuid;

use crate::identity_api::{IdentityApi, MintInvitationLinkAnswer, MintVerificationLinkAnswer};
use crate::occasion::Occasion;

/// Where an email goes, and the link it carries. It has no name: whoever signs up may write anything there, to anybody's address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Addressee {
    /// The address.
    pub(crate) email: String,
    /// The link, where there is one.
    pub(crate) link: Option<Link>,
}

/// What opens something for whoever reads the mail of an address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Where it leads.
    pub(crate) url: String,
    /// Until when it is good.
    pub(crate) until: String,
}

/// Whom an email of this occasion goes to; `None` where identity knows no address, no longer, or has nothing to link to.
///
/// Cost: one request to identity; a link is made by it, and kept as a hash for ten minutes.
pub(crate) async fn addressee(identity: &IdentityApi, tenant: &Tenant, occasion: &Occasion) -> Result<Option<Addressee>, AskError> {
    let (tenant, whom) = (tenant.as_str(), occasion.whom());
    match occasion {
        Occasion::Receipt(_)
        | Occasion::RetryNotice(_)
        | Occasion::PaymentReminder(_)
        | Occasion::RoleChanged(_)
        | Occasion::PasswordChanged(_) => {
            let contact = found(identity.read_contact(tenant, whom.as_str()).await)?;
            Ok(contact.map(|contact| Addressee { email: contact.email, link: None }))
        }
        Occasion::Welcome(_) | Occasion::Verification(_) => {
            let minted = found(identity.mint_verification_link(tenant, whom.as_str()).await)?;
            let with_link = |MintVerificationLinkAnswer { email, link, expires_at, .. }| Addressee::with_link(email, link, expires_at);
            Ok(minted.map(with_link))
        }
        Occasion::Invitation(_) => {
            let minted = found(identity.mint_invitation_link(tenant, whom.as_str()).await)?;
            let with_link = |MintInvitationLinkAnswer { email, link, expires_at, .. }| Addressee::with_link(email, link, expires_at);
            Ok(minted.map(with_link))
        }
    }
}

impl Addressee {
    fn with_link(email: String, url: String, until: String) -> Self {
        Self { email, link: Some(Link { url, until }) }
    }
}

/// Whether an id is that of an account of this tenant.
///
/// Cost: one request to identity.
pub(crate) async fn is_account(identity: &IdentityApi, tenant: &Tenant, id: Uuid) -> Result<bool, AskError> {
    Ok(found(identity.find_account(tenant.as_str(), &id.to_string()).await)?.is_some())
}

/// What identity knows; `None` where it says that it knows no such thing.
fn found<T>(answer: Result<T, AskError>) -> Result<Option<T>, AskError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(AskError::Refused { status: 404, code: "not-found" }) => Ok(None),
        Err(error) => Err(error),
    }
}
