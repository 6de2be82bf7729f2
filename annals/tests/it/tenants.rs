//! Who may use which route: an auditor reads and changes nothing, and nobody reaches another tenant's things by any route.

use annals_contract::Access;
use annals_kit::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::people::Person;
use crate::world::{World, subscription};

/// Every route of the services that asks who calls: method, path with holes, body.
fn routes() -> Vec<(&'static str, &'static str, Value)> {
    let (email, role) = (json!({ "email": "eve@example.com", "role": "member" }), json!({ "role": "member" }));
    let euros = json!({ "amount": 1, "currency": "EUR" });
    vec![
        ("POST", "/v1/subscriptions", subscription("ada")),
        ("POST", "/v1/subscriptions/{subscription}/invoices", json!({ "period_start": "2026-01-01" })),
        ("GET", "/v1/subscriptions/{subscription}", Value::Null),
        ("GET", "/v1/subscriptions/{subscription}?min_version=1", Value::Null),
        ("GET", "/v1/subscriptions/{subscription}/invoices", Value::Null),
        ("GET", "/v1/customers/ada/subscriptions", Value::Null),
        ("GET", "/v1/invoices/{invoice}", Value::Null),
        ("GET", "/v1/invoices/{invoice}?min_version=1", Value::Null),
        ("GET", "/v1/invoices?status=past-due", Value::Null),
        ("GET", "/v1/invoices/{invoice}/payments", Value::Null),
        ("GET", "/v1/invoices/{invoice}/credit-notes", Value::Null),
        ("POST", "/v1/invoices/{invoice}/credit-notes", json!({ "amount": euros, "reason": "goodwill" })),
        ("POST", "/v1/invoices/{invoice}/refunds", json!({ "amount": euros })),
        ("POST", "/v1/subscriptions/{subscription}/changes", json!({ "price": euros, "when": "period-end" })),
        ("POST", "/v1/subscriptions/{subscription}/cancellation", json!({ "when": "period-end" })),
        ("POST", "/v1/subscriptions/{subscription}/reactivation", json!({})),
        ("GET", "/v1/plans", Value::Null),
        ("GET", "/v1/plans/tariff", Value::Null),
        ("POST", "/v1/plans/tariff/drafts", draft()),
        ("POST", "/v1/plans/tariff/releases", json!({ "version": 1 })),
        ("POST", "/v1/plans/tariff/retirement", json!({})),
        ("GET", "/v1/webhooks", Value::Null),
        ("POST", "/v1/api-keys", json!({ "name": "k", "role": "auditor" })),
        ("DELETE", "/v1/api-keys/{key}", Value::Null),
        ("GET", "/v1/api-keys", Value::Null),
        ("GET", "/v1/api-keys?user={user}", Value::Null),
        ("GET", "/v1/api-keys/{key}", Value::Null),
        ("GET", "/v1/api-keys/{key}?min_version=1", Value::Null),
        ("POST", "/v1/invitations", email),
        ("DELETE", "/v1/invitations/{invitation}", Value::Null),
        ("GET", "/v1/invitations", Value::Null),
        ("GET", "/v1/invitations/{invitation}", Value::Null),
        ("GET", "/v1/invitations/{invitation}?min_version=1", Value::Null),
        ("PUT", "/v1/members/{user}", role),
        ("DELETE", "/v1/members/{user}", Value::Null),
        ("GET", "/v1/members", Value::Null),
        ("GET", "/v1/users/{user}", Value::Null),
        ("GET", "/v1/users/{user}?min_version=1", Value::Null),
        ("GET", "/v1/users?email={email}", Value::Null),
        ("GET", "/v1/organisation", Value::Null),
        ("GET", "/v1/organisation?min_version=1", Value::Null),
        ("GET", "/v1/me", Value::Null),
        ("GET", "/v1/me/notification-preferences", Value::Null),
        ("PUT", "/v1/contacts/ada", json!({ "email": "ada@elsewhere.example" })),
        ("GET", "/v1/notifications/{user}", Value::Null),
        ("GET", "/v1/users/{user}/notifications", Value::Null),
        ("GET", "/v1/audit/day?period=2026", Value::Null),
        ("GET", "/v1/audit/revisions?stream=SUB%23{subscription}", Value::Null),
        ("GET", "/v1/tenants/{organisation}/contacts/{user}", Value::Null),
        ("POST", "/v1/tenants/{organisation}/users/{user}/verification-links", Value::Null),
        ("POST", "/v1/tenants/{organisation}/invitations/{invitation}/links", Value::Null),
    ]
}

