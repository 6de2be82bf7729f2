//! Every pattern with its keys and costs, as a page for people.

use std::fmt::Write as _;

use crate::cost::{TableCost, bytes_read, cheaper, write_units_by_place};
use crate::explain::distance;
use crate::matrix::Matrix;
use crate::pattern::{Change, Operation, Write};
use crate::prove::{PARTITION_READS, PARTITION_WRITES};
use crate::size::{READ_UNIT, WRITE_UNIT, Width};
use crate::table::{Mode, Projection};

impl Matrix {
    /// The page: tables, reads, writes, and what they cost.
    pub fn markdown(&self) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "# Access patterns of {}\n", self.service);
        let _ = writeln!(
            page,
            "Derived from `access-patterns/{}` by `cargo run -p access-patterns --example derive`; do not edit. Prices: {}. A partition serves {PARTITION_READS:.0} read units and {PARTITION_WRITES:.0} write units a second.\n",
            self.file, self.prices
        );
        self.tables_section(&mut page);
        self.reads_section(&mut page);
        self.writes_section(&mut page);
        page
    }

    /// What each pattern and table costs, as text for a terminal.
    pub fn cost_report(&self) -> String {
        let mut text = format!("{:<34} {:>12} {:>12} {:>16}\n", self.service, "units/call", "$/month", "hottest key/s");
        for cost in self.costs() {
            let _ = writeln!(text, "{:<34} {:>12.1} {:>12.2} {:>16.1}", cost.name, cost.units, cost.monthly, cost.hottest_peak);
        }
        let _ = writeln!(text, "\n{:<34} {:>12} {:>12} {:>16}", "table, $/month", "on demand", "provisioned", "storage");
        for cost in self.table_costs() {
            let _ = writeln!(text, "{:<34} {:>12.2} {:>12.2} {:>16.2}", cost.table, cost.on_demand, cost.provisioned, cost.storage);
        }
        text
    }

    fn tables_section(&self, page: &mut String) {
        let _ = writeln!(page, "## Tables\n");
        let _ = writeln!(page, "| table | index | keys | holds | stream | recovery | on demand | provisioned | storage |");
        let _ = writeln!(page, "|---|---|---|---|---|---|---|---|---|");
        for (table, cost) in self.tables.iter().zip(self.table_costs()) {
            let entities: Vec<&str> =
                self.entities.iter().filter(|entity| entity.table == table.name).map(|entity| entity.name()).collect();
            let recovery = table
                .pitr_days
                .map_or_else(|| "none".to_owned(), |days| if days == 1 { "1 day".to_owned() } else { format!("{days} days") });
            let stream = table.stream.as_deref().unwrap_or("none");
            let keys = table.keys().collect::<Vec<_>>().join(", ");
            let only = if table.append_only { ", append only" } else { "" };
            let prices = prices(&cost, table.mode);
            let _ = writeln!(page, "| `{}` | | {keys} | {}{only} | {stream} | {recovery} | {prices} |", table.name, entities.join(", "));
            for index in &table.indexes {
                let holds = match &index.projection {
                    Projection::All => "the whole item".to_owned(),
                    Projection::KeysOnly => "keys".to_owned(),
                    Projection::Include(names) => format!("keys, {}", names.join(", ")),
                };
                let keys = index.keys().collect::<Vec<_>>().join(", ");
                let _ = writeln!(page, "| | `{}` | {keys} | {holds} | | | | | |", index.name);
            }
        }
        let _ =
            writeln!(page, "\nDollars a month at the average rates; the cheaper way is marked *, what the file chooses is in **bold**.\n");
        let _ = writeln!(page, "| entity | table | keys | typical | largest |");
        let _ = writeln!(page, "|---|---|---|---|---|");
        for entity in &self.entities {
            let keys: Vec<String> = entity.keys().map(|(key, template)| format!("{key} `{}`", template.text())).collect();
            let (typical, largest) = (entity.bytes(Width::Typical), entity.bytes(Width::Largest));
            let _ = writeln!(page, "| {} | `{}` | {} | {typical} B | {largest} B |", entity.name, entity.table, keys.join(", "));
        }
    }

    fn reads_section(&self, page: &mut String) {
        let costs = self.costs();
        let _ = writeln!(page, "\n## Reads\n");
        let _ = writeln!(
            page,
            "| pattern | request | keys | reads | order | consistency | units a call | to the next unit | $ a month | hottest key at peak |"
        );
        let _ = writeln!(page, "|---|---|---|---|---|---|---|---|---|---|");
        for pattern in self.patterns() {
            let Some(cost) = costs.iter().find(|cost| cost.name == pattern.name) else { continue };
            let requests = pattern.fanout.as_ref().map_or_else(String::new, |(part, of)| format!("{of} times, by {part}: "));
            let place = pattern.index.as_ref().map_or_else(|| pattern.table.clone(), |index| format!("{}/{index}", pattern.table));
            let reads = pattern.reads().map_or_else(|| "*".to_owned(), |reads| reads.collect::<Vec<_>>().join(", "));
            let order = match (pattern.op, pattern.descending) {
                (Operation::Query, true) => "descending",
                (Operation::Query, false) => "ascending",
                (Operation::GetItem | Operation::Scan, _) => "",
            };
            let _ = writeln!(
                page,
                "| `{}` | {requests}{} of `{place}` | {} | {reads} | {order} | {} | {} | {} | {:.2} | {:.1} of {PARTITION_READS:.0} |",
                pattern.name,
                pattern.op.name(),
                pattern.keys_in_words(),
                if pattern.strong { "strong" } else { "eventual" },
                cost.units,
                distance(bytes_read(self, pattern, Width::Typical), READ_UNIT),
                cost.monthly,
                cost.hottest_peak,
            );
        }
        let _ = writeln!(page, "\n## Maintenance scans\n");
        let _ = writeln!(page, "| scan | table | reads | consistency | units for the whole table | $ a month | why |");
        let _ = writeln!(page, "|---|---|---|---|---|---|---|");
        for scan in self.scans() {
            let Some(cost) = costs.iter().find(|cost| cost.name == scan.name) else { continue };
            let reads = scan.reads().map_or_else(|| "*".to_owned(), |reads| reads.collect::<Vec<_>>().join(", "));
            let strong = if scan.strong { "strong" } else { "eventual" };
            let why = scan.why().unwrap_or_default();
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {reads} | {strong} | {:.0} | {:.2} | {why} |",
                scan.name, scan.table, cost.units, cost.monthly
            );
        }
    }

    fn writes_section(&self, page: &mut String) {
        let costs = self.costs();
        let _ = writeln!(page, "\n## Writes\n");
        let _ = writeln!(page, "| write | request | items | units a call | to the next unit | $ a month | hottest key at peak |");
        let _ = writeln!(page, "|---|---|---|---|---|---|---|");
        for write in &self.writes {
            let Some(cost) = costs.iter().find(|cost| cost.name == write.name) else { continue };
            let places = write_units_by_place(self, write)
                .into_iter()
                .map(|(place, units)| format!("{units} on `{place}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {places} | {} | {:.2} | {:.1} of {PARTITION_WRITES:.0} |",
                write.name,
                write.op,
                items(write),
                self.to_the_next_write_unit(write),
                cost.monthly,
                cost.hottest_peak
            );
        }
    }

    fn to_the_next_write_unit(&self, write: &Write) -> String {
        let entities = write.items.iter().filter_map(|(_, name, _)| self.entity(name));
        entities.map(|entity| distance(entity.bytes(Width::Typical), WRITE_UNIT)).collect::<Vec<_>>().join(", ")
    }
}

fn prices(cost: &TableCost, mode: Mode) -> String {
    let cheapest = cheaper(cost);
    let price = |dollars: f64, way: Mode| {
        let star = if way == cheapest { "*" } else { "" };
        if way == mode { format!("**{dollars:.2}**{star}") } else { format!("{dollars:.2}{star}") }
    };
    format!("{} | {} | {:.2}", price(cost.on_demand, Mode::OnDemand), price(cost.provisioned, Mode::Provisioned), cost.storage)
}

fn items(write: &Write) -> String {
    let words = write.items.iter().map(|(change, entity, sets)| {
        let change = match change {
            Change::Insert => "insert",
            Change::Put => "put",
            Change::Update => "update",
            Change::Delete => "delete",
        };
        if sets.is_empty() { format!("{change} {entity}") } else { format!("{change} {} of {entity}", sets.join(", ")) }
    });
    words.collect::<Vec<_>>().join("; ")
}
