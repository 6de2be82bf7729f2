//! What cannot change in place: keys, indexes and the spelling of keys already written.

use serde_json::{Map, Value as Json, json};

use crate::codec::Codec;
use crate::entity::Entity;
use crate::matrix::Matrix;
use crate::table::{Index, KeyPart, Projection, Table};

impl Matrix {
    /// What of this matrix cannot change in place.
    pub fn lock_json(&self) -> Json {
        let tables: Map<String, Json> = self.tables.iter().map(|table| (table.name.clone(), self.locked(table))).collect();
        json!({ "service": self.service, "tables": tables })
    }

    /// Where this matrix changes what `lock` holds, and what to do instead; nothing where it only adds.
    pub fn breaches(&self, lock: &Json) -> Vec<String> {
        let mut breaches = Vec::new();
        for (name, locked) in object(lock, "tables") {
            match self.table(name) {
                None => breaches.push(format!("table {name} is gone: remove it from the lock when its data may go, after a backup")),
                Some(table) => self.breaches_of(table, locked, &mut breaches),
            }
        }
        breaches
    }

    fn breaches_of(&self, table: &Table, locked: &Json, breaches: &mut Vec<String>) {
        let current = self.locked(table);
        if current["keys"] != locked["keys"] {
            breaches.push(format!("the keys of table {} change: create a table of another name, and rebuild into it", table.name));
        }
        for (name, index) in object(locked, "indexes") {
            if current["indexes"].get(name).is_some_and(|now| now != index) {
                let free = (1..).map(|n| format!("{name}v{n}")).find(|free| table.index(free).is_none()).unwrap_or_default();
                breaches.push(format!(
                    "index {name} of {} changes, which DynamoDB cannot do in place: add it under another name such as {free}, move the patterns, then remove {name}",
                    table.name
                ));
            }
        }
        for (name, entity) in object(locked, "entities") {
            if current["entities"].get(name).is_some_and(|now| now != entity) {
                breaches.push(format!(
                    "keys of {name} in {} are spelt otherwise: items already written stay under their old keys; rebuild the rows into a table of another name, or add an entity",
                    table.name
                ));
            }
        }
    }

    fn locked(&self, table: &Table) -> Json {
        let indexes: Map<String, Json> = table.indexes.iter().map(|index| (index.name.clone(), locked_index(index))).collect();
        let entities = self.entities.iter().filter(|entity| entity.table == table.name);
        let entities: Map<String, Json> = entities.map(|entity| (entity.name.clone(), locked_entity(entity))).collect();
        json!({ "keys": table.keys().collect::<Vec<_>>(), "indexes": indexes, "entities": entities })
    }
}

fn locked_index(index: &Index) -> Json {
    let parts = |parts: &[KeyPart]| {
        parts.iter().map(|part| format!("{} {}", part.attribute, if part.numeric { "N" } else { "S" })).collect::<Vec<_>>()
    };
    let projection = match &index.projection {
        Projection::All => json!("ALL"),
        Projection::KeysOnly => json!("KEYS_ONLY"),
        Projection::Include(names) => json!(names),
    };
    json!({ "pk": parts(&index.pk), "sk": parts(&index.sk), "projection": projection })
}

fn locked_entity(entity: &Entity) -> Json {
    let spelt = entity.keys().map(|(key, template)| {
        let holes = template.holes().filter_map(|hole| Some(format!("{hole} {}", spelling(entity.attribute(hole)?.codec()?))));
        (key.to_owned(), json!([template.text()].into_iter().map(str::to_owned).chain(holes).collect::<Vec<_>>()))
    });
    Json::Object(spelt.collect())
}

/// What of a codec decides the spelling: widening a token or adding a word changes no key that is already written.
fn spelling(codec: &Codec) -> String {
    match codec {
        Codec::Shard { of } => format!("shard of {of}"),
        Codec::Uuid | Codec::Token { .. } | Codec::Text { .. } | Codec::U64 | Codec::Date | Codec::Time | Codec::Enum { .. } => {
            codec.word().to_owned()
        }
    }
}

fn object<'j>(json: &'j Json, member: &str) -> impl Iterator<Item = (&'j String, &'j Json)> {
    json.get(member).and_then(Json::as_object).into_iter().flatten()
}
