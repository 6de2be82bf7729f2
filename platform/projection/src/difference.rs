//! Folds a stream again from its log and compares with what is stored: the first difference.
//!
//! Each stream is folded up to where the projection has come, so that traffic makes no difference; what the projection lacks beyond that is
//! for the reconciler to say.

use std::collections::{BTreeMap, BTreeSet};

use access_patterns::{Matrix, Operation, Params, Pattern};
use annals_kit::{StreamId, Tenant, Version};
use annals_log::{BoxError, Commit, Log, StreamHead};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::follower::{Follower, STATE, without_stamp};
use crate::keys::Placed;
use crate::projection::{Stamped, gate_params};
use crate::projector::Projector;
use crate::totals::{Amount, TotalKey};

/// What is stored, and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The stream, or the total.
    pub of: String,
    /// The version up to which it was folded; `None` of a total.
    pub version: Option<u64>,
    /// What differs: a row's key, or an attribute.
    pub what: String,
    /// What the log folds to.
    pub folded: String,
    /// What is stored.
    pub stored: String,
}

/// What streams were folded to that add to totals.
#[derive(Clone, Debug, Default)]
pub struct Folded(BTreeMap<(Tenant, TotalKey), Amount>);

impl Projector {
    /// The first difference of a stream's own row.
    pub(crate) async fn difference(&self, head: &StreamHead) -> Result<Option<Difference>, BoxError> {
        let Some(projection) = self.projection_of(&head.stream) else { return Ok(None) };
        let item = self.deps.reads.get_item(projection.gate(), &gate_params(&head.stream)).await?;
        let row = Stamped::of(item.unwrap_or_default());
        if row.revision != projection.revision() {
            return Ok(None);
        }
        let commits = commits(&self.deps.log, &head.stream, row.version).await?;
        let (folded, _) = projection.fold(None, &commits)?;
        let stored = self.rows.content(projection.entity(), &row);
        let missing = || Difference::of(&head.stream, row.version, "the row");
        Ok(match (folded, stored) {
            (Some(folded), Some(stored)) => attribute(&head.stream, row.version, &folded, &stored),
            (Some(_), None) => Some(missing().between("a row", "none")),
            (None, Some(_)) => Some(missing().between("none", "a row")),
            (None, None) => None,
        })
    }
}

