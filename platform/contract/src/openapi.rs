//! An API as an OpenAPI 3.1 document, and back.
//!
//! Schemas stand where they are used, as in AsyncAPI; only the form of a problem is shared. Source: OpenAPI specification 3.1.0.

use std::collections::{BTreeMap, BTreeSet};

use annals_kit::Role;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::contract::Reader;
use crate::route::{Access, Answer, Content, JSON, Method, Parameter, Place, Route};
use crate::yaml::{Missing, Ordered};

pub(crate) const HEADER: &str = "\
# What {service} answers over HTTP. Derived from {source}:
# change that, run `annals contracts derive`, and commit both. docs/contracts.md is the guide.
";
/// The media type of problems (RFC 9457).
const PROBLEM: &str = "application/problem+json";
/// What stands before a problem's code in its `type`.
const URN: &str = "urn:annals:problem:";
/// What sessions and API keys are sent as.
const BEARER: &str = "bearer";
const PROVIDER: &str = "provider-signature";

/// The document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    openapi: String,
    info: Info,
    paths: IndexMap<String, BTreeMap<Method, Operation>>,
    components: Components,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    title: String,
    version: String,
    description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Components {
    schemas: IndexMap<String, Ordered>,
    security_schemes: IndexMap<String, Ordered>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Operation {
    operation_id: String,
    summary: String,
    security: Vec<BTreeMap<String, Vec<String>>>,
    #[serde(rename = "x-delivery")]
    delivery: Delivery,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<ParameterObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_body: Option<RequestBody>,
    responses: BTreeMap<String, ResponseObject>,
}

/// What local system and Terraform read of an operation: the function, and whom the authorizer lets through.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    function: String,
    access: Kind,
    roles: BTreeSet<Role>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    services: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Public,
    ProviderSigned,
    SignedIn,
    Roles,
    Services,
    ThisMachine,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterObject {
    name: String,
    r#in: Place,
    description: String,
    required: bool,
    schema: Ordered,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestBody {
    required: bool,
    content: IndexMap<String, MediaType>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaType {
    schema: Ordered,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    example: Option<Ordered>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseObject {
    description: String,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    headers: IndexMap<String, HeaderObject>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    content: IndexMap<String, MediaType>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderObject {
    description: String,
    schema: Ordered,
}

/// The API as a document.
pub(crate) fn document(api: &Api) -> Document {
    let mut paths: IndexMap<String, BTreeMap<Method, Operation>> = IndexMap::new();
    for route in &api.routes {
        paths.entry(route.path.clone()).or_default().insert(route.method, operation(route));
    }
    let bearer = json!({ "type": "http", "scheme": "bearer", "description": "The token of a session, or an API key." });
    let provider = json!({ "type": "apiKey", "in": "header", "name": "Stripe-Signature", "description": "The provider's signature of time and body." });
    let signed = api.routes.iter().any(|route| route.access == Access::ProviderSigned);
    let bears = api.routes.iter().any(|route| route.access.is_authorized());
    let schemes = [(BEARER, bears, bearer), (PROVIDER, signed, provider)];
    let security_schemes = schemes.into_iter().filter(|(_, used, _)| *used).map(|(name, _, scheme)| (name.into(), Ordered(scheme)));
    Document {
        openapi: "3.1.0".into(),
        info: Info { title: api.service.clone(), version: api.version.clone(), description: api.description.clone() },
        paths,
        components: Components {
            schemas: IndexMap::from([("problem".into(), Ordered(problem()))]),
            security_schemes: security_schemes.collect(),
        },
    }
}

/// The form of every problem.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why there is no better answer (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "description": "The kind of problem; programs may rely on it." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong with this request, and what to do." },
        },
    })
}

fn operation(route: &Route) -> Operation {
    let answers = route.answers.iter().map(|(status, answer)| (status.to_string(), response(answer)));
    let problems = route.problems.iter().map(|(status, codes)| (status.to_string(), refusal(*status, codes)));
    Operation {
        operation_id: route.name.clone(),
        summary: route.summary.clone(),
        security: security(&route.access),
        delivery: delivery(route),
        parameters: route.parameters.iter().map(parameter).collect(),
        request_body: route
            .body
            .as_ref()
            .map(|body| RequestBody { required: true, content: IndexMap::from([(JSON.into(), media_type(body))]) }),
        responses: answers.chain(problems).collect(),
    }
}

fn security(access: &Access) -> Vec<BTreeMap<String, Vec<String>>> {
    match access {
        Access::Public | Access::ThisMachine => vec![],
        Access::ProviderSigned => vec![BTreeMap::from([(PROVIDER.into(), vec![])])],
        Access::SignedIn | Access::Roles(_) | Access::Services(_) => vec![BTreeMap::from([(BEARER.into(), vec![])])],
    }
}

fn delivery(route: &Route) -> Delivery {
    let of = |access| Delivery { function: route.function.clone(), access, roles: BTreeSet::new(), services: BTreeSet::new() };
    match &route.access {
        Access::Public => of(Kind::Public),
        Access::ProviderSigned => of(Kind::ProviderSigned),
        Access::SignedIn => of(Kind::SignedIn),
        Access::Roles(roles) => Delivery { roles: roles.clone(), ..of(Kind::Roles) },
        Access::Services(services) => Delivery { services: services.clone(), ..of(Kind::Services) },
        Access::ThisMachine => of(Kind::ThisMachine),
    }
}

fn parameter(parameter: &Parameter) -> ParameterObject {
    ParameterObject {
        name: parameter.name.clone(),
        r#in: parameter.place,
        description: parameter.summary.clone(),
        required: parameter.required,
        schema: Ordered(parameter.schema.clone()),
    }
}

fn media_type(content: &Content) -> MediaType {
    MediaType { schema: Ordered(content.schema.clone()), example: content.example.clone().map(Ordered) }
}

fn response(answer: &Answer) -> ResponseObject {
    ResponseObject {
        description: answer.summary.clone(),
        headers: answer.headers.iter().map(|(name, what)| (name.clone(), header(what, "string"))).collect(),
        content: answer.content.iter().map(|(media, content)| (media.clone(), media_type(content))).collect(),
    }
}

fn header(what: &str, of_type: &str) -> HeaderObject {
    HeaderObject { description: what.into(), schema: Ordered(json!({ "type": of_type })) }
}

/// Problems of one status.
fn refusal(status: u16, codes: &BTreeSet<String>) -> ResponseObject {
    let types: Vec<_> = codes.iter().map(|code| format!("{URN}{code}")).collect();
    let narrowed = json!({ "properties": { "type": { "enum": types }, "status": { "const": status } } });
    let schema = Ordered(json!({ "allOf": [{ "$ref": "#/components/schemas/problem" }, narrowed] }));
    let later = (status == 503).then(|| ("Retry-After".to_owned(), header("Seconds to wait.", "integer")));
    ResponseObject {
        description: codes.iter().map(|code| code.replace('-', " ")).collect::<Vec<_>>().join("; "),
        headers: later.into_iter().collect(),
        content: IndexMap::from([(PROBLEM.into(), MediaType { schema, example: None })]),
    }
}

/// What a document says; what it lacks is added to `missing`.
pub(crate) fn api(document: Document, missing: &mut Vec<Missing>) -> Api {
    let mut api = Api { version: document.info.version, ..Api::new(&document.info.title, &document.info.description) };
    if document.openapi != "3.1.0" {
        missing.push((vec!["openapi".into()], format!("this reads OpenAPI 3.1.0, not {}", document.openapi)));
    }
    for (path, operations) in document.paths {
        for (method, operation) in operations {
            let at = vec!["paths".to_owned(), path.clone(), method.key()];
            let lacks = |step: &str, what: String| ([at.clone(), vec![step.to_owned()]].concat(), what);
            api.route(route(method, &path, operation, &mut |step, what| missing.push(lacks(step, what))));
        }
    }
    api
}

fn route(method: Method, path: &str, operation: Operation, lacks: &mut impl FnMut(&str, String)) -> Route {
    let mut route = Route {
        method,
        path: path.to_owned(),
        name: operation.operation_id,
        summary: operation.summary,
        function: operation.delivery.function.clone(),
        access: access(operation.delivery),
        parameters: operation.parameters.into_iter().map(parameter_back).collect(),
        body: None,
        reader: Reader::default(),
        answers: BTreeMap::new(),
        problems: BTreeMap::new(),
    };
    if let Some(mut body) = operation.request_body {
        route.body = body.content.shift_remove(JSON).map(content_back);
        if route.body.is_none() {
            lacks("requestBody", format!("a body is {JSON}"));
        }
    }
    for (status, response) in operation.responses {
        let Ok(code) = status.parse::<u16>() else {
            lacks("responses", format!("{status} is no status"));
            continue;
        };
        match response.content.get(PROBLEM) {
            Some(problem) => match codes(&problem.schema.0) {
                Some(codes) => drop(route.problems.insert(code, codes)),
                None => lacks("responses", format!("the problems of {status} name no codes")),
            },
            None => drop(route.answers.insert(code, answer_back(response))),
        }
    }
    route
}

fn access(delivery: Delivery) -> Access {
    match delivery.access {
        Kind::Public => Access::Public,
        Kind::ProviderSigned => Access::ProviderSigned,
        Kind::SignedIn => Access::SignedIn,
        Kind::Roles => Access::Roles(delivery.roles),
        Kind::Services => Access::Services(delivery.services),
        Kind::ThisMachine => Access::ThisMachine,
    }
}

fn parameter_back(parameter: ParameterObject) -> Parameter {
    Parameter {
        name: parameter.name,
        place: parameter.r#in,
        summary: parameter.description,
        required: parameter.required,
        schema: parameter.schema.0,
    }
}

fn content_back(media_type: MediaType) -> Content {
    Content { schema: media_type.schema.0, example: media_type.example.map(|example| example.0) }
}

fn answer_back(response: ResponseObject) -> Answer {
    Answer {
        summary: response.description,
        headers: response.headers.into_iter().map(|(name, header)| (name, header.description)).collect(),
        content: response.content.into_iter().map(|(media, content)| (media, content_back(content))).collect(),
    }
}

/// The codes that a refusal's schema names.
fn codes(schema: &Value) -> Option<BTreeSet<String>> {
    let types = schema.pointer("/allOf/1/properties/type/enum")?.as_array()?;
    types.iter().map(|one| Some(one.as_str()?.strip_prefix(URN)?.to_owned())).collect()
}
