//! What there is to tell: an event of another service, and what is read of it.

use annals_kit::{CustomerId, Money, Role};
use notifications::note::Kind;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What is read of PAYMENT_RECEIVED, PAYMENT_FAILED and DUNNING_STEP_TAKEN.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct Payment {
    pub(crate) invoice_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) amount: Money,
}

/// What is read of USER_CREATED and USER_VERIFICATION_REQUESTED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewUser {
    pub(crate) user_id: Uuid,
}

/// What is read of MEMBER_INVITED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewInvitation {
    pub(crate) invitation_id: Uuid,
}

/// What is read of MEMBER_ROLE_CHANGED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewRole {
    pub(crate) user_id: Uuid,
    pub(crate) role: Role,
}

/// What is read of USER_PASSWORD_CHANGED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewPassword {
    pub(crate) user_id: Uuid,
}

/// What there is to tell.
#[derive(Clone, Debug)]
pub(crate) enum Occasion {
    Receipt(Payment),
    RetryNotice(Payment),
    PaymentReminder(Payment),
    Welcome(NewUser),
    Verification(NewUser),
    Invitation(NewInvitation),
    RoleChanged(NewRole),
    PasswordChanged(NewPassword),
}

impl Occasion {
    /// The occasion that an event of this type is; `None` for a type of which nobody is told.
    pub(crate) fn of(event_type: &str, data: Value) -> serde_json::Result<Option<Self>> {
        Ok(Some(match event_type {
            "PAYMENT_RECEIVED" => Self::Receipt(serde_json::from_value(data)?),
            "PAYMENT_FAILED" => Self::RetryNotice(serde_json::from_value(data)?),
            "DUNNING_STEP_TAKEN" => Self::PaymentReminder(serde_json::from_value(data)?),
            "USER_CREATED" => Self::Welcome(serde_json::from_value(data)?),
            "USER_VERIFICATION_REQUESTED" => Self::Verification(serde_json::from_value(data)?),
            "MEMBER_INVITED" => Self::Invitation(serde_json::from_value(data)?),
            "MEMBER_ROLE_CHANGED" => Self::RoleChanged(serde_json::from_value(data)?),
            "USER_PASSWORD_CHANGED" => Self::PasswordChanged(serde_json::from_value(data)?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Receipt(_) => Kind::Receipt,
            Self::RetryNotice(_) => Kind::RetryNotice,
            Self::PaymentReminder(_) => Kind::PaymentReminder,
            Self::Welcome(_) => Kind::Welcome,
            Self::Verification(_) => Kind::Verification,
            Self::Invitation(_) => Kind::Invitation,
            Self::RoleChanged(_) => Kind::RoleChanged,
            Self::PasswordChanged(_) => Kind::PasswordChanged,
        }
    }

    /// Whom it is about, by id: a customer, a person or an invitation. Identity knows the address.
    pub(crate) fn whom(&self) -> CustomerId {
        let id = |id: &Uuid| id.to_string().parse().expect("a UUID has the letters of an id, and not too many");
        match self {
            Self::Receipt(payment) | Self::RetryNotice(payment) | Self::PaymentReminder(payment) => payment.customer_id.clone(),
            Self::Welcome(NewUser { user_id })
            | Self::Verification(NewUser { user_id })
            | Self::RoleChanged(NewRole { user_id, .. })
            | Self::PasswordChanged(NewPassword { user_id }) => id(user_id),
            Self::Invitation(invitation) => id(&invitation.invitation_id),
        }
    }

    /// Whose account it may be about: identity says whether a customer's id is one. Nobody has an account by being invited.
    pub(crate) fn account(&self) -> Option<Account> {
        match self {
            Self::Receipt(payment) | Self::RetryNotice(payment) | Self::PaymentReminder(payment) => {
                Uuid::parse_str(payment.customer_id.as_str()).ok().map(Account::Perhaps)
            }
            Self::Welcome(NewUser { user_id })
            | Self::RoleChanged(NewRole { user_id, .. })
            | Self::PasswordChanged(NewPassword { user_id }) => Some(Account::Of(*user_id)),
            // A link is for the mail alone.
            Self::Verification(_) | Self::Invitation(_) => None,
        }
    }
}

/// An account that something may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Identity has said so.
    Of(Uuid),
    /// The id is a customer's, of the tenant's own choosing.
    Perhaps(Uuid),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_the_occasion_of_its_type() {
        let id = Uuid::from_u128(7);
        let welcome = Occasion::of("USER_CREATED", json!({ "user_id": id, "email": "sealed" })).unwrap().unwrap();
        assert_eq!((welcome.kind(), welcome.whom().as_str()), (Kind::Welcome, id.to_string().as_str()));
        let invitation = Occasion::of("MEMBER_INVITED", json!({ "invitation_id": id })).unwrap().unwrap();
        assert_eq!((invitation.kind(), invitation.account()), (Kind::Invitation, None));
        assert!(Occasion::of("USER_VERIFIED", json!({})).unwrap().is_none());
        assert!(Occasion::of("USER_CREATED", json!({})).is_err());
    }

    #[test]
    fn a_customers_id_may_be_an_accounts_where_it_looks_like_one() {
        let id = Uuid::from_u128(7);
        let paid = |customer: &str| {
            let data = json!({ "invoice_id": id, "customer_id": customer, "amount": { "amount": 4900, "currency": "EUR" } });
            Occasion::of("PAYMENT_RECEIVED", data).unwrap().unwrap()
        };
        assert_eq!(paid("ada").account(), None);
        assert_eq!(paid(&id.to_string()).account(), Some(Account::Perhaps(id)));
    }
}
