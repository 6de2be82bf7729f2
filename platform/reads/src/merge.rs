//! Merges the answers of a fan-out into the pattern's order.

use std::cmp::Ordering;

use access_patterns::Pattern;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::reads::Item;

/// Every item, each list being in the pattern's order already.
pub(crate) fn all(pattern: &Pattern, mut lists: Vec<Vec<Item>>) -> Vec<Item> {
    if lists.len() == 1 {
        return lists.pop().unwrap_or_default();
    }
    let mut items: Vec<Item> = lists.into_iter().flatten().collect();
    items.sort_by(|a, b| compare(pattern, a, b));
    items
}

/// Which of the lists' heads comes first.
pub(crate) fn first<'i>(pattern: &Pattern, heads: impl Iterator<Item = (usize, &'i Item)>) -> Option<usize> {
    heads.min_by(|(_, a), (_, b)| compare(pattern, a, b)).map(|(at, _)| at)
}

fn compare(pattern: &Pattern, a: &Item, b: &Item) -> Ordering {
    let by_key = pattern
        .sort_attributes()
        .map(|name| compare_values(a.get(name), b.get(name)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal);
    if pattern.descending() { by_key.reverse() } else { by_key }
}

fn compare_values(a: Option<&AttributeValue>, b: Option<&AttributeValue>) -> Ordering {
    match (a, b) {
        (Some(AttributeValue::S(a)), Some(AttributeValue::S(b))) => a.as_bytes().cmp(b.as_bytes()),
        // Numeric keys are codecs of whole numbers from 0: the longer is the larger.
        (Some(AttributeValue::N(a)), Some(AttributeValue::N(b))) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        _ => Ordering::Equal,
    }
}
