//! How large DynamoDB counts an item, and the units it bills for it.
//!
//! Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "Read and write operations".

use serde_json::Value as Json;

use crate::entity::Entity;
use crate::table::{Index, Projection, Table};
use crate::template::{Segment, Template};

/// Bytes that one read unit covers.
pub const READ_UNIT: usize = 4096;
/// Bytes that one write unit covers.
pub const WRITE_UNIT: usize = 1024;

/// The size of an item as it goes over the wire, names and values together.
pub fn item_bytes(item: &Json) -> usize {
    item.as_object().into_iter().flatten().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Json) -> usize {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return 0 };
    let text = inner.as_str().unwrap_or_default();
    match kind.as_str() {
        "S" => text.len(),
        "N" => number_bytes(text),
        "B" => text.trim_end_matches('=').len() * 3 / 4,
        "BOOL" | "NULL" => 1,
        "L" => 3 + inner.as_array().into_iter().flatten().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        "M" => 3 + inner.as_object().into_iter().flatten().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>(),
        _ => 0,
    }
}

/// One byte for every two significant digits, one more, and one for a sign; zero has no significant digit. Whole numbers only.
fn number_bytes(digits: &str) -> usize {
    let significant = digits.trim_start_matches(['-', '0']).trim_end_matches('0').bytes().filter(u8::is_ascii_digit).count();
    significant.div_ceil(2) + 1 + usize::from(digits.starts_with('-') && significant > 0)
}

/// Read units for `bytes` read by one request.
pub fn read_units(bytes: usize, strong: bool) -> f64 {
    let units = bytes.div_ceil(READ_UNIT).max(1) as f64;
    if strong { units } else { units / 2.0 }
}

/// Write units for writing an item or an index entry of `bytes`.
pub fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(WRITE_UNIT).max(1) as f64
}

/// Typical or largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// As most items are; optional attributes count half.
    Typical,
    /// As no item exceeds.
    Largest,
}

impl Entity {
    /// The size of an item of this entity.
    pub fn bytes(&self, width: Width) -> usize {
        let keys: usize = self.keys().map(|(name, template)| name.len() + self.key_bytes(template, width)).sum();
        let attributes = self.attributes().filter(|attribute| attribute.stored && self.template(&attribute.name).is_none());
        keys + attributes.map(|attribute| self.attribute_bytes(&attribute.name, width)).sum::<usize>()
    }

    /// The size of this entity's entries in `index` of `table`.
    pub fn entry_bytes(&self, table: &Table, index: &Index, width: Width) -> usize {
        let Projection::Include(projected) = &index.projection else {
            return if index.projection == Projection::All { self.bytes(width) } else { self.entry_keys(table, index, width) };
        };
        self.entry_keys(table, index, width) + projected.iter().map(|name| self.attribute_bytes(name, width)).sum::<usize>()
    }

    fn entry_keys(&self, table: &Table, index: &Index, width: Width) -> usize {
        let mut names: Vec<&str> = index.keys().collect();
        names.extend(table.keys().filter(|key| !index.keys().any(|name| name == *key)));
        names.into_iter().map(|name| self.attribute_bytes(name, width)).sum()
    }

    fn attribute_bytes(&self, name: &str, width: Width) -> usize {
        if let Some(template) = self.template(name) {
            return name.len() + self.key_bytes(template, width);
        }
        match (self.attribute(name).filter(|attribute| attribute.stored), width) {
            (None, _) => 0,
            (Some(attribute), Width::Largest) => name.len() + attribute.most,
            (Some(attribute), Width::Typical) if attribute.optional => (name.len() + attribute.bytes) / 2,
            (Some(attribute), Width::Typical) => name.len() + attribute.bytes,
        }
    }

    fn key_bytes(&self, template: &Template, width: Width) -> usize {
        match width {
            Width::Largest => template.max_width(),
            Width::Typical => {
                let segments = template.segments().iter().map(|segment| match segment {
                    Segment::Literal(word) => word.len(),
                    Segment::Hole { part, codec } => {
                        self.attribute(part).map_or(0, |part| if codec.is_numeric() { codec.max_width() } else { part.bytes })
                    }
                });
                segments.sum::<usize>() + template.segments().len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_those_of_the_developer_guide() {
        assert_eq!(item_bytes(&json!({ "name": { "S": "é" } })), 4 + 2);
        for (digits, bytes) in [("0", 1), ("7", 2), ("42", 2), ("-42", 3), ("100", 2), ("12345", 4), ("18446744073709551615", 11)] {
            assert_eq!(item_bytes(&json!({ "n": { "N": digits } })), 1 + bytes, "{digits}");
        }
        assert_eq!(item_bytes(&json!({ "b": { "B": "AAECAw==" } })), 1 + 4);
        assert_eq!(
            item_bytes(&json!({ "m": { "M": { "a": { "BOOL": true } } }, "l": { "L": [{ "S": "xy" }] } })),
            (1 + 3 + 1 + 1 + 1) + (1 + 3 + 1 + 2)
        );
    }

    #[test]
    fn units_are_begun_not_filled() {
        assert_eq!([write_units(0), write_units(1024), write_units(1025)], [1.0, 1.0, 2.0]);
        assert_eq!([read_units(0, true), read_units(4096, true), read_units(4097, true)], [1.0, 1.0, 2.0]);
        assert_eq!(read_units(4097, false), 1.0);
    }
}
