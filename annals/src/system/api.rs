//! What this machine answers beside the services: how it does, its alarms, its history and ledgers' proofs.
//!
//! Described as every service's API is, and derived into `annals/openapi.yaml` for those who ask it; none of it is on AWS.

use annals_audit::function::AUDITORS;
use annals_contract::route::Content;
use annals_contract::{Access, Api, CommittedApi, Errors, Route, laws};
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
    api.route(history());
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

/// `platform/audit/src/function.rs` says which question takes which parameters.
fn history() -> Route {
    let summary = "Answers a question of a tenant's auditor to the tenant's history; the question is noted.";
    let route = Route::get("/v1/audit/{question}", "read-history", summary).admits(&AUDITORS).path::<String>(
        "question",
        "`revisions`, `as-of`, `field`, `actor`, `correlation`, `population`, `inclusion`, `access`, `notice`, `day`, `roles`, `erasure` or `person`.",
    );
    let parameters = [
        ("stream", "The stream, such as `INV#<id>`."),
        ("field", "The field that changed."),
        ("moment", "`now`, a version, a day, a time, or `@` and a position."),
        ("actor", "Who did it."),
        ("correlation", "What belongs together."),
        ("period", "A year, quarter, month or day, `A..B`, or `always`."),
        ("commit", "`INV#<id>@3` or `billing@120`."),
        ("role", "The role that somebody had."),
        ("person", "A customer, by your own id; or a member, by that of their account."),
        ("limit", "How many rows at most: 1 to 1000, 200 where it is left out."),
        ("page", "`next` of the page before; the first page is without."),
    ];
    let route = parameters.into_iter().fold(route, |route, (name, summary)| route.query::<String>(name, summary));
    route
        .answers::<Value>(200, "The answer, and the checkpoint at which it was read.", json!({ "items": [], "next": null }))
        .refuses(500, &["not-told"])
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