impl Follower {
    /// The first difference of a stream's stamp and rows; what it adds to totals goes into `folded`.
    pub(crate) async fn difference(&self, head: &StreamHead, folded: &mut Folded) -> Result<Option<Difference>, BoxError> {
        let (stream, projection, reads) = (&head.stream, self.projection(), &self.deps().reads);
        if stream.stream_type() != projection.stream_type() {
            return Ok(None);
        }
        let stamp = Stamped::of(reads.get_item("get_stamp", &self.stamp_key(stream)).await?.unwrap_or_default());
        if stamp.revision != projection.revision() || stamp.version == 0 {
            return Ok(None);
        }
        let commits = commits(&self.deps().log, stream, stamp.version).await?;
        let Some(tenant) = commits.last().map(|commit| commit.tenant.clone()) else { return Ok(None) };
        let outcome = projection.fold(stream, None, &commits)?;
        for (key, amount) in outcome.totals.iter() {
            let total = folded.0.entry((tenant.clone(), key.clone())).or_default();
            *total = total.plus(amount);
        }
        if stamp.item.get(STATE) != Some(&outcome.state) {
            let stored = stamp.item.get(STATE).map_or("nothing".into(), shown);
            return Ok(Some(Difference { folded: shown(&outcome.state), stored, ..Difference::of(stream, stamp.version, "the state") }));
        }
        let rows = outcome.rows.1;
        let entities: Vec<&'static str> = rows.iter().map(|row| row.entity).collect();
        for (entity, row) in entities.into_iter().zip(self.placed(stream, stamp.version, &tenant, rows)?) {
            if let Some(difference) = self.row_difference(stream, stamp.version, entity, &row).await? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    async fn row_difference(&self, stream: &StreamId, version: u64, entity: &str, row: &Placed) -> Result<Option<Difference>, BoxError> {
        let reads = &self.deps().reads;
        let (pattern, params) = by_key(reads.matrix(), entity, row)
            .ok_or_else(|| format!("the matrix has no strong GetItem of {entity} by its key, for rows to be compared by"))?;
        let mut key: Vec<String> = row.key.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
        key.sort();
        let of_row = |what: &str| format!("{what} of {}", key.join(" "));
        Ok(match reads.get_item(pattern, &params).await? {
            None => Some(Difference::of(stream, version, &of_row("the row")).between("a row", "none")),
            Some(stored) => attribute(stream, version, &without_stamp(&row.item), &without_stamp(&stored))
                .map(|difference| Difference { what: of_row(&difference.what), ..difference }),
        })
    }

    /// The first total that is not what its streams' folds add up to. What traffic has moved meanwhile is explained anew.
    ///
    /// Cost: as reading every total of a tenant, and explaining those that look different.
    pub async fn totals_difference(&self, folded: &Folded) -> Result<Option<Difference>, BoxError> {
        let revision = self.projection().revision();
        let tenants: BTreeSet<&Tenant> = folded.0.keys().map(|(tenant, _)| tenant).collect();
        for tenant in tenants {
            let mine = folded.0.iter().filter(|((of, _), _)| of == tenant);
            let mine: BTreeMap<&TotalKey, Amount> = mine.map(|((_, key), amount)| (key, *amount)).collect();
            let stored = self.totals_at(tenant, revision).await?;
            let differ = |key: &&TotalKey| mine.get(*key).copied().unwrap_or_default() != stored.get(*key).copied().unwrap_or_default();
            for key in mine.keys().copied().chain(stored.keys()).filter(differ) {
                let explained = self.explain_own(tenant, key).await?.iter().fold(Amount::default(), |all, one| all.plus(one.amount));
                let stored = self.totals_at(tenant, revision).await?.get(key).copied().unwrap_or_default();
                if explained != stored {
                    let shown = |amount: Amount| format!("{}, count {}", amount.sum, amount.count);
                    let of = key.to_string();
                    return Ok(Some(Difference {
                        of,
                        version: None,
                        what: "the total".into(),
                        folded: shown(explained),
                        stored: shown(stored),
                    }));
                }
            }
        }
        Ok(None)
    }
}

impl Difference {
    fn of(stream: &StreamId, version: u64, what: &str) -> Self {
        Self { of: stream.to_string(), version: Some(version), what: what.into(), folded: String::new(), stored: String::new() }
    }

    fn between(self, folded: &str, stored: &str) -> Self {
        Self { folded: folded.into(), stored: stored.into(), ..self }
    }
}

/// A stream's commits up to a version, each readable.
async fn commits(log: &Log, stream: &StreamId, version: u64) -> Result<Vec<Commit>, BoxError> {
    let Some(last) = Version::new(version) else { return Ok(vec![]) };
    let items = log.between(stream, Version::FIRST, last).await?;
    Ok(items.iter().map(Commit::from_item).collect::<Result<_, _>>()?)
}

/// The first attribute that differs, by name.
fn attribute(stream: &StreamId, version: u64, folded: &Item, stored: &Item) -> Option<Difference> {
    let names: BTreeSet<&String> = folded.keys().chain(stored.keys()).collect();
    let name = names.into_iter().find(|name| folded.get(*name) != stored.get(*name))?;
    let text = |item: &Item| item.get(name).map_or("nothing".into(), shown);
    Some(Difference { folded: text(folded), stored: text(stored), ..Difference::of(stream, version, name) })
}

/// A text as it is, everything else as JSON.
fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) => text.clone(),
        other => serde_dynamo::from_attribute_value(other.clone()).map_or_else(|error| error.to_string(), |json: Value| json.to_string()),
    }
}

/// The strong GetItem of a row's entity, and its parameters.
fn by_key<'m>(matrix: &'m Matrix, entity: &str, row: &Placed) -> Option<(&'m str, Params)> {
    let is_of_row = |pattern: &&Pattern| pattern.operation() == Operation::GetItem && pattern.strong() && pattern.entity() == Some(entity);
    let pattern = matrix.patterns().find(is_of_row)?;
    let params = pattern.wheres().try_fold(Params::new(), |params, one| {
        Some(match row.item.get(&one.name)? {
            AttributeValue::S(text) => params.text(&one.name, text),
            AttributeValue::N(digits) => params.number(&one.name, digits.parse().ok()?),
            _ => return None,
        })
    })?;
    Some((pattern.name(), params))
}
