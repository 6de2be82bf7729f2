//! Writes the Rust client of an API, with the operations that one service asks: a file of that service, derived like its contract.
//!
//! Clients are lenient: fields that are not described are passed over, words and times are text. Answers may hold secrets and addresses, so
//! their types have no `Debug`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Api;
use crate::route::{JSON, Place, Route};

const HEADER: &str = "\
//! Asks {api}'s API what {asker} asks of it. Derived from services/{api}/openapi.yaml and services/{asker}/src/contract.rs:
//! change those, run `annals contracts derive`, and commit all. docs/contracts.md is the guide.

#![allow(dead_code, reason = \"answers have more than is read of them today\")]

{imports}
/// A client of {api}'s API.
#[derive(Clone)]
pub(crate) struct {client}(pub(crate) ApiClient);
";
/// Names that are no names in Rust.
const KEYWORDS: [&str; 12] = ["type", "ref", "use", "for", "in", "as", "if", "move", "match", "where", "loop", "mod"];

/// What keeps a client from asking a route; `None` where nothing does.
pub(crate) fn obstacle(route: &Route) -> Option<String> {
    let elsewhere = route.parameters.iter().find(|parameter| parameter.required && parameter.place != Place::Path);
    match (elsewhere, answer(route)) {
        (Some(parameter), _) => Some(format!("it must be given {} outside of its path", parameter.name)),
        (None, None) => Some("it has not one good answer, in JSON".into()),
        (None, Some(_)) => None,
    }
}

/// The file: `asker`'s client of `api`, with those of these operations that a client can ask.
pub(crate) fn client(api: &Api, asker: &str, operations: &[String]) -> String {
    let name = format!("{}Api", pascal(&api.service));
    let routes = operations.iter().filter_map(|operation| api.named(operation));
    let routes: Vec<_> = routes.filter_map(|route| Some((route, answer(route).filter(|_| obstacle(route).is_none())?))).collect();
    let methods: Vec<String> = routes.iter().map(|(route, answer)| method(route, answer)).collect();
    let mut types = String::new();
    for (route, answer) in &routes {
        if let Some(body) = &route.body {
            let summary = format!("What [`{name}::{}`] is asked with.", snake(&route.name));
            define(&mut types, &body_name(route), &summary, &body.schema, "Serialize");
        }
        define(&mut types, &answer_name(route), answer.summary, answer.schema, "Deserialize");
    }
    let header = HEADER.replace("{api}", &api.service).replace("{asker}", asker).replace("{client}", &name);
    let text = format!("\nimpl {name} {{\n{}}}\n{types}", methods.join("\n"));
    header.replace("{imports}", &imports(&text)) + &text
}

/// The one good answer of a route.
struct Good<'a> {
    status: u16,
    summary: &'a str,
    schema: &'a Value,
}

fn answer(route: &Route) -> Option<Good<'_>> {
    let mut good = route.answers.iter().filter(|(status, _)| (200..300).contains(*status));
    let (Some((status, answer)), None) = (good.next(), good.next()) else { return None };
    Some(Good { status: *status, summary: &answer.summary, schema: &answer.content.get(JSON)?.schema })
}

