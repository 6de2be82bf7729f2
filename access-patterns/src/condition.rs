//! Reads the key conditions of a wire request back into [`Condition`]s, names and values resolved.

use serde_json::Value as Json;

use crate::plan::{Condition, Scalar};

/// A wire value that can be a key: `{"S": ..}` or `{"N": ..}`.
pub(crate) fn scalar(value: &Json) -> Result<Scalar, String> {
    let object = value.as_object().filter(|object| object.len() == 1);
    let (kind, text) = object.and_then(|object| object.iter().next()).ok_or("a key value is not one S or N")?;
    let text = text.as_str().ok_or("a key value is not one S or N")?.to_owned();
    match kind.as_str() {
        "S" => Ok(Scalar::S(text)),
        "N" => Ok(Scalar::N(text)),
        _ => Err(format!("a key value is of type {kind}")),
    }
}

/// The attribute that `token` stands for.
pub(crate) fn name(token: &str, request: &Json) -> Result<String, String> {
    if !token.starts_with('#') {
        return Err(format!("the name {token} is not aliased"));
    }
    let known = request.get("ExpressionAttributeNames").and_then(|names| names.get(token)).and_then(Json::as_str);
    known.map(str::to_owned).ok_or_else(|| format!("{token} stands for no attribute"))
}

/// The conditions of a KeyConditionExpression joined by AND.
pub(crate) fn parse(expression: &str, request: &Json) -> Result<Vec<(String, Condition)>, String> {
    let tokens = tokens(expression);
    let mut rest: &[&str] = &tokens;
    let mut conditions = Vec::new();
    loop {
        let (condition, after) = one(rest, request)?;
        conditions.push(condition);
        match after {
            [] => return Ok(conditions),
            [and, more @ ..] if and.eq_ignore_ascii_case("AND") => rest = more,
            [other, ..] => return Err(format!("the key condition has \"{other}\" where AND or its end should be")),
        }
    }
}

fn one<'t, 'e>(tokens: &'t [&'e str], request: &Json) -> Result<((String, Condition), &'t [&'e str]), String> {
    let value = |token: &str| {
        let known = request.get("ExpressionAttributeValues").and_then(|values| values.get(token));
        scalar(known.ok_or_else(|| format!("{token} stands for no value"))?)
    };
    match tokens {
        ["(", inner @ ..] => {
            let (condition, after) = one(inner, request)?;
            match after {
                [")", after @ ..] => Ok((condition, after)),
                _ => Err("the key condition has an open bracket".to_owned()),
            }
        }
        [function, "(", attribute, ",", prefix, ")", after @ ..] if *function == "begins_with" => {
            Ok(((name(attribute, request)?, Condition::BeginsWith(value(prefix)?)), after))
        }
        [attribute, between, from, and, to, after @ ..] if between.eq_ignore_ascii_case("BETWEEN") && and.eq_ignore_ascii_case("AND") => {
            Ok(((name(attribute, request)?, Condition::Between(value(from)?, value(to)?)), after))
        }
        [attribute, "=", to, after @ ..] => Ok(((name(attribute, request)?, Condition::Equals(value(to)?)), after)),
        [attribute, ">=", to, after @ ..] => Ok(((name(attribute, request)?, Condition::AtLeast(value(to)?)), after)),
        [attribute, "<=", to, after @ ..] => Ok(((name(attribute, request)?, Condition::AtMost(value(to)?)), after)),
        _ => Err("the key condition has a comparison that no pattern uses".to_owned()),
    }
}

fn tokens(expression: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => 1,
            '<' | '>' | '=' => rest.find(|c| !"<>=".contains(c)).unwrap_or(rest.len()),
            _ => rest.find(|c: char| c.is_whitespace() || "(),<>=".contains(c)).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}
