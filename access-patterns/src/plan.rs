//! Turns a pattern and its parameters into the requests it sends: one, or one for each value of a declared fan-out.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::codec::{Codec, CodecError};
use crate::pattern::{Comparison, KeyForm, Operation, Pattern, Where};
use crate::template::{AFTER_DELIMITER, DELIMITER, Segment, Template};
use crate::value::{Params, Value};

/// A key value on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// Text.
    S(String),
    /// A number's digits.
    N(String),
}

/// What is asked of one key attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `=`
    Equals(Scalar),
    /// `begins_with`
    BeginsWith(Scalar),
    /// `BETWEEN`, both ends included.
    Between(Scalar, Scalar),
    /// `>=`
    AtLeast(Scalar),
    /// `<=`
    AtMost(Scalar),
}

/// One request, without its page: which keys, which way, what of each item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// GetItem, Query or Scan.
    pub operation: Operation,
    /// The table.
    pub table: String,
    /// The index.
    pub index: Option<String>,
    /// One condition for each key attribute that is restricted, partition first. For GetItem, the key.
    pub conditions: Vec<(String, Condition)>,
    /// Whether the highest sort key comes first.
    pub descending: bool,
    /// Whether the read is strongly consistent.
    pub strong: bool,
    /// The attributes asked for; `None` for all.
    pub projection: Option<Vec<String>>,
}

/// A parameter is missing, unknown or refused by its codec. Never carries the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {reason}")]
pub struct ParameterError {
    /// The name in the pattern's `where`.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ParameterError {
    fn new(name: &str, reason: impl ToString) -> Self {
        Self { name: name.to_owned(), reason: reason.to_string() }
    }
}

impl Pattern {
    /// The requests of one read: exactly one, or one for each value of the declared fan-out.
    pub fn plans(&self, params: &Params) -> Result<Vec<Plan>, ParameterError> {
        let params = &self.ends_named(params);
        if let Some(unknown) = params.names().find(|name| !self.wheres().any(|condition| condition.name == **name)) {
            return Err(ParameterError::new(unknown, format!("is not a parameter of {}", self.name)));
        }
        match &self.fanout {
            None => Ok(vec![self.plan(params)?]),
            Some((part, of)) => (0..*of).map(|shard| self.plan(&params.clone().number(part, shard))).collect(),
        }
    }

    /// `from` and `to` are the ends of the pattern's range, where it has one and no condition of those names.
    fn ends_named(&self, params: &Params) -> Params {
        let range = self.wheres().find(|condition| condition.comparison == Comparison::Between);
        let taken = self.wheres().any(|condition| condition.name == "from" || condition.name == "to");
        match (range, params.get("from"), params.get("to")) {
            (Some(range), Some(from), Some(to)) if !taken => {
                params.clone().without("from").without("to").between(&range.name, from.clone(), to.clone())
            }
            _ => params.clone(),
        }
    }

    fn plan(&self, params: &Params) -> Result<Plan, ParameterError> {
        let mut walk = Walk { pattern: self, params, used: 0 };
        let mut conditions = Vec::new();
        for (attribute, form) in &self.pk {
            match walk.condition(form)? {
                Some(condition @ Condition::Equals(_)) => conditions.push((attribute.clone(), condition)),
                _ => return Err(walk.first_missing(form)),
            }
        }
        for (attribute, form) in &self.sk {
            let condition = walk.condition(form)?;
            let goes_on = matches!(condition, Some(Condition::Equals(_)));
            conditions.extend(condition.map(|condition| (attribute.clone(), condition)));
            if !goes_on {
                break;
            }
        }
        if let Some(unused) = params.names().count().checked_sub(walk.used).filter(|unused| *unused > 0) {
            let name = params.names().last().unwrap_or_default();
            return Err(ParameterError::new(name, format!("needs a parameter before it that is left out ({unused} unused)")));
        }
        Ok(Plan {
            operation: self.op,
            table: self.table.clone(),
            index: self.index.clone(),
            conditions,
            descending: self.descending,
            strong: self.strong,
            projection: self.projection.clone(),
        })
    }
}

