//! The committed policies: no role but the administrator may do more than insert into a log or ledger, none has a wildcard, and each holds what its
//! function does and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use annals::system::{IN_PROCESS_API, roles};
use annals_local::meter::Done;
use serde_json::{Value, json};

use crate::people::{PASSWORD, Person};
use crate::world::{World, notice, subscription};

/// Roles of people and their commands, not of functions.
const PEOPLE: &[&str] = &["administrator", "auditor", "erase-person", "found-organisation", "importer", "note-readings", "operator"];

/// What is granted although the function's own code does not do it here, and why: role (`*` for any), action, reason.
const UNSEEN: &[(&str, &str, &str)] = &[
    ("*", "dynamodb:DescribeStream", "the event source mapping reads the stream with the function's role"),
    ("*", "dynamodb:GetRecords", "the event source mapping reads the stream with the function's role"),
    ("*", "dynamodb:GetShardIterator", "the event source mapping reads the stream with the function's role"),
    ("*", "dynamodb:ListStreams", "the event source mapping reads the stream with the function's role"),
    ("*", "s3:GetObject", "the ledger's objects, which are files on this machine"),
    ("*", "s3:PutObject", "the ledger's objects, which are files on this machine"),
    ("*", "s3:ListBucket", "the ledger's objects, which are files on this machine"),
    ("send-email", "ses:SendRawEmail", "AWS asks for it where SendEmail has raw content; the local SES does not"),
    ("send-email", "dynamodb:GetItem", "the commit of a repeated command: send-email repeats one only when an answer was lost"),
    ("create-subscription", "dynamodb:Query", "the tail of a stream, after a lost answer or a lost race"),
    ("manage-price-book", "dynamodb:Query", "the tail of a stream, after a lost answer or a lost race"),
    ("billing-projector", "dynamodb:Query", "a gap in what the stream delivers"),
    ("notifications-projector", "dynamodb:Query", "a gap in what the stream delivers"),
    ("process-webhook", "kms:Decrypt", "a person's key that another environment made"),
    ("billing-reconciler", "dynamodb:UpdateItem", "the totals that lack something; nothing is lacking here: see the outage"),
    ("billing-reconciler", "dynamodb:DeleteItem", "a row that is no longer there; nothing is lacking here: see the outage"),
    ("billing-reconciler", "dynamodb:Query", "what a row lacks; nothing is lacking here: see the outage"),
    ("billing-reconciler", "dynamodb:PartiQLInsert", "what the ledger lacks; nothing is lacking here: see the outage"),
    ("billing-reconciler", "events:PutEvents", "what the bus lacks; nothing is lacking here: see the outage"),
    ("notifications-reconciler", "dynamodb:BatchGetItem", "rows that are folded again: see the projections"),
    ("notifications-reconciler", "dynamodb:Query", "what a row lacks; nothing is lacking here: see the outage"),
    ("notifications-reconciler", "dynamodb:PartiQLInsert", "what the ledger lacks; nothing is lacking here: see the outage"),
    ("notifications-reconciler", "events:PutEvents", "what the bus lacks; nothing is lacking here: see the outage"),
    ("follow-dunning", "dynamodb:PartiQLInsert", "what is due, and nothing is here: see the schedules"),
    ("follow-dunning", "dynamodb:GetItem", "what is due, and nothing is here: see the schedules"),
    ("follow-dunning", "dynamodb:Query", "what is due, and nothing is here: see the schedules"),
    ("generate-due-invoices", "dynamodb:PartiQLInsert", "what is due, and nothing is here: see the schedules"),
    ("generate-due-invoices", "dynamodb:GetItem", "what is due, and nothing is here: see the schedules"),
    ("generate-due-invoices", "dynamodb:Query", "what is due, and nothing is here: see the schedules"),
    ("run-dunning", "dynamodb:PartiQLInsert", "what is due, and nothing is here: see the schedules"),
    ("run-dunning", "dynamodb:GetItem", "what is due, and nothing is here: see the schedules"),
    ("run-dunning", "dynamodb:Query", "what is due, and nothing is here: see the schedules"),
    ("read-billing", "dynamodb:Query", "invoices in arrears; none are here: see the schedules"),
    ("identity-projector", "dynamodb:Query", "a gap in what the stream delivers"),
    ("identity-reconciler", "dynamodb:DeleteItem", "a row that is no longer there; nothing is lacking here: see the outage"),
    ("identity-reconciler", "dynamodb:Query", "what a row lacks; nothing is lacking here: see the outage"),
    ("identity-reconciler", "dynamodb:PartiQLInsert", "what the ledger lacks; nothing is lacking here: see the outage"),
    ("identity-reconciler", "events:PutEvents", "what the bus lacks; nothing is lacking here: see the outage"),
    ("sign-up", "dynamodb:DeleteItem", "the password of an account whose address was claimed between look and claim"),
    ("sign-up", "kms:Decrypt", "a person's key that another environment made"),
    ("log-in", "dynamodb:DeleteItem", "a session opened while its person's role changed"),
    ("log-in", "dynamodb:GetItem", "the commit of a repeated command"),
    ("log-out", "dynamodb:GetItem", "the commit of a repeated command"),
    ("ask-verification", "dynamodb:GetItem", "the commit of a repeated command"),
    ("verify-email", "dynamodb:GetItem", "the commit of a repeated command"),
    ("change-profile", "dynamodb:GetItem", "the commit of a repeated command"),
    ("manage-members", "dynamodb:GetItem", "the commit of a repeated command"),
    ("manage-members", "kms:Decrypt", "a person's key that another environment made"),
    ("accept-invitation", "dynamodb:GetItem", "the commit of a repeated command"),
    ("manage-api-keys", "dynamodb:GetItem", "the commit of a repeated command"),
    ("keep-preferences", "dynamodb:GetItem", "the commit of a repeated command: one is repeated only when an answer was lost"),
    ("keep-devices", "dynamodb:GetItem", "the commit of a repeated command: one is repeated only when an answer was lost"),
    ("keep-inbox", "dynamodb:GetItem", "the commit of a repeated command: one is repeated only when an answer was lost"),
    ("send-push", "dynamodb:GetItem", "the commit of a repeated command: send-push repeats one only when an answer was lost"),
    ("forget-devices", "dynamodb:GetItem", "the commit of a repeated command"),
    ("add-to-inbox", "dynamodb:GetItem", "the commit of a repeated command"),
    ("set-contact", "dynamodb:Query", "the tail of a stream, after a lost answer or a lost race"),
    ("set-contact", "kms:Decrypt", "a person's key that another environment made"),
];

