//! How large DynamoDB counts an item: what it bills and what it refuses.
//!
//! Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats".

use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;

/// The most an item may hold, names and values together: 400 KB.
pub const ITEM_LIMIT: usize = 400 * 1024;

/// The size of an item in bytes, as DynamoDB counts it. Numbers are counted a byte high at worst.
pub fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// The size of a value in bytes, without its name.
pub(crate) fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => number_size(digits),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| number_size(digits)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| bytes.as_ref().len()).sum(),
        // A type that this SDK does not know cannot have been made by this code.
        _ => 0,
    }
}

/// One byte for every two significant digits, one more, and one for a sign.
fn number_size(digits: &str) -> usize {
    let significant = digits.bytes().filter(u8::is_ascii_digit).count();
    significant.div_ceil(2) + 1 + usize::from(digits.starts_with('-'))
}

/// Write capacity units of inserting an item of this size: one per begun kilobyte.
pub fn write_units(size: usize) -> usize {
    size.div_ceil(1024).max(1)
}
