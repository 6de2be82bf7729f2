//! The shape of a matrix file, as TOML gives it: every name and text with its place, nothing resolved.

use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

pub(crate) type Text = Spanned<String>;
pub(crate) type Section<T> = IndexMap<Text, Spanned<T>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) format: Text,
    pub(crate) service: Text,
    pub(crate) defaults: Defaults,
    pub(crate) table: Section<Table>,
    pub(crate) codec: Section<Codec>,
    pub(crate) entity: Section<Entity>,
    pub(crate) pattern: Section<Pattern>,
    #[serde(default)]
    pub(crate) scan: Section<Scan>,
    #[serde(default)]
    pub(crate) write: Section<Write>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(crate) utilisation: Spanned<f64>,
    pub(crate) prices: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) pk: Text,
    pub(crate) sk: Option<Text>,
    pub(crate) mode: Text,
    pub(crate) stream: Option<Text>,
    pub(crate) pitr_days: Option<Spanned<u32>>,
    #[serde(default)]
    pub(crate) deletion_protection: bool,
    #[serde(default)]
    pub(crate) append_only: bool,
    pub(crate) ttl: Option<Text>,
    #[serde(default)]
    pub(crate) index: Section<Index>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub(crate) pk: Vec<Text>,
    #[serde(default)]
    pub(crate) sk: Vec<Text>,
    #[serde(default)]
    pub(crate) moving: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codec {
    pub(crate) r#as: Text,
    pub(crate) max: Option<usize>,
    pub(crate) of: Option<Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entity {
    pub(crate) table: Text,
    pub(crate) count: u64,
    #[serde(default)]
    pub(crate) immutable: bool,
    pub(crate) raw: Option<Text>,
    pub(crate) keys: IndexMap<Text, Text>,
    #[serde(default)]
    pub(crate) parts: IndexMap<Text, Text>,
    #[serde(default)]
    pub(crate) attrs: IndexMap<Text, Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(crate) op: Text,
    pub(crate) of: Text,
    pub(crate) index: Option<Text>,
    pub(crate) r#where: Text,
    pub(crate) order: Option<Text>,
    pub(crate) reads: Spanned<toml::Value>,
    pub(crate) consistency: Option<Text>,
    pub(crate) rate: Spanned<[f64; 2]>,
    pub(crate) items: Option<Spanned<[u64; 2]>>,
    pub(crate) pages: Option<Spanned<u32>>,
    pub(crate) fanout: Option<Text>,
    pub(crate) hottest: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scan {
    pub(crate) table: Text,
    pub(crate) reads: Spanned<toml::Value>,
    pub(crate) consistency: Option<Text>,
    pub(crate) per_day: f64,
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) op: Text,
    pub(crate) rate: Spanned<[f64; 2]>,
    #[serde(default)]
    pub(crate) conflict: f64,
    pub(crate) hottest: Option<Spanned<f64>>,
    pub(crate) items: Vec<WriteItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteItem {
    pub(crate) put: Option<Text>,
    pub(crate) insert: Option<Text>,
    pub(crate) update: Option<Text>,
    pub(crate) delete: Option<Text>,
    #[serde(default)]
    pub(crate) sets: Vec<Text>,
}