#[test]
fn no_role_may_change_a_log_or_a_ledger() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/policies");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let policy: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        seen += 1;
        if matches!(name, "administrator" | "log-table") {
            continue;
        }
        for statement in policy["Statement"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let resources = text(&statement["Resource"]);
            let append_only = |suffix: &str| resources.contains(&format!("{suffix}\"")) || resources.ends_with(suffix);
            if append_only("-log") || append_only("-ledger") || resources == "*" {
                let actions = statement["Action"].as_array().unwrap().iter();
                for action in actions.filter(|action| action.as_str().unwrap().starts_with("dynamodb:")) {
                    let harmless = ["PartiQLInsert", "BatchGetItem", "GetItem", "Query", "Scan", "DescribeTable"]
                        .map(|action| format!("dynamodb:{action}"));
                    assert!(harmless.iter().any(|known| action == known), "{name} may {action} a log or ledger");
                }
            }
            let lambda = statement["Action"].to_string().contains("lambda:");
            assert!(!lambda, "{name} may call a function: services talk over the bus and APIs only");
        }
    }
    assert_eq!(seen, annals::system::roles::names().count() + 1, "every role has a policy, and the log tables one");
}

/// Every grant of a function's role: action and resource, as they are on this machine.
fn grants(role: &str) -> Vec<(String, String)> {
    let path = format!("{}/../infra/policies/{role}.json", env!("CARGO_MANIFEST_DIR"));
    let policy = roles::policy(&std::fs::read_to_string(path).unwrap());
    let texts = |value: &Value| match value {
        Value::Array(texts) => texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
        text => vec![text.as_str().unwrap().to_owned()],
    };
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| {
            let resources = texts(&statement["Resource"]);
            texts(&statement["Action"])
                .into_iter()
                .flat_map(move |action| resources.clone().into_iter().map(move |resource| (action.clone(), resource)))
        })
        .collect()
}

fn functions() -> impl Iterator<Item = &'static str> {
    roles::names().filter(|role| !PEOPLE.contains(role))
}

