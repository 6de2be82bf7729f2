//! One read or write that anyone may make.

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::placeless;
use crate::problem::At;
use crate::template::Template;

/// What a pattern does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// One item by its whole key.
    GetItem,
    /// Items of one partition.
    Query,
    /// A declared maintenance scan of a table.
    Scan,
}

impl Operation {
    /// The operation's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
        }
    }
}

/// How a `where` compares one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `name =`
    Equals,
    /// `name >=`
    AtLeast,
    /// `name <=`
    AtMost,
    /// `name between`
    Between,
}

/// One condition of a `where`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Where {
    /// The part or attribute.
    pub name: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// Whether a caller may leave it out (`=?`).
    pub optional: bool,
}

/// How a key attribute of a pattern's table or index gets its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyForm {
    /// From a template.
    Template(Template),
    /// It is a stored attribute of the entity.
    Native {
        /// The attribute.
        part: String,
        /// How it is spelt.
        codec: Codec,
    },
}

impl KeyForm {
    /// The parts or attributes it is made of.
    pub fn parts(&self) -> Vec<&str> {
        match self {
            Self::Template(template) => template.holes().collect(),
            Self::Native { part, .. } => vec![part],
        }
    }
}

/// One read that anyone may make.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pattern {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) op: Operation,
    pub(crate) entity: Option<String>,
    pub(crate) table: String,
    pub(crate) index: Option<String>,
    #[serde(with = "placeless::list")]
    pub(crate) wheres: Vec<(Where, At)>,
    pub(crate) pk: Vec<(String, KeyForm)>,
    pub(crate) sk: Vec<(String, KeyForm)>,
    /// Key attributes that every answer carries: the index's, then the table's.
    pub(crate) key_attributes: Vec<String>,
    pub(crate) descending: bool,
    #[serde(with = "placeless::some_list")]
    pub(crate) reads: Option<Vec<(String, At)>>,
    /// What is asked for: `reads`, and what the tenant check and the page tokens need.
    pub(crate) projection: Option<Vec<String>>,
    pub(crate) strong: bool,
    pub(crate) rate: [f64; 2],
    pub(crate) items: [u64; 2],
    pub(crate) pages: Option<u32>,
    pub(crate) fanout: Option<(String, u64)>,
    pub(crate) hottest: f64,
    pub(crate) why: Option<String>,
}

impl Pattern {
    /// The pattern's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    pub fn operation(&self) -> Operation {
        self.op
    }

    /// The entity it reads; a scan reads all of its table.
    pub fn entity(&self) -> Option<&str> {
        self.entity.as_deref()
    }

    /// The table it reads.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The index it reads.
    pub fn index(&self) -> Option<&str> {
        self.index.as_deref()
    }

    /// The conditions, in the order of the file.
    pub fn wheres(&self) -> impl Iterator<Item = &Where> {
        self.wheres.iter().map(|(condition, _)| condition)
    }

    /// The key attributes that every answer carries: the index's, then the table's.
    pub fn key_attributes(&self) -> &[String] {
        &self.key_attributes
    }

    /// The attributes that answers are sorted by.
    pub fn sort_attributes(&self) -> impl Iterator<Item = &str> {
        self.sk.iter().map(|(attribute, _)| attribute.as_str())
    }

    /// Whether the highest sort key comes first.
    pub fn descending(&self) -> bool {
        self.descending
    }

    /// The attributes it is for, or `None` for all.
    pub fn reads(&self) -> Option<impl Iterator<Item = &str>> {
        self.reads.as_ref().map(|reads| reads.iter().map(|(name, _)| name.as_str()))
    }

    /// The attributes asked for: [`Pattern::reads`] and what the tenant check and page tokens need. `None` for all.
    pub fn projection(&self) -> Option<&[String]> {
        self.projection.as_deref()
    }

    /// Whether it reads what was last written.
    pub fn strong(&self) -> bool {
        self.strong
    }

    /// Reads a second, on average and at peak.
    pub fn rate(&self) -> [f64; 2] {
        self.rate
    }

    /// Items an answer has, typically and at most.
    pub fn items(&self) -> [u64; 2] {
        self.items
    }

    /// Items a page has, where the answer comes in pages.
    pub fn page_size(&self) -> Option<u32> {
        self.pages
    }

    /// The part that one read runs once for each value of, and how many values there are.
    pub fn fanout(&self) -> Option<(&str, u64)> {
        self.fanout.as_ref().map(|(part, of)| (part.as_str(), *of))
    }

    /// The share of the peak that the busiest key takes.
    pub fn hottest(&self) -> f64 {
        self.hottest
    }

    /// Whether the other pattern's requests are this one's: two names for one read.
    pub(crate) fn sends_the_same(&self, other: &Self) -> bool {
        let conditions = |pattern: &Self| {
            let mut conditions: Vec<Where> = pattern.wheres().cloned().collect();
            conditions.sort_by(|a, b| a.name.cmp(&b.name));
            conditions
        };
        let projection = |pattern: &Self| {
            let mut projection = pattern.projection.clone();
            projection.iter_mut().for_each(|names| names.sort());
            projection
        };
        (self.op, &self.table, &self.index, &self.pk, &self.sk) == (other.op, &other.table, &other.index, &other.pk, &other.sk)
            && (self.descending, self.strong) == (other.descending, other.strong)
            && conditions(self) == conditions(other)
            && projection(self) == projection(other)
    }

    /// Why a scan is needed.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }
}

/// What one command or projector writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Write {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) op: String,
    pub(crate) rate: [f64; 2],
    pub(crate) conflict: f64,
    pub(crate) hottest: f64,
    pub(crate) items: Vec<(Change, String, Vec<String>)>,
}

/// What a write does to one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// PartiQL INSERT: fails where the key exists.
    Insert,
    /// PutItem.
    Put,
    /// UpdateItem.
    Update,
    /// DeleteItem.
    Delete,
}

impl Write {
    /// The write's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operation on the wire.
    pub fn operation(&self) -> &str {
        &self.op
    }

    /// Writes a second, on average and at peak.
    pub fn rate(&self) -> [f64; 2] {
        self.rate
    }

    /// Whether all items are written or none.
    pub fn is_transaction(&self) -> bool {
        matches!(self.op.as_str(), "TransactWriteItems" | "ExecuteTransaction")
    }

    /// The share of failed conditions, which are billed.
    pub fn conflict(&self) -> f64 {
        self.conflict
    }

    /// The items: what is done, to which entity, and for an update the attributes it sets.
    pub fn items(&self) -> &[(Change, String, Vec<String>)] {
        &self.items
    }
}
