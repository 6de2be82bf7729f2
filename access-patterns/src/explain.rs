//! Explains one pattern in words: its request, its keys, what it costs.

use std::fmt::Write as _;

use crate::cost::{bytes_read, read_call, read_peak_of_hottest_key};
use crate::matrix::Matrix;
use crate::pattern::{Comparison, KeyForm, Operation, Pattern};
use crate::size::{READ_UNIT, Width};

impl Pattern {
    /// The key conditions, with the templates of the values, as in `PK = SUB#{id} and SK = META`.
    pub fn keys_in_words(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for (attribute, form) in self.pk.iter().chain(&self.sk) {
            let spelt = match form {
                KeyForm::Template(template) => template.text().to_owned(),
                KeyForm::Native { part, .. } => format!("{{{part}}}"),
            };
            let is_partition = self.pk.iter().any(|(name, _)| name == attribute);
            let range = self
                .wheres()
                .find(|condition| form.parts().contains(&condition.name.as_str()) && condition.comparison != Comparison::Equals);
            let fixed = form.parts().iter().all(|part| {
                is_partition
                    || self
                        .wheres()
                        .any(|condition| condition.name == *part && condition.comparison == Comparison::Equals && !condition.optional)
            });
            match (range, fixed) {
                (None, true) => said.push(format!("{attribute} = {spelt}")),
                (None, false) => {
                    if let Some(prefix) = self.prefix(form) {
                        said.push(format!("{attribute} begins with {prefix}"));
                    }
                }
                (Some(range), _) => {
                    let comparison = match range.comparison {
                        Comparison::AtLeast => ">=",
                        Comparison::AtMost => "<=",
                        Comparison::Between | Comparison::Equals => "between",
                    };
                    let maybe = if range.optional { ", where given," } else { "" };
                    said.push(format!("{attribute}{maybe} {comparison} {spelt}"));
                }
            }
        }
        said.join(" and ")
    }

    fn prefix(&self, form: &KeyForm) -> Option<String> {
        let KeyForm::Template(template) = form else { return None };
        let fixed = |hole: &str| self.wheres().any(|condition| condition.name == hole && condition.comparison == Comparison::Equals);
        let open = template.holes().find(|hole| !fixed(hole)).map(|hole| format!("{{{hole}}}"))?;
        let prefix = template.text().split(&open).next()?.to_owned();
        (!prefix.is_empty()).then_some(prefix)
    }
}

impl Matrix {
    /// One pattern or scan in words, or `None` where there is none of this name.
    pub fn explain(&self, name: &str) -> Option<String> {
        let pattern = self.pattern(name)?;
        let mut text = String::new();
        let place = pattern.index().map_or_else(|| pattern.table().to_owned(), |index| format!("{} by {index}", pattern.table()));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {} of {place}", pattern.operation().name());
        if let Some(why) = pattern.why() {
            let _ = writeln!(text, "  why          {why}");
        }
        if pattern.operation() != Operation::Scan {
            let _ = writeln!(text, "  keys         {}", pattern.keys_in_words());
        }
        if let Some((part, of)) = pattern.fanout() {
            let _ = writeln!(text, "  fan-out      {of} queries, one for each {part}, merged");
        }
        if pattern.operation() == Operation::Query {
            let _ = writeln!(text, "  order        {}", if pattern.descending() { "descending" } else { "ascending" });
        }
        let reads = pattern.reads().map_or_else(|| "the whole item".to_owned(), |reads| reads.collect::<Vec<_>>().join(", "));
        let _ = writeln!(text, "  reads        {reads}");
        let _ = writeln!(text, "  consistency  {}", if pattern.strong() { "strong" } else { "eventual" });
        if pattern.operation() != Operation::Scan {
            let _ = writeln!(text, "  cost         {}", self.cost_in_words(pattern));
        }
        Some(text)
    }

    /// Units of a call, how far it is to the next unit, and what the busiest key sees.
    pub(crate) fn cost_in_words(&self, pattern: &Pattern) -> String {
        format!(
            "{} read {} a call, {} to the next; {:.1} units a second on the busiest key at peak, of {:.0} that a partition serves",
            read_call(self, pattern),
            if read_call(self, pattern) == 1.0 { "unit" } else { "units" },
            distance(bytes_read(self, pattern, Width::Typical), READ_UNIT),
            read_peak_of_hottest_key(self, pattern),
            crate::prove::PARTITION_READS,
        )
    }
}

/// How many bytes more cost another unit.
pub(crate) fn distance(bytes: usize, unit: usize) -> String {
    format!("{} B", bytes.div_ceil(unit).max(1) * unit - bytes)
}
