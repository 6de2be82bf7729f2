//! Estimates what reads and writes cost: units a call, units at peak, dollars a month.

use std::collections::BTreeMap;

use crate::matrix::Matrix;
use crate::pattern::{Operation, Pattern, Write};
use crate::size::{Width, read_units, write_units};
use crate::table::{Capacity, Mode};

/// Hours of a month, as AWS counts it.
pub(crate) const HOURS: f64 = 730.0;
const SECONDS: f64 = HOURS * 3600.0;

/// What AWS charges, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// A million read units on demand.
    pub million_reads: f64,
    /// A million write units on demand.
    pub million_writes: f64,
    /// A provisioned read unit a second, an hour.
    pub read_hour: f64,
    /// A provisioned write unit a second, an hour.
    pub write_hour: f64,
    /// A gigabyte stored, a month.
    pub gigabyte_month: f64,
}

/// The price lists that a matrix may state costs in.
pub(crate) const PRICE_LISTS: [(&str, Prices); 1] = [(
    "us-east-1@2026-01",
    Prices { million_reads: 0.125, million_writes: 0.625, read_hour: 0.000_13, write_hour: 0.000_65, gigabyte_month: 0.25 },
)];

pub(crate) fn prices(name: &str) -> Option<Prices> {
    PRICE_LISTS.iter().find(|(known, _)| *known == name).map(|(_, prices)| *prices)
}

/// What one read or write costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The pattern, scan or write.
    pub name: String,
    /// Units of one call at typical sizes, all tables and indexes together.
    pub units: f64,
    /// Dollars a month at the average rate, on demand.
    pub monthly: f64,
    /// Units a second that the busiest key sees at peak.
    pub hottest_peak: f64,
}

/// What one table costs each way of paying for it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCost {
    /// The table.
    pub table: String,
    /// Dollars a month on demand.
    pub on_demand: f64,
    /// Dollars a month with capacity for the peaks bought by the hour.
    pub provisioned: f64,
    /// Dollars a month of storage, indexes included.
    pub storage: f64,
}

/// Bytes that one item of the answer is billed by: the item, or its entry in the index.
pub(crate) fn bytes_of_one(matrix: &Matrix, pattern: &Pattern, width: Width) -> usize {
    let table = matrix.table(&pattern.table);
    let index = table.zip(pattern.index.as_ref()).and_then(|(table, index)| Some((table, table.index(index)?)));
    match (pattern.entity.as_ref().and_then(|name| matrix.entity(name)), index) {
        (Some(entity), Some((table, index))) => entity.entry_bytes(table, index, width),
        (Some(entity), None) => entity.bytes(width),
        (None, _) => 0,
    }
}

/// Bytes one request of the pattern reads, at typical sizes.
pub(crate) fn bytes_read(matrix: &Matrix, pattern: &Pattern, width: Width) -> usize {
    if pattern.op == Operation::Scan {
        let entities = matrix.entities.iter().filter(|entity| entity.table == pattern.table);
        return entities.map(|entity| entity.bytes(width) * usize::try_from(entity.count).unwrap_or(usize::MAX)).sum();
    }
    let items = if pattern.op == Operation::GetItem { 1 } else { page_items(pattern) };
    bytes_of_one(matrix, pattern, width) * items
}

fn page_items(pattern: &Pattern) -> usize {
    let shards = pattern.fanout.as_ref().map_or(1, |(_, of)| *of).max(1);
    let typical = pattern.items[0].div_ceil(shards);
    usize::try_from(pattern.pages.map_or(typical, |pages| typical.min(u64::from(pages)))).unwrap_or(usize::MAX).max(1)
}

/// Read units of one call, each request of a fan-out included.
pub(crate) fn read_call(matrix: &Matrix, pattern: &Pattern) -> f64 {
    let requests = pattern.fanout.as_ref().map_or(1.0, |(_, of)| *of as f64);
    requests * read_units(bytes_read(matrix, pattern, Width::Typical), pattern.strong)
}

pub(crate) fn read_peak_of_hottest_key(matrix: &Matrix, pattern: &Pattern) -> f64 {
    let requests = pattern.fanout.as_ref().map_or(1.0, |(_, of)| *of as f64);
    read_call(matrix, pattern) / requests * pattern.rate[1] * pattern.hottest
}

/// Write units of one call by table and by `table/index`.
pub(crate) fn write_units_by_place(matrix: &Matrix, write: &Write) -> BTreeMap<String, f64> {
    let mut places = BTreeMap::new();
    let twice = if write.is_transaction() { 2.0 } else { 1.0 };
    for (_, name, sets) in &write.items {
        let Some((entity, table)) = matrix.entity(name).and_then(|entity| Some((entity, matrix.table(&entity.table)?))) else { continue };
        *places.entry(table.name.clone()).or_default() += twice * write_units(entity.bytes(Width::Typical));
        for index in table.indexes.iter().filter(|index| entity.is_in(index)) {
            // An update that sets nothing an index holds leaves its entry alone; index writes are not doubled.
            // Of an index that moves, the few items that wait there are not counted unless the write puts them there or takes them away.
            let moves = |set: &String| index.keys().filter_map(|key| entity.template(key)).any(|key| key.holes().any(|hole| hole == set));
            let touches = sets.is_empty() || sets.iter().any(|set| if index.moving { moves(set) } else { index.holds(set) });
            if touches {
                // An entry that moves is deleted in one place and written in another.
                let writes = if index.moving { 2.0 } else { 1.0 };
                *places.entry(format!("{}/{}", table.name, index.name)).or_default() +=
                    writes * write_units(entity.entry_bytes(table, index, Width::Typical));
            }
        }
    }
    places
}

