//! What a table is created from: the CreateTable request and what AWS takes in calls of their own.

use serde_json::{Value as Json, json};

use crate::table::Table;

impl Table {
    /// [`Table::create_table_json`] with recovery, time-to-live and whether the table is append only.
    pub fn definition_json(&self) -> Json {
        let mut definition = self.create_table_json();
        definition["PointInTimeRecoverySpecification"] = match self.pitr_days {
            Some(days) => json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days }),
            None => json!({ "PointInTimeRecoveryEnabled": false }),
        };
        if let Some(attribute) = &self.ttl {
            definition["TimeToLiveSpecification"] = json!({ "AttributeName": attribute, "Enabled": true });
        }
        definition["AppendOnly"] = json!(self.append_only);
        definition
    }
}
