//! Thrift's compact protocol, as far as a Parquet footer needs it: structs, lists, integers, text.

const TRUE: u8 = 1;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A struct's bytes; fields are added by ascending number.
#[derive(Default)]
pub(crate) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn head(&mut self, field: u8, kind: u8) {
        debug_assert!(field > self.last && field - self.last < 16, "fields ascend, and a Parquet struct has no gap of 16");
        self.bytes.push((field - self.last) << 4 | kind);
        self.last = field;
    }

    pub(crate) fn i32(mut self, field: u8, value: i32) -> Self {
        self.head(field, I32);
        zigzag(&mut self.bytes, value.into());
        self
    }

    pub(crate) fn i64(mut self, field: u8, value: i64) -> Self {
        self.head(field, I64);
        zigzag(&mut self.bytes, value);
        self
    }

    pub(crate) fn yes(mut self, field: u8) -> Self {
        self.head(field, TRUE);
        self
    }

    pub(crate) fn text(mut self, field: u8, text: &str) -> Self {
        self.head(field, BINARY);
        binary(&mut self.bytes, text);
        self
    }

    pub(crate) fn inner(mut self, field: u8, inner: Self) -> Self {
        self.head(field, STRUCT);
        self.bytes.extend(inner.end());
        self
    }

    pub(crate) fn structs(mut self, field: u8, items: Vec<Self>) -> Self {
        self.list(field, items.len(), STRUCT);
        items.into_iter().for_each(|item| self.bytes.extend(item.end()));
        self
    }

    pub(crate) fn i32s(mut self, field: u8, items: &[i32]) -> Self {
        self.list(field, items.len(), I32);
        items.iter().for_each(|item| zigzag(&mut self.bytes, (*item).into()));
        self
    }

    pub(crate) fn texts(mut self, field: u8, items: &[&str]) -> Self {
        self.list(field, items.len(), BINARY);
        items.iter().for_each(|item| binary(&mut self.bytes, item));
        self
    }

    fn list(&mut self, field: u8, len: usize, kind: u8) {
        self.head(field, LIST);
        match len {
            0..15 => self.bytes.push((len as u8) << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                varint(&mut self.bytes, len as u64);
            }
        }
    }

    /// The bytes, with the mark of the struct's end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

pub(crate) fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn zigzag(bytes: &mut Vec<u8>, number: i64) {
    varint(bytes, ((number << 1) ^ (number >> 63)) as u64);
}

fn binary(bytes: &mut Vec<u8>, text: &str) {
    varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}
