//! The model as NoSQL Workbench imports it.

use serde_json::{Value as Json, json};

use crate::entity::{Entity, Kind};
use crate::matrix::Matrix;
use crate::table::{Index, KeyPart, Mode, Projection, Table};

impl Matrix {
    /// The tables, their entities as facets, and their indexes. Indexes on several attributes have no form in it and are left out.
    pub fn workbench_json(&self) -> Json {
        json!({
            "ModelName": self.service,
            "ModelMetadata": {
                "Author": "annals",
                "DateCreated": "Jan 01, 2026, 00:00 AM",
                "DateLastModified": "Jan 01, 2026, 00:00 AM",
                "Description": format!("Derived from {}; change that file, not this model.", self.file),
                "AWSService": "Amazon DynamoDB",
                "Version": "3.0"
            },
            "DataModel": self.tables.iter().map(|table| self.workbench_table(table)).collect::<Vec<_>>()
        })
    }

    fn workbench_table(&self, table: &Table) -> Json {
        let entities: Vec<&Entity> = self.entities.iter().filter(|entity| entity.table == table.name).collect();
        let mut others: Vec<(String, Kind)> = Vec::new();
        for entity in &entities {
            let templated = entity.keys().map(|(key, _)| (key.to_owned(), Kind::S));
            let stored = entity.attributes().filter(|attribute| attribute.stored).map(|attribute| (attribute.name.clone(), attribute.kind));
            for other in templated.chain(stored).filter(|(name, _)| !table.keys().any(|key| key == name)) {
                if !others.iter().any(|(name, _)| *name == other.0) {
                    others.push(other);
                }
            }
        }
        json!({
            "TableName": table.name,
            "KeyAttributes": keys(&text(&table.pk), table.sk.as_deref().map(text).as_ref()),
            "NonKeyAttributes": others.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": letters(*kind) })).collect::<Vec<_>>(),
            "TableFacets": entities.iter().map(|entity| facet(entity, table)).collect::<Vec<_>>(),
            "GlobalSecondaryIndexes": table.indexes.iter().filter(|index| index.pk.len() == 1 && index.sk.len() <= 1).map(secondary).collect::<Vec<_>>(),
            "TableData": [],
            "DataAccess": { "MySql": {} },
            "BillingMode": match table.mode { Mode::OnDemand => "PAY_PER_REQUEST", Mode::Provisioned => "PROVISIONED" },
        })
    }
}

fn facet(entity: &Entity, table: &Table) -> Json {
    let alias = |key: Option<&str>| key.and_then(|key| entity.template(key)).map_or("", |template| template.text());
    let stored = entity.attributes().filter(|attribute| attribute.stored).map(|attribute| attribute.name.as_str());
    json!({
        "FacetName": entity.name,
        "KeyAttributeAlias": { "PartitionKeyAlias": alias(Some(&table.pk)), "SortKeyAlias": alias(table.sk.as_deref()) },
        "TableData": [],
        "NonKeyAttributes": stored.collect::<Vec<_>>(),
        "DataAccess": { "MySql": {} }
    })
}

fn secondary(index: &Index) -> Json {
    let projection = match &index.projection {
        Projection::All => json!({ "ProjectionType": "ALL" }),
        Projection::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
        Projection::Include(names) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names }),
    };
    json!({ "IndexName": index.name, "KeyAttributes": keys(&index.pk[0], index.sk.first()), "Projection": projection })
}

fn keys(pk: &KeyPart, sk: Option<&KeyPart>) -> Json {
    let key = |part: &KeyPart| json!({ "AttributeName": part.attribute, "AttributeType": if part.numeric { "N" } else { "S" } });
    let mut keys = json!({ "PartitionKey": key(pk) });
    if let Some(sk) = sk {
        keys["SortKey"] = key(sk);
    }
    keys
}

fn text(attribute: &str) -> KeyPart {
    KeyPart { attribute: attribute.to_owned(), numeric: false }
}

fn letters(kind: Kind) -> &'static str {
    match kind {
        Kind::S => "S",
        Kind::N => "N",
        Kind::B => "B",
        Kind::Bool => "BOOL",
        Kind::M => "M",
        Kind::L => "L",
    }
}