/// Walks the key attributes of a pattern from the left, using parameters up.
struct Walk<'a> {
    pattern: &'a Pattern,
    params: &'a Params,
    used: usize,
}

/// What the parameters say of one hole.
enum Asked {
    Nothing,
    Equals(String),
    Between(String, String),
    AtLeast(String),
    AtMost(String),
}

impl Walk<'_> {
    fn condition(&mut self, form: &KeyForm) -> Result<Option<Condition>, ParameterError> {
        match form {
            KeyForm::Template(template) => self.templated(template),
            KeyForm::Native { part, codec } => {
                let scalar = |text| if codec.is_numeric() { Scalar::N(text) } else { Scalar::S(text) };
                Ok(match self.asked(part, |value| codec.native(value), codec)? {
                    Asked::Nothing => None,
                    Asked::Equals(value) => Some(Condition::Equals(scalar(value))),
                    Asked::Between(from, to) => Some(Condition::Between(scalar(from), scalar(to))),
                    Asked::AtLeast(from) => Some(Condition::AtLeast(scalar(from))),
                    Asked::AtMost(to) => Some(Condition::AtMost(scalar(to))),
                })
            }
        }
    }

    fn templated(&mut self, template: &Template) -> Result<Option<Condition>, ParameterError> {
        let mut prefix = String::new();
        let segments = template.segments();
        for (at, segment) in segments.iter().enumerate() {
            let last = at + 1 == segments.len();
            let spelt = match segment {
                Segment::Literal(word) => word.clone(),
                Segment::Hole { part, codec } => match self.asked(part, |value| codec.encode(value), codec)? {
                    Asked::Equals(value) => value,
                    Asked::Nothing => return Ok((!prefix.is_empty()).then_some(Condition::BeginsWith(Scalar::S(prefix)))),
                    range => return Ok(Some(bounds(&prefix, range, last))),
                },
            };
            prefix.push_str(&spelt);
            if !last {
                prefix.push(DELIMITER);
            }
        }
        Ok(Some(Condition::Equals(Scalar::S(prefix))))
    }

    fn asked(&mut self, part: &str, spell: impl Fn(&Value) -> Result<String, CodecError>, codec: &Codec) -> Result<Asked, ParameterError> {
        let comparison = match self.comparison(part) {
            Some(condition) if self.params.has(part) => condition.comparison,
            Some(condition) if condition.optional => return Ok(Asked::Nothing),
            Some(_) => return Err(ParameterError::new(part, "is missing")),
            None => return Ok(Asked::Nothing),
        };
        self.used += 1;
        let spell = |value: &Value| spell(value).map_err(|error| ParameterError::new(part, error));
        let one = || self.params.get(part).ok_or_else(|| ParameterError::new(part, "takes one value, not a range"));
        Ok(match comparison {
            Comparison::Equals => Asked::Equals(spell(one()?)?),
            Comparison::AtLeast => Asked::AtLeast(spell(one()?)?),
            Comparison::AtMost => Asked::AtMost(spell(one()?)?),
            Comparison::Between => {
                let (from, to) = self.params.range(part).ok_or_else(|| ParameterError::new(part, "takes a range, from and to"))?;
                // DynamoDB refuses a range that ends before it starts. Keys sort as values do, so key text decides.
                if codec.encode(from).ok().cmp(&codec.encode(to).ok()) == Ordering::Greater {
                    return Err(ParameterError::new(part, "is a range that ends before it starts"));
                }
                Asked::Between(spell(from)?, spell(to)?)
            }
        })
    }

    fn comparison(&self, part: &str) -> Option<Where> {
        let fanned = self.pattern.fanout.as_ref().is_some_and(|(shard, _)| shard == part);
        let fanned = fanned.then(|| Where { name: part.to_owned(), comparison: Comparison::Equals, optional: false });
        self.pattern.wheres().find(|condition| condition.name == part).cloned().or(fanned)
    }

    fn first_missing(&self, form: &KeyForm) -> ParameterError {
        let holes: Vec<&str> = match form {
            KeyForm::Template(template) => template.holes().collect(),
            KeyForm::Native { part, .. } => vec![part],
        };
        ParameterError::new(holes.into_iter().find(|hole| !self.params.has(hole)).unwrap_or("key"), "is missing")
    }
}

