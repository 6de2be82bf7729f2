//! JSON Schemas from Rust types, in the plain form of contracts: everything in place, no references, no nulls that are never written.

use annals_kit::Event;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// One event type of an enum of events.
pub(crate) struct Variant {
    pub(crate) summary: String,
    pub(crate) data: Value,
}

/// The event types of `E` with the schemas of their payloads, as they are written, in the order of the enum.
///
/// # Panics
/// Where `E` breaks the contract of [`Event`]: a serde form of another shape.
pub(crate) fn variants<E: Event + JsonSchema>() -> Vec<(String, Variant)> {
    let schema = plain(SchemaSettings::draft07().for_serialize(), |settings| settings.into_generator().into_root_schema_for::<E>());
    let forms = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
    let variant = |form: &Value| {
        let event_type = form["properties"]["type"]["const"].as_str().or_else(|| form["properties"]["type"]["enum"][0].as_str())?;
        let data = form["properties"].get("payload")?.clone();
        let summary = data["description"].as_str().or_else(|| form["description"].as_str()).unwrap_or_default().to_owned();
        Some((event_type.to_owned(), Variant { summary, data }))
    };
    forms.iter().map(|form| variant(form).expect("the serde form of an Event is {type, payload}, as its contract says")).collect()
}

/// The schema of what a consumer reads.
pub(crate) fn read<T: JsonSchema>() -> Value {
    plain(SchemaSettings::draft07(), |settings| settings.into_generator().into_root_schema_for::<T>())
}

/// The schema of what is written.
pub(crate) fn written<T: JsonSchema>() -> Value {
    plain(SchemaSettings::draft07().for_serialize(), |settings| settings.into_generator().into_root_schema_for::<T>())
}

fn plain(settings: SchemaSettings, root: impl FnOnce(SchemaSettings) -> Schema) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = root(settings);
    Plain.transform(&mut schema);
    schema.remove("title");
    schema.to_value()
}

/// Takes out what Rust says and a reader of events need not know.
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        one_line_description(schema);
        words(schema);
        // Sizes of Rust's integers; the bounds say the same.
        if schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("int") || format.starts_with("uint")) {
            schema.remove("format");
        }
        never_null(schema);
    }
}

/// Joins the lines of a doc comment's paragraph.
fn one_line_description(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
}

/// Writes alternatives that are words as one list of words.
fn words(schema: &mut Schema) {
    let Some(forms) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let words: Option<Vec<Value>> = forms
        .iter()
        .map(|form| match (form.get("const"), form.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => Some(vec![word.clone()]),
            (None, Some(words)) => Some(words.clone()),
            (None, None) => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|words| words.concat());
    if let Some(mut words) = words.filter(|words| words.iter().all(Value::is_string)) {
        // Words with and without a doc comment come apart: the order of the enum is lost, so that of the alphabet is taken.
        words.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        schema.remove("oneOf");
        schema.insert("type".into(), json!("string"));
        schema.insert("enum".into(), words.into());
    }
}

/// A property that may be left out is left out where there is nothing: `null` is not written in its place.
fn never_null(schema: &mut Schema) {
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .map_or(vec![], |names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
        let Some(property) = property.as_object_mut() else { continue };
        property.remove("default");
        if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                property.insert("type".into(), one);
            }
        }
        if let Some(forms) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
            forms.retain(|form| form["type"] != "null");
            if let [Value::Object(form)] = forms.as_slice() {
                let form = form.clone();
                property.remove("anyOf");
                form.into_iter().for_each(|(name, value)| {
                    property.entry(name).or_insert(value);
                });
            }
        }
    }
}
