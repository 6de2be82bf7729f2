//! What one stream's commits change in a projection of several rows or of totals, and the transactions that carry such changes.

use std::collections::BTreeMap;

use access_patterns::{Matrix, Params};
use annals_kit::{StreamId, Tenant};
use annals_log::BoxError;
use annals_reads::{Item, Key};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};

use crate::keys::{Placed, place};
use crate::projection::{Stamped, Stuck, names};
use crate::records::Delivered;
use crate::totals::{Amount, Contributions, TotalKey};

/// Actions of one transaction, as DynamoDB allows.
pub(crate) const MOST_ACTIONS: usize = 100;
/// The entities of the matrix that the kit writes.
pub(crate) const STAMP: &str = "Stamp";
pub(crate) const CONTRIBUTION: &str = "Contribution";
pub(crate) const TOTAL: &str = "Total";
/// Over how many items a total is spread, as the codec `TotalShard` of the matrix says. An instance writes to one of them: instances
/// side by side seldom meet, and a total is the sum of all.
pub(crate) const SHARDS: u64 = 8;

/// Whose row it is: the projection and the stream.
const OWNER: &str = "owner";

/// One stream's change.
pub(crate) struct Change<'d> {
    pub(crate) delivered: &'d Delivered,
    /// The stamp as it was read.
    pub(crate) before: Stamped,
    /// The stamp as it will be.
    pub(crate) stamp: Placed,
    pub(crate) rows: Vec<RowChange>,
    pub(crate) totals: Contributions,
    /// Whose; `None` where nothing but the stamp changes.
    pub(crate) tenant: Option<Tenant>,
    /// Whether commits are left over that did not fit.
    pub(crate) more: bool,
    /// Where it parks, and why.
    pub(crate) parked: Option<Stuck>,
}

/// What becomes of a row.
pub(crate) enum RowChange {
    Put(Placed),
    Delete { table: String, key: Key },
}

/// Changes that go into one transaction.
#[derive(Default)]
pub(crate) struct Group<'d> {
    pub(crate) changes: Vec<Change<'d>>,
    totals: BTreeMap<(Tenant, TotalKey), Amount>,
}

/// What an action of a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The stamp of the change of this number.
    Stamp(usize),
    /// A row of the change of this number.
    Row(usize),
    /// A contribution or a total.
    Sum,
}

impl Change<'_> {
    fn actions(&self) -> usize {
        1 + self.rows.len() + self.totals.iter().count()
    }

    /// What it adds to totals, and whose they are.
    fn contributions(&self) -> impl Iterator<Item = (&Tenant, &TotalKey, Amount)> {
        self.tenant.iter().flat_map(|tenant| self.totals.iter().map(move |(key, amount)| (tenant, key, amount)))
    }

    /// The actions it takes alone.
    pub(crate) fn actions_alone(&self) -> usize {
        self.actions() + self.totals.iter().count()
    }
}

/// Puts changes into as few transactions as they fit; each fits into one.
pub(crate) fn group<'d>(changes: Vec<Change<'d>>) -> Vec<Group<'d>> {
    let mut groups: Vec<Group<'d>> = vec![];
    for change in changes {
        match groups.last_mut().filter(|group| group.actions_with(&change) <= MOST_ACTIONS) {
            Some(group) => group.add(change),
            None => {
                let mut group = Group::default();
                group.add(change);
                groups.push(group);
            }
        }
    }
    groups
}

impl<'d> Group<'d> {
    fn actions_with(&self, change: &Change<'_>) -> usize {
        let own: usize = self.changes.iter().map(Change::actions).sum();
        let new = change.contributions().filter(|(tenant, key, _)| !self.totals.contains_key(&((*tenant).clone(), (*key).clone()))).count();
        own + self.totals.len() + change.actions() + new
    }

    fn add(&mut self, change: Change<'d>) {
        for (tenant, key, amount) in change.contributions() {
            let total = self.totals.entry((tenant.clone(), key.clone())).or_default();
            *total = total.plus(amount);
        }
        self.changes.push(change);
    }