impl Matrix {
    /// What each pattern, scan and write costs, in the order of the file.
    pub fn costs(&self) -> Vec<Cost> {
        let prices = self.price_list();
        let reads = self.reads.values().map(|pattern| {
            let units = read_call(self, pattern);
            let monthly = units * pattern.rate[0] * SECONDS * prices.million_reads / 1e6;
            Cost { name: pattern.name.clone(), units, monthly, hottest_peak: read_peak_of_hottest_key(self, pattern) }
        });
        let writes = self.writes.iter().map(|write| {
            let places = write_units_by_place(self, write);
            let units: f64 = places.values().sum();
            let monthly = units * (1.0 + write.conflict) * write.rate[0] * SECONDS * prices.million_writes / 1e6;
            let hottest = places.values().copied().fold(0.0, f64::max) * write.rate[1] * write.hottest;
            Cost { name: write.name.clone(), units, monthly, hottest_peak: hottest }
        });
        reads.chain(writes).collect()
    }

    /// What each table costs on demand and provisioned.
    pub fn table_costs(&self) -> Vec<TableCost> {
        let prices = self.price_list();
        let costs = self.tables.iter().map(|table| {
            let (reads, writes) = self.average_units(&table.name);
            let capacity = |capacity: Capacity| capacity.read as f64 * prices.read_hour + capacity.write as f64 * prices.write_hour;
            let hourly: f64 = capacity(table.capacity) + table.indexes.iter().map(|index| capacity(index.capacity)).sum::<f64>();
            let bytes: f64 = self
                .entities
                .iter()
                .filter(|entity| entity.table == table.name)
                .map(|entity| {
                    // Storage counts 100 bytes an item and an index entry for the index itself.
                    let entries = table
                        .indexes
                        .iter()
                        .filter(|index| entity.is_in(index))
                        .map(|index| entity.entry_bytes(table, index, Width::Typical) + 100);
                    (entity.bytes(Width::Typical) + 100 + entries.sum::<usize>()) as f64 * entity.count as f64
                })
                .sum();
            TableCost {
                table: table.name.clone(),
                on_demand: SECONDS * (reads * prices.million_reads + writes * prices.million_writes) / 1e6,
                provisioned: HOURS * hourly,
                storage: bytes / 1e9 * prices.gigabyte_month,
            }
        });
        costs.collect()
    }

    /// Read and write units a second of a table and its indexes, at average rates.
    pub fn average_units(&self, table: &str) -> (f64, f64) {
        let reads =
            self.reads.values().filter(|pattern| pattern.table == table).map(|pattern| read_call(self, pattern) * pattern.rate[0]).sum();
        let writes = self.writes.iter().map(|write| {
            let places = write_units_by_place(self, write);
            places
                .iter()
                .filter(|(place, _)| place.split('/').next() == Some(table))
                .map(|(_, units)| units * write.rate[0] * (1.0 + write.conflict))
                .sum::<f64>()
        });
        (reads, writes.sum())
    }

    fn price_list(&self) -> Prices {
        // Proven: a matrix with an unknown price list does not parse.
        prices(&self.prices).unwrap_or(PRICE_LISTS[0].1)
    }
}

/// What the peaks need of each table and index, with room to spare; scans are not peaks.
pub(crate) fn capacities(matrix: &mut Matrix) {
    let room = matrix.utilisation.max(0.01);
    let need = |units: f64| (units / room).ceil() as u64;
    let mut reads: BTreeMap<String, f64> = BTreeMap::new();
    for pattern in matrix.patterns() {
        let place = pattern.index.as_ref().map_or_else(|| pattern.table.clone(), |index| format!("{}/{index}", pattern.table));
        *reads.entry(place).or_default() += read_call(matrix, pattern) * pattern.rate[1];
    }
    let mut writes: BTreeMap<String, f64> = BTreeMap::new();
    for write in &matrix.writes {
        for (place, units) in write_units_by_place(matrix, write) {
            *writes.entry(place).or_default() += units * write.rate[1];
        }
    }
    let at = |place: &str| Capacity {
        read: need(reads.get(place).copied().unwrap_or(0.0)),
        write: need(writes.get(place).copied().unwrap_or(0.0)),
    };
    for table in &mut matrix.tables {
        table.capacity = at(&table.name);
        for index in &mut table.indexes {
            index.capacity = at(&format!("{}/{}", table.name, index.name));
        }
    }
}

/// How a table would be paid for least, storage aside.
pub(crate) fn cheaper(cost: &TableCost) -> Mode {
    if cost.provisioned < cost.on_demand { Mode::Provisioned } else { Mode::OnDemand }
}
