//! The canonical bytes of any item are what another implementation of RFC 8785 makes of the same JSON.

use std::collections::HashMap;

use annals_log::canonical;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Text with what must be escaped, and with letters whose order in UTF-8 is not that in UTF-16.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,6}", "[\\x00-\\x1f\"\\\\/\\x7f\u{e9}\u{2028}\u{ffff}\u{fb33}\u{10000}\u{1f600}]{0,4}", any::<String>()]
}

/// A value that may stand in a payload, and its JSON.
fn value() -> impl Strategy<Value = (AttributeValue, Value)> {
    let leaf = prop_oneof![
        text().prop_map(|text| (AttributeValue::S(text.clone()), Value::from(text))),
        (-(1i64 << 53) + 1..1i64 << 53).prop_map(|number| (AttributeValue::N(number.to_string()), Value::from(number))),
        any::<bool>().prop_map(|bool| (AttributeValue::Bool(bool), Value::from(bool))),
        Just((AttributeValue::Null(true), Value::Null)),
    ];
    leaf.prop_recursive(3, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|list| {
                let (stored, json): (Vec<_>, Vec<_>) = list.into_iter().unzip();
                (AttributeValue::L(stored), Value::Array(json))
            }),
            prop::collection::hash_map(text(), inner, 0..6).prop_map(|map| {
                let (stored, json) = parted(map);
                (AttributeValue::M(stored), Value::Object(json))
            }),
        ]
    })
}

fn parted(map: HashMap<String, (AttributeValue, Value)>) -> (HashMap<String, AttributeValue>, Map<String, Value>) {
    map.into_iter().map(|(name, (stored, json))| ((name.clone(), stored), (name, json))).unzip()
}

proptest! {
    #[test]
    fn canonical_bytes_are_those_of_rfc_8785(
        members in prop::collection::hash_map(text().prop_filter("a snapshot is left out", |name| name != "s"), value(), 0..8),
        binary in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (mut item, mut json) = parted(members);
        json.insert("c".into(), Value::from(STANDARD.encode(&binary)));
        item.insert("c".into(), AttributeValue::B(Blob::new(binary)));
        let expected = serde_json_canonicalizer::to_string(&json).unwrap();
        prop_assert_eq!(String::from_utf8(canonical::bytes(&item).unwrap()).unwrap(), expected);
    }
}
