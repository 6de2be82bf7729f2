//! Reads the small texts inside a matrix: attribute specifications, `where` and `reads`.

use toml::Spanned;

use crate::entity::Kind;
use crate::pattern::{Comparison, Where};
use crate::problem::{At, Problems};

/// `"S:24 mut optional"` or `"CustId"`, taken apart.
pub(crate) struct AttributeSpec<'a> {
    pub(crate) kind: KindOrCodec<'a>,
    pub(crate) bytes: Option<usize>,
    pub(crate) most: Option<usize>,
    pub(crate) mutable: bool,
    pub(crate) optional: bool,
}

pub(crate) enum KindOrCodec<'a> {
    Kind(Kind),
    Codec(&'a str),
}

const ATTRIBUTE_FORM: &str = "write a codec's name or S, N, B, BOOL, M or L with :bytes or :typical/most, then mut and optional where they apply, as in \"S:24/200 mut\"";

pub(crate) fn attribute<'a>(spec: &'a Spanned<String>, problems: &mut Problems<'_>) -> Option<AttributeSpec<'a>> {
    let mut words = spec.get_ref().split_whitespace();
    let (head, sizes) = match words.next() {
        Some(head) => head.split_once(':').map_or((head, None), |(head, sizes)| (head, Some(sizes))),
        None => {
            problems.push(&spec.span(), "attribute", "an attribute has no type", ATTRIBUTE_FORM);
            return None;
        }
    };
    let (mut bytes, mut most) = (None, None);
    if let Some(sizes) = sizes {
        let (typical, largest) = sizes.split_once('/').map_or((sizes, None), |(typical, largest)| (typical, Some(largest)));
        bytes = typical.parse().ok();
        most = largest.and_then(|largest| largest.parse().ok());
        if bytes.is_none() || (largest.is_some() && most.is_none()) || most.is_some_and(|most| bytes > Some(most)) {
            problems.push(&spec.span(), "attribute", format!("\"{sizes}\" is not a size in bytes, typical/at most"), ATTRIBUTE_FORM);
            return None;
        }
    }
    let kind = match head {
        "S" => KindOrCodec::Kind(Kind::S),
        "N" => KindOrCodec::Kind(Kind::N),
        "B" => KindOrCodec::Kind(Kind::B),
        "BOOL" => KindOrCodec::Kind(Kind::Bool),
        "M" => KindOrCodec::Kind(Kind::M),
        "L" => KindOrCodec::Kind(Kind::L),
        codec => KindOrCodec::Codec(codec),
    };
    let mut read = AttributeSpec { kind, bytes, most, mutable: false, optional: false };
    for word in words {
        match word {
            "mut" => read.mutable = true,
            "optional" => read.optional = true,
            other => {
                problems.push(&spec.span(), "attribute", format!("\"{other}\" means nothing in an attribute"), ATTRIBUTE_FORM);
                return None;
            }
        }
    }
    Some(read)
}

/// `"stream_id =, version >=?"`, with the place of each condition.
pub(crate) fn wheres(spec: &Spanned<String>, problems: &mut Problems<'_>) -> Vec<(Where, At)> {
    let mut conditions = Vec::new();
    let mut offset = spec.span().start + 1;
    for piece in spec.get_ref().split(',') {
        let start = offset + piece.len() - piece.trim_start().len();
        let at = start..start + piece.trim().len();
        offset += piece.len() + 1;
        let (name, comparison) = piece.trim().split_once(' ').unwrap_or((piece.trim(), ""));
        let (comparison, optional) = match comparison.trim().strip_suffix('?') {
            Some(comparison) => (comparison, true),
            None => (comparison.trim(), false),
        };
        let comparison = match comparison {
            "=" => Comparison::Equals,
            ">=" => Comparison::AtLeast,
            "<=" => Comparison::AtMost,
            "between" => Comparison::Between,
            other => {
                problems.push(
                    &at,
                    "where",
                    format!("\"{other}\" is not a comparison of {name}"),
                    "use =, >=, <= or between, with ? after it where callers may leave it out; < and > are <= and >= of the neighbouring value",
                );
                continue;
            }
        };
        conditions.push((Where { name: name.to_owned(), comparison, optional }, at));
    }
    conditions
}

/// `"*"`, or a list of attributes with their places.
pub(crate) fn reads(spec: &Spanned<toml::Value>, problems: &mut Problems<'_>) -> Option<Vec<(String, At)>> {
    match spec.get_ref() {
        toml::Value::String(all) if all == "*" => None,
        toml::Value::Array(names) if names.iter().all(toml::Value::is_str) => {
            Some(names.iter().filter_map(toml::Value::as_str).map(|name| (name.to_owned(), spec.span())).collect())
        }
        _ => {
            problems.push(
                &spec.span(),
                "reads",
                "reads is neither \"*\" nor a list of attributes",
                "write reads = \"*\" or reads = [\"id\", \"status\"]",
            );
            None
        }
    }
}
