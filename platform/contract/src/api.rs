//! What a service answers over HTTP, and the same read back from its file.

use access_patterns::{Errors, Problem};

use crate::openapi::{self, Document};
use crate::route::Route;
use crate::yaml::{self, Places};

/// What a service answers over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// The service.
    pub service: String,
    /// What it is about, in a sentence.
    pub description: String,
    /// The API's own version, such as `1.0.0`.
    pub version: String,
    /// Its routes, by path and method.
    pub routes: Vec<Route>,
}

impl Api {
    /// An API that answers nothing yet.
    pub fn new(service: &str, description: &str) -> Self {
        Self { service: service.into(), description: description.into(), version: "1.0.0".into(), routes: Vec::new() }
    }

    /// Answers at this route as well.
    pub fn route(&mut self, route: Route) -> &mut Self {
        let place = |route: &Route| (route.path.clone(), route.method);
        let at = self.routes.partition_point(|other| place(other) <= place(&route));
        self.routes.insert(at, route);
        self
    }

    /// The route of this name.
    pub fn named(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The API as OpenAPI 3.1 in YAML; `source` is the file that describes it, for the header.
    pub fn to_yaml(&self, source: &str) -> String {
        let header = openapi::HEADER.replace("{service}", &self.service).replace("{source}", source);
        format!("{header}{}", yaml::write(&openapi::document(self)))
    }
}

/// An API as a file has it.
#[derive(Debug)]
pub struct CommittedApi {
    /// What it says.
    pub api: Api,
    file: String,
    places: Places,
}

impl CommittedApi {
    /// Reads the API in `text`; `file` is what problems call it.
    ///
    /// Whether it holds is another question: see [`crate::laws`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Errors> {
        let document: Document = yaml::read(file, text)?;
        let places = yaml::read(file, text)?;
        let mut missing = vec![];
        let committed = Self { api: openapi::api(document, &mut missing), file: file.into(), places };
        if missing.is_empty() {
            return Ok(committed);
        }
        Err(Errors(missing.iter().map(|(path, what)| committed.problem(path, "form", what.clone(), yaml::BY_HAND)).collect()))
    }

    /// Something wrong at `path`.
    pub(crate) fn problem<P: AsRef<str>>(
        &self,
        path: &[P],
        rule: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Problem {
        self.places.problem(&self.file, path, rule, what, next)
    }

    /// Something wrong with a route, at `steps` within it.
    pub(crate) fn problem_of(
        &self,
        route: &Route,
        steps: &[&str],
        rule: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Problem {
        let method = route.method.key();
        let path = [&["paths", route.path.as_str(), method.as_str()], steps].concat();
        self.problem(&path, rule, what, next)
    }
}
