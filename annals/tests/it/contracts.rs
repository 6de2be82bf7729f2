//! The committed contracts: current, held to laws and releases, and what this system does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use annals::system::contracts::{Files, committed, described, proven};
use annals::system::{IN_PROCESS_API, api, roles};
use annals_contract::{Contract, disk, laws};
use annals_kit::Generation;
use annals_kit::ids::SeededIds;
use annals_lambda::Host;
use annals_lambda::machine::MachineClock;
use annals_lambda::metrics::EmbeddedMetrics;
use annals_local::{Call, Fault, Faults};
use annals_projection::Projector;
use serde_json::Value;

use crate::answers;
use crate::world::{World, notice};

fn services() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services")
}

fn contracts() -> impl Iterator<Item = &'static Contract> {
    committed().unwrap_or_else(|errors| panic!("{errors}")).iter().map(|committed| &committed.contract)
}

/// The committed files of a service.
fn texts(service: &str) -> [String; 2] {
    disk::texts(&services(), service).unwrap().map(|text| text.unwrap_or_else(|| panic!("{service} has both files")))
}

/// The schema of a message of a committed file, with everything in the file that it refers to.
fn message_schema(service: &str, message: &str) -> Value {
    let [text, _] = texts(service);
    let mut document: Value = serde_saphyr::from_str(&text).unwrap();
    document["$ref"] = format!("#/components/messages/{message}/payload").into();
    document
}

/// What `schema` finds wrong with a value.
fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn committed_contracts_are_what_the_services_describe() {
    for contract in described() {
        let described = [contract.to_yaml(), contract.to_openapi()];
        assert!(texts(&contract.service) == described, "{} is stale: run `cargo run -- contracts derive` and commit", contract.service);
    }
    assert_eq!(contracts().cloned().collect::<Vec<_>>(), described(), "what is written is read back as it was");
    for (path, text) in disk::clients(&services(), &described()).unwrap() {
        let committed = disk::read(&path).unwrap();
        assert!(committed.as_ref() == Some(&text), "{} is stale: run `cargo run -- contracts derive` and commit", path.display());
    }
    let own = disk::read(&services().join("..").join(api::FILE)).unwrap().unwrap();
    assert!(own == api::text(), "{} is stale: run `cargo run -- contracts derive` and commit", api::FILE);
    assert_eq!(api::proven(&own).unwrap().api, api::described());
}

