//! Compares one value with one element of an event pattern: literals and the documented operators.

use std::net::IpAddr;

use serde_json::Value;

use crate::pattern::InvalidPattern;

/// One element of a pattern's array.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Exists(bool),
    /// A value that is none of these.
    AnythingBut(Vec<Test>),
    Is(Test),
}

/// A comparison with one value.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Numbers by their written form, as documented: 300 is not 300.0.
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    Wildcard(Vec<Piece>),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(IpAddr, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    AnyText,
    Character(char),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Matcher {
    pub fn read(element: &Value) -> Result<Self, InvalidPattern> {
        let Value::Object(members) = element else {
            return match element {
                Value::Array(_) => wrong("Arrays in arrays are not allowed"),
                literal => Ok(Self::Is(Test::Equals(literal.clone()))),
            };
        };
        let (operator, operand) = only(members)?;
        match (operator, operand) {
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("exists", _) => wrong("exists match pattern must be either true or false"),
            ("anything-but", operand) => anything_but(operand).map(Self::AnythingBut),
            (operator, operand) => Test::read(operator, operand).map(Self::Is),
        }
    }

    /// Whether any of the values at a path matches; none at all means the path is absent.
    pub fn matches(&self, values: &[&Value]) -> bool {
        match self {
            Self::Exists(exists) => *exists != values.is_empty(),
            Self::AnythingBut(tests) => values.iter().any(|value| !tests.iter().any(|test| test.matches(value))),
            Self::Is(test) => values.iter().any(|value| test.matches(value)),
        }
    }
}

impl Test {
    fn read(operator: &str, operand: &Value) -> Result<Self, InvalidPattern> {
        match (operator, operand) {
            ("equals-ignore-case", Value::String(text)) => Ok(Self::EqualsIgnoreCase(text.to_lowercase())),
            ("exactly", Value::String(_)) => Ok(Self::Equals(operand.clone())),
            ("prefix", Value::String(text)) => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) => Ok(Self::Suffix(text.clone())),
            ("prefix", Value::Object(members)) => Ok(Self::PrefixIgnoreCase(ignoring_case(members)?)),
            ("suffix", Value::Object(members)) => Ok(Self::SuffixIgnoreCase(ignoring_case(members)?)),
            ("wildcard", Value::String(text)) => wildcard(text).map(Self::Wildcard),
            ("numeric", Value::Array(conditions)) => numeric(conditions).map(Self::Numeric),
            ("cidr", Value::String(block)) => cidr(block),
            ("exactly" | "equals-ignore-case" | "prefix" | "suffix" | "wildcard" | "numeric" | "cidr", _) => {
                wrong(&format!("{operator} has an operand of the wrong type"))
            }
            _ => wrong(&format!("Unrecognized match type {operator}")),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let text = |is: &dyn Fn(&str) -> bool| value.as_str().is_some_and(is);
        match self {
            Self::Equals(literal) => value == literal,
            Self::EqualsIgnoreCase(lower) => text(&|text| text.to_lowercase() == *lower),
            Self::Prefix(prefix) => text(&|text| text.starts_with(prefix.as_str())),
            Self::PrefixIgnoreCase(lower) => text(&|text| text.to_lowercase().starts_with(lower.as_str())),
            Self::Suffix(suffix) => text(&|text| text.ends_with(suffix.as_str())),
            Self::SuffixIgnoreCase(lower) => text(&|text| text.to_lowercase().ends_with(lower.as_str())),
            Self::Wildcard(pieces) => text(&|text| fits(pieces, text)),
            Self::Numeric(conditions) => {
                value.as_f64().is_some_and(|number| conditions.iter().all(|(comparison, bound)| comparison.holds(number, *bound)))
            }
            Self::Cidr(network, bits) => text(&|text| text.parse().is_ok_and(|address| in_block(address, *network, *bits))),
        }
    }
}

impl Comparison {
    fn read(sign: &Value) -> Option<Self> {
        Some(match sign.as_str()? {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
        }
    }
}

fn wrong<T>(reason: &str) -> Result<T, InvalidPattern> {
    Err(InvalidPattern(reason.to_owned()))
}

fn only(members: &serde_json::Map<String, Value>) -> Result<(&str, &Value), InvalidPattern> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((operator, operand)), None) => Ok((operator, operand)),
        _ => wrong("Only one key allowed in match expression"),
    }
}

