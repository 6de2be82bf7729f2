//! Whether what is written fits those who read it: events what a consumer says it reads, and what was released; requests what a service takes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::contract::Contract;

/// Something that a reader relies on and would no longer find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The event or the part of a route, and the field where it is about one: `PAYMENT_RECEIVED.data.amount.currency`.
    pub field: String,
    /// The rule that is broken, in a word or two that stay the same.
    pub rule: &'static str,
    /// What is wrong, in a clause.
    pub what: String,
}

/// Who relies on a schema.
#[derive(Clone, Copy, PartialEq)]
enum Reader {
    /// A known consumer: fields that it can do without may be missing.
    Known,
    /// Anybody, since the release: whatever was promised is read by someone.
    Anybody,
    /// A service: what clients were told to write, it must take.
    Service,
}

/// What keeps a consumer that reads `read` from reading what is `published`; `field` is what the whole is called.
pub fn unreadable(field: &str, published: &Value, read: &Value) -> Vec<Break> {
    let mut comparison = Comparison { reader: Reader::Known, breaks: vec![] };
    comparison.compare(field, published, read);
    comparison.breaks
}

/// What keeps anybody who relies on what was `released` from reading what is published `now`.
pub(crate) fn taken_back(field: &str, now: &Value, released: &Value) -> Vec<Break> {
    let mut comparison = Comparison { reader: Reader::Anybody, breaks: vec![] };
    comparison.compare(field, now, released);
    comparison.breaks
}

/// What keeps a service that takes `now` from taking what clients were told in the release to write.
pub(crate) fn no_longer_taken(field: &str, released: &Value, now: &Value) -> Vec<Break> {
    let mut comparison = Comparison { reader: Reader::Service, breaks: vec![] };
    comparison.compare(field, released, now);
    comparison.breaks
}

/// What a release promised and `now` no longer keeps.
pub fn broken_promises(released: &Contract, now: &Contract) -> Vec<Break> {
    let mut comparison = Comparison { reader: Reader::Anybody, breaks: vec![] };
    comparison.compare("metadata", &now.metadata, &released.metadata);
    for (event, promised) in &released.publishes {
        let Some(message) = now.publishes.get(event) else {
            comparison.add(event, "event-removed", "is no longer published");
            continue;
        };
        if message.schema_version < promised.schema_version {
            let what = format!("was released in version {} and is now in version {}", promised.schema_version, message.schema_version);
            comparison.add(event, "version-lowered", what);
        }
        comparison.compare(&format!("{event}.data"), &message.data, &promised.data);
    }
    comparison.breaks
}

struct Comparison {
    reader: Reader,
    breaks: Vec<Break>,
}

/// Keywords that two schemas must have alike to be compared at all.
const WHOLE: [&str; 7] = ["oneOf", "anyOf", "allOf", "not", "if", "then", "else"];

impl Comparison {
    fn add(&mut self, field: &str, rule: &'static str, what: impl Into<String>) {
        self.breaks.push(Break { field: field.into(), rule, what: what.into() });
    }

    /// Adds a break in the words of those who read, or in those of a service that takes requests.
    fn add_for(&mut self, field: &str, (rule, what): (&'static str, &str), (rule_of_service, now): (&'static str, &str)) {
        match self.reader {
            Reader::Known | Reader::Anybody => self.add(field, rule, what),
            Reader::Service => self.add(field, rule_of_service, now),
        }
    }

    /// Everything that `given` allows must be what `relied` expects.
    fn compare(&mut self, field: &str, given: &Value, relied: &Value) {
        let (Some(given), Some(relied)) = (given.as_object(), relied.as_object()) else {
            if given != relied && relied != &Value::Bool(true) {
                self.add(field, "not-comparable", "has another form");
            }
            return;
        };
        if WHOLE.iter().any(|keyword| bare(given.get(*keyword)) != bare(relied.get(*keyword))) {
            self.add(field, "not-comparable", "is made of other alternatives");
            return;
        }
        if !self.types(field, given, relied) {
            return;
        }
        self.words(field, given, relied);
        self.texts(field, given, relied);
        self.bounds(field, given, relied);
        self.fields(field, given, relied);
        match (given.get("items"), relied.get("items")) {
            (Some(given), Some(relied)) => self.compare(&format!("{field}[]"), given, relied),
            (None, Some(_)) => self.add(field, "not-comparable", "may hold anything, and readers expect certain items"),
            (_, None) => {}
        }
    }

    fn types(&mut self, field: &str, given: &Map<String, Value>, relied: &Map<String, Value>) -> bool {
        let (given, relied) = (types(given), types(relied));
        let fits = |one: &&str| relied.contains(*one) || (*one == "integer" && relied.contains("number"));
        if relied.is_empty() || (!given.is_empty() && given.iter().all(fits)) {
            return true;
        }
        let list = |types: &BTreeSet<&str>| match types.len() {
            0 => "anything".to_owned(),
            _ => types.iter().copied().collect::<Vec<_>>().join(" or "),
        };
        self.add(field, "type-changed", format!("is {} where {} is read", list(&given), list(&relied)));
        false
    }

