//! What clients rely on since a release: every break is named with path, field and rule, and what fits breaks nothing.

use annals_contract::route::Place;
use annals_contract::{Access, Route, laws};
use annals_kit::Role;
use serde_json::{Value, json};

use crate::fixture::{seller, whole};

/// The rules that a change of the route of this name breaks after its release, with the fields.
fn broken(name: &str, change: impl FnOnce(&mut Route)) -> Vec<String> {
    let released = whole(&seller());
    let mut now = seller();
    change(now.api.routes.iter_mut().find(|route| route.name == name).unwrap());
    let place = now.api.routes.iter().find(|route| route.name == name).map_or_else(String::new, |route| format!("{}: ", route.key()));
    match laws::check_release(&whole(&now), &released) {
        Ok(()) => vec![],
        Err(errors) => errors
            .0
            .iter()
            .map(|problem| {
                assert!(problem.file == "billing/openapi.yaml" && problem.line > 3 && !problem.next.is_empty(), "{problem}");
                let what = problem.what.strip_prefix(&place).unwrap_or_else(|| panic!("{place}does not begin {problem}"));
                format!("{}: {what}", problem.rule)
            })
            .collect(),
    }
}

fn body(route: &mut Route) -> &mut Value {
    &mut route.body.as_mut().unwrap().schema
}

fn ticket(route: &mut Route) -> &mut Value {
    &mut route.answers.get_mut(&201).unwrap().content["application/json"].schema
}

/// A change of a route.
type Change = fn(&mut Route);

#[test]
fn a_change_of_a_request_that_breaks_clients_is_named() {
    let sell: [(Change, &str); 12] = [
        (|route| body(route)["required"] = json!(["at", "count", "voucher"]), "made-required: body.voucher must"),
        (
            |route| {
                body(route)["required"] = json!(["at", "count", "name"]);
                body(route)["properties"]["name"] = json!({ "type": "string" });
            },
            "made-required: body.name must",
        ),
        (|route| drop(body(route)["properties"].as_object_mut().unwrap().remove("voucher")), "field-removed: body.voucher is"),
        (|route| body(route)["properties"]["count"]["type"] = json!("string"), "type-changed: body.count is"),
        (|route| body(route)["properties"]["count"]["maximum"] = json!(10), "bound-narrowed: body.count is"),
        (|route| body(route)["properties"]["at"]["enum"] = json!(["online"]), "word-removed: body.at may no longer be entrance"),
        (|route| body(route)["properties"]["voucher"]["pattern"] = json!("^V"), "form-changed: body.voucher must"),
        (|route| body(route)["properties"]["voucher"]["enum"] = json!(["V1"]), "words-closed: body.voucher must"),
        (|route| route.body = None, "body-removed: body is"),
        (|route| drop(route.parameters.pop()), "parameter-removed: header Idempotency-Key is"),
        (|route| route.parameters[0].required = true, "made-required: header Idempotency-Key must"),
        (|route| route.access = Access::Roles([Role::Owner].into()), "role-removed: role member may"),
    ];
    for (change, expected) in sell {
        let found = broken("sell-ticket", change);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
    }
    let list: [(Change, &str); 4] = [
        (
            |route| {
                let mut since = route.parameters[1].clone();
                (since.name, since.required) = ("since".into(), true);
                route.parameters.push(since);
            },
            "made-required: query since must",
        ),
        (|route| route.parameters.retain(|one| one.name != "above"), "parameter-removed: query above is"),
        (
            |route| route.parameters.iter_mut().find(|one| one.name == "limit").unwrap().schema["maximum"] = json!(50),
            "bound-narrowed: query limit is",
        ),
        (|route| route.name = "tickets".into(), "operation-renamed: the operation"),
    ];
    for (change, expected) in list {
        let name = "list-tickets";
        let found = if expected.starts_with("operation") { renamed(change) } else { broken(name, change) };
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
    }
    let found = broken("opening-hours", |route| route.access = Access::SignedIn);
    assert!(found.len() == 1 && found[0].starts_with("access-narrowed: the caller must"), "{found:?}");
    let found = broken("ticket-holder", |route| route.access = Access::Services(["billing".into()].into()));
    assert!(found.len() == 1 && found[0].starts_with("service-removed: service notifications may"), "{found:?}");
    let found = broken("ticket-holder", |route| route.access = Access::Roles(Role::ALL.into()));
    assert!(found.len() == 1 && found[0].starts_with("access-narrowed: the caller must"), "{found:?}");
}

