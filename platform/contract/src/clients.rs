//! What clients of an API rely on: since a release, whatever could be asked can be asked, and what was answered is answered.

use std::collections::BTreeSet;

use crate::api::Api;
use crate::compatible::{self, Break};
use crate::route::{Access, Method, Parameter, Place, Route};

/// Something of a route that a client relies on and would no longer find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The route's method,
    pub method: Method,
    /// and its path.
    pub path: String,
    /// What of it: `body.price.amount`, `query limit`, `answer 200.items[].mrr`.
    pub broken: Break,
}

/// What a release promised to clients and `now` no longer keeps.
pub fn broken_promises(released: &Api, now: &Api) -> Vec<Broken> {
    let mut broken = vec![];
    for promised in &released.routes {
        let found = now.routes.iter().find(|route| (route.method, &route.path) == (promised.method, &promised.path));
        let mut comparison = Comparison { breaks: vec![] };
        match found {
            None => comparison.add("the route", "route-removed", "is no longer there"),
            Some(route) => comparison.compare(promised, route),
        }
        let of_route = |found| Broken { method: promised.method, path: promised.path.clone(), broken: found };
        broken.extend(comparison.breaks.into_iter().map(of_route));
    }
    broken
}

struct Comparison {
    breaks: Vec<Break>,
}

impl Comparison {
    fn add(&mut self, field: &str, rule: &'static str, what: impl Into<String>) {
        self.breaks.push(Break { field: field.into(), rule, what: what.into() });
    }

    fn compare(&mut self, released: &Route, now: &Route) {
        if released.name != now.name {
            let what = format!("is called {} now, and clients have a method {}", now.name, released.name);
            self.add("the operation", "operation-renamed", what);
        }
        self.access(&released.access, &now.access);
        self.parameters(&released.parameters, &now.parameters);
        self.body(released, now);
        self.answers(released, now);
        self.problems(released, now);
    }

    fn access(&mut self, released: &Access, now: &Access) {
        match (released, now) {
            (Access::Roles(could), Access::Roles(may)) => {
                for role in could.difference(may) {
                    self.add(&format!("role {role}"), "role-removed", "may no longer ask");
                }
            }
            (Access::Services(could), Access::Services(may)) => {
                for service in could.difference(may) {
                    self.add(&format!("service {service}"), "service-removed", "may no longer ask");
                }
            }
            // Whoever could ask before is signed in, or needs not be.
            (Access::Roles(_), Access::SignedIn | Access::Public) | (Access::SignedIn | Access::Services(_), Access::Public) => {}
            (before, after) if before == after => {}
            _ => self.add("the caller", "access-narrowed", "must show more than before"),
        }
    }

    fn parameters(&mut self, released: &[Parameter], now: &[Parameter]) {
        let of = |list: &[Parameter], one: &Parameter| list.iter().find(|other| same(other, one)).cloned();
        for before in released {
            let field = named(before);
            match of(now, before) {
                None => self.add(&field, "parameter-removed", "is no longer taken, and clients say it"),
                Some(after) => {
                    if after.required && !before.required {
                        self.add(&field, "made-required", "must be there now, and clients may leave it out");
                    }
                    self.breaks.extend(compatible::no_longer_taken(&field, &before.schema, &after.schema));
                }
            }
        }
        for after in now.iter().filter(|after| after.required && of(released, after).is_none()) {
            self.add(&named(after), "made-required", "must be there, and clients do not know it");
        }
    }

    fn body(&mut self, released: &Route, now: &Route) {
        match (&released.body, &now.body) {
            (Some(before), Some(after)) => self.breaks.extend(compatible::no_longer_taken("body", &before.schema, &after.schema)),
            (Some(_), None) => self.add("body", "body-removed", "is no longer taken, and clients send one"),
            (None, Some(_)) => self.add("body", "made-required", "must be there, and clients send none"),
            (None, None) => {}
        }
    }

    fn answers(&mut self, released: &Route, now: &Route) {
        for (status, before) in &released.answers {
            let field = format!("answer {status}");
            let Some(after) = now.answers.get(status) else {
                self.add(&field, "answer-removed", "is no longer given, and clients wait for it");
                continue;
            };
            for header in before.headers.keys().filter(|header| !after.headers.contains_key(*header)) {
                self.add(&format!("{field} {header}"), "header-removed", "is no longer there, and clients read it");
            }
            for (media_type, content) in &before.content {
                match after.content.get(media_type) {
                    None => self.add(&field, "media-type-removed", format!("is no longer {media_type}")),
                    Some(found) => self.breaks.extend(compatible::taken_back(&field, &found.schema, &content.schema)),
                }
            }
        }
        for status in now.answers.keys().filter(|status| !released.answers.contains_key(status)) {
            self.add(&format!("answer {status}"), "answer-added", "is given where clients know of none");
        }
    }

    /// A new code is one more reason of a status that every client must understand as such; one that is gone was handled by somebody.
    fn problems(&mut self, released: &Route, now: &Route) {
        let none = BTreeSet::new();
        for (status, codes) in &released.problems {
            for code in codes.difference(now.problems.get(status).unwrap_or(&none)) {
                self.add(&format!("problem {status} {code}"), "code-removed", "is no longer told so, and clients act on it");
            }
        }
    }
}

fn same(one: &Parameter, other: &Parameter) -> bool {
    one.place == other.place && one.name.eq_ignore_ascii_case(&other.name)
}

fn named(parameter: &Parameter) -> String {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    format!("{place} {}", parameter.name)
}
