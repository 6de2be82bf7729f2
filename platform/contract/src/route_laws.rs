//! What holds for every route. What does not is told with place and advice.

use std::collections::{BTreeMap, BTreeSet};

use access_patterns::Problem;
use annals_kit::Role;

use crate::api::CommittedApi;
use crate::limits;
use crate::route::{Access, IDEMPOTENCY_KEY, Place, Route};

/// What routes may name.
pub(crate) struct Known<'a> {
    /// The functions of the service.
    pub(crate) functions: Vec<&'a str>,
    /// The services that may ask it: all others.
    pub(crate) services: Vec<&'a str>,
}

/// Holds every route of an API to the laws. Without `known`, whoever wires it looks after what routes name.
pub(crate) fn check(committed: &CommittedApi, known: Option<&Known<'_>>) -> Vec<Problem> {
    let mut laws = Laws { committed, found: vec![] };
    for route in &committed.api.routes {
        laws.names(route);
        if let Some(known) = known {
            laws.known(route, known);
        }
        laws.path_parameters(route);
        laws.access(route);
        laws.commands(route);
        laws.lists(route);
    }
    laws.found
}

/// Routes and names that two APIs, or two routes of one, have alike.
pub(crate) fn taken<'a>(apis: impl Iterator<Item = &'a CommittedApi>) -> Vec<Problem> {
    let mut problems = vec![];
    let mut names = BTreeSet::new();
    // What a router tells apart: the path without its parameters' names, which must be the same for every method.
    let mut shapes: BTreeMap<String, &str> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for committed in apis {
        for route in &committed.api.routes {
            if !names.insert(&route.name) {
                let what = format!("there is another operation {}", route.name);
                problems.push(committed.problem_of(
                    route,
                    &["operationId"],
                    "taken",
                    what,
                    "choose another: clients have a method of this name",
                ));
            }
            let known = *shapes.entry(shape(&route.path)).or_insert(&route.path);
            if known != route.path || !keys.insert((route.method, &route.path)) {
                let what = format!("{} is answered already, as {known}", route.key());
                problems.push(committed.problem_of(
                    route,
                    &[],
                    "taken",
                    what,
                    "one account has one route for a request; choose another path",
                ));
            }
        }
    }
    problems
}

fn shape(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

struct Laws<'a> {
    committed: &'a CommittedApi,
    found: Vec<Problem>,
}

impl Laws<'_> {
    fn add(&mut self, route: &Route, steps: &[&str], rule: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.found.push(self.committed.problem_of(route, steps, rule, what, next));
    }

    fn names(&mut self, route: &Route) {
        if !limits::is_kebab(&route.name) {
            let next = "write it in kebab-case: a-z, 0-9, and single dashes between them";
            self.add(route, &["operationId"], "kebab-case", format!("{} is not kebab-case", route.name), next);
        }
        let fits = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => limits::is_snake(name.strip_suffix('+').unwrap_or(name)),
            None => limits::is_kebab(part),
        };
        let parts = route.path.strip_prefix('/').map(|path| path.split('/').all(fits));
        if parts != Some(true) {
            let next = "write /parts-of-it/{and_parameters}";
            self.add(route, &[], "path", format!("{} is no path of ours", route.path), next);
        }
        for code in route.problems.values().flatten().filter(|code| !limits::is_kebab(code)) {
            self.add(route, &["responses"], "kebab-case", format!("{code} is no problem's code"), "write it in kebab-case");
        }
    }

    fn known(&mut self, route: &Route, known: &Known<'_>) {
        if !known.functions.contains(&route.function.as_str()) {
            let what = format!("there is no function {}", route.function);
            self.add(route, &["x-delivery", "function"], "unknown", what, "add the function to the contract, or name one that is there");
        }
        let Access::Services(services) = &route.access else { return };
        for service in services.iter().filter(|service| !known.services.contains(&service.as_str())) {
            let what = format!("there is no other service {service}");
            self.add(route, &["x-delivery", "services"], "unknown", what, "name services that have contracts of their own");
        }
    }

    fn path_parameters(&mut self, route: &Route) {
        let named = |part: &str| Some(part.strip_prefix('{')?.strip_suffix('}')?.to_owned());
        let in_path: BTreeSet<_> = route.path.split('/').filter_map(named).collect();
        let described = route.parameters.iter().filter(|parameter| parameter.place == Place::Path).map(|parameter| parameter.name.clone());
        let described: BTreeSet<_> = described.collect();
        for name in in_path.symmetric_difference(&described) {
            let what = format!("{name} is in the path or among the parameters, and not in both");
            self.add(route, &["parameters"], "parameters", what, "describe every {part} of the path with `path`, and no other");
        }
    }

    /// Somebody may ask; an auditor reads everything and changes nothing.
    fn access(&mut self, route: &Route) {
        if matches!(&route.access, Access::Services(services) if services.is_empty()) {
            self.add(route, &["x-delivery", "access"], "nobody", "nobody may ask", "say which services may with `admits_services`");
        }
        let Access::Roles(roles) = &route.access else { return };
        if roles.is_empty() {
            self.add(route, &["x-delivery", "roles"], "nobody", "nobody may ask", "say who may with `admits`");
        } else if roles.contains(&Role::Auditor) == route.is_command() {
            let what = if route.is_command() { "an auditor may change something" } else { "an auditor may not read this" };
            let next = "an auditor reads everything of a tenant and changes nothing; what is about the caller alone is `for_oneself`";
            self.add(route, &["x-delivery", "roles"], "auditor", what, next);
        }
    }

    fn commands(&mut self, route: &Route) {
        let by_people = matches!(route.access, Access::Roles(_) | Access::SignedIn);
        let keyed = route.parameters.iter().any(|parameter| parameter.name == IDEMPOTENCY_KEY);
        if !route.method.is_idempotent() && by_people && !keyed {
            let next =
                "take it with `idempotent`, so that a lost answer can be asked for again; PUT and DELETE do the same again by themselves";
            self.add(route, &[], "idempotency", format!("a command takes no {IDEMPOTENCY_KEY}"), next);
        }
        if !route.is_command() && (keyed || route.body.is_some()) {
            let next = "a read has neither: make it a command, or take them away";
            self.add(route, &[], "read", format!("a read takes a body or an {IDEMPOTENCY_KEY}"), next);
        }
        if !route.answers.keys().any(|status| (200..300).contains(status)) {
            self.add(route, &["responses"], "answer", "there is no answer where all is well", "describe it with `answers`");
        }
    }

    /// What answers with a list does so page by page.
    fn lists(&mut self, route: &Route) {
        let is_list = |schema: &serde_json::Value| schema["properties"]["items"]["type"] == "array";
        let lists = route.answers.values().flat_map(|answer| answer.content.values()).any(|content| is_list(&content.schema));
        let takes = |name: &str| route.parameters.iter().any(|parameter| parameter.name == name);
        if lists && route.access != Access::ThisMachine && !(takes("limit") && takes("page")) {
            self.add(route, &["parameters"], "paged", "a list comes all at once", "page it with `paged`: it grows");
        }
    }
}
