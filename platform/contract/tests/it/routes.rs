//! Routes that break a law: each is refused under its rule, at its place, with advice.

use annals_contract::route::Method;
use annals_contract::{Access, Contract, Errors, Route, laws};
use annals_kit::Role;
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{hearer, seller, whole};

/// What the laws say of both contracts after a change to the seller's route of this name.
fn check(name: &str, change: impl FnOnce(&mut Route)) -> Result<(), Errors> {
    let mut seller = seller();
    change(seller.api.routes.iter_mut().find(|route| route.name == name).unwrap());
    held(&seller, &hearer())
}

fn held(seller: &Contract, hearer: &Contract) -> Result<(), Errors> {
    laws::check(&[whole(seller), whole(hearer)], &access_patterns::all())
}

/// A change of a route.
type Change = fn(&mut Route);

#[test]
fn every_broken_law_of_a_route_is_told_with_rule_place_and_advice() {
    let cases: [(&str, Change, &str, &str); 18] = [
        ("sell-ticket", |route| route.name = "sellTicket".into(), "kebab-case", "sellTicket"),
        ("sell-ticket", |route| route.path = "/v1/Tickets".into(), "path", "/v1/Tickets"),
        ("sell-ticket", |route| route.path = "v1/tickets".into(), "path", "v1/tickets"),
        ("sell-ticket", |route| route.function = "sell".into(), "unknown", "sell"),
        ("sell-ticket", |route| route.access = Access::Roles([].into()), "nobody", "nobody"),
        ("sell-ticket", |route| route.access = Access::Roles(Role::ALL.into()), "auditor", "may change"),
        ("list-tickets", |route| route.access = Access::Roles([Role::Owner].into()), "auditor", "may not read"),
        ("ticket-holder", |route| route.access = Access::Services([].into()), "nobody", "nobody"),
        ("ticket-holder", |route| route.access = Access::Services(["museum".into()].into()), "unknown", "other service museum"),
        // What is one's own is not asked over HTTP.
        ("ticket-holder", |route| route.access = Access::Services(["billing".into()].into()), "unknown", "other service billing"),
        ("sell-ticket", |route| route.parameters.clear(), "idempotency", "Idempotency-Key"),
        ("list-tickets", |route| route.body = Some(seller().api.named("sell-ticket").unwrap().body.clone().unwrap()), "read", "body"),
        ("list-tickets", |route| drop(route.parameters.remove(0)), "parameters", "desk"),
        ("list-tickets", |route| route.path = "/v1/tickets-sold".into(), "parameters", "desk"),
        ("list-tickets", |route| drop(route.parameters.pop()), "paged", "at once"),
        ("list-tickets", |route| route.answers.clear(), "answer", "no answer"),
        ("sell-ticket", |route| _ = route.problems.entry(409).or_default().insert("SoldOut".into()), "kebab-case", "SoldOut"),
        ("opening-hours", |route| route.name = "sell-ticket".into(), "taken", "sell-ticket"),
    ];
    for (name, change, rule, named) in cases {
        let Err(errors) = check(name, change) else { panic!("{name}: no law is broken, and {rule} should be") };
        let found = errors.0.iter().find(|problem| problem.rule == rule).unwrap_or_else(|| panic!("{name} should break {rule}: {errors}"));
        assert!(found.what.contains(named) && found.next.len() > 8, "{name}: {found}");
        assert!(found.file == "billing/openapi.yaml" && found.line > 3, "{name} has no place: {found}");
    }
}

#[test]
fn what_is_about_the_caller_alone_is_open_to_an_auditor() {
    check("sell-ticket", |route| route.access = Access::SignedIn).unwrap();
}

#[test]
fn what_http_does_once_by_itself_needs_no_key() {
    let of = |method| {
        check("sell-ticket", |route| {
            route.method = method;
            route.parameters.clear();
        })
    };
    assert!(of(Method::Put).is_ok() && of(Method::Delete).is_ok());
    assert!(of(Method::Patch).is_err() && of(Method::Post).is_err());
}

#[test]
fn a_service_asks_with_a_key_and_a_person_does_not() {
    let route = seller().api.named("ticket-holder").unwrap().clone();
    assert!(Role::ALL.iter().all(|role| !route.access.admits(*role)));
    assert!(route.access.is_authorized() && route.problems[&401].contains("unauthorized") && route.problems[&403].contains("forbidden"));
    let text = seller().to_openapi();
    let delivery = "access: services\n        roles: []\n        services:\n        - notifications\n";
    assert!(text.contains(delivery) && text.matches("services:").count() == 1, "{text}");
}

#[test]
fn two_services_do_not_answer_at_one_path() {
    for path in ["/v1/desks/{desk}/tickets", "/v1/desks/{id}/tickets"] {
        let mut hearer = hearer();
        let parameter = if path.contains("{id}") { "id" } else { "desk" };
        let route = Route::get(path, "tickets-heard-of", "Lists tickets.").function("write-letter").open_to(Access::Public);
        hearer.route(route.path::<Uuid>(parameter, "A desk.").answers::<u8>(200, "How many.", json!(1)));
        let errors = held(&seller(), &hearer).unwrap_err();
        let found = &errors.0[0];
        assert!(
            found.rule == "taken" && found.what.contains("/v1/desks/{desk}/tickets") && found.file == "notifications/openapi.yaml",
            "{found}"
        );
    }
}

#[test]
fn the_place_is_the_line_that_is_wrong() {
    let errors = check("sell-ticket", |route| route.function = "sell".into()).unwrap_err();
    let mut wrong = seller();
    wrong.api.routes.iter_mut().find(|route| route.name == "sell-ticket").unwrap().function = "sell".into();
    let line = wrong.to_openapi().lines().position(|line| line.trim() == "function: sell").unwrap() + 1;
    assert_eq!(errors.0[0].line, line, "{errors}");
}

#[test]
fn an_api_beside_another_services_events_is_refused() {
    let errors = laws::check(
        &[
            crate::fixture::parsed("billing/asyncapi.yaml", &seller().to_yaml()).with_api(crate::fixture::parsed_api(
                "billing/openapi.yaml",
                &seller().to_openapi().replace("title: billing", "title: other"),
            )),
            whole(&hearer()),
        ],
        &access_patterns::all(),
    )
    .unwrap_err();
    assert!(errors.0[0].rule == "service" && errors.0[0].what.contains("other"), "{errors}");
}
