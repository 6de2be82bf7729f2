//! Writes one typed Rust function a pattern, and the row it answers with.

use std::fmt::Write as _;

use crate::codec::Codec;
use crate::entity::{Attribute, Entity, Kind};
use crate::matrix::Matrix;
use crate::pattern::{Comparison, Operation, Pattern, Where};

const RESERVED: [&str; 10] = ["type", "where", "ref", "move", "match", "use", "mod", "fn", "self", "in"];

impl Matrix {
    /// The Rust source of this service's reads.
    pub fn functions(&self) -> String {
        let mut source = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            source,
            "//! The reads of {}, one function each. Derived from `access-patterns/{}`; do not edit.\n",
            self.service, self.file
        );
        let typed = self.patterns().any(|pattern| self.row_entity(pattern).is_some());
        let mut body = String::new();
        let mut rows: Vec<String> = Vec::new();
        for pattern in self.patterns() {
            match self.row_entity(pattern) {
                Some(entity) => {
                    let name = row_name(pattern, entity);
                    if !rows.contains(&name) {
                        body.push_str(&row(&name, pattern, entity));
                        rows.push(name.clone());
                    }
                    body.push_str(&self.typed_function(pattern, entity, &name));
                }
                None => body.push_str(&self.raw_function(pattern)),
            }
        }
        for scan in self.scans() {
            body.push_str(&scan_function(scan));
        }
        let used = |name: &str| body.contains(name);
        let chrono: Vec<&str> = ["DateTime", "NaiveDate", "Utc"].into_iter().filter(|name| used(name)).collect();
        if !chrono.is_empty() {
            let _ = writeln!(source, "use chrono::{{{}}};", chrono.join(", "));
        }
        if typed {
            source.push_str("use serde::Deserialize;\n");
        }
        let ours: Vec<&str> = ["Item", "ItemPage", "Key", "Page", "PageRequest", "Params", "ReadError", "Reads"]
            .into_iter()
            .filter(|name| used(name))
            .collect();
        let _ = write!(source, "\nuse crate::{{{}}};\n{body}", ours.join(", "));
        source
    }

    /// The entity whose rows a pattern answers with; none where another crate opens the items.
    fn row_entity(&self, pattern: &Pattern) -> Option<&Entity> {
        let entity = self.entity(pattern.entity.as_ref()?)?;
        (entity.raw.is_none() && entity.attribute("tenant").is_some_and(|tenant| tenant.stored)).then_some(entity)
    }

    fn typed_function(&self, pattern: &Pattern, entity: &Entity, row: &str) -> String {
        let given: Vec<&Where> = pattern.wheres().filter(|condition| condition.name != "tenant").collect();
        let arguments = arguments(&given, entity);
        let params = params(&given);
        let name = &pattern.name;
        let docs = self.docs(pattern);
        match pattern.op {
            Operation::GetItem => format!(
                "\n{docs}pub async fn {name}(reads: &Reads, tenant: &str{arguments}) -> Result<Option<{row}>, ReadError> {{\n{params}    reads.get(\"{name}\", tenant, &params).await\n}}\n"
            ),
            Operation::Query | Operation::Scan => format!(
                "\n{docs}pub async fn {name}(reads: &Reads, tenant: &str{arguments}, page: PageRequest) -> Result<Page<{row}>, ReadError> {{\n{params}    reads.page(\"{name}\", tenant, &params, page).await\n}}\n"
            ),
        }
    }

    fn raw_function(&self, pattern: &Pattern) -> String {
        let Some(entity) = pattern.entity.as_ref().and_then(|name| self.entity(name)) else { return String::new() };
        let given: Vec<&Where> = pattern.wheres().collect();
        let (arguments, params, name, docs) = (arguments(&given, entity), params(&given), &pattern.name, self.docs(pattern));
        match pattern.op {
            Operation::GetItem => format!(
                "\n{docs}pub async fn {name}(reads: &Reads{arguments}) -> Result<Option<Item>, ReadError> {{\n{params}    reads.get_item(\"{name}\", &params).await\n}}\n"
            ),
            Operation::Query | Operation::Scan => format!(
                "\n{docs}pub async fn {name}(reads: &Reads{arguments}, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {{\n{params}    reads.query_page(\"{name}\", &params, limit, after).await\n}}\n"
            ),
        }
    }

    fn docs(&self, pattern: &Pattern) -> String {
        let place = pattern.index.as_ref().map_or_else(|| pattern.table.clone(), |index| format!("{} by {index}", pattern.table));
        let keys = pattern.keys_in_words();
        format!("/// {} of `{place}`: `{keys}`.\n///\n/// Cost: {}.\n", pattern.op.name(), self.cost_in_words(pattern))
    }
}