/// A version of a plan; every organisation has a plan of this name.
fn draft() -> Value {
    json!({ "prices": [{ "interval": "month", "price": { "amount": 4900, "currency": "EUR" } }] })
}

/// An organisation with one of everything, and a word that is in all of it.
struct Tenant {
    owner: Person,
    auditor: Person,
    holes: Vec<(&'static str, String)>,
    marker: String,
}

impl Tenant {
    async fn of(world: &World, marker: &str) -> Self {
        let email = format!("{marker}@example.com");
        let owner = world.person(&email, marker).await;
        let auditor = world.member(&owner, &format!("{marker}-auditor@example.com"), "auditor").await;
        let mut body = subscription("ada");
        body["plan"] = marker.into();
        let made = async |method: &str, path: &str, body: &Value| {
            let answer = world.ask(&owner.bearer, method, path, body).await;
            assert!(answer.status < 300, "{method} {path}: {}", answer.body);
            answer.body["id"].as_str().unwrap_or_default().to_owned()
        };
        made("POST", "/v1/plans/tariff/drafts", &draft()).await;
        let subscription = made("POST", "/v1/subscriptions", &body).await;
        let today = json!({ "period_start": world.clock.now().date() });
        let invoice = made("POST", &format!("/v1/subscriptions/{subscription}/invoices"), &today).await;
        let key = made("POST", "/v1/api-keys", &json!({ "name": marker, "role": "auditor" })).await;
        let invited = json!({ "email": format!("{marker}-guest@example.com"), "role": "member" });
        let invitation = made("POST", "/v1/invitations", &invited).await;
        made("PUT", "/v1/contacts/ada", &json!({ "email": format!("ada@{marker}.example") })).await;
        let holes = vec![
            ("{subscription}", subscription),
            ("{invoice}", invoice),
            ("{key}", key),
            ("{invitation}", invitation),
            ("{user}", owner.id.clone()),
            ("{organisation}", owner.organisation.clone()),
            ("{email}", email),
        ];
        Self { owner, auditor, holes, marker: marker.to_owned() }
    }

    /// A path that names this organisation's things.
    fn path(&self, path: &str) -> String {
        self.holes.iter().fold(path.to_owned(), |path, (hole, id)| path.replace(hole, id))
    }
}

/// Every item of every table that is of this tenant, but for what tells of refusals.
async fn everything(world: &World, tenant: &str) -> Vec<String> {
    let mut all = vec![];
    for table in
        ["subscriptions-log", "users-log", "notifications-log", "subscriptions", "users", "notifications", "users-vault", "billing-vault"]
    {
        let of_tenant = |item: &annals_reads::Item| {
            let is = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).is_some_and(|owner| owner == tenant);
            is("o") || is("tenant")
        };
        let noted = |item: &annals_reads::Item| item["PK"].as_s().unwrap().starts_with("ACCESS#");
        let items = world.items(table).await;
        all.extend(
            items
                .iter()
                .filter(|item| of_tenant(item) && !noted(item))
                .map(|item| format!("{table} {}", plain(&AttributeValue::M((*item).clone())))),
        );
    }
    all.sort();
    all
}

