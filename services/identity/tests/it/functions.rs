//! Each function's own binary under the Lambda runtime API, on a local account, with its own role.

use annals_harness::{EVERYBODY, Harness, Stage};
use annals_kit::Role;
use annals_lambda::Metric;
use identity::organisation::{Found, OrganisationCreated};
use identity::user::{Address, CreateUser, UserCreated};
use identity_service::found::{Founding, found};
use identity_service::secret::{Bearer, Secret};
use identity_service::{Deps, Settings};
use serde_json::json;
use uuid::Uuid;

const LOG: &str = "users-log";

fn settings() -> Settings {
    Settings {
        vault_key: "alias/vault".into(),
        hash_key: "0123456789abcdef0123456789abcdef".into(),
        public_url: "https://app.example.com".into(),
    }
}

fn stage(name: &str, binary: &str) -> Stage {
    let Settings { vault_key, hash_key, public_url } = settings();
    Stage::of(name, binary)
        .variable("ANNALS_VAULT_KEY", &vault_key)
        .variable("ANNALS_HASH_KEY", &hash_key)
        .variable("ANNALS_PUBLIC_URL", &public_url)
}

fn post(path: &str) -> http::request::Builder {
    http::Request::post(path).header("idempotency-key", "k")
}

/// Organisation `acme`, founded by hand; what its owner sends.
async fn acme(harness: &Harness) -> Founding {
    let founding = Founding {
        organisation: "acme".parse().unwrap(),
        name: "Acme".into(),
        email: "ada@example.com".parse().unwrap(),
        owner: "Ada".into(),
        secret: "0123456789abcdef0123456789abcdef".parse().unwrap(),
    };
    assert_eq!(found(&Deps::new(&harness.host(), settings()), &founding).await, Ok(true));
    assert_eq!(found(&Deps::new(&harness.host(), settings()), &founding).await, Ok(false), "it is there already");
    founding
}

/// Organisation `demo`, of which [`EVERYBODY`] is the owner.
async fn demo(harness: &Harness) {
    let created = UserCreated {
        user_id: EVERYBODY,
        organisation_id: "demo".parse().unwrap(),
        email: "sealed".into(),
        email_hash: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        name: "sealed".into(),
    };
    harness.append(LOG, EVERYBODY, &CreateUser { created, address: Address::Verified }).await;
    let created = OrganisationCreated { organisation_id: "demo".parse().unwrap(), name: "Demo".into() };
    harness.append_to(LOG, &"ORG#demo".parse().unwrap(), &Found { created, owner: EVERYBODY }).await;
}

