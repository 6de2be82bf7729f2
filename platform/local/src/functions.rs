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
use bytes::Bytes;
use lambda_runtime::Context;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::arn;
use crate::observer::Observer;
use crate::progress::Progress;
use crate::randomness::{Randomness, hex, uuid};
use crate::runtime::timings::Timings;
use crate::runtime::{Definition, Invocation, Pool, Process};

/// A future that can be kept.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a function does with an event.
pub type Handler = Arc<dyn Fn(Value, Context) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync>;

/// How many environments a function without a reserved concurrency may have at a time. On AWS the account's quota is the limit; here
/// each is a process.
const UNRESERVED: usize = 32;

/// What a function answers.
pub type Answer = Result<Value, FunctionError>;

/// What runs when a function is invoked.
#[derive(Clone)]
pub enum Code {
    /// A handler in this process.
    Handler(Handler),
    /// The function's own binary, in processes of its own.
    Process(Process),
}

/// A function of the account.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does.
    pub code: Code,
    /// How long it may take.
    pub timeout: Duration,
    /// What it has of memory, in MB. It is told so, and reports compare with it; nothing enforces it.
    pub memory_mb: u32,
    /// How many invocations may run at a time, where that is limited.
    pub concurrency: Option<usize>,
}

impl Function {
    /// A function in this process, which may take 30 s.
    pub fn new<H, F>(name: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Value, Context) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::of(name, Code::Handler(Arc::new(move |event, context| Box::pin(handler(event, context)))))
    }

    /// A function in processes of its own, each invocation of which may take 30 s.
    pub fn process(name: impl Into<String>, process: Process) -> Self {
        Self::of(name, Code::Process(process))
    }

    fn of(name: impl Into<String>, code: Code) -> Self {
        Self { name: name.into(), code, timeout: Duration::from_secs(30), memory_mb: 128, concurrency: None }
    }

    /// The same with another timeout.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same with this much memory.
    pub fn with_memory(self, memory_mb: u32) -> Self {
        Self { memory_mb, ..self }
    }

    /// The same, of which so many invocations may run at a time.
    pub fn with_concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: Some(concurrency), ..self }
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

    /// The function took longer than it may.
    pub(crate) fn timed_out(request_id: &str, within: Duration) -> Self {
        Self::new(TIMED_OUT, format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", within.as_secs_f64()))
    }

    /// As many invocations run as may.
    fn throttled() -> Self {
        Self::new("TooManyRequestsException", "Rate Exceeded.")
    }

    /// Whether nothing ran, as there were too many invocations at the time.
    pub fn is_throttled(&self) -> bool {
        self.kind == "TooManyRequestsException"
    }
}

/// The kind of error of a function that ran out of time: it may have done its work.
pub(crate) const TIMED_OUT: &str = "Sandbox.Timedout";
/// The kind of error where there is no such function: nothing was done.
pub(crate) const NO_FUNCTION: &str = "ResourceNotFoundException";

/// The functions there are.
pub(crate) struct Functions {
    installed: RwLock<BTreeMap<String, Arc<Installed>>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    running: Arc<AtomicUsize>,
    progress: Arc<Progress>,
    observer: Option<Arc<dyn Observer>>,
}

struct Installed {
    function: Function,
    /// One permit for each invocation that may run at a time.
    slots: Arc<Semaphore>,
    runner: Runner,
}

enum Runner {
    Handler(Handler),
    Pool(Arc<Pool>),
}

impl Installed {
    fn new(function: Function) -> Self {
        let (runner, unreserved) = match &function.code {
            Code::Handler(handler) => (Runner::Handler(handler.clone()), Semaphore::MAX_PERMITS),
            Code::Process(process) => {
                let (name, process) = (function.name.clone(), process.clone());
                let definition = Definition { name, process, timeout: function.timeout, memory_mb: function.memory_mb };
                (Runner::Pool(Arc::new(Pool::new(definition))), UNRESERVED)
            }
        };
        let slots = Arc::new(Semaphore::new(function.concurrency.unwrap_or(unreserved)));
        Self { function, slots, runner }
    }
}

impl Functions {
    pub fn new(
        functions: &[Function],
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        progress: Arc<Progress>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let installed = functions.iter().map(|function| (function.name.clone(), Arc::new(Installed::new(function.clone())))).collect();
        Self { installed: RwLock::new(installed), clock, randomness, running: Arc::default(), progress, observer }
    }

    /// Adds a function, or replaces the one of its name.
    pub fn install(&self, function: Function) {
        let mut installed = self.installed.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        installed.insert(function.name.clone(), Arc::new(Installed::new(function)));
    }