/// A value as text that is the same whenever the value is: maps have no order.
fn plain(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().map(|(name, value)| (name, plain(value))).collect();
            format!("{sorted:?}")
        }
        AttributeValue::L(list) => format!("{:?}", list.iter().map(plain).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_auditor_reads_everything_of_the_tenant_and_changes_nothing() {
    let world = World::new().await;
    let acme = Tenant::of(&world, "acme").await;
    world.settle().await;
    let before = everything(&world, &acme.owner.organisation).await;
    for (method, path, body) in routes() {
        let answer = world.ask(&acme.auditor.bearer, method, &acme.path(path), &body).await;
        let of_services = path.starts_with("/v1/tenants/");
        match method {
            // Nothing was sent to anybody: the provider's webhooks, from which emails come, tell of another organisation.
            "GET" if path.starts_with("/v1/notifications/") => assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body),
            "GET" if !of_services => assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body),
            _ => assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body),
        }
    }
    world.settle().await;
    assert_eq!(everything(&world, &acme.owner.organisation).await, before);
    // What is their own is theirs: name, password, session.
    assert_eq!(world.ask(&acme.auditor.bearer, "PATCH", "/v1/me", &json!({ "name": "Aud" })).await.status, 200);
    assert_eq!(world.ask(&acme.auditor.bearer, "DELETE", "/v1/sessions/current", &Value::Null).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn a_function_admits_the_roles_that_its_contract_names_and_no_others() {
    let world = World::new().await;
    let acme = Tenant::of(&world, "acme").await;
    let contracts = [billing_service::contract(), identity_service::contract(), notifications_service::contract()];
    for role in Role::ALL {
        let bearer = match role {
            Role::Owner => acme.owner.bearer.clone(),
            Role::Auditor => acme.auditor.bearer.clone(),
            _ => world.member(&acme.owner, &format!("acme-{role}@example.com"), role.as_str()).await.bearer,
        };
        for (method, path, body) in routes() {
            let plain = path.split('?').next().unwrap();
            let described = contracts.iter().flat_map(|contract| &contract.api.routes);
            // The audit's routes are the ledger's, and are held to their roles by its own tests.
            let Some(route) = described.into_iter().find(|route| fits(&route.key(), &format!("{method} {plain}"))) else { continue };
            let answer = world.ask(&bearer, method, &acme.path(path), &body).await;
            let refused = answer.status == 403 && answer.body["detail"].as_str().is_some_and(|detail| detail.contains(NOT_OF_THE_ROLE));
            match &route.access {
                Access::Services(_) => assert_eq!(answer.status, 403, "{role} {method} {path}: {}", answer.body),
                access => assert_eq!(refused, !access.admits(role), "{role} {method} {path}: {}", answer.body),
            }
        }
    }
}

/// What somebody is told whose role may not ask.
const NOT_OF_THE_ROLE: &str = "someone of role";

/// Whether what was asked is a request of this route.
fn fits(route: &str, asked: &str) -> bool {
    let (route, asked): (Vec<_>, Vec<_>) = (route.split('/').collect(), asked.split('/').collect());
    route.len() == asked.len() && route.iter().zip(&asked).all(|(part, asked)| part == asked || part.starts_with('{'))
}

#[tokio::test(start_paused = true)]
async fn every_route_of_the_system_is_in_the_list() {
    let world = World::new().await;
    // Of which a caller without a session or key is told nothing but that.
    for (method, path, _) in routes() {
        let path = path.split('?').next().unwrap().replace(['{', '}'], "");
        assert_eq!(world.nobody(method, &path, &json!({})).await.status, 401, "{method} {path}");
    }
    // What is about the caller alone is asked by other tests.
    let own = [
        "PATCH /v1/me",
        "PUT /v1/me/password",
        "PUT /v1/me/notification-preferences",
        "DELETE /v1/sessions",
        "DELETE /v1/sessions/current",
    ];
    let asked: Vec<String> = routes().iter().map(|(method, path, _)| format!("{method} {}", path.split('?').next().unwrap())).collect();
    for route in annals::system::authorized_routes().iter().filter(|route| !own.contains(&route.as_str())) {
        assert!(asked.iter().any(|asked| fits(route, asked)), "{route} is not in the list");
    }
}

/// Two organisations, each with one of everything, and every route of one asked by the other.
#[test]
fn nobody_reaches_another_tenants_things_by_any_route() {
    // Proptest's threads have stacks of their own, and the futures of AWS calls nest deep: one runtime and one world for all cases.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (world, tenants) = runtime.block_on(async {
        let world = World::new().await;
        let tenants = [Tenant::of(&world, "acme").await, Tenant::of(&world, "zeta").await];
        world.settle().await;
        (world, tenants)
    });
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    proptest!(config, |(route in select(routes()), asks in 0usize..2, as_auditor: bool)| {
        let (asking, asked) = (&tenants[asks], &tenants[1 - asks]);
        let (method, path, body) = route;
        runtime.block_on(async {
            let before = everything(&world, &asked.owner.organisation).await;
            let who = if as_auditor { &asking.auditor } else { &asking.owner };
            let answer = world.ask(&who.bearer, method, &asked.path(path), &body).await;
            let said = answer.body.to_string();
            prop_assert!(!said.contains(&asked.marker), "{} {}: {}", method, path, said);
            prop_assert!(!said.contains(&asked.owner.organisation), "{} {}: {}", method, path, said);
            // Lists of what is somebody's are empty, and history knows nothing of them.
            let lists = ["/invoices", "/payments", "/credit-notes", "/notifications"];
            let is_list = path.contains("{email}") || path.contains("?user=") || lists.iter().any(|list| path.ends_with(list));
            let names_theirs = path.contains('{') && !is_list && !path.starts_with("/v1/audit/");
            if names_theirs || (method != "GET" && path.contains('{')) {
                prop_assert!(matches!(answer.status, 403 | 404), "{} {}: {} {}", method, path, answer.status, said);
            }
            world.settle().await;
            prop_assert_eq!(everything(&world, &asked.owner.organisation).await, before);
            Ok(())
        })?;
    });
}
