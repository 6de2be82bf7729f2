//! Invokes functions as Lambda does: with a context, a deadline, and every failure as a value.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::task::Poll;
use std::time::Duration;

use annals_kit::Clock;
use lambda_runtime::Context;
use serde_json::Value;

use crate::arn;
use crate::progress::Progress;
use crate::randomness::{Randomness, uuid};

/// A future that can be kept.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a function does with an event.
pub type Handler = Arc<dyn Fn(Value, Context) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync>;

/// A function of the account.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does.
    pub handler: Handler,
    /// How long it may take.
    pub timeout: Duration,
}

impl Function {
    /// A function that may take 30 s.
    pub fn new<H, F>(name: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Value, Context) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |event, context| Box::pin(handler(event, context)));
        Self { name: name.into(), handler, timeout: Duration::from_secs(30) }
    }

    /// The same with another timeout.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// Why a function did not answer: what Lambda reports as `errorType` and `errorMessage`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct FunctionError {
    /// The kind, such as `Runtime.Panic`.
    pub kind: String,
    /// What happened.
    pub message: String,
}

impl FunctionError {
    /// An error of this kind.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into() }
    }
}

/// The kind of error of a function that ran out of time: it may have done its work.
pub(crate) const TIMED_OUT: &str = "Sandbox.Timedout";
/// The kind of error where there is no such function: nothing was done.
pub(crate) const NO_FUNCTION: &str = "ResourceNotFound";

/// The functions there are.
pub(crate) struct Functions {
    installed: RwLock<BTreeMap<String, Function>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    running: AtomicUsize,
    progress: Arc<Progress>,
}

impl Functions {
    pub fn new(functions: &[Function], clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>, progress: Arc<Progress>) -> Self {
        let installed = functions.iter().map(|function| (function.name.clone(), function.clone())).collect();
        Self { installed: RwLock::new(installed), clock, randomness, running: AtomicUsize::new(0), progress }
    }

    /// Adds a function, or replaces the one of its name.
    pub fn install(&self, function: Function) {
        let mut installed = self.installed.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        installed.insert(function.name.clone(), function);
    }

    /// How many invocations are under way.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Invokes a function and waits for its answer.
    pub async fn invoke(&self, name: &str, event: Value) -> Result<Value, FunctionError> {
        let function = self.find(name).ok_or_else(|| FunctionError::new(NO_FUNCTION, format!("there is no function {name}")))?;
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(self);
        let context = self.context(&function);
        let request_id = context.request_id.clone();
        let invocation = catching(AssertUnwindSafe(|| (function.handler)(event, context)));
        let result = match tokio::time::timeout(function.timeout, invocation).await {
            Ok(result) => result,
            Err(_) => Err(FunctionError::new(TIMED_OUT, format!("timed out after {} ms", function.timeout.as_millis()))),
        };
        if let Err(error) = &result {
            tracing::warn!(function = name, request_id, kind = error.kind, error = error.message, "function failed");
        }
        result
    }

    fn find(&self, name: &str) -> Option<Function> {
        self.installed.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    fn context(&self, function: &Function) -> Context {
        let mut context = Context::default();
        context.request_id = uuid(&*self.randomness);
        context.invoked_function_arn = arn::function(&function.name);
        let deadline = self.clock.now().micros() / 1000 + i64::try_from(function.timeout.as_millis()).unwrap_or(i64::MAX);
        context.deadline = u64::try_from(deadline).unwrap_or(0);
        context
    }
}

struct Running<'a>(&'a Functions);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.progress.moved();
    }
}

/// Runs a handler; a panic in it is its error, as on Lambda, where it ends only the function's own process.
async fn catching<'a>(
    start: AssertUnwindSafe<impl FnOnce() -> BoxFuture<'a, Result<Value, FunctionError>>>,
) -> Result<Value, FunctionError> {
    let mut future = catch_unwind(start).map_err(panicked)?;
    std::future::poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))).unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic))))
    })
    .await
}

fn panicked(panic: Box<dyn Any + Send>) -> FunctionError {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
    FunctionError::new("Runtime.Panic", message.unwrap_or_else(|| "the function panicked".to_owned()))
}