    /// The transaction, and what each of its actions is for. What totals get goes under `slot`, to the shard of this number.
    pub(crate) fn transaction(&self, matrix: &Matrix, slot: &str, shard: u64) -> Result<(Vec<TransactWriteItem>, Vec<Purpose>), BoxError> {
        let (mut actions, mut purposes) = (vec![], vec![]);
        for (number, change) in self.changes.iter().enumerate() {
            actions.push(put_stamp(change)?);
            purposes.push(Purpose::Stamp(number));
            for row in &change.rows {
                actions.push(row_action(row)?);
                purposes.push(Purpose::Row(number));
            }
            for (tenant, key, amount) in change.contributions() {
                let holes = stamp_params(&change.delivered.stream, slot).text("tenant", tenant.as_str()).text("total", key.as_str());
                actions.push(add(place(matrix, CONTRIBUTION, Item::new(), &holes)?, amount, &[])?);
                purposes.push(Purpose::Sum);
            }
        }
        for ((tenant, key), amount) in self.totals.iter().filter(|(_, amount)| !amount.is_zero()) {
            let item = place(matrix, TOTAL, Item::new(), &total(tenant, slot, key, shard))?;
            actions.push(add(item, *amount, &[("total", key.as_str()), (names::TENANT, tenant.as_str())])?);
            purposes.push(Purpose::Sum);
        }
        Ok((actions, purposes))
    }
}

/// The holes of a stamp's key.
pub(crate) fn stamp_params(stream: &StreamId, slot: &str) -> Params {
    Params::new().text("stream_type", stream.stream_type()).text("stream_id", stream.id()).text("slot", slot)
}

/// The holes of a total's key.
fn total(tenant: &Tenant, slot: &str, key: &TotalKey, shard: u64) -> Params {
    Params::new().text("tenant", tenant.as_str()).text("slot", slot).number("total_shard", shard).text("total", key.as_str())
}

/// Says on a row whose it is.
pub(crate) fn own(item: &mut Item, projection: &str, stream: &StreamId) {
    item.insert(OWNER.into(), AttributeValue::S(format!("{projection} {stream}")));
}

/// Only where the stamp still stands as it was read.
fn put_stamp(change: &Change<'_>) -> Result<TransactWriteItem, BoxError> {
    let put = Put::builder().table_name(&change.stamp.table).set_item(Some(change.stamp.item.clone()));
    let put = if change.before.item.is_empty() {
        put.condition_expression("attribute_not_exists(PK)")
    } else {
        put.condition_expression("#rev = :rev AND #ver = :ver")
            .expression_attribute_names("#rev", names::REVISION)
            .expression_attribute_names("#ver", names::VERSION)
            .expression_attribute_values(":rev", AttributeValue::N(change.before.revision.to_string()))
            .expression_attribute_values(":ver", AttributeValue::N(change.before.version.to_string()))
    };
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// A row may only be replaced by the stream that wrote it.
fn row_action(row: &RowChange) -> Result<TransactWriteItem, BoxError> {
    Ok(match row {
        RowChange::Put(Placed { table, item, .. }) => {
            let put = Put::builder().table_name(table).set_item(Some(item.clone()));
            let put = put.condition_expression("attribute_not_exists(PK) OR #owner = :owner").expression_attribute_names("#owner", OWNER);
            let owner = item.get(OWNER).cloned().ok_or("a row has an owner")?;
            TransactWriteItem::builder().put(put.expression_attribute_values(":owner", owner).build()?).build()
        }
        RowChange::Delete { table, key } => {
            TransactWriteItem::builder().delete(Delete::builder().table_name(table).set_key(Some(key.clone())).build()?).build()
        }
    })
}

/// Adds to a contribution or a total. Not blind: the stamp in the same transaction lets it happen once.
fn add(item: Placed, amount: Amount, sets: &[(&str, &str)]) -> Result<TransactWriteItem, BoxError> {
    let number = |number: i128| AttributeValue::N(number.to_string());
    let mut update = Update::builder()
        .table_name(item.table)
        .set_key(Some(item.key))
        .expression_attribute_names("#amount", "amount")
        .expression_attribute_names("#n", "n")
        .expression_attribute_values(":amount", number(amount.sum))
        .expression_attribute_values(":n", number(amount.count));
    let mut expression = "ADD #amount :amount, #n :n".to_owned();
    for (place, (name, value)) in sets.iter().enumerate() {
        expression.push_str(if place == 0 { " SET " } else { ", " });
        expression.push_str(&format!("#s{place} = :s{place}"));
        update = update.expression_attribute_names(format!("#s{place}"), *name);
        update = update.expression_attribute_values(format!(":s{place}"), AttributeValue::S((*value).to_owned()));
    }
    Ok(TransactWriteItem::builder().update(update.update_expression(expression).build()?).build())
}
