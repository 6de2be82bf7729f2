//! Says which listed read a DynamoDB wire request is, or why it is none.
//!
//! A request is listed when some pattern, given the values found in the request's own keys, would send exactly it.

use serde_json::Value as Json;

use crate::condition;
use crate::matrix::Matrix;
use crate::pattern::{Comparison, KeyForm, Operation, Pattern};
use crate::plan::{Condition, Plan, Scalar};
use crate::template::{AFTER_DELIMITER, DELIMITER, Segment, Template};
use crate::value::{Params, Value};

/// The request is no read that the matrix lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} on {table} is not in the matrix of {service}: {reason}")]
pub struct NotListed {
    /// The operation asked for.
    pub operation: String,
    /// The table asked for.
    pub table: String,
    /// The service whose matrix was searched.
    pub service: String,
    /// Why no pattern matches; never carries a key's value.
    pub reason: String,
}

const REFUSED: [&str; 8] =
    ["FilterExpression", "AttributesToGet", "KeyConditions", "QueryFilter", "ScanFilter", "ConditionalOperator", "Select", "ReturnValues"];

impl Matrix {
    /// The pattern that the wire request is: GetItem, BatchGetItem, Query or Scan as the SDK sends it.
    ///
    /// Compared are table, index, key conditions (names resolved, values read by the pattern's templates), direction, consistency
    /// and projection. Limit must be there for Query and Scan; its value and the page's start are the caller's.
    pub fn audit(&self, operation: &str, request: &Json) -> Result<&Pattern, NotListed> {
        if operation == "BatchGetItem" {
            return self.audit_batch(request);
        }
        let table = request.get("TableName").and_then(Json::as_str).unwrap_or("no table");
        let refuse =
            |reason: String| NotListed { operation: operation.to_owned(), table: table.to_owned(), service: self.service.clone(), reason };
        let sent = sent(operation, request).map_err(refuse)?;
        let candidates = || self.reads.values().filter(|p| p.op == sent.operation && p.table == sent.table && p.index == sent.index);
        // Almost every request is one of them: what the others differ in is only said where none is.
        if let Some(pattern) = candidates().find(|pattern| difference(pattern, &sent).is_none()) {
            return Ok(pattern);
        }
        // Of several that differ, the one whose keys the request has is the one that was meant.
        let meant = candidates().find(|pattern| recover(pattern, &sent).is_some()).or_else(|| candidates().next());
        let nearest = meant.and_then(|pattern| Some(format!("{} differs: {}", pattern.name, difference(pattern, &sent)?)));
        let by = sent.index.as_ref().map_or(String::new(), |index| format!(" by {index}"));
        Err(refuse(nearest.unwrap_or_else(|| format!("no pattern {operation}s {table}{by}"))))
    }

    /// A batch is listed when each of its keys is, as a GetItem; the pattern is the last key's.
    fn audit_batch(&self, request: &Json) -> Result<&Pattern, NotListed> {
        let tables = request.get("RequestItems").and_then(Json::as_object);
        let mut listed = None;
        for (table, asked) in tables.into_iter().flatten() {
            for key in asked.get("Keys").and_then(Json::as_array).into_iter().flatten() {
                let mut one = asked.clone();
                if let Some(members) = one.as_object_mut() {
                    members.remove("Keys");
                    members.insert("TableName".to_owned(), table.as_str().into());
                    members.insert("Key".to_owned(), key.clone());
                }
                listed = Some(self.audit("GetItem", &one)?);
            }
        }
        listed.ok_or_else(|| NotListed {
            operation: "BatchGetItem".to_owned(),
            table: "no table".to_owned(),
            service: self.service.clone(),
            reason: "it has no Keys".to_owned(),
        })
    }
}

/// The request as a plan.
fn sent(operation: &str, request: &Json) -> Result<Plan, String> {
    let operation = match operation {
        "GetItem" => Operation::GetItem,
        "Query" => Operation::Query,
        "Scan" => Operation::Scan,
        other => return Err(format!("no pattern uses {other}")),
    };
    if let Some(key) = REFUSED.iter().find(|key| request.get(**key).is_some()) {
        return Err(format!("no pattern uses {key}: what is not in a key is not asked for"));
    }
    if operation != Operation::GetItem && request.get("Limit").and_then(Json::as_u64).is_none() {
        return Err("it has no Limit, so one page would read on without end".to_owned());
    }
    let text = |key: &str| request.get(key).and_then(Json::as_str);
    let flag = |key: &str, default: bool| request.get(key).and_then(Json::as_bool).unwrap_or(default);
    let conditions = match operation {
        Operation::GetItem => {
            let key = request.get("Key").and_then(Json::as_object).ok_or("it has no Key")?;
            key.iter()
                .map(|(name, value)| Ok((name.clone(), Condition::Equals(condition::scalar(value)?))))
                .collect::<Result<_, String>>()?
        }
        Operation::Query => condition::parse(text("KeyConditionExpression").ok_or("it has no KeyConditionExpression")?, request)?,
        Operation::Scan => Vec::new(),
    };
    let projection = match text("ProjectionExpression") {
        None => None,
        Some(names) => Some(names.split(',').map(|token| condition::name(token.trim(), request)).collect::<Result<Vec<_>, _>>()?),
    };
    Ok(Plan {
        operation,
        table: text("TableName").unwrap_or_default().to_owned(),
        index: text("IndexName").map(str::to_owned),
        conditions,
        descending: !flag("ScanIndexForward", true),
        strong: flag("ConsistentRead", false),
        projection,
    })
}

