//! One kind of item: its keys and attributes.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::pattern::KeyForm;
use crate::placeless;
use crate::problem::At;
use crate::table::Index;
use crate::template::Template;

/// One kind of item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) table: String,
    pub(crate) count: u64,
    pub(crate) immutable: bool,
    pub(crate) raw: Option<String>,
    #[serde(with = "placeless::map")]
    pub(crate) keys: IndexMap<String, (Template, At)>,
    pub(crate) attributes: IndexMap<String, Attribute>,
}

impl Entity {
    /// The entity's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table it lives in.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// How many there are expected to be.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether an item never changes.
    pub fn immutable(&self) -> bool {
        self.immutable
    }

    /// The crate that alone opens these items; their reads return them as they are.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// The templated key attributes.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.keys.iter().map(|(attribute, (template, _))| (attribute.as_str(), template))
    }

    /// The template of a key attribute.
    pub fn template(&self, attribute: &str) -> Option<&Template> {
        self.keys.get(attribute).map(|(template, _)| template)
    }

    /// How a key attribute gets its value, where this entity has it.
    pub(crate) fn key_form(&self, attribute: &str) -> Option<KeyForm> {
        if let Some(template) = self.template(attribute) {
            return Some(KeyForm::Template(template.clone()));
        }
        let native = self.attribute(attribute).filter(|attribute| attribute.stored)?;
        Some(KeyForm::Native { part: native.name.clone(), codec: native.codec()?.clone() })
    }

    /// The stored attributes and the values that exist in keys only.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.values()
    }

    /// The stored attribute or key-only value of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name)
    }

    /// Whether items of this entity have entries in `index`: it keys on templates or attributes they all or some have.
    pub fn is_in(&self, index: &Index) -> bool {
        index.keys().all(|key| self.keys.contains_key(key) || self.attributes.get(key).is_some_and(|attribute| attribute.stored))
    }
}

/// A stored attribute, or a value that exists in keys only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attribute {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) kind: Kind,
    pub(crate) codec: Option<(String, Codec)>,
    pub(crate) bytes: usize,
    pub(crate) most: usize,
    pub(crate) mutable: bool,
    pub(crate) optional: bool,
    pub(crate) stored: bool,
}

/// A DynamoDB type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Text.
    S,
    /// A number.
    N,
    /// Bytes.
    B,
    /// True or false.
    Bool,
    /// A map.
    M,
    /// A list.
    L,
}

impl Attribute {
    /// The attribute's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its DynamoDB type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The codec that checks and spells it.
    pub fn codec(&self) -> Option<&Codec> {
        self.codec.as_ref().map(|(_, codec)| codec)
    }

    /// The value's typical size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The most bytes the value has.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Whether it may change after the item is first written.
    pub fn mutable(&self) -> bool {
        self.mutable
    }

    /// Whether items may lack it.
    pub fn optional(&self) -> bool {
        self.optional
    }

    /// Whether it is an attribute of the item; otherwise it exists in keys only.
    pub fn stored(&self) -> bool {
        self.stored
    }
}
