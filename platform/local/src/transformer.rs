//! Makes what a target gets of an event: all of it, a part, a constant, or a template filled in.
//!
//! Source: EventBridge user guide, "Input transformation".

use annals_kit::Timestamp;
use serde_json::Value;

use crate::config::Input;

/// The text a target gets.
pub(crate) fn input(input: &Input, event: &Value, rule: &str, now: Timestamp) -> String {
    match input {
        Input::Event => event.to_string(),
        Input::Path(path) => at(event, path).unwrap_or(&Value::Null).to_string(),
        Input::Constant(value) => value.to_string(),
        Input::Transformer { paths, template } => fill(paths, template, event, rule, now),
    }
}

/// The value at a path such as `$.detail.lines[0].sku`.
fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let mut steps = path.strip_prefix('$')?.split(['.', '[']).filter(|step| !step.is_empty());
    steps.try_fold(event, |value, step| match step.strip_suffix(']') {
        Some(index) => match index.trim_matches(['\'', '"']) {
            name if name.len() < index.len() => value.get(name),
            number => value.get(number.parse::<usize>().ok()?),
        },
        None => value.get(step),
    })
}

/// Fills a template. Inside quotes a value's bare text is put in; elsewhere its JSON.
fn fill(paths: &[(String, String)], template: &str, event: &Value, rule: &str, now: Timestamp) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut quoted = false;
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        let name = rest.strip_prefix('<').and_then(|after| after.split_once('>')).map(|(name, _)| name);
        match name.and_then(|name| Some((name, value(paths, name, event, rule, now)?))) {
            Some((name, value)) => {
                filled.push_str(&if quoted { bare(&value) } else { value.map_or_else(String::new, |value| value.to_string()) });
                rest = &rest[name.len() + 2..];
            }
            None => {
                quoted ^= character == '"' && !filled.ends_with('\\');
                filled.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    filled
}

/// What a name stands for: `None` when it is none of the template's, `Some(None)` when the event has nothing there.
fn value(paths: &[(String, String)], name: &str, event: &Value, rule: &str, now: Timestamp) -> Option<Option<Value>> {
    if let Some((_, path)) = paths.iter().find(|(known, _)| known == name) {
        return Some(at(event, path).cloned());
    }
    match name {
        "aws.events.rule-arn" => Some(Some(rule.into())),
        "aws.events.rule-name" => Some(rule.rsplit('/').next().map(Value::from)),
        "aws.events.event.ingestion-time" => Some(Some(now.to_string().into())),
        "aws.events.event" | "aws.events.event.json" => Some(Some(event.clone())),
        _ => None,
    }
}

/// A value within quotes: text with its quotes escaped, anything else as JSON so escaped.
fn bare(value: &Option<Value>) -> String {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let escaped = Value::String(text).to_string();
    escaped[1..escaped.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transformed(template: &str) -> String {
        let event = json!({ "id": "e1", "detail": { "name": "A \"B\"", "amount": 1200, "lines": [{ "sku": "x" }] } });
        let paths = [("name", "$.detail.name"), ("amount", "$.detail.amount"), ("sku", "$.detail.lines[0].sku"), ("none", "$.detail.none")];
        let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        let now = Timestamp::from_seconds(0).unwrap();
        input(&Input::Transformer { paths, template: template.to_owned() }, &event, "arn:aws:events:r:a:rule/bus/paid", now)
    }

    #[test]
    fn values_outside_quotes_are_json_and_inside_quotes_bare() {
        assert_eq!(
            transformed(r#"{"a": <amount>, "n": <name>, "t": "<name> pays <amount>"}"#),
            r#"{"a": 1200, "n": "A \"B\"", "t": "A \"B\" pays 1200"}"#
        );
    }

    #[test]
    fn paths_go_into_lists_and_what_is_absent_is_left_empty() {
        assert_eq!(transformed(r#"{"sku": <sku>, "none": "<none>"}"#), r#"{"sku": "x", "none": ""}"#);
    }

    #[test]
    fn reserved_names_are_known_and_others_stay_as_they_are() {
        assert_eq!(transformed(r#""<aws.events.rule-name> <unknown> <""#), r#""paid <unknown> <""#);
    }

    #[test]
    fn parts_and_constants_replace_the_event() {
        let event = json!({ "detail": { "a": 1 } });
        let now = Timestamp::from_seconds(0).unwrap();
        assert_eq!(input(&Input::Path("$.detail".to_owned()), &event, "", now), r#"{"a":1}"#);
        assert_eq!(input(&Input::Constant(json!({ "run": true })), &event, "", now), r#"{"run":true}"#);
    }
}