/// What of a request is not as the pattern would send it.
fn difference(pattern: &Pattern, sent: &Plan) -> Option<&'static str> {
    if pattern.strong != sent.strong {
        return Some(if pattern.strong { "it is strongly consistent" } else { "it is eventually consistent" });
    }
    if pattern.descending != sent.descending {
        return Some(if pattern.descending { "it reads newest first" } else { "it reads oldest first" });
    }
    if sorted(pattern.projection.as_deref()) != sorted(sent.projection.as_deref()) {
        return Some("it reads other attributes");
    }
    if pattern.op == Operation::Scan {
        return None;
    }
    let Some(params) = recover(pattern, sent) else { return Some("its keys are built otherwise") };
    let same = pattern.plans(&params).is_ok_and(|plans| plans.iter().any(|plan| same_conditions(&plan.conditions, &sent.conditions)));
    (!same).then_some("its key conditions are others")
}

fn sorted(attributes: Option<&[String]>) -> Option<Vec<&String>> {
    let mut attributes: Vec<&String> = attributes?.iter().collect();
    attributes.sort();
    Some(attributes)
}

fn same_conditions(a: &[(String, Condition)], b: &[(String, Condition)]) -> bool {
    a.len() == b.len() && a.iter().all(|condition| b.contains(condition))
}

/// The parameters that would make the pattern send these conditions, if any would.
fn recover(pattern: &Pattern, sent: &Plan) -> Option<Params> {
    let mut params = Params::new();
    for (attribute, form) in pattern.pk.iter().chain(&pattern.sk) {
        let Some((_, condition)) = sent.conditions.iter().find(|(name, _)| name == attribute) else { break };
        params = match form {
            KeyForm::Native { part, codec } => {
                let read = |scalar: &Scalar| match scalar {
                    Scalar::S(text) | Scalar::N(text) => codec.from_native(text).ok(),
                };
                match condition {
                    Condition::Equals(value) | Condition::AtLeast(value) | Condition::AtMost(value) => {
                        given(pattern, params, part, read(value)?)
                    }
                    Condition::Between(from, to) => params.between(part, read(from)?, read(to)?),
                    Condition::BeginsWith(_) => return None,
                }
            }
            KeyForm::Template(template) => templated(pattern, params, template, condition)?,
        };
    }
    Some(params)
}

fn templated(pattern: &Pattern, mut params: Params, template: &Template, condition: &Condition) -> Option<Params> {
    let (low, high) = match condition {
        Condition::Between(Scalar::S(low), Scalar::S(high)) => (low.as_str(), Some(high.as_str())),
        Condition::Equals(Scalar::S(text)) | Condition::BeginsWith(Scalar::S(text)) => (text.as_str(), None),
        Condition::AtLeast(Scalar::S(text)) => (text.as_str(), None),
        Condition::AtMost(Scalar::S(text)) => (text.trim_end_matches(AFTER_DELIMITER), None),
        _ => return None,
    };
    let lows = read(template, low)?;
    for (part, value) in &lows {
        params = given(pattern, params, part, value.clone());
    }
    let Some(high) = high else { return Some(params) };
    // The range is the hole after what both ends share; where one end has no value, the pattern is open at that side.
    let highs = read(template, high.strip_suffix(AFTER_DELIMITER).unwrap_or(high))?;
    for (part, to) in &highs {
        let from = lows.iter().find(|(name, _)| name == part).map(|(_, from)| from);
        let ranged = pattern.wheres().any(|condition| condition.name == *part && condition.comparison == Comparison::Between);
        params = match from {
            Some(from) if ranged => params.between(part, from.clone(), to.clone()),
            _ => given(pattern, params, part, to.clone()),
        };
    }
    Some(params)
}

/// The values in the leading segments that `text` has whole.
fn read<'t>(template: &'t Template, text: &str) -> Option<Vec<(&'t str, Value)>> {
    let pieces: Vec<&str> = text.strip_suffix(DELIMITER).unwrap_or(text).split(DELIMITER).collect();
    let has_hole = |at: usize| matches!(template.segments().get(at), Some(Segment::Hole { .. }));
    let pieces = if pieces.last().is_some_and(|last| last.is_empty()) && has_hole(pieces.len() - 1) {
        &pieces[..pieces.len() - 1]
    } else {
        &pieces[..]
    };
    (pieces.len() <= template.segments().len()).then_some(())?;
    template.read_pieces(pieces)
}

/// Adds what was read from a key, but for the shard of a fan-out, which is not the caller's to give.
fn given(pattern: &Pattern, params: Params, part: &str, value: Value) -> Params {
    if pattern.wheres().any(|condition| condition.name == part) { params.value(part, value) } else { params }
}
