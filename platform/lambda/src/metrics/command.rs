//! Times one command and counts how it ended.

use annals_kit::Clock;

use super::{Metric, Metrics};
use crate::http::{Problem, Response};

/// The answer of `work`, a command of `function`: its time is noted, and an answer of 500 and above counts as a failure.
pub async fn measured(
    metrics: &dyn Metrics,
    clock: &dyn Clock,
    service: &'static str,
    function: &str,
    work: impl Future<Output = Result<Response, Problem>>,
) -> Response {
    let began = clock.now();
    let answer = work.await;
    if answer.as_ref().is_err_and(|problem| problem.status >= 500) {
        metrics.count(service, Metric::CommandFailed, 1, function);
    }
    metrics.time(service, Metric::CommandDuration, clock.now().since(began), function);
    answer.unwrap_or_else(|problem| problem.response())
}
