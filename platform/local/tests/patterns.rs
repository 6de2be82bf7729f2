//! Every operator documented for event patterns, with values that match and values that do not.
//!
//! Source: EventBridge user guide, "Comparison operators for use in event patterns in Amazon EventBridge".

use annals_local::pattern::Pattern;
use serde_json::{Value, json};

/// Checks a pattern against whole events.
#[track_caller]
fn events(pattern: Value, matching: &[Value], others: &[Value]) {
    written(&pattern.to_string(), matching, others);
}

/// Checks a pattern, as it is written, against whole events.
#[track_caller]
fn written(pattern: &str, matching: &[Value], others: &[Value]) {
    let read = Pattern::parse(pattern).unwrap();
    for event in matching {
        assert!(read.matches(event), "{pattern} should match {event}");
    }
    for event in others {
        assert!(!read.matches(event), "{pattern} should not match {event}");
    }
}

/// Checks the elements of one field against values of that field.
#[track_caller]
fn field(elements: Value, matching: &[Value], others: &[Value]) {
    let event = |value: &Value| json!({ "detail": { "x": value } });
    let (matching, others): (Vec<_>, Vec<_>) = (matching.iter().map(event).collect(), others.iter().map(event).collect());
    events(json!({ "detail": { "x": elements } }), &matching, &others);
}

const ABSENT: &str = "{\"detail\":{\"y\":1}}";

fn absent() -> Value {
    serde_json::from_str(ABSENT).unwrap()
}

#[test]
fn equals() {
    field(
        json!(["a", "b"]),
        &[json!("a"), json!("b"), json!(["z", "b"])],
        &[json!("A"), json!("ab"), json!(null), json!([]), json!({ "a": "a" })],
    );
    field(json!([300, true]), &[json!(300), json!(true)], &[json!("300"), json!(301), json!(false), json!("true")]);
    field(json!([{ "exactly": "a" }]), &[json!("a")], &[json!("A"), json!("ab")]);
    field(json!([""]), &[json!("")], &[json!(null), json!(" ")]);
    field(json!([null]), &[json!(null)], &[json!(""), json!("null"), json!(0)]);
    events(json!({ "detail": { "x": [null] } }), &[], &[absent()]);
}

#[test]
fn all_fields_must_match_and_any_of_the_values() {
    let pattern = json!({ "source": ["billing"], "detail": { "state": ["a", "b"], "deep": { "er": [1] } } });
    events(
        pattern,
        &[
            json!({ "source": "billing", "detail": { "state": "b", "deep": { "er": 1, "more": 2 } } }),
            json!({ "source": "billing", "detail": [{ "state": "c" }, { "state": "a", "deep": [{ "er": 0 }, { "er": [0, 1] }] }] }),
        ],
        &[
            json!({ "source": "other", "detail": { "state": "b", "deep": { "er": 1 } } }),
            json!({ "source": "billing", "detail": { "state": "b", "deep": { "er": 2 } } }),
            json!({ "source": "billing", "detail": { "state": "b" } }),
            json!({ "source": "billing", "detail": "state" }),
            // Both within one object of the list, or not at all.
            json!({ "source": "billing", "detail": [{ "state": "a" }, { "deep": { "er": 1 } }] }),
        ],
    );
}

#[test]
fn prefix_and_suffix() {
    field(
        json!([{ "prefix": "eu-" }]),
        &[json!("eu-"), json!("eu-west-1"), json!(["us", "eu-1"])],
        &[json!("EU-1"), json!("x-eu-"), json!(1), json!(null)],
    );
    field(json!([{ "prefix": { "equals-ignore-case": "EU-" } }]), &[json!("eu-1"), json!("Eu-")], &[json!("us-1")]);
    field(json!([{ "suffix": ".png" }]), &[json!(".png"), json!("a.png")], &[json!("a.PNG"), json!("a.png ")]);
    field(json!([{ "suffix": { "equals-ignore-case": ".png" } }]), &[json!("a.PNG"), json!("a.png")], &[json!("a.jpg")]);
    events(
        json!({ "time": [{ "prefix": "2026-03-01" }] }),
        &[json!({ "time": "2026-03-01T12:00:00Z" })],
        &[json!({ "time": "2026-03-02T00:00:00Z" })],
    );
}

