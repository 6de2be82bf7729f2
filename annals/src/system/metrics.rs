//! What functions count on one machine, and the alarms that some counts are.

use std::sync::Arc;

use annals_kit::Ids;
use annals_lambda::{Metric, Metrics};
use annals_local::Local;
use annals_local::randomness::Randomness;

/// Raises the alarms of the local account; the counts themselves go to the log.
pub(super) struct LocalMetrics(pub(super) Local);

impl Metrics for LocalMetrics {
    fn count(&self, service: &'static str, metric: Metric, value: u64, detail: &str) {
        tracing::debug!(service, metric = metric.name(), value, detail, "count");
        if metric.is_alarm() {
            let name = match metric {
                Metric::LogTampered => "log-tampered",
                Metric::StreamLacking => "stream-lacking",
                Metric::WorkFailed => "work-failed",
                _ => "stream-parked",
            };
            self.0.raise(name, &format!("{service}: {detail}"));
        }
    }
}

/// Random bytes from the injected ids.
pub(super) struct RandomBytes(pub(super) Arc<dyn Ids>);

impl Randomness for RandomBytes {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.0.random().to_le_bytes()[..chunk.len()]);
        }
    }
}