    fn words(&mut self, field: &str, given: &Map<String, Value>, relied: &Map<String, Value>) {
        let Some(relied) = words(relied) else { return };
        let Some(given) = words(given) else {
            let what = format!("may be anything where one of {} is read", relied.join(", "));
            self.add_for(field, ("words-opened", &what), ("words-closed", &format!("must be one of {} now", relied.join(", "))));
            return;
        };
        let reader = self.reader;
        for word in given.iter().filter(|word| !relied.contains(word)) {
            let what = format!("may be {word}, which readers do not know");
            self.add_for(field, ("word-added", &what), ("word-removed", &format!("may no longer be {word}, and clients say so")));
        }
        let missed = |word: &&String| reader == Reader::Anybody && !given.contains(word);
        for word in relied.iter().filter(missed) {
            self.add(field, "word-removed", format!("is never {word} any more, which readers wait for"));
        }
    }

    fn texts(&mut self, field: &str, given: &Map<String, Value>, relied: &Map<String, Value>) {
        for keyword in ["pattern", "format"] {
            if let Some(form) = relied.get(keyword).filter(|form| given.get(keyword) != Some(form)) {
                let what = format!("is not held to the {keyword} {form}, which readers rely on");
                let now = format!("must be of the {keyword} {form} now");
                self.add_for(field, ("form-changed", &what), ("form-changed", &now));
            }
        }
    }

    fn bounds(&mut self, field: &str, given: &Map<String, Value>, relied: &Map<String, Value>) {
        let number = |schema: &Map<String, Value>, keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        for (keyword, lower) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("minProperties", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
            ("maxProperties", false),
        ] {
            let Some(bound) = number(relied, keyword) else { continue };
            if !number(given, keyword).is_some_and(|given| if lower { given >= bound } else { given <= bound }) {
                let what = format!("is no longer held to a {keyword} of {bound}");
                self.add_for(field, ("bound-widened", &what), ("bound-narrowed", &format!("is held to a {keyword} of {bound} now")));
            }
        }
    }

    fn fields(&mut self, field: &str, given: &Map<String, Value>, relied: &Map<String, Value>) {
        let (none, required) = (Map::new(), names(relied.get("required")));
        let properties = |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).unwrap_or(&none).clone();
        let (has, reads) = (properties(given), properties(relied));
        for (name, read) in &reads {
            let path = format!("{field}.{name}");
            match has.get(name) {
                Some(_) if required.contains(name) && !names(given.get("required")).contains(name) => {
                    let now = "must be there now, and clients may leave it out";
                    self.add_for(&path, ("made-optional", "may be missing, and readers rely on it"), ("made-required", now));
                }
                Some(found) => self.compare(&path, found, read),
                None if required.contains(name) || self.reader == Reader::Anybody => {
                    let now = "must be there, and clients do not know it";
                    self.add_for(&path, ("field-removed", "is no longer there, and readers rely on it"), ("made-required", now));
                }
                None => {}
            }
        }
        for name in required.iter().filter(|name| !reads.contains_key(*name) && !names(given.get("required")).contains(name.as_str())) {
            let now = "must be there, and clients do not know it";
            let path = format!("{field}.{name}");
            self.add_for(&path, ("field-removed", "is not there, and readers rely on it"), ("made-required", now));
        }
        // What a client writes is meant: a service that passes over it does something else than was asked.
        if relied.get("additionalProperties") == Some(&Value::Bool(false)) || self.reader == Reader::Service {
            for name in has.keys().filter(|name| !reads.contains_key(*name)) {
                let what = "is new where readers refuse fields that they do not know";
                let path = format!("{field}.{name}");
                self.add_for(&path, ("field-added", what), ("field-removed", "is no longer taken, and clients say it"));
            }
        }
    }
}

/// A schema without what it says to people.
fn bare(schema: Option<&Value>) -> Option<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                // A property may be called description: then it is a schema and no text.
                if members.get("description").is_some_and(Value::is_string) {
                    members.remove("description");
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut schema = schema?.clone();
    strip(&mut schema);
    Some(schema)
}

fn types(schema: &Map<String, Value>) -> BTreeSet<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn words(schema: &Map<String, Value>) -> Option<Vec<String>> {
    let text = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(word), _) => Some(vec![text(word)]),
        (None, Some(words)) => Some(words.iter().map(text).collect()),
        (None, None) => None,
    }
}

fn names(list: Option<&Value>) -> BTreeSet<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