/// What the text names.
fn imports(text: &str) -> String {
    let named = |names: &[&'static str]| names.iter().copied().filter(|name| text.contains(name)).collect::<Vec<_>>();
    let own = [&["ApiClient"], named(&["AskError", "Operation", "segment("]).as_slice()].concat().join(", ").replace('(', "");
    let serde = named(&["Deserialize", "Serialize"]);
    let serde = match serde.as_slice() {
        [] => String::new(),
        [one] => format!("use serde::{one};\n"),
        several => format!("use serde::{{{}}};\n", several.join(", ")),
    };
    let own = if own.contains(',') { format!("{{{own}}}") } else { own };
    format!("use annals_lambda::api::{own};\n{serde}")
}

fn method(route: &Route, answer: &Good<'_>) -> String {
    let in_path: Vec<&str> = route.parameters.iter().filter(|one| one.place == Place::Path).map(|one| one.name.as_str()).collect();
    let mut arguments: String = in_path.iter().map(|name| format!(", {}: &str", field(name))).collect();
    let mut path = format!("{:?}", route.path);
    if !in_path.is_empty() {
        let parts: String = in_path.iter().map(|name| format!(", {name} = segment({})", field(name))).collect();
        path = format!("&format!({path}{parts})");
    }
    let mut ask = format!("ask(OPERATION, {path})");
    if route.body.is_some() {
        arguments.push_str(&format!(", body: &{}", body_name(route)));
        ask = format!("ask_with(OPERATION, {path}, body)");
    }
    let problems = route.problems.iter().flat_map(|(status, codes)| codes.iter().map(move |code| (status, code)));
    let problems: String = problems.map(|(status, code)| format!("                ({status}, {code:?}),\n")).collect();
    let (summary, name, method, status) = (&route.summary, snake(&route.name), route.method.as_str(), answer.status);
    let answer = rust_type(answer.schema, &answer_name(route));
    format!(
        "    /// {summary}
    pub(crate) async fn {name}(&self{arguments}) -> Result<{answer}, AskError> {{
        const OPERATION: Operation = Operation {{
            method: {method:?},
            answer: {status},
            problems: &[
{problems}            ],
        }};
        self.0.{ask}.await
    }}
"
    )
}

/// Adds the struct of this name where the schema is one of an object, and those within it.
fn define(text: &mut String, name: &str, summary: &str, schema: &Value, derive: &str) {
    let schema = schema.get("items").unwrap_or(schema);
    let Some(properties) = schema["properties"].as_object() else { return };
    // By name, as files have them.
    let properties: BTreeMap<_, _> = properties.iter().collect();
    let requires = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    text.push_str(&format!("\n/// {summary}\n#[derive(Clone, PartialEq, {derive})]\npub(crate) struct {name} {{\n"));
    for (property, of) in &properties {
        let described = of["description"].as_str().unwrap_or_default().lines();
        described.for_each(|line| text.push_str(&format!("{}\n", format!("    /// {line}").trim_end())));
        let of = rust_type(of, &inner(name, property));
        let of = if requires(property) || of.starts_with("Option<") { of } else { format!("Option<{of}>") };
        if derive == "Serialize" && !requires(property) {
            // What is left out is not there: null is not written in its place.
            text.push_str("    #[serde(skip_serializing_if = \"Option::is_none\")]\n");
        }
        text.push_str(&format!("    pub(crate) {}: {of},\n", field(property)));
    }
    text.push_str("}\n");
    for (property, of) in properties {
        define(text, &inner(name, property), &format!("`{property}` of [`{name}`]."), of, derive);
    }
}

/// The type that holds what a schema describes; an object's is called `name`.
fn rust_type(schema: &Value, name: &str) -> String {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let of = match types.iter().find(|one| **one != "null") {
        Some(&"object") if schema["properties"].is_object() => name.to_owned(),
        Some(&"array") => format!("Vec<{}>", rust_type(&schema["items"], name)),
        Some(&"string") => "String".to_owned(),
        Some(&"integer") => "i64".to_owned(),
        Some(&"number") => "f64".to_owned(),
        Some(&"boolean") => "bool".to_owned(),
        _ => "serde_json::Value".to_owned(),
    };
    if types.contains(&"null") { format!("Option<{of}>") } else { of }
}

fn answer_name(route: &Route) -> String {
    format!("{}Answer", pascal(&route.name))
}

fn body_name(route: &Route) -> String {
    format!("{}Body", pascal(&route.name))
}

fn inner(name: &str, property: &str) -> String {
    format!("{name}{}", pascal(property))
}

fn field(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn pascal(name: &str) -> String {
    let capital = |part: &str| part.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(part.chars().skip(1)).collect::<String>();
    name.split(['-', '_']).map(capital).collect()
}