    /// Takes away every function.
    pub fn uninstall(&self) {
        let installed = std::mem::take(&mut *self.installed.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
        // Outside of the lock: what they stand on may end with them.
        drop(installed);
    }

    /// How many invocations are under way.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Invokes a function as event sources do, which wait while as many invocations run as may.
    pub async fn invoke(&self, name: &str, event: Value) -> Answer {
        let installed = self.find(name)?;
        let running = Running::begin(self);
        let slot = installed.slots.clone().acquire_owned().await.map_err(|_| FunctionError::throttled())?;
        self.run(installed, event, slot, running).await
    }

    /// Invokes a function as requests do, which are refused while as many invocations run as may.
    pub async fn invoke_now(&self, name: &str, event: Value) -> Answer {
        let installed = self.find(name)?;
        let slot = installed.slots.clone().try_acquire_owned().map_err(|_| FunctionError::throttled())?;
        let running = Running::begin(self);
        self.run(installed, event, slot, running).await
    }

    /// How long environments took to start and to answer, function by function.
    pub fn timings(&self) -> Vec<Timings> {
        self.pools().iter().map(|pool| pool.timings()).collect()
    }

    /// Ends every environment: those that wait at once, the others after their invocations.
    pub fn close(&self) {
        self.pools().iter().for_each(|pool| pool.close());
    }

    fn pools(&self) -> Vec<Arc<Pool>> {
        let installed = self.installed.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let pool = |installed: &Arc<Installed>| match &installed.runner {
            Runner::Pool(pool) => Some(pool.clone()),
            Runner::Handler(_) => None,
        };
        installed.values().filter_map(pool).collect()
    }

    async fn run(&self, installed: Arc<Installed>, event: Value, slot: OwnedSemaphorePermit, running: Running) -> Answer {
        let function = &installed.function;
        let (name, request_id) = (function.name.clone(), uuid(&*self.randomness));
        let result = match &installed.runner {
            Runner::Handler(handler) => {
                let (_slot, _running) = (slot, running);
                let context = self.context(function, &request_id);
                let invocation = catching(AssertUnwindSafe(|| handler(event, context)));
                let timed = tokio::time::timeout(function.timeout, invocation).await;
                timed.unwrap_or_else(|_| Err(FunctionError::timed_out(&request_id, function.timeout)))
            }
            Runner::Pool(pool) => {
                let (pool, id, invocation) = (pool.clone(), request_id.clone(), self.invocation(function, &request_id, &event));
                // A task of its own: a caller that goes away ends no invocation.
                let invoked = tokio::spawn(async move {
                    let (_slot, _running) = (slot, running);
                    pool.invoke(&id, invocation).await
                });
                invoked.await.unwrap_or_else(|error| Err(FunctionError::new("Sandbox.Failure", error.to_string())))
            }
        };
        if let Err(error) = &result {
            tracing::warn!(function = name, request_id, kind = error.kind, error = error.message, "function failed");
            self.observer.iter().for_each(|observer| observer.function_failed(&name));
        }
        result
    }

    fn find(&self, name: &str) -> Result<Arc<Installed>, FunctionError> {
        let installed = self.installed.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let missing = || FunctionError::new(NO_FUNCTION, format!("Function not found: {}", arn::function(name)));
        installed.get(name).cloned().ok_or_else(missing)
    }

    fn context(&self, function: &Function, request_id: &str) -> Context {
        let mut context = Context::default();
        context.request_id = request_id.to_owned();
        context.invoked_function_arn = arn::function(&function.name);
        context.deadline = deadline(&*self.clock, function.timeout);
        context
    }

    /// The event as a process gets it; its time runs from when that is.
    fn invocation(&self, function: &Function, request_id: &str, event: &Value) -> impl FnOnce() -> Invocation + Send + use<> {
        let mut bits = [0; 24];
        self.randomness.fill(&mut bits);
        let (clock, timeout) = (self.clock.clone(), function.timeout);
        let (request_id, arn, event) = (request_id.to_owned(), arn::function(&function.name), Bytes::from(event.to_string()));
        move || {
            let seconds = clock.now().micros() / 1_000_000;
            let (root, parent) = (hex(&bits[..12]), hex(&bits[12..20]));
            let trace_id = format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0");
            Invocation { request_id, event, arn, trace_id, deadline: deadline(&*clock, timeout) }
        }
    }
}

/// Milliseconds since 1970 when an invocation that begins now must have ended.
fn deadline(clock: &dyn Clock, timeout: Duration) -> u64 {
    let deadline = clock.now().micros() / 1000 + i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    u64::try_from(deadline).unwrap_or(0)
}

/// An invocation that is under way or waits for its turn.
struct Running {
    count: Arc<AtomicUsize>,
    progress: Arc<Progress>,
}

impl Running {
    fn begin(functions: &Functions) -> Self {
        functions.running.fetch_add(1, Ordering::SeqCst);
        Self { count: functions.running.clone(), progress: functions.progress.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
        self.progress.moved();
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
