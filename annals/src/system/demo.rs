//! The organisation that a new data directory begins with: tenant `demo`, whose owner's API key is in `credentials`.

use annals_lambda::{Host, Problem};
use identity_service::found::{Founding, found};
use identity_service::secret::Secret;
use identity_service::{Deps, Settings};

use super::credentials::Credentials;
use super::handlers::{TENANT, VAULT_KEY};

/// The role that founds organisations.
pub const ROLE: &str = "found-organisation";
/// Where links lead on this machine: nothing listens there, as there is no page yet. The token behind the # is what counts.
pub(super) const PUBLIC_URL: &str = "http://127.0.0.1:7070";

/// What identity's functions need on this machine.
pub fn settings(credentials: &Credentials) -> Settings {
    Settings { vault_key: VAULT_KEY.into(), hash_key: credentials.hash_key().to_owned(), public_url: PUBLIC_URL.into() }
}

/// The demo organisation, with the key of this data directory.
pub fn organisation(credentials: &Credentials) -> Founding {
    founding(TENANT, credentials.demo_secret())
}

/// An organisation of this name, whose owner has a key of this secret.
pub fn founding(tenant: &str, secret: Secret) -> Founding {
    Founding {
        organisation: tenant.parse().expect("the names of our own organisations are tenants"),
        name: tenant.to_owned(),
        email: format!("owner@{tenant}.example").parse().expect("it is an address"),
        owner: format!("Owner of {tenant}"),
        secret,
    }
}

/// Founds an organisation as `host`'s role, if it is not there.
pub async fn ensure(host: &Host, credentials: &Credentials, founding: &Founding) -> Result<bool, Problem> {
    found(&Deps::new(host, settings(credentials)), founding).await
}
