//! One route of a service's API: who may ask what, and everything that may be answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annals_kit::Role;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contract::Reader;
use crate::schema;

/// What bodies are, and what answers are that are no problems.
pub const JSON: &str = "application/json";
/// The header that makes a command do once what is asked twice.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// An HTTP method that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Reads.
    Get,
    /// Adds, or has something done.
    Post,
    /// Puts something in its place.
    Put,
    /// Changes a part.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether what is asked twice is what is asked once, as HTTP has it (RFC 9110, 9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Put | Self::Delete => true,
            Self::Post | Self::Patch => false,
        }
    }

    /// As OpenAPI writes it.
    pub(crate) fn key(self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever signs as a provider does.
    ProviderSigned,
    /// Whoever is signed in, about themselves.
    SignedIn,
    /// Whoever is signed in with one of these roles.
    Roles(BTreeSet<Role>),
    /// These services, each by a key of its own.
    Services(BTreeSet<String>),
    /// Whoever reaches this machine's loopback address; there is no such route on AWS.
    ThisMachine,
}

impl Access {
    /// Whether somebody who is signed in with this role may ask.
    pub fn admits(&self, role: Role) -> bool {
        match self {
            Self::Public | Self::SignedIn => true,
            Self::Roles(roles) => roles.contains(&role),
            Self::Services(_) | Self::ProviderSigned | Self::ThisMachine => false,
        }
    }

    /// Whether the authorizer finds out who asks, by a session or a key, before the function is asked.
    pub fn is_authorized(&self) -> bool {
        match self {
            Self::SignedIn | Self::Roles(_) | Self::Services(_) => true,
            Self::Public | Self::ProviderSigned | Self::ThisMachine => false,
        }
    }
}

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Its path, such as `/v1/subscriptions/{id}`.
    pub path: String,
    /// Its name, in kebab-case: the `operationId`, and the method of a generated client.
    pub name: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// The function that answers.
    pub function: String,
    /// Who may ask.
    pub access: Access,
    /// What path, query and headers say.
    pub parameters: Vec<Parameter>,
    /// What the body says.
    pub body: Option<Content>,
    /// The function's own reading of it; a file has none.
    pub reader: Reader,
    /// What is answered where all is well, by status.
    pub answers: BTreeMap<u16, Answer>,
    /// What is answered otherwise: the codes of problems, by status.
    pub problems: BTreeMap<u16, BTreeSet<String>>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// What path, query or a header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it means, in a sentence.
    pub summary: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its JSON Schema.
    pub schema: Value,
}

/// What a body says.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Its JSON Schema.
    pub schema: Value,
    /// One such body; none where it is no JSON.
    pub example: Option<Value>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// When it is given, or what it is, in a sentence.
    pub summary: String,
    /// The headers that it has, and what they say.
    pub headers: IndexMap<String, String>,
    /// Its body, by media type.
    pub content: IndexMap<String, Content>,
}

impl Route {
    /// A route of this method, path and name that does what `summary` says. It is answered by the function of its name, unless
    /// [`Self::function`] says otherwise, and is nobody's until it says who may ask.
    pub fn new(method: Method, path: &str, name: &str, summary: &str) -> Self {
        let route = Self {
            method,
            path: path.into(),
            name: name.into(),
            summary: summary.into(),
            function: name.into(),
            access: Access::Roles(BTreeSet::new()),
            parameters: Vec::new(),
            body: None,
            reader: Reader::default(),
            answers: BTreeMap::new(),
            problems: BTreeMap::new(),
        };
        // What any function may come to, and what stands before it says where it does not answer in time.
        route.refuses(500, &["internal"]).refuses(503, &["busy"]).refuses(504, &["unknown-outcome"])
    }

    /// A read.
    pub fn get(path: &str, name: &str, summary: &str) -> Self {
        Self::new(Method::Get, path, name, summary)
    }

    /// A command.
    pub fn post(path: &str, name: &str, summary: &str) -> Self {
        Self::new(Method::Post, path, name, summary)
    }

    /// Is answered by this function.
    pub fn function(self, name: &str) -> Self {
        Self { function: name.into(), ..self }
    }

    /// Whoever is signed in with one of these roles may ask.
    pub fn admits(self, roles: &[Role]) -> Self {
        self.open_to(Access::Roles(roles.iter().copied().collect()))
    }

    /// Whoever is signed in may ask, about themselves.
    pub fn for_oneself(self) -> Self {
        self.open_to(Access::SignedIn)
    }

