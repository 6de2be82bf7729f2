//! What asks for an email: an event of another service, and what is read of it.

use annals_kit::{CustomerId, Money};
use notifications::email::Kind;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What an email needs to know of PAYMENT_RECEIVED, PAYMENT_FAILED and DUNNING_STEP_TAKEN.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct Payment {
    pub(crate) invoice_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) amount: Money,
}

/// What a welcome needs to know of USER_CREATED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewUser {
    pub(crate) user_id: Uuid,
}

/// What an invitation's email needs to know of MEMBER_INVITED.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct NewInvitation {
    pub(crate) invitation_id: Uuid,
}

/// What asks for an email.
#[derive(Clone, Debug)]
pub(crate) enum Occasion {
    Receipt(Payment),
    RetryNotice(Payment),
    PaymentReminder(Payment),
    Welcome(NewUser),
    Invitation(NewInvitation),
}

impl Occasion {
    /// The occasion that an event of this type is; `None` for a type that asks for no email.
    pub(crate) fn of(event_type: &str, data: Value) -> serde_json::Result<Option<Self>> {
        Ok(Some(match event_type {
            "PAYMENT_RECEIVED" => Self::Receipt(serde_json::from_value(data)?),
            "PAYMENT_FAILED" => Self::RetryNotice(serde_json::from_value(data)?),
            "DUNNING_STEP_TAKEN" => Self::PaymentReminder(serde_json::from_value(data)?),
            "USER_CREATED" => Self::Welcome(serde_json::from_value(data)?),
            "MEMBER_INVITED" => Self::Invitation(serde_json::from_value(data)?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Receipt(_) => Kind::Receipt,
            Self::RetryNotice(_) => Kind::RetryNotice,
            Self::PaymentReminder(_) => Kind::PaymentReminder,
            Self::Welcome(_) => Kind::Welcome,
            Self::Invitation(_) => Kind::Invitation,
        }
    }

    /// To whom, by id: identity knows the address.
    pub(crate) fn whom(&self) -> CustomerId {
        let id = |id: &Uuid| id.to_string().parse().expect("a UUID has the letters of an id, and not too many");
        match self {
            Self::Receipt(payment) | Self::RetryNotice(payment) | Self::PaymentReminder(payment) => payment.customer_id.clone(),
            Self::Welcome(user) => id(&user.user_id),
            Self::Invitation(invitation) => id(&invitation.invitation_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_asks_for_the_email_of_its_type() {
        let id = Uuid::from_u128(7);
        let welcome = Occasion::of("USER_CREATED", json!({ "user_id": id, "email": "sealed" })).unwrap().unwrap();
        assert_eq!((welcome.kind(), welcome.whom().as_str()), (Kind::Welcome, id.to_string().as_str()));
        let invitation = Occasion::of("MEMBER_INVITED", json!({ "invitation_id": id })).unwrap().unwrap();
        assert_eq!(invitation.kind(), Kind::Invitation);
        assert!(Occasion::of("USER_VERIFIED", json!({})).unwrap().is_none());
        assert!(Occasion::of("USER_CREATED", json!({})).is_err());
    }
}