#[test]
fn equals_ignore_case() {
    field(json!([{ "equals-ignore-case": "alice" }]), &[json!("Alice"), json!("ALICE")], &[json!("alice "), json!(1)]);
}

#[test]
fn anything_but() {
    field(json!([{ "anything-but": "a" }]), &[json!("b"), json!(1), json!(["a", "b"])], &[json!("a"), json!(["a"])]);
    field(json!([{ "anything-but": ["a", "b"] }]), &[json!("c")], &[json!("a"), json!("b")]);
    field(json!([{ "anything-but": 1 }]), &[json!(2), json!("1")], &[json!(1)]);
    field(json!([{ "anything-but": [100, 200] }]), &[json!(300)], &[json!(100), json!(200)]);
    field(json!([{ "anything-but": { "prefix": "init" } }]), &[json!("running")], &[json!("init"), json!("initial")]);
    field(json!([{ "anything-but": { "prefix": ["a", "b"] } }]), &[json!("cab")], &[json!("ax"), json!("bx")]);
    field(json!([{ "anything-but": { "suffix": ".txt" } }]), &[json!("a.rtf")], &[json!("a.txt")]);
    field(json!([{ "anything-but": { "suffix": [".txt", ".rtf"] } }]), &[json!("a.md")], &[json!("a.txt"), json!("a.rtf")]);
    field(json!([{ "anything-but": { "equals-ignore-case": "a" } }]), &[json!("b")], &[json!("A"), json!("a")]);
    field(json!([{ "anything-but": { "equals-ignore-case": ["a", "b"] } }]), &[json!("c")], &[json!("A"), json!("B")]);
    field(json!([{ "anything-but": { "wildcard": "*/bin/*.jar" } }]), &[json!("/lib/a.jar")], &[json!("/bin/a.jar")]);
    field(json!([{ "anything-but": { "wildcard": ["*/a/*", "*/b/*"] } }]), &[json!("/c/x")], &[json!("/a/x"), json!("/b/x")]);
    // An absent field is not a value that differs.
    events(json!({ "detail": { "x": [{ "anything-but": "a" }] } }), &[], &[absent()]);
}

#[test]
fn numeric() {
    field(json!([{ "numeric": ["=", 3.018e2] }]), &[json!(301.8), json!(3.018e2)], &[json!(301.81), json!("301.8")]);
    field(
        json!([{ "numeric": [">", 0, "<=", 5] }]),
        &[json!(0.000001), json!(5), json!(1)],
        &[json!(0), json!(5.000001), json!(-1), json!(null)],
    );
    field(json!([{ "numeric": [">=", -5] }]), &[json!(-5), json!(0)], &[json!(-5.1)]);
    field(json!([{ "numeric": ["<", 10] }]), &[json!(9.99), json!(-5e9)], &[json!(10)]);
    field(json!([{ "numeric": ["<=", 10] }]), &[json!(10)], &[json!(11)]);
}

#[test]
fn exists() {
    field(json!([{ "exists": true }]), &[json!(1), json!(null), json!(""), json!(["a"])], &[json!({ "deeper": 1 }), json!([])]);
    field(json!([{ "exists": false }]), &[json!({ "deeper": 1 }), json!([])], &[json!(1), json!(null), json!("")]);
    events(json!({ "detail": { "x": [{ "exists": true }] } }), &[], &[absent()]);
    events(json!({ "detail": { "x": [{ "exists": false }] } }), &[absent(), json!({}), json!({ "detail": 1 })], &[]);
    // Absent, or a certain value.
    events(
        json!({ "detail": { "x": [{ "exists": false }, "a"] } }),
        &[absent(), json!({ "detail": { "x": "a" } })],
        &[json!({ "detail": { "x": "b" } })],
    );
}

#[test]
fn cidr() {
    field(
        json!([{ "cidr": "10.0.0.0/24" }]),
        &[json!("10.0.0.0"), json!("10.0.0.255")],
        &[json!("10.0.1.0"), json!("::a00:1"), json!("10.0.0"), json!(1)],
    );
    field(json!([{ "cidr": "10.0.0.7/31" }]), &[json!("10.0.0.6"), json!("10.0.0.7")], &[json!("10.0.0.8")]);
    field(json!([{ "cidr": "0.0.0.0/0" }]), &[json!("1.2.3.4")], &[json!("2001:db8::1")]);
    field(
        json!([{ "cidr": "2001:db8::/32" }]),
        &[json!("2001:db8::1"), json!("2001:0db8:ffff::")],
        &[json!("2001:db9::1"), json!("10.0.0.1")],
    );
    field(json!([{ "cidr": "::/0" }]), &[json!("2001:db8::1")], &[json!("10.0.0.1")]);
}

