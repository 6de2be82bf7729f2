//! Keeps the environments of one function: the one used last is used next, a new one is started where all are busy.

use std::sync::Mutex;

use super::environment::{Environment, Invoked, ms};
use super::timings::{Samples, Timings};
use super::{Definition, Invocation};
use crate::engine::lock;
use crate::functions::Answer;

/// The environments of one function that wait for an event, the one used last at the end.
pub(crate) struct Pool {
    definition: Definition,
    idle: Mutex<Idle>,
    samples: Samples,
}

enum Idle {
    Waiting(Vec<Environment>),
    /// No environment outlives its invocation any more.
    Closed,
}

impl Pool {
    pub fn new(definition: Definition) -> Self {
        Self { definition, idle: Mutex::new(Idle::Waiting(Vec::new())), samples: Samples::default() }
    }

    /// Hands an event to an environment; `invocation` is asked for it once there is one, as its time runs from then.
    pub async fn invoke(&self, request_id: &str, invocation: impl FnOnce() -> Invocation) -> Answer {
        let function = self.definition.name.as_str();
        let environment = match self.waiting() {
            Some(environment) => environment,
            None => Environment::start(&self.definition, request_id).await.inspect(|started| self.samples.cold(started.init))?,
        };
        let init = (environment.invocations == 0).then_some(environment.init);
        let init_cpu = environment.init_cpu;
        tracing::debug!(function, request_id, "START");
        let Invoked { answer, took, cpu, max_memory_mb, environment } = environment.invoke(invocation(), &self.definition).await;
        if init.is_none() && answer.is_ok() {
            self.samples.warm(took);
        }
        if let (Some(_), Some(to_next), Some(to_answer)) = (init, init_cpu, cpu) {
            self.samples.cpu(to_next, to_answer);
        }
        tracing::debug!(function, request_id, "END");
        tracing::info!(
            function,
            request_id,
            duration_ms = ms(took),
            // Since August 2025 starting is billed as well.
            billed_ms = (took + init.unwrap_or_default()).as_millis() as u64 + 1,
            memory_mb = self.definition.memory_mb,
            max_memory_mb,
            init_ms = init.map(ms),
            status = if answer.is_ok() { "success" } else { "error" },
            "REPORT"
        );
        if let (Some(environment), Idle::Waiting(waiting)) = (environment, &mut *lock(&self.idle)) {
            waiting.push(environment);
        }
        answer
    }

    fn waiting(&self) -> Option<Environment> {
        loop {
            let environment = match &mut *lock(&self.idle) {
                Idle::Waiting(waiting) => waiting.pop()?,
                Idle::Closed => return None,
            };
            if environment.is_alive() {
                return Some(environment);
            }
            tracing::warn!(function = self.definition.name, "an environment ended while it had no event");
        }
    }

    /// Ends the environments that wait, and the others after their invocations.
    pub fn close(&self) {
        *lock(&self.idle) = Idle::Closed;
    }

    pub fn timings(&self) -> Timings {
        self.samples.timings(&self.definition.name)
    }
}