fn anything_but(operand: &Value) -> Result<Vec<Test>, InvalidPattern> {
    let one_or_more = |operand: &Value| match operand {
        Value::Array(operands) => operands.clone(),
        one => vec![one.clone()],
    };
    let tests = match operand {
        Value::Object(members) => {
            let (operator, operand) = only(members)?;
            if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&operator) {
                return wrong(&format!("Unsupported anything-but pattern: {operator}"));
            }
            let may_be_empty = !["prefix", "suffix"].contains(&operator);
            let text = |operand: &Value| operand.as_str().is_some_and(|text| may_be_empty || !text.is_empty());
            let operands = one_or_more(operand);
            if !operands.iter().all(text) {
                return wrong("Inside anything but, operators take text, and prefix and suffix text that is not empty");
            }
            operands.iter().map(|operand| Test::read(operator, operand)).collect::<Result<Vec<_>, _>>()?
        }
        operand => {
            let literals = one_or_more(operand);
            let of_one_kind = literals.iter().all(Value::is_string) || literals.iter().all(Value::is_number);
            if !of_one_kind && !matches!(literals[..], [Value::Bool(_)]) {
                return wrong("Inside anything but list, either all values are number or string, mixed type is not supported");
            }
            literals.into_iter().map(Test::Equals).collect()
        }
    };
    if tests.is_empty() { wrong("Anything-But list must not be empty") } else { Ok(tests) }
}

fn ignoring_case(members: &serde_json::Map<String, Value>) -> Result<String, InvalidPattern> {
    match only(members)? {
        ("equals-ignore-case", Value::String(text)) => Ok(text.to_lowercase()),
        _ => wrong("prefix and suffix take text, or equals-ignore-case of text"),
    }
}

fn wildcard(text: &str) -> Result<Vec<Piece>, InvalidPattern> {
    let mut pieces = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' if pieces.last() == Some(&Piece::AnyText) => return wrong("Consecutive wildcard characters"),
            '*' => Piece::AnyText,
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => Piece::Character(escaped),
                _ => return wrong("Invalid escape character"),
            },
            character => Piece::Character(character),
        });
    }
    Ok(pieces)
}

/// Whether text fits a wildcard pattern: greedy, going back to the last star.
fn fits(pieces: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut piece, mut at, mut star) = (0, 0, None);
    while at < text.len() {
        match pieces.get(piece) {
            Some(Piece::AnyText) => {
                star = Some((piece, at));
                piece += 1;
            }
            Some(Piece::Character(character)) if *character == text[at] => {
                piece += 1;
                at += 1;
            }
            _ => match star {
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    piece = back + 1;
                    at = taken + 1;
                }
                None => return false,
            },
        }
    }
    pieces[piece..].iter().all(|rest| *rest == Piece::AnyText)
}

/// Numbers between -5e9 and 5e9, one comparison or a range of two.
fn numeric(conditions: &[Value]) -> Result<Vec<(Comparison, f64)>, InvalidPattern> {
    let read = |pair: &[Value]| match pair {
        [sign, Value::Number(bound)] => Comparison::read(sign).zip(bound.as_f64().filter(|bound| bound.abs() <= 5e9)),
        _ => None,
    };
    let conditions = conditions.chunks(2).map(read).collect::<Option<Vec<_>>>();
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    match conditions.as_deref() {
        Some([_]) => {}
        Some([(Greater | GreaterOrEqual, bottom), (Less | LessOrEqual, top)]) if bottom < top => {}
        _ => return wrong("numeric takes one comparison with a number between -5e9 and 5e9, or a range from low to high"),
    }
    Ok(conditions.unwrap_or_default())
}

fn cidr(block: &str) -> Result<Test, InvalidPattern> {
    let Some((address, bits)) = block.split_once('/') else { return wrong("Malformed CIDR, one '/' required") };
    let Ok(network) = address.parse::<IpAddr>() else { return wrong("Malformed CIDR, the address is neither IPv4 nor IPv6") };
    let most = if network.is_ipv4() { 32 } else { 128 };
    match bits.parse() {
        // A block of one address is refused, as by AWS: that is what a literal is for.
        Ok(bits) if bits < most => Ok(Test::Cidr(network, bits)),
        _ => wrong("Malformed CIDR, mask bits must be an integer below the address's length"),
    }
}

fn in_block(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |address: u128, network: u128, width: u32| {
        let host_bits = width - u32::from(bits);
        address.checked_shr(host_bits).unwrap_or(0) == network.checked_shr(host_bits).unwrap_or(0)
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same(u32::from(address).into(), u32::from(network).into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => same(address.into(), network.into(), 128),
        _ => false,
    }
}