#[test]
fn wildcard() {
    field(json!([{ "wildcard": "*" }]), &[json!(""), json!("anything")], &[json!(1)]);
    field(
        json!([{ "wildcard": "dir/*.png" }]),
        &[json!("dir/.png"), json!("dir/a/b.png")],
        &[json!("dir/a.jpg"), json!("xdir/a.png"), json!("dir/a.png.x")],
    );
    field(json!([{ "wildcard": "*a*b*a" }]), &[json!("aba"), json!("xaxbxabxa")], &[json!("ab"), json!("abab")]);
    field(json!([{ "wildcard": r"a\*b\\c" }]), &[json!(r"a*b\c")], &[json!(r"axb\c"), json!(r"a\*b\\c")]);
    field(json!([{ "wildcard": "ü*" }]), &[json!("übung")], &[json!("u")]);
}

#[test]
fn or_within_and_beside_other_fields() {
    let pattern = json!({
        "source": ["s"],
        "detail": { "$or": [{ "c": [{ "numeric": [">", 0, "<=", 5] }] }, { "d": [{ "numeric": ["<", 10] }], "e": [true] }], "f": ["x"] }
    });
    events(
        pattern,
        &[
            json!({ "source": "s", "detail": { "f": "x", "c": 1 } }),
            json!({ "source": "s", "detail": { "f": "x", "c": 9, "d": 9, "e": true } }),
        ],
        &[
            json!({ "source": "s", "detail": { "f": "x", "c": 6 } }),
            json!({ "source": "s", "detail": { "f": "x", "d": 9, "e": false } }),
            json!({ "source": "s", "detail": { "c": 1 } }),
            json!({ "source": "t", "detail": { "f": "x", "c": 1 } }),
        ],
    );
    // With one element, or elements that are no patterns, it is a field called $or.
    events(json!({ "$or": ["x"] }), &[json!({ "$or": "x" })], &[json!({ "a": 1 })]);
    events(json!({ "$or": [{ "a": [1] }, { "b": [2] }] }), &[json!({ "a": 1 }), json!({ "b": 2 })], &[json!({ "a": 2, "b": 1 })]);
}

