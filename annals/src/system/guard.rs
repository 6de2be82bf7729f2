//! Refuses reads that no matrix lists: what CI would find, the running system shows at once.

use std::sync::{Arc, LazyLock};

use access_patterns::Matrix;
use annals_local::ReadGuard;
use serde_json::Value;

static MATRICES: LazyLock<Vec<Arc<Matrix>>> = LazyLock::new(access_patterns::all);

/// Admits the reads of every matrix, and no others.
pub(super) struct ListedReads;

impl ReadGuard for ListedReads {
    fn admit(&self, operation: &str, request: &Value) -> Result<(), String> {
        let table = request["TableName"].as_str().or_else(|| request["RequestItems"].as_object()?.keys().next().map(String::as_str));
        let table = table.unwrap_or_default();
        let matrix = MATRICES.iter().find(|matrix| matrix.table(table).is_some());
        let matrix = matrix.ok_or_else(|| format!("no access-pattern matrix has a table {table}"))?;
        matrix.audit(operation, request).map(drop).map_err(|error| error.to_string())
    }
}