#[test]
fn what_was_released_is_kept() {
    for committed in committed().unwrap() {
        let released = disk::released(&services(), &committed.contract.service).unwrap().expect("every contract has a release");
        laws::check_release(committed, &released.unwrap()).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn every_example_fits_its_schema_and_its_consumers() {
    let mut seen = 0;
    for contract in contracts() {
        for (event, message) in &contract.publishes {
            assert_eq!(faults(&message_schema(&contract.service, event), &message.example), [""; 0], "{event}");
            for consumer in contracts() {
                let consumed = consumer.consumes.iter().filter(|consumed| consumed.source == contract.service && consumed.event == *event);
                for consumed in consumed {
                    let schema = message_schema(&consumer.service, &format!("{}.{}", consumed.source, consumed.event));
                    assert_eq!(faults(&schema, &message.example), [""; 0], "{event} as {} reads it", consumer.service);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_example_of_a_route_fits_its_schema() {
    let apis = contracts().map(|contract| contract.api.clone()).chain([api::described()]);
    let mut seen = 0;
    for route in apis.flat_map(|api| api.routes) {
        let answers = route.answers.values().flat_map(|answer| answer.content.values());
        for content in answers.chain(&route.body) {
            let Some(example) = &content.example else { continue };
            let faults: Vec<_> = answers::validator(&content.schema).iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(faults, [""; 0], "{}: {example}", route.key());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn every_route_of_the_contracts_is_answered_by_its_function() {
    let world = World::new().await;
    for route in contracts().flat_map(|contract| &contract.api.routes) {
        let path = route.path.split('/').map(|part| if part.starts_with('{') { "018f2c00-0000-7000-8000-000000000001" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let request = http::Request::builder().method(route.method.as_str()).uri(format!("{IN_PROCESS_API}{path}"));
        let body = route.body.as_ref().and_then(|body| body.example.as_ref()).map_or_else(String::new, Value::to_string);
        let answer = world.send(request, body).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        // A function that has no arm for a route says so; the host says so where there is no route at all.
        assert!(!detail.contains("such route") && answer.body["type"] != "urn:annals:problem:no-such-path", "{}: {detail}", route.key());
    }
}

/// Listens to what is sent to the bus.
#[derive(Default)]
struct Listener(Mutex<Vec<(String, String, Value)>>);

impl Faults for Listener {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.operation == "PutEvents" {
            for entry in call.body["Entries"].as_array().unwrap() {
                let text = |name: &str| entry[name].as_str().unwrap().to_owned();
                self.0.lock().unwrap().push((text("Source"), text("DetailType"), serde_json::from_str(&text("Detail")).unwrap()));
            }
        }
        Fault::None
    }
}

#[tokio::test(start_paused = true)]
async fn everything_on_the_bus_is_what_a_contract_publishes() {
    let listener = Arc::new(Listener::default());
    let world = World::with_faults(Some(listener.clone())).await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.webhook(&notice("evt_1", "invoice.payment_failed", &invoice, 0, 1)).await;
    world.webhook(&notice("evt_2", "invoice.paid", &invoice, 4900, 2)).await;
    world.settle().await;
    let heard = listener.0.lock().unwrap().clone();
    let mut types = BTreeSet::new();
    for (source, event, detail) in &heard {
        let contract = contracts().find(|contract| contract.service == *source).unwrap_or_else(|| panic!("no contract of {source}"));
        assert!(contract.publishes.contains_key(event), "{source} publishes {event}, which its contract does not name");
        assert_eq!(faults(&message_schema(source, event), detail), [""; 0], "{event}: {detail}");
        types.insert(event.as_str());
    }
    assert!(types.is_superset(&["SUBSCRIPTION_CREATED", "INVOICE_ISSUED", "PAYMENT_FAILED", "PAYMENT_RECEIVED"].into()), "{types:?}");
    assert_eq!(world.system.local().mail().unwrap().len(), 2, "and both emails went out");
}

#[tokio::test(start_paused = true)]
async fn a_contract_publishes_what_its_projector_publishes() {
    let world = World::new().await;
    let host = |role: &str| Host {
        account: world.system.account(role),
        metrics: Arc::new(EmbeddedMetrics::new(MachineClock)),
        clock: world.clock.clone(),
        ids: Arc::new(SeededIds::new(1)),
        generation: Generation::default(),
    };
    let projectors: BTreeMap<&str, Projector> = BTreeMap::from([
        ("billing", billing_projectors::projector(&host("billing-projector"), "annals")),
        ("identity", identity_projectors::projector(&host("identity-projector"), "annals")),
        ("notifications", notifications_projectors::projector(&host("notifications-projector"), "annals")),
    ]);
    for contract in contracts() {
        let promised: BTreeSet<&str> = contract.publishes.keys().map(String::as_str).collect();
        assert_eq!(projectors[contract.service.as_str()].publishes(), promised, "{}", contract.service);
    }
    assert_eq!(projectors.len(), contracts().count());
}

#[test]
fn every_function_runs_as_a_role_that_has_a_policy() {
    let roles: BTreeSet<&str> = roles::names().collect();
    for contract in contracts() {
        for (name, function) in &contract.delivery.functions {
            assert!(roles.contains(function.role.as_str()), "{name} runs as {}, and infra/policies has no such policy", function.role);
        }
    }
}

#[test]
fn a_broken_contract_is_refused_with_place_and_advice() {
    let ([billing, routes], [identity, asked], [text, other_routes]) = (texts("billing"), texts("identity"), texts("notifications"));
    let broken = text.replace("dead_letter_queue: send-email-dlq", "dead_letter_queue: letters");
    let files = [
        Files { asyncapi: ("billing.yaml", &billing), openapi: ("billing-api.yaml", &routes) },
        Files { asyncapi: ("identity.yaml", &identity), openapi: ("identity-api.yaml", &asked) },
        Files { asyncapi: ("notifications.yaml", &broken), openapi: ("notifications-api.yaml", &other_routes) },
    ];
    let errors = proven(&files).unwrap_err().to_string();
    let line = broken.lines().position(|line| line.contains("dead_letter_queue: letters")).unwrap() + 1;
    assert!(
        errors.starts_with(&format!("notifications.yaml:{line}:7: there is no dead-letter queue letters [unknown]\n  next: add")),
        "{errors}"
    );
}