fn renamed(change: Change) -> Vec<String> {
    let mut now = seller();
    change(now.api.routes.iter_mut().find(|route| route.name == "list-tickets").unwrap());
    let errors = laws::check_release(&whole(&now), &whole(&seller())).unwrap_err();
    errors.0.iter().map(|problem| format!("{}: {}", problem.rule, problem.what.split_once(": ").unwrap().1)).collect()
}

#[test]
fn a_change_of_an_answer_that_breaks_clients_is_named() {
    let cases: [(Change, &str); 9] = [
        (|route| drop(ticket(route)["properties"].as_object_mut().unwrap().remove("price")), "field-removed: answer 201.price is"),
        (|route| ticket(route)["required"] = json!(["price", "at"]), "made-optional: answer 201.ticket_id may"),
        (|route| ticket(route)["properties"]["at"]["enum"] = json!(["entrance", "online", "museum"]), "word-added: answer 201.at may"),
        (|route| drop(route.answers.get_mut(&201).unwrap().headers.shift_remove("Location")), "header-removed: answer 201 Location is"),
        (|route| route.answers.get_mut(&201).unwrap().content.clear(), "media-type-removed: answer 201 is"),
        (|route| _ = route.problems.get_mut(&409).unwrap().remove("sold-out"), "code-removed: problem 409 sold-out is"),
        (|route| drop(route.problems.remove(&413)), "code-removed: problem 413 too-large is"),
        (
            |route| {
                let answer = route.answers[&201].clone();
                route.answers.insert(202, answer);
            },
            "answer-added: answer 202 is",
        ),
        (
            |route| drop(ticket(route)["properties"]["price"]["properties"].as_object_mut().unwrap().remove("currency")),
            "field-removed: answer 201.price.currency is",
        ),
    ];
    for (change, expected) in cases {
        let found = broken("sell-ticket", change);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
    }
    let mut gone = seller();
    gone.api.routes.retain(|route| route.name != "opening-hours");
    let errors = laws::check_release(&whole(&gone), &whole(&seller())).unwrap_err();
    assert_eq!(errors.0[0].what, "GET /v1/hours: the route is no longer there");
    assert_eq!(errors.0[0].rule, "route-removed");
}

#[test]
fn what_clients_need_not_know_may_change() {
    let cases: [Change; 8] = [
        |_| {},
        |route| route.summary = "said otherwise".into(),
        |route| route.function = "read-tickets".into(),
        |route| body(route)["properties"]["seat"] = json!({ "type": "string" }),
        |route| drop(body(route)["properties"]["count"].as_object_mut().unwrap().remove("maximum")),
        |route| ticket(route)["properties"]["seat"] = json!({ "type": "string" }),
        |route| _ = route.problems.entry(422).or_default().insert("too-many".into()),
        |route| route.access = Access::SignedIn,
    ];
    for change in cases {
        assert_eq!(broken("sell-ticket", change), [""; 0]);
    }
    let optional = |route: &mut Route| {
        let mut desk = route.parameters[0].clone();
        (desk.place, desk.name, desk.required) = (Place::Query, "colour".into(), false);
        route.parameters.push(desk);
    };
    assert_eq!(broken("list-tickets", optional), [""; 0]);
    assert_eq!(broken("ticket-holder", |route| route.access = Access::Public), [""; 0]);
}

#[test]
fn what_was_released_before_there_were_routes_promised_none() {
    let released = crate::fixture::parsed("released/asyncapi.yaml", &seller().to_yaml());
    laws::check_release(&whole(&seller()), &released).unwrap();
}