    /// These services may ask, and no people.
    pub fn admits_services(self, names: &[&str]) -> Self {
        self.open_to(Access::Services(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    /// May be asked by these. Where the authorizer finds out who asks, it refuses those who show nothing, and those who show what is not valid.
    pub fn open_to(self, access: Access) -> Self {
        let route = Self { access, ..self };
        if !route.access.is_authorized() {
            return route;
        }
        route.refuses(401, &["unauthorized"]).refuses(403, &["forbidden"])
    }

    /// Takes a part of its path. What cannot be one is not found, as what does not exist; what is empty, or no UTF-8, is no such path.
    pub fn path<T: JsonSchema>(self, name: &str, summary: &str) -> Self {
        let route = self.parameter(Place::Path, name, summary, true, schema::read::<T>());
        route.refuses(400, &["malformed"]).refuses(404, &["no-such-path", "not-found"])
    }

    /// May take this of its query.
    pub fn query<T: JsonSchema>(self, name: &str, summary: &str) -> Self {
        self.parameter(Place::Query, name, summary, false, schema::read::<T>()).refuses(400, &["invalid"])
    }

    /// Must be given this in its query.
    pub fn needs_query<T: JsonSchema>(self, name: &str, summary: &str) -> Self {
        self.parameter(Place::Query, name, summary, true, schema::read::<T>()).refuses(400, &["invalid"])
    }

    /// Must be given this header; what happens otherwise is the route's to say.
    pub fn needs_header(self, name: &str, summary: &str) -> Self {
        self.parameter(Place::Header, name, summary, true, json!({ "type": "string" }))
    }

    /// Takes an Idempotency-Key, under which it is done once.
    pub fn idempotent(self) -> Self {
        self.keyed("Repeated within 24 hours with the same request, it gets the same answer, and nothing is done twice.")
    }

    /// The same of what answers with a secret, which is kept nowhere: a repetition is told that it was done, and no more.
    pub fn shown_once(self) -> Self {
        let route = self
            .keyed("Repeated within 24 hours with the same request, nothing is done twice, and what was shown is not shown again: 409.");
        route.refuses(409, &["shown-before"])
    }

    fn keyed(self, summary: &str) -> Self {
        // No space at either end: HTTP takes it away.
        let schema = json!({ "type": "string", "pattern": "^[!-~]([ -~]{0,198}[!-~])?$" });
        let route = self.parameter(Place::Header, IDEMPOTENCY_KEY, summary, false, schema).refuses(400, &["invalid"]);
        route.refuses(409, &["idempotency-key-reused"]).refuses(413, &["too-large"]).refuses(503, &["unknown-outcome"])
    }

    /// Takes a version that the answer shows at least.
    pub fn min_version(self) -> Self {
        let summary = "The answer shows at least this version, as a command answered it; 409 where the stream has not reached it.";
        self.query::<u64>("min_version", summary).refuses(409, &["version-not-reached"])
    }

    /// Answers with a page of a list: of `default` entries, or of as many as `limit` says, at most `most`.
    pub fn paged(self, default: u32, most: u32) -> Self {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default });
        let page = json!({ "type": "string" });
        let route = self.parameter(Place::Query, "limit", "How many entries at most.", false, limit);
        let route = route.parameter(Place::Query, "page", "`next` of the page before; the first page is without.", false, page);
        route.refuses(400, &["invalid"])
    }

    /// Takes a body of this form.
    pub fn body<T: JsonSchema + DeserializeOwned>(self, example: Value) -> Self {
        let body = Content { schema: schema::read::<T>(), example: Some(example) };
        Self { body: Some(body), reader: Reader::of::<T>(), ..self }.refuses(400, &["invalid", "malformed"]).refuses(413, &["too-large"])
    }

    /// Answers with this status and body.
    pub fn answers<T: JsonSchema>(self, status: u16, summary: &str, example: Value) -> Self {
        self.answers_as(status, summary, JSON, Content { schema: schema::written::<T>(), example: Some(example) })
    }

    /// Answers with this status and no body.
    pub fn answers_empty(mut self, status: u16, summary: &str) -> Self {
        self.answers.insert(status, Answer { summary: summary.into(), headers: IndexMap::new(), content: IndexMap::new() });
        self
    }

    /// Answers with this status and a body of this media type, one of several where it is called again.
    pub fn answers_as(mut self, status: u16, summary: &str, media_type: &str, content: Content) -> Self {
        let answer = Answer { summary: summary.into(), headers: IndexMap::new(), content: IndexMap::new() };
        self.answers.entry(status).or_insert(answer).content.insert(media_type.into(), content);
        self
    }

    /// With this header on an answer that was described before.
    ///
    /// # Panics
    /// Where there is no such answer.
    pub fn with_header(mut self, status: u16, name: &str, summary: &str) -> Self {
        let answer = self.answers.get_mut(&status).unwrap_or_else(|| panic!("{} has no answer {status} to give a header", self.name));
        answer.headers.insert(name.into(), summary.into());
        self
    }

    /// May answer with problems of these codes.
    pub fn refuses(mut self, status: u16, codes: &[&str]) -> Self {
        self.problems.entry(status).or_default().extend(codes.iter().map(|code| (*code).to_owned()));
        self
    }

    fn parameter(mut self, place: Place, name: &str, summary: &str, required: bool, schema: Value) -> Self {
        self.parameters.push(Parameter { name: name.into(), place, summary: summary.into(), required, schema });
        self
    }

    /// Method and path, as API Gateway writes a route's key.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it changes something.
    pub fn is_command(&self) -> bool {
        self.method != Method::Get
    }
}
