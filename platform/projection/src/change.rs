//! What one stream's commits change in a projection of several rows or of totals, and the transactions that carry such changes.

use std::collections::BTreeMap;

use access_patterns::{Matrix, Params};
use annals_kit::{StreamId, Tenant};
use annals_log::BoxError;
use annals_planted::{Bug, planted};
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

/// Actions that a total takes at most: what is added, and the total itself.
const ACTIONS_OF_TOTAL: usize = 2;

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
    /// Each with its place among those that were to be grouped.
    pub(crate) changes: Vec<(usize, Change<'d>)>,
    totals: BTreeMap<(Tenant, TotalKey), Added>,
}

/// What a group adds to one total, and which of its changes do.
#[derive(Default)]
struct Added {
    amount: Amount,
    changes: Vec<usize>,
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
    /// Its stamp and its rows.
    fn own_actions(&self) -> usize {
        1 + self.rows.len()
    }

    /// What it adds to totals, and whose they are.
    fn contributions(&self) -> impl Iterator<Item = (&Tenant, &TotalKey, Amount)> {
        self.tenant.iter().flat_map(|tenant| self.totals.iter().map(move |(key, amount)| (tenant, key, amount)))
    }

    /// The actions it takes alone.
    pub(crate) fn actions_alone(&self) -> usize {
        self.own_actions() + ACTIONS_OF_TOTAL * self.totals.iter().count()
    }
}

/// Puts changes into as few transactions as they fit; each fits into one.
pub(crate) fn group<'d>(changes: Vec<(usize, Change<'d>)>) -> Vec<Group<'d>> {
    let mut groups: Vec<Group<'d>> = vec![];
    for (place, change) in changes {
        match groups.last_mut().filter(|group| group.actions_with(&change) <= MOST_ACTIONS) {
            Some(group) => group.add(place, change),
            None => {
                let mut group = Group::default();
                group.add(place, change);
                groups.push(group);
            }
        }
    }
    groups
}

impl<'d> Group<'d> {
    fn actions_with(&self, change: &Change<'_>) -> usize {
        let own: usize = self.changes.iter().map(|(_, change)| change.own_actions()).sum();
        let new = change.contributions().filter(|(tenant, key, _)| !self.totals.contains_key(&((*tenant).clone(), (*key).clone()))).count();
        own + change.own_actions() + ACTIONS_OF_TOTAL * (self.totals.len() + new)
    }

    fn add(&mut self, place: usize, change: Change<'d>) {
        for (tenant, key, amount) in change.contributions() {
            let added = self.totals.entry((tenant.clone(), key.clone())).or_default();
            added.amount = added.amount.plus(amount);
            added.changes.push(self.changes.len());
        }
        self.changes.push((place, change));
    }

    /// The transaction, and what each of its actions is for. What totals get goes under `slot`, to the shard of this number.
    pub(crate) fn transaction(&self, matrix: &Matrix, slot: &str, shard: u64) -> Result<(Vec<TransactWriteItem>, Vec<Purpose>), BoxError> {
        let (mut actions, mut purposes) = (vec![], vec![]);
        for (number, (_, change)) in self.changes.iter().enumerate() {
            actions.push(put_stamp(change)?);
            purposes.push(Purpose::Stamp(number));
            for row in &change.rows {
                actions.push(row_action(row)?);
                purposes.push(Purpose::Row(number));
            }
        }
        for ((tenant, key), added) in &self.totals {
            actions.push(self.put_contribution(matrix, slot, (tenant, key), added)?);
            purposes.push(Purpose::Sum);
            if !added.amount.is_zero() {
                actions.push(add_to_total(
                    place(matrix, TOTAL, Item::new(), &total(tenant, slot, key, shard))?,
                    tenant,
                    key,
                    added.amount,
                )?);
                purposes.push(Purpose::Sum);
            }
        }
        Ok((actions, purposes))
    }

    /// What the group adds to a total, and which streams' commits do. Named after the first of them and the version it comes to: its stamp
    /// comes there once, so the name is new.
    fn put_contribution(
        &self,
        matrix: &Matrix,
        slot: &str,
        (tenant, key): (&Tenant, &TotalKey),
        added: &Added,
    ) -> Result<TransactWriteItem, BoxError> {
        let changes = || added.changes.iter().map(|&number| &self.changes[number].1);
        let first = changes().next().ok_or("a stream contributes")?;
        let version = Stamped::of(first.stamp.item.clone()).version;
        let holes = stamp_params(&first.delivered.stream, slot).number("version", version);
        let streams = changes().map(|change| AttributeValue::S(change.delivered.stream.to_string())).collect();
        let item = Item::from([
            (names::AMOUNT.to_owned(), number(added.amount.sum)),
            (names::COUNT.to_owned(), number(added.amount.count)),
            (names::STREAMS.to_owned(), AttributeValue::L(streams)),
        ]);
        let placed = place(matrix, CONTRIBUTION, item, &holes.text("tenant", tenant.as_str()).text("total", key.as_str()))?;
        let put = Put::builder().table_name(placed.table).set_item(Some(placed.item)).build()?;
        Ok(TransactWriteItem::builder().put(put).build())
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
    let sums = change.totals.iter().next().is_some();
    let put = if planted(Bug::BlindAdd) && sums || planted(Bug::MovedRowResurrected) && !sums {
        put
    } else if change.before.item.is_empty() {
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

/// Adds to a total. Not blind: the stamps in the same transaction let it happen once.
fn add_to_total(item: Placed, tenant: &Tenant, key: &TotalKey, amount: Amount) -> Result<TransactWriteItem, BoxError> {
    let update = Update::builder()
        .table_name(item.table)
        .set_key(Some(item.key))
        .update_expression("ADD #amount :amount, #n :n SET #total = :total, #tenant = :tenant")
        .expression_attribute_names("#amount", names::AMOUNT)
        .expression_attribute_names("#n", names::COUNT)
        .expression_attribute_names("#total", "total")
        .expression_attribute_names("#tenant", names::TENANT)
        .expression_attribute_values(":amount", number(amount.sum))
        .expression_attribute_values(":n", number(amount.count))
        .expression_attribute_values(":total", AttributeValue::S(key.as_str().to_owned()))
        .expression_attribute_values(":tenant", AttributeValue::S(tenant.to_string()));
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

fn number(number: i128) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