fn scan_function(scan: &Pattern) -> String {
    let (name, why) = (&scan.name, scan.why().unwrap_or_default());
    format!(
        "\n/// Scan of `{}`: {why}.\n///\n/// Cost: the whole table, a page a call.\npub async fn {name}(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {{\n    reads.scan_page(\"{name}\", limit, after, segment).await\n}}\n",
        scan.table
    )
}

fn row_name(pattern: &Pattern, entity: &Entity) -> String {
    if pattern.reads.is_none() {
        return entity.name.clone();
    }
    let camel: String = pattern.name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    format!("{camel}Row")
}

fn row(name: &str, pattern: &Pattern, entity: &Entity) -> String {
    let mut source = match pattern.reads {
        None => format!("\n/// {}, whole.\n", with_article(&entity.name)),
        Some(_) => format!("\n/// What `{}` reads of {}.\n", pattern.name, with_article(&entity.name).to_lowercase()),
    };
    let _ = writeln!(source, "#[derive(Clone, Debug, PartialEq, Deserialize)]\npub struct {name} {{");
    let stored = entity.attributes().filter(|attribute| attribute.stored);
    for attribute in
        stored.filter(|attribute| pattern.reads.as_ref().is_none_or(|reads| reads.iter().any(|(name, _)| *name == attribute.name)))
    {
        let field = snake(&attribute.name);
        let _ = writeln!(source, "    /// `{}`.", attribute.name);
        if field != attribute.name {
            let _ = writeln!(source, "    #[serde(rename = \"{}\")]", attribute.name);
        }
        let of = owned(attribute);
        let of = if attribute.optional { format!("Option<{of}>") } else { of.to_owned() };
        let _ = writeln!(source, "    pub {}: {of},", identifier(&field));
    }
    source.push_str("}\n");
    source
}

fn owned(attribute: &Attribute) -> &'static str {
    match (attribute.codec(), attribute.kind) {
        (Some(Codec::Date), _) => "NaiveDate",
        (Some(Codec::Time), _) => "DateTime<Utc>",
        (Some(Codec::U64 | Codec::Shard { .. }), _) => "u64",
        (_, Kind::S) => "String",
        (_, Kind::N) => "i64",
        (_, Kind::Bool) => "bool",
        (_, Kind::B | Kind::M | Kind::L) => "serde_json::Value",
    }
}

fn arguments(given: &[&Where], entity: &Entity) -> String {
    let argument = |condition: &&Where| {
        let of = borrowed(entity, &condition.name);
        let of = if condition.comparison == Comparison::Between { format!("({of}, {of})") } else { of.to_owned() };
        let of = if condition.optional { format!("Option<{of}>") } else { of };
        format!(", {}: {of}", identifier(&snake(&condition.name)))
    };
    given.iter().map(argument).collect()
}

fn borrowed(entity: &Entity, part: &str) -> &'static str {
    match entity.attribute(part).and_then(Attribute::codec) {
        Some(Codec::Date) => "NaiveDate",
        Some(Codec::Time) => "DateTime<Utc>",
        Some(Codec::U64 | Codec::Shard { .. }) => "u64",
        Some(Codec::Uuid | Codec::Token { .. } | Codec::Text { .. } | Codec::Enum { .. }) | None => "&str",
    }
}

fn params(given: &[&Where]) -> String {
    let required: Vec<&&Where> = given.iter().filter(|condition| !condition.optional).collect();
    let optional: Vec<&&Where> = given.iter().filter(|condition| condition.optional).collect();
    let mut source = format!("    let {}params = Params::new()", if optional.is_empty() { "" } else { "mut " });
    for condition in required {
        source.push_str(&give(condition, &identifier(&snake(&condition.name))));
    }
    source.push_str(";\n");
    for condition in optional {
        let argument = identifier(&snake(&condition.name));
        let _ = writeln!(source, "    if let Some(given) = {argument} {{\n        params = params{};\n    }}", give(condition, "given"));
    }
    source
}

fn give(condition: &Where, argument: &str) -> String {
    match condition.comparison {
        Comparison::Between => format!(".between(\"{}\", {argument}.0, {argument}.1)", condition.name),
        Comparison::Equals | Comparison::AtLeast | Comparison::AtMost => format!(".value(\"{}\", {argument})", condition.name),
    }
}

fn with_article(noun: &str) -> String {
    format!("{} {noun}", if noun.starts_with(['A', 'E', 'I', 'O']) { "An" } else { "A" })
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    snake
}

fn identifier(name: &str) -> String {
    if RESERVED.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}