#[test]
fn no_function_has_a_wildcard() {
    for role in functions() {
        for (action, resource) in grants(role) {
            // A stream's name ends in the time at which it was made, an object's of the ledger in its size: nobody knows them before.
            let resource = resource.strip_suffix("/stream/*").unwrap_or(&resource);
            // Nor a device's, which the provider chooses: those of our own application.
            let resource = resource.strip_suffix(":endpoint/GCM/annals/*").unwrap_or(resource);
            let resource = if resource.starts_with("arn:aws:s3:::") { resource.strip_suffix("/*").unwrap_or(resource) } else { resource };
            assert!(!action.contains('*') && !resource.contains(['*', '$']), "{role}: {action} on {resource}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_grant_is_used_or_has_a_reason() {
    let mut world = World::new().await;
    everything_people_do(&mut world).await;
    let done = world.system.local().meter().done();
    let does = |role: &str, action: &str, resource: &str| match resource.strip_suffix(":endpoint/GCM/annals/*") {
        Some(devices) => done.iter().any(|done| done.role == role && done.action == action && done.resource.starts_with(devices)),
        None => done.contains(&Done { role: role.to_owned(), action: action.to_owned(), resource: resource.to_owned() }),
    };
    let mut reasons: BTreeSet<&(&str, &str, &str)> = BTreeSet::new();
    let mut unexplained = vec![];
    for role in functions() {
        for (action, resource) in grants(role) {
            if does(role, &action, &resource) {
                continue;
            }
            let reason = UNSEEN.iter().find(|(who, what, _)| (*who == "*" || *who == role) && *what == action);
            match reason {
                Some(reason) => drop(reasons.insert(reason)),
                None => unexplained.push(format!("{role}: {action} on {resource}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "granted and not done: {unexplained:#?}");
    let idle: Vec<_> = UNSEEN.iter().filter(|reason| !reasons.contains(reason)).collect();
    assert!(idle.is_empty(), "these need no reason, they are done or not granted: {idle:?}");
}

/// Every function, on every way through it that asks AWS for something else.
async fn everything_people_do(world: &mut World) {
    let first = world.subscribe("k", "ada").await;
    world.subscribe("k", "ada").await;
    let invoice = world.invoice(&first).await;
    world.invoice(&first).await;
    // The row of an open invoice is there before it goes.
    world.settle().await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    // The customer's only subscription, and a body that is kept sealed.
    let of_customer = json!({ "id": "evt_2", "type": "invoice.paid", "created": 1_767_225_600, "data": { "object": {
        "id": "in_2", "customer": "ada", "currency": "eur", "created": 1_767_225_600, "amount_due": 1, "amount_paid": 1,
        "amount_remaining": 0, "attempt_count": 1, "period_start": 1_767_225_600, "period_end": 1_769_904_000,
    } } });
    assert_eq!(world.webhook(of_customer.to_string().as_bytes()).await.status, 200);
    assert_eq!(world.webhook(br#"{"id":"evt_3","type":"t","created":1,"data":{"object":{}}}"#).await.status, 200);
    world.settle().await;
    people_come_and_go(world).await;
    // A member who is a customer as well, and can be told in every way.
    let owner = Person { id: String::new(), organisation: "demo".into(), bearer: world.demo() };
    let member = world.member(&owner, "member@example.com", "member").await;
    assert_eq!(
        world.ask(&member.bearer, "PUT", &format!("/v1/me/devices/{}", member.id), &json!({ "token": "members" })).await.status,
        200
    );
    let theirs = world.invoice(&world.subscribe("member", &member.id).await).await;
    world.webhook(&notice("evt_4", "invoice.paid", &theirs, 4900, 1)).await;
    world.settle().await;
    for signer in ["billing-signer", "identity-signer", "notifications-signer"] {
        world.system.local().invoke(signer, json!({})).await.unwrap();
    }
    let sent = world.get("/v1/users/ada/notifications").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/subscriptions/{first}"),
        format!("/v1/invoices/{invoice}"),
        "/v1/customers/ada/subscriptions".to_owned(),
        format!("/v1/notifications/{sent}"),
    ] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
    price_book_changes_and_adjustments(world, &first, &invoice).await;
    // Its own write, before the projector has seen it.
    world.pause().await;
    let answer = world.post("/v1/subscriptions", "unseen", &subscription("bob")).await;
    let path = format!("/v1/subscriptions/{}?min_version=1", answer.body["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.status, 200);
    world.resume();
    tokio::time::advance(Duration::from_secs(1)).await;
    world.settle().await;
}

/// Every function of identity, on every way through it that asks AWS for something else.
async fn people_come_and_go(world: &mut World) {
    let ada = world.person("ada@example.com", "Ada").await;
    // Once more under the key that it had.
    for _ in 0..2 {
        let body = json!({ "email": "eve@example.com", "password": PASSWORD, "name": "Eve", "organisation": "Acme" });
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/signups")).header("idempotency-key", "eve");
        assert_eq!(world.send_as_it_is(request, body.to_string()).await.status, 202);
    }
    for _ in 0..2 {
        let asked = world.nobody("POST", "/v1/email-verification-requests", &json!({ "email": "eve@example.com" })).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
    }
    let bob = world.member(&ada, "bob@example.com", "finance").await;
    assert_eq!(world.ask(&bob.bearer, "PUT", &format!("/v1/me/devices/{}", bob.id), &json!({ "token": "bobs" })).await.status, 200);
    world.settle().await;
    let inbox = world.ask(&bob.bearer, "GET", "/v1/me/inbox", &Value::Null).await.body;
    let item = format!("/v1/me/inbox/{}", inbox["items"][0]["id"].as_str().unwrap());
    assert_eq!(world.ask(&bob.bearer, "PUT", &format!("{item}/read-mark"), &Value::Null).await.status, 200);
    assert_eq!(world.ask(&bob.bearer, "GET", &format!("{item}?min_version=2"), &Value::Null).await.status, 200);
    let made = world.ask(&bob.bearer, "POST", "/v1/api-keys", &json!({ "name": "k", "role": "finance" })).await.body;
    world.settle().await;
    let asked = [
        ("GET", "/v1/me".to_owned(), Value::Null),
        ("GET", "/v1/members".into(), Value::Null),
        ("GET", "/v1/api-keys".into(), Value::Null),
        ("GET", "/v1/users?email=ada@example.com".into(), Value::Null),
        ("PATCH", "/v1/me".into(), json!({ "name": "Ada Lovelace" })),
        ("GET", "/v1/me?min_version=5".into(), Value::Null),
        ("DELETE", format!("/v1/api-keys/{}", made["id"].as_str().unwrap()), Value::Null),
        ("PUT", format!("/v1/members/{}", bob.id), json!({ "role": "member" })),
        ("DELETE", format!("/v1/members/{}", bob.id), Value::Null),
        ("PUT", "/v1/me/notification-preferences".into(), json!({ "off": [{ "kind": "receipt", "channel": "email" }] })),
        ("PUT", format!("/v1/me/devices/{}", ada.id), json!({ "token": "phone" })),
        ("DELETE", format!("/v1/me/devices/{}", ada.id), Value::Null),
        ("PUT", format!("/v1/me/devices/{}", ada.id), json!({ "token": "tablet" })),
        ("GET", "/v1/me/inbox".into(), Value::Null),
        ("PUT", "/v1/me/password".into(), json!({ "current_password": PASSWORD, "new_password": "battery staple horse" })),
    ];
    for (method, path, body) in asked {
        let answer = world.ask(&ada.bearer, method, &path, &body).await;
        assert!(answer.status < 300 || answer.status == 409, "{method} {path}: {}", answer.body);
    }
    let session = world.log_in("ada@example.com", "battery staple horse").await.body;
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
    assert_eq!(world.ask(&bearer, "DELETE", "/v1/sessions", &Value::Null).await.status, 204);
    world.settle().await;
}

/// Each of them twice under one key: the second finds the first.
async fn price_book_changes_and_adjustments(world: &World, subscription: &str, invoice: &str) {
    let price = json!({ "amount": 5900, "currency": "EUR" });
    let draft = json!({ "prices": [{ "interval": "month", "price": price }] });
    let credit = json!({ "amount": { "amount": 900, "currency": "EUR" }, "reason": "goodwill" });
    for (path, body) in [
        ("/v1/plans/pro/drafts".to_owned(), draft),
        (format!("/v1/subscriptions/{subscription}/changes"), json!({ "price": price, "when": "period-end" })),
        (format!("/v1/invoices/{invoice}/credit-notes"), credit),
    ] {
        for _ in 0..2 {
            let answer = world.post(&path, "policies", &body).await;
            assert!([200, 201].contains(&answer.status), "{path}: {}", answer.body);
        }
    }
    world.settle().await;
    for path in ["/v1/plans/pro".to_owned(), "/v1/plans".to_owned(), format!("/v1/invoices/{invoice}/payments")] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
}
