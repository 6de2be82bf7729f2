//! Asks identity's API what notifications asks of it. Derived from services/identity/openapi.yaml and services/notifications/src/contract.rs:
//! change those, run `annals contracts derive`, and commit all. docs/contracts.md is the guide.

#![allow(dead_code, reason = "answers have more than is read of them today")]

use annals_lambda::api::{ApiClient, AskError, Operation, segment};
use serde::Deserialize;

/// A client of identity's API.
#[derive(Clone)]
pub(crate) struct IdentityApi(pub(crate) ApiClient);

impl IdentityApi {
    /// Tells how a customer or a member is reached, at the moment of sending.
    pub(crate) async fn read_contact(&self, tenant: &str, id: &str) -> Result<ReadContactAnswer, AskError> {
        const OPERATION: Operation = Operation {
            method: "GET",
            answer: 200,
            problems: &[
                (400, "malformed"),
                (401, "unauthorized"),
                (403, "forbidden"),
                (404, "no-such-path"),
                (404, "not-found"),
                (500, "internal"),
                (503, "busy"),
                (504, "unknown-outcome"),
            ],
        };
        self.0.ask(OPERATION, &format!("/v1/tenants/{tenant}/contacts/{id}", tenant = segment(tenant), id = segment(id))).await
    }

    /// Tells whether an id is that of an account.
    pub(crate) async fn find_account(&self, tenant: &str, id: &str) -> Result<FindAccountAnswer, AskError> {
        const OPERATION: Operation = Operation {
            method: "GET",
            answer: 200,
            problems: &[
                (400, "malformed"),
                (401, "unauthorized"),
                (403, "forbidden"),
                (404, "no-such-path"),
                (404, "not-found"),
                (500, "internal"),
                (503, "busy"),
                (504, "unknown-outcome"),
            ],
        };
        self.0.ask(OPERATION, &format!("/v1/tenants/{tenant}/accounts/{id}", tenant = segment(tenant), id = segment(id))).await
    }

    /// Makes a link by which somebody shows that their address is theirs.
    pub(crate) async fn mint_verification_link(&self, tenant: &str, id: &str) -> Result<MintVerificationLinkAnswer, AskError> {
        const OPERATION: Operation = Operation {
            method: "POST",
            answer: 201,
            problems: &[
                (400, "malformed"),
                (401, "unauthorized"),
                (403, "forbidden"),
                (404, "no-such-path"),
                (404, "not-found"),
                (500, "internal"),
                (503, "busy"),
                (504, "unknown-outcome"),
            ],
        };
        self.0.ask(OPERATION, &format!("/v1/tenants/{tenant}/users/{id}/verification-links", tenant = segment(tenant), id = segment(id))).await
    }

    /// Makes a link by which somebody accepts an invitation.
    pub(crate) async fn mint_invitation_link(&self, tenant: &str, id: &str) -> Result<MintInvitationLinkAnswer, AskError> {
        const OPERATION: Operation = Operation {
            method: "POST",
            answer: 201,
            problems: &[
                (400, "malformed"),
                (401, "unauthorized"),
                (403, "forbidden"),
                (404, "no-such-path"),
                (404, "not-found"),
                (500, "internal"),
                (503, "busy"),
                (504, "unknown-outcome"),
            ],
        };
        self.0.ask(OPERATION, &format!("/v1/tenants/{tenant}/invitations/{id}/links", tenant = segment(tenant), id = segment(id))).await
    }
}

/// Their address.
#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct ReadContactAnswer {
    pub(crate) email: String,
    pub(crate) name: Option<String>,
}

/// It is one, and its person was not erased.
#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct FindAccountAnswer {
    pub(crate) id: String,
}

/// A link that was not there before; others stay good.
#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct MintVerificationLinkAnswer {
    pub(crate) email: String,
    /// And until then.
    pub(crate) expires_at: String,
    /// Where they open it; the token is behind the #, which browsers send to nobody.
    pub(crate) link: String,
    pub(crate) name: Option<String>,
    /// Good once.
    pub(crate) token: String,
}

/// A link that was not there before; others stay good.
#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct MintInvitationLinkAnswer {
    pub(crate) email: String,
    /// And until then.
    pub(crate) expires_at: String,
    /// Where they open it; the token is behind the #, which browsers send to nobody.
    pub(crate) link: String,
    pub(crate) name: Option<String>,
    /// Good once.
    pub(crate) token: String,
}