/// Source: EventBridge user guide, "Event pattern syntax": of several patterns for one field only the last is used.
#[test]
fn of_several_conditions_on_a_field_the_last_counts() {
    written(r#"{ "a": ["x"], "a": ["y"] }"#, &[json!({ "a": "y" })], &[json!({ "a": "x" }), json!({ "a": "x", "b": "z" })]);
    written(
        r#"{ "a": ["x"], "$or": [{ "a": ["y"] }, { "b": ["z"] }] }"#,
        &[json!({ "a": "y" }), json!({ "a": "x", "b": "z" })],
        &[json!({ "a": "x" }), json!({ "b": "z" })],
    );
    written(
        r#"{ "$or": [{ "a": ["y"] }, { "b": ["z"] }], "a": ["x"] }"#,
        &[json!({ "a": "x" }), json!({ "a": "x", "b": "z" })],
        &[json!({ "a": "y" }), json!({ "a": "y", "b": "z" })],
    );
    written(
        r#"{ "a": { "b": [1] }, "a": { "c": [2] } }"#,
        &[json!({ "a": { "b": 1, "c": 2 } })],
        &[json!({ "a": { "b": 1 } }), json!({ "a": { "c": 2 } })],
    );
}

/// Source: aws/event-ruler, "JSON Array Matching": values in different elements of one array do not match together.
#[test]
fn conditions_on_a_field_and_below_it_match_a_leaf_and_an_object_beside_each_other() {
    events(
        json!({ "f": { "g": [1] }, "$or": [{ "f": ["x"] }, { "h": [true] }] }),
        &[
            json!({ "f": ["x", { "g": 1 }] }),
            json!({ "f": ["x", [{ "g": 1 }]] }),
            json!({ "f": [["z"], ["x", { "g": 1 }]] }),
            json!({ "f": { "g": 1 }, "h": true }),
        ],
        &[json!({ "f": { "g": 1 } }), json!({ "f": "x" }), json!({ "f": ["x", { "g": 2 }] }), json!({ "f": [["x"], { "g": 1 }] })],
    );
    events(json!({ "f": { "g": [{ "exists": false }] }, "$or": [{ "f": ["x"] }, { "h": [true] }] }), &[json!({ "f": ["x"] })], &[]);
}

/// Source: aws/event-ruler, "And and Or"; EventBridge user guide, the limit of 1,000 combinations.
#[test]
fn an_or_that_is_none_makes_every_or_of_the_pattern_a_field() {
    let ten: Vec<_> = (0..10).map(|number| json!({ "a": [number] })).collect();
    let eleven: Vec<_> = (0..11).map(|number| json!({ "a": [number] })).collect();
    let product = |last: &[Value]| json!({ "x": { "$or": ten }, "y": { "$or": ten }, "z": { "$or": last } }).to_string();
    written(&product(&ten), &[json!({ "x": { "a": 1 }, "y": { "a": 2 }, "z": { "a": 3 } })], &[json!({ "x": { "a": 1 } })]);
    assert!(Pattern::parse(&product(&eleven)).is_err());

    written(r#"{ "$or": { "a": [1] }, "b": { "$or": [2] } }"#, &[json!({ "$or": { "a": 1 }, "b": { "$or": 2 } })], &[json!({ "a": 1 })]);
    for pattern in [
        r#"{ "$or": ["x"], "b": { "$or": [{ "c": [1] }, { "d": [2] }] } }"#,
        r#"{ "$or": [{ "a": [1] }, { "=": [2] }] }"#,
        r#"{ "$or": [{ "a": [1] }, { "b": { "regex": [2] } }] }"#,
    ] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn patterns_that_are_none_are_refused() {
    for pattern in [
        json!([]),
        json!({}),
        json!("x"),
        json!({ "a": "x" }),
        json!({ "a": 1 }),
        json!({ "a": [] }),
        json!({ "a": {} }),
        json!({ "a": [["b"]] }),
        json!({ "a": [{}] }),
        json!({ "a": [{ "prefix": "x", "suffix": "y" }] }),
        json!({ "a": [{ "unknown": "x" }] }),
        json!({ "a": [{ "prefix": 1 }] }),
        json!({ "a": [{ "prefix": { "suffix": "x" } }] }),
        json!({ "a": [{ "exists": "true" }] }),
        json!({ "a": [{ "numeric": [] }] }),
        json!({ "a": [{ "numeric": [">"] }] }),
        json!({ "a": [{ "numeric": ["!", 1] }] }),
        json!({ "a": [{ "numeric": [">", "1"] }] }),
        json!({ "a": [{ "numeric": [">", 5, "<", 5] }] }),
        json!({ "a": [{ "numeric": ["<", 1, ">", 0] }] }),
        json!({ "a": [{ "numeric": ["=", 5.1e9] }] }),
        json!({ "a": [{ "cidr": "10.0.0.0/33" }] }),
        json!({ "a": [{ "cidr": "10.0.0.7/32" }] }),
        json!({ "a": [{ "cidr": "::1/128" }] }),
        json!({ "a": [{ "cidr": "::/129" }] }),
        json!({ "a": [{ "cidr": "host/8" }] }),
        json!({ "a": [{ "cidr": "10.0.0.1" }] }),
        json!({ "a": [{ "cidr": "10.0.0.0/" }] }),
        json!({ "$or": [{ "a": [1] }] }),
        json!({ "$or": [{ "a": [1] }, { "prefix": ["x"] }] }),
        json!({ "a": [{ "wildcard": "a**b" }] }),
        json!({ "a": [{ "wildcard": "a\\b" }] }),
        json!({ "a": [{ "anything-but": [] }] }),
        json!({ "a": [{ "anything-but": ["a", 1] }] }),
        json!({ "a": [{ "anything-but": { "numeric": ["=", 1] } }] }),
        json!({ "a": [{ "anything-but": { "prefix": [] } }] }),
        json!({ "a": [{ "anything-but": { "prefix": "" } }] }),
        json!({ "a": [{ "anything-but": { "suffix": { "equals-ignore-case": "x" } } }] }),
    ] {
        assert!(Pattern::read(&pattern).is_err(), "{pattern}");
    }
}
