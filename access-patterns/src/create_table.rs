//! Writes the CreateTable request of a table, as it goes over the wire.

use serde_json::{Map, Value as Json, json};

use crate::table::{Capacity, Index, KeyPart, Mode, Projection, Table};

impl Table {
    /// The CreateTable request: keys, indexes with their derived projections, billing, stream, deletion protection.
    ///
    /// Point-in-time recovery and time-to-live are calls of their own on AWS: see [`Table::pitr_days`] and [`Table::ttl`].
    pub fn create_table_json(&self) -> Json {
        let keys: Vec<KeyPart> = self.keys().map(|attribute| KeyPart { attribute: attribute.to_owned(), numeric: false }).collect();
        let (pk, sk) = keys.split_at(1);
        let mut request = Map::new();
        request.insert("TableName".into(), json!(self.name));
        request.insert("KeySchema".into(), key_schema(pk, sk));
        request.insert("AttributeDefinitions".into(), self.attribute_definitions(&keys));
        if !self.indexes.is_empty() {
            request.insert("GlobalSecondaryIndexes".into(), self.indexes.iter().map(|index| self.index_json(index)).collect());
        }
        match self.mode {
            Mode::OnDemand => {
                if let Some(warm) = warm_throughput(self.capacity) {
                    request.insert("WarmThroughput".into(), warm);
                }
                request.insert("BillingMode".into(), json!("PAY_PER_REQUEST"))
            }
            Mode::Provisioned => {
                request.insert("ProvisionedThroughput".into(), throughput(self.capacity));
                request.insert("BillingMode".into(), json!("PROVISIONED"))
            }
        };
        if let Some(view) = &self.stream {
            request.insert("StreamSpecification".into(), json!({ "StreamEnabled": true, "StreamViewType": view }));
        }
        request.insert("DeletionProtectionEnabled".into(), json!(self.deletion_protection));
        Json::Object(request)
    }

    fn attribute_definitions(&self, keys: &[KeyPart]) -> Json {
        let mut defined: Vec<&KeyPart> = Vec::new();
        for part in keys.iter().chain(self.indexes.iter().flat_map(|index| index.pk.iter().chain(&index.sk))) {
            if !defined.iter().any(|known| known.attribute == part.attribute) {
                defined.push(part);
            }
        }
        defined
            .into_iter()
            .map(|part| json!({ "AttributeName": part.attribute, "AttributeType": if part.numeric { "N" } else { "S" } }))
            .collect()
    }

    fn index_json(&self, index: &Index) -> Json {
        let projection = match &index.projection {
            Projection::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
            Projection::Include(attributes) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": attributes }),
            Projection::All => json!({ "ProjectionType": "ALL" }),
        };
        let mut described = json!({ "IndexName": index.name, "KeySchema": key_schema(&index.pk, &index.sk), "Projection": projection });
        if self.mode == Mode::Provisioned {
            described["ProvisionedThroughput"] = throughput(index.capacity);
        } else if let Some(warm) = warm_throughput(index.capacity) {
            described["WarmThroughput"] = warm;
        }
        described
    }
}

/// What a table on demand serves from its first second: more has to be asked for.
const WARM_READS: u64 = 12_000;
const WARM_WRITES: u64 = 4_000;

fn warm_throughput(capacity: Capacity) -> Option<Json> {
    let beyond = capacity.read > WARM_READS || capacity.write > WARM_WRITES;
    beyond.then(|| json!({ "ReadUnitsPerSecond": capacity.read.max(WARM_READS), "WriteUnitsPerSecond": capacity.write.max(WARM_WRITES) }))
}

fn key_schema(pk: &[KeyPart], sk: &[KeyPart]) -> Json {
    let element = |part: &KeyPart, kind: &str| json!({ "AttributeName": part.attribute, "KeyType": kind });
    pk.iter().map(|part| element(part, "HASH")).chain(sk.iter().map(|part| element(part, "RANGE"))).collect()
}

fn throughput(capacity: Capacity) -> Json {
    json!({ "ReadCapacityUnits": capacity.read.max(1), "WriteCapacityUnits": capacity.write.max(1) })
}
