//! Laws: whatever a contract publishes, every consumer reads with its own type; whatever the body of a route may be, its function reads.
//!
//! Each service shows in its own tests that its domain's events fit the schemas it publishes; here anything that those schemas admit is
//! handed to the types that consumers read with, for every event there is; and anything that a route asks for to the type of its function.

use annals::system::api;
use annals::system::contracts::described;
use annals_contract::{Consumed, Message, Route};
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

/// Times and currencies: their patterns admit text that is none, such as a 30th of February; no publisher writes it.
const TIME: &str = "T[0-9]{2}:[0-9]{2}:[0-9]{2}";
const CURRENCY: &str = "^[A-Z]{3}$";

/// Values that a schema admits.
fn values(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(word) = schema.get("const") {
        return Just(word.clone()).boxed();
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return prop::sample::select(words.clone()).boxed();
    }
    if let Some(forms) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        return prop::strategy::Union::new(forms.iter().map(values)).boxed();
    }
    if schema.get("type").is_none() {
        return prop::sample::select(vec![json!(null), json!(7), json!("text"), json!({ "any": ["thing"] })]).boxed();
    }
    match schema["type"].as_str() {
        Some("object") => objects(schema),
        Some("array") => prop::collection::vec(values(&schema["items"]), 0..4).prop_map(Value::from).boxed(),
        Some("string") => texts(schema),
        Some("integer") => {
            let bound = |name: &str, otherwise: i64| schema[name].as_i64().unwrap_or(otherwise);
            (bound("minimum", i64::MIN)..=bound("maximum", i64::from(u16::MAX))).prop_map(Value::from).boxed()
        }
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("null") => Just(Value::Null).boxed(),
        _ => panic!("a form that no contract has had yet: {schema}"),
    }
}

fn objects(schema: &Value) -> BoxedStrategy<Value> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required = |name: &String| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let fields = properties.iter().map(|(name, schema)| {
        let (name, value) = (name.clone(), values(schema));
        let there = if required(&name) { Just(true).boxed() } else { any::<bool>().boxed() };
        (Just(name), there, value)
    });
    let fields: Vec<_> = fields.collect();
    fields
        .prop_map(|fields| {
            fields.into_iter().filter(|(_, there, _)| *there).map(|(name, _, value)| (name, value)).collect::<Map<_, _>>().into()
        })
        .boxed()
}

fn texts(schema: &Value) -> BoxedStrategy<Value> {
    let text = match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("uuid"), _) => any::<u128>().prop_map(|id| uuid::Uuid::from_u128(id).to_string()).boxed(),
        (Some("date"), _) => {
            (1i32..=9999, 1u32..=365).prop_map(|(year, day)| chrono::NaiveDate::from_yo_opt(year, day).unwrap().to_string()).boxed()
        }
        (_, Some(pattern)) if pattern.contains(TIME) => {
            (0i64..253_402_300_800).prop_map(|second| annals_kit::Timestamp::from_seconds(second).unwrap().to_string()).boxed()
        }
        (_, Some(CURRENCY)) => prop::sample::select(vec!["EUR", "USD", "JPY", "KWD"]).prop_map(str::to_owned).boxed(),
        (_, Some(pattern)) => string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap().boxed(),
        (None | Some("password"), None) => {
            let fewest = schema["minLength"].as_u64().unwrap_or(0);
            string_regex(&format!("\\PC{{{fewest},{}}}", fewest + 20)).unwrap().boxed()
        }
        (Some(format), None) => panic!("a format that no contract has had yet: {format}"),
    };
    let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    text.prop_filter("it is too long", move |text| text.chars().count() as u64 <= most).prop_map(Value::from).boxed()
}

fn reads(message: &Message, consumed: &Consumed, by: &str) {
    let mut runner = TestRunner::new(Config::with_cases(64));
    let law = runner.run(&values(&message.data), |data| {
        let read = consumed.reader.read(data.clone()).expect("a contract that is described has its consumers' code");
        prop_assert!(read.is_ok(), "{by} does not read {data}: {}", read.unwrap_err());
        Ok(())
    });
    law.unwrap_or_else(|error| panic!("{} of {}: {error}", consumed.event, consumed.source));
}

#[test]
fn whatever_a_contract_publishes_its_consumers_read() {
    let contracts = described();
    let mut seen = 0;
    for consumer in &contracts {
        for consumed in &consumer.consumes {
            let publisher = contracts.iter().find(|contract| contract.service == consumed.source).unwrap();
            reads(&publisher.publishes[&consumed.event], consumed, &consumer.service);
            seen += 1;
        }
    }
    assert!(seen > 3, "{seen}");
}

fn takes(route: &Route) {
    let body = &route.body.as_ref().expect("a route with a body").schema;
    let law = TestRunner::new(Config::with_cases(64)).run(&values(body), |value| {
        let read = route.reader.read(value.clone()).expect("a route that is described has its function's code");
        prop_assert!(read.is_ok(), "{} does not take {value}: {}", route.key(), read.unwrap_err());
        Ok(())
    });
    law.unwrap_or_else(|error| panic!("{}: {error}", route.key()));
}

#[test]
fn whatever_the_body_of_a_route_may_be_its_function_reads() {
    let apis = described().into_iter().map(|contract| contract.api).chain([api::described()]);
    let routes: Vec<Route> = apis.flat_map(|api| api.routes).filter(|route| route.body.is_some()).collect();
    routes.iter().for_each(takes);
    assert!(routes.len() > 10, "{}", routes.len());
}

#[test]
fn a_body_that_is_more_than_its_function_takes_is_found() {
    let mut route = Route::post("/v1/counts", "count", "Counts.").body::<u8>(json!(1));
    route.body.as_mut().unwrap().schema["maximum"] = json!(1_000_000);
    let found = std::panic::catch_unwind(|| takes(&route)).unwrap_err();
    assert!(found.downcast_ref::<String>().unwrap().contains("POST /v1/counts does not take 256"));
}

#[test]
fn a_type_that_reads_more_than_is_published_is_found() {
    let mut contract = annals_contract::Contract::new("hearer", "It hears.");
    contract.function("hear", "hearer");
    contract.queue("hear", "hear", 1);
    contract.consume::<u8>("heard", ("teller", "TOLD"), "hear", "It is heard.");
    let message = Message {
        summary: String::new(),
        schema_version: 1,
        data: json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000 }),
        example: Value::Null,
    };
    let found = std::panic::catch_unwind(|| reads(&message, &contract.consumes[0], "hearer")).unwrap_err();
    assert!(found.downcast_ref::<String>().unwrap().contains("hearer does not read 256"));
}
