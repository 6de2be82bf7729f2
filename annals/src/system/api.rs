//! What this machine answers beside the services: how it does, its alarms, its ledgers' proofs, and the stand-in for identity.
//!
//! Described as every service's API is, and derived into `annals/openapi.yaml` for those who ask it; none of it is on AWS.

use annals_contract::route::Content;
use annals_contract::{Access, Api, CommittedApi, Errors, Route, laws};
use annals_kit::CustomerId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::openmetrics;
use crate::logs::{LOGS, ServiceLog};

/// The file that describes it.
const SOURCE: &str = "annals/src/system/api.rs";
/// The committed file, from the root of the work tree.
pub const FILE: &str = "annals/openapi.yaml";

/// The API in this text, if it holds.
pub fn proven(text: &str) -> Result<CommittedApi, Errors> {
    let api = CommittedApi::parse(FILE, text)?;
    laws::check_api(&api)?;
    Ok(api)
}

/// The file's text, as it should be.
pub fn text() -> String {
    described().to_yaml(SOURCE)
}

/// How a customer is reached.
#[derive(Serialize, JsonSchema)]
pub(super) struct Contact {
    pub(super) email: String,
}

/// Why an alarm is ended.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledgement {
    /// What was found, in 1 to 500 characters.
    pub(super) reason: String,
}

/// The API.
pub fn described() -> Api {
    let mut api = Api::new("local", "This machine: how it does, its alarms, its ledgers' proofs.");
    let get = |path: &str, name: &str, summary: &str| Route::get(path, name, summary).open_to(Access::ThisMachine);
    let post = |path: &str, name: &str, summary: &str| Route::post(path, name, summary).open_to(Access::ThisMachine);
    api.route(
        get("/v1/contacts/{customer}", "identity-contact", "Tells how a customer is reached, until identity does.")
            .path::<CustomerId>("customer", "The customer.")
            .answers::<Contact>(200, "An address.", json!({ "email": "ada@customers.example" })),
    );
    api.route(
        get("/local/alarms", "local-alarms", "Lists every alarm there may be, those that are on first.")
            .refuses(500, &["unreadable"])
            .answers::<List>(200, "The alarms.", json!({ "items": [] })),
    );
    api.route(
        get("/local/alarms/history", "local-alarm-history", "Lists everything that turned an alarm on or ended it, oldest first.")
            .refuses(500, &["unreadable"])
            .answers::<List>(200, "The changes.", json!({ "items": [] })),
    );
    api.route(
        post("/local/alarms/{name}/acknowledgement", "local-acknowledge", "Ends an alarm that a person has looked at.")
            .path::<String>("name", "The alarm.")
            .body::<Acknowledgement>(json!({ "reason": "the second lane did it" }))
            .answers::<Value>(200, "It is off.", json!({ "name": "log-tampered-billing", "state": "OK" }))
            .refuses(401, &["unauthorized"])
            .refuses(409, &["ends-by-itself"])
            .refuses(422, &["reason-needed"])
            .refuses(500, &["unreadable"]),
    );
    api.route(get("/local/status", "local-status", "Tells how every service does.").refuses(500, &["unreadable"]).answers::<Value>(
        200,
        "Volume, failures, latency, what waits, alarms.",
        json!({ "services": {}, "alarms": [] }),
    ));
    api.route(
        get("/metrics", "local-metrics", "Tells everything that is measured, for Prometheus.").refuses(500, &["unreadable"]).answers_as(
            200,
            "OpenMetrics 1.0.",
            openmetrics::CONTENT_TYPE,
            text_body(),
        ),
    );
    api.route(
        post("/local/ticks/{function}", "local-tick", "Does now what the schedule of a function does.")
            .path::<String>("function", "The scheduled function.")
            .answers::<Value>(200, "What it did.", json!({}))
            .refuses(503, &["tick-failed"]),
    );
    LOGS.iter().map(proofs).for_each(|route| {
        api.route(route);
    });
    api
}

/// What is listed whole.
#[derive(Serialize, JsonSchema)]
struct List {
    items: Vec<Value>,
}

fn proofs(log: &ServiceLog) -> Route {
    let path = format!("/ledger/{}/{{path+}}", log.service);
    Route::get(&path, &log.proofs(), "Serves the ledger's newest checkpoint, its tiles, and the key that verifies them.")
        .open_to(Access::ThisMachine)
        .path::<String>("path+", "Such as `checkpoint` or `tile/0/000`.")
        .answers_as(200, "It.", "text/plain; charset=utf-8", text_body())
        .answers_as(200, "It.", "application/octet-stream", Content { schema: json!({}), example: None })
}

fn text_body() -> Content {
    Content { schema: json!({ "type": "string" }), example: None }
}
