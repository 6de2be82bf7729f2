//! Whether an answer over HTTP is one that the committed OpenAPI files describe: every answer of every test is asked.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use annals::system::{api, contracts};
use annals_contract::{Api, Route};
use jsonschema::Validator;
use serde_json::Value;

const PROBLEM: &str = "application/problem+json";

/// What is answered.
pub(crate) struct Given<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a Value,
}

static APIS: LazyLock<Vec<Api>> = LazyLock::new(|| {
    let services = contracts::committed().unwrap_or_else(|errors| panic!("{errors}"));
    services.iter().map(|committed| committed.contract.api.clone()).chain([api::described()]).collect()
});

/// Validators take longer to make than to ask.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Fails where the answer to `method` at `path` is none of those that its contract describes. What no contract has, no contract describes.
pub(crate) fn must_be_described(method: &str, path: &str, given: &Given<'_>) {
    let Some(route) = APIS.iter().flat_map(|api| &api.routes).find(|route| route.method.as_str() == method && is_at(route, path)) else {
        return;
    };
    if let Some(fault) = fault(route, given) {
        panic!("{} answers {} {}, which its contract does not describe: {fault}", route.key(), given.status, given.body);
    }
}

fn is_at(route: &Route, path: &str) -> bool {
    let (parts, asked): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), path.split('/').collect());
    let greedy = parts.last().is_some_and(|part| part.ends_with("+}"));
    let fits = |(part, asked): (&&str, &&str)| part == asked || part.starts_with('{');
    (parts.len() == asked.len() || greedy && asked.len() > parts.len()) && parts.iter().zip(&asked).all(fits)
}

fn fault(route: &Route, given: &Given<'_>) -> Option<String> {
    if given.content_type == PROBLEM {
        let code = given.body["type"].as_str()?.strip_prefix("urn:annals:problem:")?;
        let known = route.problems.get(&given.status).is_some_and(|codes| codes.contains(code));
        return (!known).then(|| format!("the problem {code}"));
    }
    let Some(answer) = route.answers.get(&given.status) else { return Some("the status".into()) };
    if answer.content.is_empty() {
        return (!given.content_type.is_empty()).then(|| format!("a body of {}", given.content_type));
    }
    let Some(content) = answer.content.get(given.content_type) else { return Some(format!("the media type {}", given.content_type)) };
    if given.content_type != annals_contract::route::JSON {
        return None;
    }
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(format!("{} {}", route.key(), given.status)).or_insert_with(|| validator(&content.schema));
    let faults: Vec<_> = validator.iter_errors(given.body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// As both the drafts of AsyncAPI and OpenAPI read it: contracts use what they have in common.
pub(crate) fn validator(schema: &Value) -> Validator {
    jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true).build(schema).unwrap()
}
