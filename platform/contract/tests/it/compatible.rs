//! What readers rely on: every break is named with its field and rule, and what fits breaks nothing.

use annals_contract::compatible::unreadable;
use annals_contract::laws;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{parsed, seller};

/// A change of a schema.
type Change = fn(&mut Value);

/// The rules that a change of TICKET_SOLD's data breaks after its release, with the fields.
fn broken(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let released = parsed("released.yaml", &seller().to_yaml());
    let mut now = seller();
    change(&mut now.publishes["TICKET_SOLD"].data);
    let now = parsed("now.yaml", &now.to_yaml());
    match laws::check_release(&now, &released) {
        Ok(()) => vec![],
        Err(errors) => errors
            .0
            .iter()
            .inspect(|problem| assert!(problem.line > 3 && !problem.next.is_empty()))
            .map(|problem| format!("{} {}", problem.rule, problem.what.split(' ').next().unwrap()))
            .collect(),
    }
}

#[test]
fn a_change_that_breaks_readers_is_named() {
    let cases: [(Change, &str); 11] = [
        (|data| drop(data["properties"].as_object_mut().unwrap().remove("price")), "field-removed TICKET_SOLD.data.price"),
        (|data| drop(data["properties"].as_object_mut().unwrap().remove("voucher")), "field-removed TICKET_SOLD.data.voucher"),
        (|data| data["required"] = json!(["price", "at"]), "made-optional TICKET_SOLD.data.ticket_id"),
        (|data| data["properties"]["ticket_id"]["type"] = json!("integer"), "type-changed TICKET_SOLD.data.ticket_id"),
        (|data| data["properties"]["ticket_id"]["format"] = json!("date"), "form-changed TICKET_SOLD.data.ticket_id"),
        (|data| data["properties"]["at"]["enum"] = json!(["entrance"]), "word-removed TICKET_SOLD.data.at"),
        (|data| data["properties"]["at"]["enum"] = json!(["entrance", "online", "museum"]), "word-added TICKET_SOLD.data.at"),
        (|data| drop(data["properties"]["at"].as_object_mut().unwrap().remove("enum")), "words-opened TICKET_SOLD.data.at"),
        (
            |data| drop(data["properties"]["price"]["properties"]["amount"].as_object_mut().unwrap().remove("maximum")),
            "bound-widened TICKET_SOLD.data.price.amount",
        ),
        (|data| data["properties"]["price"]["properties"]["tax"] = json!({ "type": "integer" }), "field-added TICKET_SOLD.data.price.tax"),
        (|data| data["properties"]["voucher"] = json!({ "oneOf": [] }), "not-comparable TICKET_SOLD.data.voucher"),
    ];
    for (change, expected) in cases {
        assert_eq!(broken(change), [expected]);
    }
}

#[test]
fn an_event_or_version_taken_back_is_named() {
    let released = parsed("released.yaml", &seller().to_yaml());
    let mut now = seller();
    now.publishes.clear();
    let errors = laws::check_release(&parsed("now.yaml", &now.to_yaml()), &released).unwrap_err();
    assert!(errors.to_string().contains("TICKET_SOLD is no longer published [event-removed]"), "{errors}");
    let mut later = seller();
    later.publishes["TICKET_SOLD"].schema_version = 2;
    let errors = laws::check_release(&released, &parsed("later.yaml", &later.to_yaml())).unwrap_err();
    assert!(errors.to_string().contains("[version-lowered]"), "{errors}");
}

#[test]
fn what_readers_need_not_know_may_change() {
    let cases: [Change; 4] = [
        |_| {},
        |data| data["description"] = json!("said otherwise"),
        |data| data["properties"]["seat"] = json!({ "type": "string" }),
        |data| data["properties"]["price"]["properties"]["amount"]["maximum"] = json!(100),
    ];
    for change in cases {
        assert_eq!(broken(change), [""; 0]);
    }
}

/// A schema of the forms that contracts have.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0i64..4, 4i64..8).prop_map(|(low, high)| json!({ "type": "integer", "minimum": low, "maximum": high })),
        prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_map(|words| json!({ "type": "string", "enum": words })),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "string", "pattern": "^[ab]$" })),
        Just(json!({ "type": "boolean" })),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            (prop::collection::btree_map("[xyz]", (inner, any::<bool>()), 0..3), any::<bool>()).prop_map(|(fields, closed)| {
                let required: Vec<_> = fields.iter().filter(|(_, (_, required))| *required).map(|(name, _)| name.clone()).collect();
                let properties: serde_json::Map<_, _> = fields.into_iter().map(|(name, (schema, _))| (name, schema)).collect();
                let mut schema = json!({ "type": "object", "properties": properties, "required": required });
                if closed {
                    schema["additionalProperties"] = json!(false);
                }
                schema
            }),
        ]
    })
}

/// A value that a publisher of `schema` may write: its fields and no others.
fn value_of(schema: &Value, choices: &mut impl Iterator<Item = u8>) -> Value {
    let mut choose = |of: usize| usize::from(choices.next().unwrap_or(0)) % of.max(1);
    match schema["type"].as_str().unwrap() {
        "integer" => {
            let (low, high) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
            json!(low + choose((high - low + 1) as usize) as i64)
        }
        "boolean" => json!(choose(2) == 1),
        "string" => match (schema["enum"].as_array(), schema.get("pattern")) {
            (Some(words), _) => words[choose(words.len())].clone(),
            (None, Some(_)) => json!(["a", "b"][choose(2)]),
            (None, None) => json!(["", "a", "c", "other"][choose(4)]),
        },
        "array" => {
            let length = choose(3);
            (0..length).map(|_| value_of(&schema["items"], choices)).collect()
        }
        _ => {
            let required = schema["required"].as_array().unwrap();
            let mut object = serde_json::Map::new();
            for (name, field) in schema["properties"].as_object().unwrap() {
                if required.iter().any(|one| one == name) || choices.next().unwrap_or(0) < 128 {
                    object.insert(name.clone(), value_of(field, choices));
                }
            }
            object.into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Law: where nothing is unreadable, the reader's schema accepts whatever the publisher writes.
    #[test]
    fn what_is_found_readable_is_read(published in schema(), read in schema(), choices in prop::collection::vec(any::<u8>(), 0..40)) {
        if unreadable("E", &published, &read).is_empty() {
            let value = value_of(&published, &mut choices.into_iter());
            let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(&read).unwrap();
            prop_assert!(validator.is_valid(&value), "{value} of {published} is not read by {read}");
        }
    }

    /// Law: whoever reads just what is published finds nothing unreadable.
    #[test]
    fn a_schema_fits_itself(schema in schema()) {
        prop_assert_eq!(unreadable("E", &schema, &schema), vec![]);
    }
}