#[tokio::test]
async fn authorize() {
    let secret: Secret = "fedcba9876543210fedcba9876543210".parse().unwrap();
    let harness = Stage::of("authorize", env!("CARGO_BIN_EXE_authorize"))
        .variable("ANNALS_SERVICE_KEYS", &format!("notifications:{}", secret.hash()))
        .open()
        .await;
    let founding = acme(&harness).await;
    let ask = async |header: String| {
        let event = json!({ "version": "2.0", "type": "REQUEST", "identitySource": [header], "headers": {}, "requestContext": { "http": { "method": "GET" } } });
        harness.invoke(event).await.unwrap()
    };
    let known = ask(format!("Bearer {}", founding.key())).await;
    assert_eq!(
        (&known["isAuthorized"], &known["context"]["tenant"], &known["context"]["role"]),
        (&json!(true), &json!("acme"), &json!("owner"))
    );
    assert_eq!(known["context"]["user"], json!(founding.user()));
    let service = ask(format!("Bearer {}", Bearer::Service("notifications".into(), secret.clone()).text())).await;
    assert_eq!(service, json!({ "isAuthorized": true, "context": { "service": "notifications" } }));
    let other = Bearer::Service("billing".into(), secret).text();
    let forged = Bearer::ApiKey(Uuid::from_u128(7), founding.secret.clone()).text();
    for header in
        ["".to_owned(), "Bearer".into(), format!("Basic {}", founding.key()), format!("Bearer {other}"), format!("Bearer {forged}")]
    {
        assert_eq!(ask(header.clone()).await, json!({ "isAuthorized": false }), "{header}");
    }
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn sign_up() {
    let harness = stage("sign-up", env!("CARGO_BIN_EXE_sign-up")).route("POST", "/v1/signups").open().await;
    let body =
        |email: &str| json!({ "email": email, "password": "correct horse battery", "name": "Ada", "organisation": "Acme" }).to_string();
    let (status, first) = harness.http(post("/v1/signups"), &body("ada@example.com")).await;
    assert_eq!(status, 202, "{first}");
    // Claim, account, organisation.
    assert_eq!((harness.count(LOG).await, harness.counted(Metric::CommandCommitted)), (3, 1));
    let again = harness.http(post("/v1/signups"), &body("ada@example.com")).await;
    let taken = harness.http(post("/v1/signups").header("idempotency-key", "other"), &body("ADA@example.com")).await;
    assert_eq!((again.0, &again.1, taken.0, &taken.1), (202, &first, 202, &first));
    assert_eq!(harness.count(LOG).await, 3);
    assert_eq!(harness.http(post("/v1/signups"), &body("no address")).await.0, 400);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn ask_verification() {
    const PATH: &str = "/v1/email-verification-requests";
    let harness = stage("ask-verification", env!("CARGO_BIN_EXE_ask-verification")).route("POST", PATH).open().await;
    let known = harness.http(post(PATH), &json!({ "email": "nobody@example.com" }).to_string()).await;
    assert_eq!((known.0, harness.count(LOG).await), (202, 0), "{}", known.1);
    assert_eq!(harness.http(post(PATH), &json!({ "email": "no address" }).to_string()).await.0, 400);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn verify_email() {
    let harness = stage("verify-email", env!("CARGO_BIN_EXE_verify-email")).route("POST", "/v1/email-verifications").open().await;
    let never = json!({ "token": "0123456789abcdef0123456789abcdef" }).to_string();
    assert_eq!(harness.http(post("/v1/email-verifications"), &never).await.0, 410);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn log_in() {
    let harness = stage("log-in", env!("CARGO_BIN_EXE_log-in")).route("POST", "/v1/sessions").open().await;
    acme(&harness).await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse battery" }).to_string();
    assert_eq!(harness.http(post("/v1/sessions"), &body).await.0, 401, "she has a key and no password");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn log_out() {
    let harness = stage("log-out", env!("CARGO_BIN_EXE_log-out")).route("DELETE", "/v1/sessions/current").open().await;
    assert_eq!(harness.http(http::Request::delete("/v1/sessions/current"), "").await.0, 204);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn change_profile() {
    let harness = stage("change-profile", env!("CARGO_BIN_EXE_change-profile")).route("PUT", "/v1/me/password").open().await;
    let body = json!({ "current_password": "correct horse", "new_password": "battery staple" }).to_string();
    assert_eq!(harness.http(http::Request::put("/v1/me/password"), &body).await.0, 404, "everybody has no password");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn manage_members() {
    let harness = stage("manage-members", env!("CARGO_BIN_EXE_manage-members")).route("POST", "/v1/invitations").open().await;
    let body = json!({ "email": "bob@example.com", "role": "finance" }).to_string();
    let (status, invited) = harness.http(post("/v1/invitations"), &body).await;
    assert_eq!((status, &invited["role"]), (201, &json!(Role::Finance)), "{invited}");
    assert_eq!((harness.count(LOG).await, harness.counted(Metric::CommandCommitted)), (1, 1));
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn accept_invitation() {
    let harness =
        stage("accept-invitation", env!("CARGO_BIN_EXE_accept-invitation")).route("POST", "/v1/invitation-acceptances").open().await;
    let body = |password: &str| json!({ "token": "0123456789abcdef0123456789abcdef", "name": "Bob", "password": password }).to_string();
    assert_eq!(harness.http(post("/v1/invitation-acceptances"), &body("correct horse battery")).await.0, 410);
    assert_eq!(harness.http(post("/v1/invitation-acceptances"), &body("password")).await.0, 422);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn manage_api_keys() {
    let harness = stage("manage-api-keys", env!("CARGO_BIN_EXE_manage-api-keys")).route("POST", "/v1/api-keys").open().await;
    demo(&harness).await;
    let body = json!({ "name": "export", "role": "finance" }).to_string();
    let (status, made) = harness.http(post("/v1/api-keys"), &body).await;
    assert_eq!(status, 201, "{made}");
    assert!(made["key"].as_str().unwrap().starts_with("annals_key_"), "{made}");
    let (status, again) = harness.http(post("/v1/api-keys"), &body).await;
    assert_eq!((status, again.get("key")), (409, None), "a key is shown once: {again}");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn set_contact() {
    let harness = stage("set-contact", env!("CARGO_BIN_EXE_set-contact")).route("PUT", "/v1/contacts/{customer}").open().await;
    let (status, set) = harness.http(http::Request::put("/v1/contacts/ada"), r#"{"email":"ada@example.com"}"#).await;
    assert_eq!((status, &set["version"]), (200, &json!(1)), "{set}");
    assert_eq!(harness.count("users-vault").await, 1, "it is sealed under a key of the customer's own");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn read_contact() {
    let harness = stage("read-contact", env!("CARGO_BIN_EXE_read-contact")).route("GET", "/v1/tenants/{tenant}/contacts/{id}").open().await;
    let founding = acme(&harness).await;
    let (status, reached) = harness.http(http::Request::get(format!("/v1/tenants/acme/contacts/{}", founding.user())), "").await;
    assert_eq!((status, reached), (200, json!({ "email": "ada@example.com", "name": "Ada" })));
    let elsewhere = format!("/v1/tenants/demo/contacts/{}", founding.user());
    assert_eq!(harness.http(http::Request::get(elsewhere), "").await.0, 404, "she is of another organisation");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn mint_link() {
    let path = "/v1/tenants/{tenant}/users/{id}/verification-links";
    let harness = stage("mint-link", env!("CARGO_BIN_EXE_mint-link")).route("POST", path).open().await;
    let founding = acme(&harness).await;
    let path = format!("/v1/tenants/acme/users/{}/verification-links", founding.user());
    assert_eq!(harness.http(post(&path), "").await.0, 404, "her address needs no other proof");
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn read_identity() {
    let harness = stage("read-identity", env!("CARGO_BIN_EXE_read-identity")).route("GET", "/v1/organisation").open().await;
    demo(&harness).await;
    // No projector runs here: the log answers.
    let (status, shown) = harness.http(http::Request::get("/v1/organisation?min_version=1"), "").await;
    assert_eq!((status, &shown["name"], &shown["members"]), (200, &json!("Demo"), &json!(1)), "{shown}");
    harness.refuses_what_is_no_event().await;
}