/// The condition for a range of one hole after `prefix`, which is empty or ends with the delimiter: it cannot leave the prefix.
fn bounds(prefix: &str, range: Asked, last: bool) -> Condition {
    // A hole that others follow: every key whose value is `to` starts with it and the delimiter, and sorts below its successor.
    let through = |to: String| if last { format!("{prefix}{to}") } else { format!("{prefix}{to}{AFTER_DELIMITER}") };
    let end = || prefix.strip_suffix(DELIMITER).map(|word| format!("{word}{AFTER_DELIMITER}"));
    match range {
        Asked::Between(from, to) => Condition::Between(Scalar::S(format!("{prefix}{from}")), Scalar::S(through(to))),
        Asked::AtLeast(from) => match end() {
            Some(end) => Condition::Between(Scalar::S(format!("{prefix}{from}")), Scalar::S(end)),
            None => Condition::AtLeast(Scalar::S(from)),
        },
        Asked::AtMost(to) if prefix.is_empty() => Condition::AtMost(Scalar::S(through(to))),
        Asked::AtMost(to) => Condition::Between(Scalar::S(prefix.to_owned()), Scalar::S(through(to))),
        Asked::Equals(value) => Condition::Equals(Scalar::S(format!("{prefix}{value}"))),
        Asked::Nothing => Condition::BeginsWith(Scalar::S(prefix.to_owned())),
    }
}

/// An expression with every name and value aliased, as the wire wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// `#k0 = :v0 AND begins_with(#k1, :v1)`.
    pub text: String,
    /// Aliases of attribute names, in order.
    pub names: Vec<(String, String)>,
    /// Aliases of values, in order.
    pub values: Vec<(String, Scalar)>,
}

impl Plan {
    /// The conditions as a KeyConditionExpression.
    pub fn key_condition(&self) -> Expression {
        let mut expression = Expression::default();
        for (at, (attribute, condition)) in self.conditions.iter().enumerate() {
            let name = format!("#k{at}");
            let mut value = |scalar: &Scalar| {
                let alias = format!(":v{}", expression.values.len());
                expression.values.push((alias.clone(), scalar.clone()));
                alias
            };
            let piece = match condition {
                Condition::Equals(to) => format!("{name} = {}", value(to)),
                Condition::BeginsWith(prefix) => format!("begins_with({name}, {})", value(prefix)),
                Condition::Between(from, to) => format!("{name} BETWEEN {} AND {}", value(from), value(to)),
                Condition::AtLeast(from) => format!("{name} >= {}", value(from)),
                Condition::AtMost(to) => format!("{name} <= {}", value(to)),
            };
            let and = if at == 0 { "" } else { " AND " };
            // Writing to a String cannot fail.
            let _ = write!(expression.text, "{and}{piece}");
            expression.names.push((name, attribute.clone()));
        }
        expression
    }

    /// The projection as a ProjectionExpression, where the pattern does not read everything.
    pub fn projection_expression(&self) -> Option<Expression> {
        let attributes = self.projection.as_ref()?;
        let names: Vec<(String, String)> = attributes.iter().enumerate().map(|(at, name)| (format!("#p{at}"), name.clone())).collect();
        let text = names.iter().map(|(alias, _)| alias.as_str()).collect::<Vec<_>>().join(", ");
        Some(Expression { text, names, values: Vec::new() })
    }

    /// The value of a key attribute that the plan fixes.
    pub fn fixed(&self, attribute: &str) -> Option<&Scalar> {
        self.conditions.iter().find_map(|(name, condition)| match condition {
            Condition::Equals(value) if name == attribute => Some(value),
            _ => None,
        })
    }
}
