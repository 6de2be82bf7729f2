//! The laws that every codec keeps, over hostile values, and the broken codecs that each law catches, by name.

use access_patterns::{Codec, Value};
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// What a codec is to its laws: a spelling and its reading.
struct Spelling<'a> {
    values: BoxedStrategy<Value>,
    encode: &'a dyn Fn(&Value) -> String,
    decode: &'a dyn Fn(&str) -> Option<Value>,
    widest: usize,
}

/// A law that a codec breaks, and the value that shows it.
#[derive(Debug, PartialEq, Eq)]
enum Law {
    RoundTrip,
    Alphabet,
    Width,
    Order,
    /// A longer key that starts with the value and the delimiter sorts before the next value.
    OrderInside,
    Injective,
}

fn check(spelling: &Spelling<'_>) -> Result<(), (Law, String)> {
    // A law is checked with the same values every time: which law a broken codec breaks first depends on them.
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let pairs = (spelling.values.clone(), spelling.values.clone());
    let broken = |law: Law, a: &Value, b: &Value| Err(TestCaseError::fail(format!("{law:?}|{a:?} {b:?}")));
    let outcome = runner.run(&pairs, |(a, b)| {
        let (spelt_a, spelt_b) = ((spelling.encode)(&a), (spelling.encode)(&b));
        if (spelling.decode)(&spelt_a).as_ref() != Some(&a) {
            return broken(Law::RoundTrip, &a, &b);
        }
        if spelt_a.is_empty() || spelt_a.bytes().any(|byte| byte <= b'#') {
            return broken(Law::Alphabet, &a, &b);
        }
        if spelt_a.len() > spelling.widest {
            return broken(Law::Width, &a, &b);
        }
        if (a == b) != (spelt_a == spelt_b) {
            return broken(Law::Injective, &a, &b);
        }
        if a.cmp(&b) != spelt_a.as_bytes().cmp(spelt_b.as_bytes()) {
            return broken(Law::Order, &a, &b);
        }
        let inside = |spelt: &str| format!("X#{spelt}#tail");
        if a.cmp(&b) != inside(&spelt_a).as_bytes().cmp(inside(&spelt_b).as_bytes()) {
            return broken(Law::OrderInside, &a, &b);
        }
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, _)) => {
            let reason = reason.to_string();
            let (law, shown) = reason.split_once('|').unwrap_or((&reason, ""));
            let laws = [Law::RoundTrip, Law::Alphabet, Law::Width, Law::Order, Law::OrderInside, Law::Injective];
            let law = laws.into_iter().find(|known| format!("{known:?}") == law).unwrap_or_else(|| panic!("{reason}"));
            Err((law, shown.to_owned()))
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Text as an attacker would choose it: delimiters, escapes, controls, prefixes of one another, the ends of Unicode.
fn hostile(max: usize) -> BoxedStrategy<Value> {
    let piece = prop_oneof![
        Just("#".to_owned()),
        Just("$".to_owned()),
        Just("$23".to_owned()),
        Just("\u{0}".to_owned()),
        Just("a".to_owned()),
        Just("é".to_owned()),
        Just("\u{10FFFF}".to_owned()),
        Just("SUB#1".to_owned()),
        Just("%".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..20)
        .prop_map(move |pieces| {
            let mut text = pieces.concat();
            while text.len() > max {
                text.pop();
            }
            Value::Text(if text.is_empty() { "a".to_owned() } else { text })
        })
        .boxed()
}

fn tokens(max: usize) -> BoxedStrategy<Value> {
    prop_oneof!["[aA0_-]{1,3}", "[A-Za-z0-9_-]{1,40}"].prop_map(move |text: String| Value::Text(text.chars().take(max).collect())).boxed()
}

fn numbers() -> BoxedStrategy<Value> {
    prop_oneof![0u64..120, any::<u64>(), Just(u64::MAX)].prop_map(Value::Number).boxed()
}

fn days() -> BoxedStrategy<Value> {
    let day = |days: i32| NaiveDate::from_num_days_from_ce_opt(days).unwrap();
    prop_oneof![700_000..700_100i32, -365..3_652_059i32].prop_map(move |days| Value::Date(day(days))).boxed()
}

fn times() -> BoxedStrategy<Value> {
    let time = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).unwrap();
    prop_oneof![1_700_000_000_000_000i64..1_700_000_000_000_100, -62_167_219_200_000_000i64..253_402_300_800_000_000]
        .prop_map(move |micros| Value::Time(time(micros)))
        .boxed()
}

fn words(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(of).prop_map(Value::from).boxed()
}

fn uuids() -> BoxedStrategy<Value> {
    any::<u128>()
        .prop_map(|bits| {
            let hex = format!("{bits:032x}");
            Value::Text([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
        })
        .boxed()
}

const KINDS: &[&str] = &["loan", "loan-out", "sale"];

fn every_codec() -> Vec<(Codec, BoxedStrategy<Value>)> {
    vec![
        (Codec::Uuid, uuids()),
        (Codec::Token { max: 40 }, tokens(40)),
        (Codec::Text { max: 30 }, hostile(30)),
        (Codec::U64, numbers()),
        (Codec::Date, days()),
        (Codec::Time, times()),
        (Codec::Enum { of: KINDS.iter().map(|kind| (*kind).to_owned()).collect() }, words(KINDS)),
        (Codec::Shard { of: 101 }, (0u64..101).prop_map(Value::Number).boxed()),
    ]
}

/// Law: every codec round-trips, stays in its alphabet and width, is injective, and keeps order, alone and inside a key.
#[test]
fn every_codec_keeps_every_law() {
    for (codec, values) in every_codec() {
        let encode = |value: &Value| codec.encode(value).unwrap();
        let decode = |spelt: &str| codec.decode(spelt).ok();
        let spelling = Spelling { values, encode: &encode, decode: &decode, widest: codec.max_width() };
        assert_eq!(check(&spelling), Ok(()), "{}", codec.word());
    }
}

proptest! {
    /// Law: what decodes is what encoding would have written, so no two texts read as one value.
    #[test]
    fn only_canonical_spellings_decode(text in prop_oneof!["\\PC{0,40}", "[0-9TZ:.$#-]{0,30}", "[0-9a-fA-F-]{36}"]) {
        for (codec, _) in every_codec() {
            if let Ok(value) = codec.decode(&text) {
                prop_assert_eq!(codec.encode(&value).unwrap(), text.as_str());
            }
        }
    }

    /// Law: as an attribute of its own a value is read back, too, and stays within the width that limits are proven with.
    #[test]
    fn native_spellings_round_trip(seed in any::<[u8; 32]>()) {
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        for (codec, values) in every_codec() {
            let value = values.new_tree(&mut runner).unwrap().current();
            let stored = codec.native(&value).unwrap();
            prop_assert!(stored.len() <= codec.max_native_width());
            prop_assert_eq!(codec.from_native(&stored), Ok(value));
        }
    }
}

#[test]
fn values_outside_a_codec_are_refused_and_never_repeated_in_the_message() {
    let secret = "anna@example.org#1";
    for codec in
        [Codec::Uuid, Codec::Token { max: 80 }, Codec::Text { max: 3 }, Codec::U64, Codec::Date, Codec::Time, Codec::Shard { of: 2 }]
    {
        let message = codec.encode(&secret.into()).unwrap_err().to_string();
        assert!(message.starts_with("must be") && !message.contains("anna"), "{message}");
    }
    let refused = |codec: Codec, value: Value| assert!(codec.encode(&value).is_err(), "{codec:?} took {value:?}");
    refused(Codec::Token { max: 3 }, "abcd".into());
    refused(Codec::Token { max: 3 }, "".into());
    refused(Codec::Text { max: 3 }, "".into());
    refused(Codec::Uuid, "018F2C3D-0000-7000-8000-000000000001".into());
    refused(Codec::Shard { of: 8 }, 8.into());
    refused(Codec::Date, "2026-02-29".into());
    refused(Codec::Date, "2026-1-31".into());
    refused(Codec::Time, "2026-01-31T09:30:00Z".into());
    refused(Codec::Time, DateTime::<Utc>::from_timestamp(1_700_000_000, 1).unwrap().into());
    refused(Codec::U64, "12".into());
}

/// Broken codecs, each with the law that must catch it.
#[test]
fn every_broken_codec_is_caught() {
    let utf8 = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    let number = |value: &Value| match value {
        Value::Number(number) => *number,
        other => panic!("{other:?} is no number"),
    };
    let time = |value: &Value| match value {
        Value::Time(time) => *time,
        other => panic!("{other:?} is no time"),
    };
    let text = |spelt: &str| Some(Value::Text(spelt.to_owned()));
    let digits = |spelt: &str| spelt.parse().ok().map(Value::Number);
    let rfc3339 = |spelt: &str| DateTime::parse_from_rfc3339(spelt).ok().map(|time| Value::Time(time.to_utc()));
    let good = Codec::Text { max: 30 };
    let good_decode = |spelt: &str| good.decode(spelt).ok();
    let only_hash = |value: &Value| utf8(value).replace('$', "$24").replace('#', "$23");
    let only_hash_back = |spelt: &str| text(&spelt.replace("$23", "#").replace("$24", "$"));

    type Mutant<'a> = (&'a str, Law, BoxedStrategy<Value>, &'a dyn Fn(&Value) -> String, &'a dyn Fn(&str) -> Option<Value>, usize);
    let unpadded = |value: &Value| number(value).to_string();
    let padded_19 = |value: &Value| format!("{:019}", number(value));
    let hex = |value: &Value| format!("{:016X}", number(value).swap_bytes());
    let hex_back = |spelt: &str| u64::from_str_radix(spelt, 16).ok().map(|swapped| Value::Number(swapped.swap_bytes()));
    let lower = |value: &Value| utf8(value).to_lowercase();
    let descending = |value: &Value| format!("{:020}", u64::MAX - number(value));
    let descending_back = |spelt: &str| spelt.parse::<u64>().ok().map(|spelt| Value::Number(u64::MAX - spelt));
    let short_time = |value: &Value| time(value).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let milliseconds = |value: &Value| time(value).trunc_subsecs(3).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let zoned = |value: &Value| {
        let zone = chrono::FixedOffset::east_opt(if time(value).timestamp() % 2 == 0 { 3600 } else { 0 }).unwrap();
        time(value).with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    };
    let backslash = |value: &Value| utf8(value).replace('\\', "\\\\").replace('#', "\\#");
    let percent = |value: &Value| {
        utf8(value)
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect::<String>()
    };
    let percent_back = |spelt: &str| {
        let mut bytes = Vec::new();
        let mut rest = spelt.as_bytes();
        while let [first, tail @ ..] = rest {
            match (first, tail) {
                (b'%', [a, b, tail @ ..]) => {
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&[*a, *b]).ok()?, 16).ok()?);
                    rest = tail;
                }
                _ => {
                    bytes.push(*first);
                    rest = tail;
                }
            }
        }
        String::from_utf8(bytes).ok().map(Value::Text)
    };
    let good_encode = |value: &Value| good.encode(value).unwrap();
    let as_is = |value: &Value| utf8(value);
    let unslash = |spelt: &str| text(&spelt.replace("\\#", "#").replace("\\\\", "\\"));
    let mutants: Vec<Mutant<'_>> = vec![
        ("a number without padding", Law::Order, numbers(), &unpadded, &digits, 20),
        ("a number one digit short", Law::Order, numbers(), &padded_19, &digits, 19),
        ("a number's bytes the wrong way round", Law::Order, numbers(), &hex, &hex_back, 16),
        ("a number counted down", Law::Order, numbers(), &descending, &descending_back, 20),
        ("text without an escape", Law::Alphabet, hostile(30), &as_is, &text, 90),
        ("text with only the delimiter escaped", Law::Alphabet, hostile(30), &only_hash, &only_hash_back, 90),
        ("text with a backslash before the delimiter", Law::Alphabet, hostile(30), &backslash, &unslash, 90),
        ("text in percent encoding", Law::Order, hostile(30), &percent, &percent_back, 90),
        ("text in lower case", Law::RoundTrip, tokens(30), &lower, &text, 90),
        ("a width that forgets escapes", Law::Width, hostile(30), &good_encode, &good_decode, 30),
        ("a time without trailing zeros", Law::Order, times(), &short_time, &rfc3339, 27),
        ("a time in milliseconds", Law::Injective, times(), &milliseconds, &rfc3339, 27),
        ("a time in a zone of its own", Law::Width, times(), &zoned, &rfc3339, 27),
    ];
    let mut escaped = Vec::new();
    for (name, law, values, encode, decode, widest) in mutants {
        match check(&Spelling { values, encode, decode, widest }) {
            Err((caught, _)) if caught == law => {}
            other => escaped.push(format!("{name}: expected {law:?}, but {other:?}")),
        }
    }
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}
