//! Runs a function on Lambda: what it stands on, and the loop that hands it events.

use std::fmt::Display;
use std::sync::Arc;

use annals_kit::{Clock, Generation, Ids};
use bytes::Bytes;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clients::{Account, variable};
use crate::machine::{MachineClock, MachineIds, log_to_stderr};
use crate::metrics::{EmbeddedMetrics, Metrics};
use crate::web::{TcpWeb, Web};

/// What every function stands on, whatever runs it.
#[derive(Clone)]
pub struct Host {
    /// AWS, as the function's role.
    pub account: Account,
    /// Where counts go.
    pub metrics: Arc<dyn Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and other random bits.
    pub ids: Arc<dyn Ids>,
    /// How often the service's log was restored to an earlier point: a part of every event's id, and of the ledger's name.
    pub generation: Generation,
}

impl Host {
    /// What a Lambda function finds: see [`Account::from_env`]; and `ANNALS_GENERATION`, which must be there: a function that took itself for
    /// one of an earlier generation would use event ids a second time.
    pub fn from_env() -> Result<Self, Error> {
        let metrics = Arc::new(EmbeddedMetrics::new(MachineClock));
        let generation = variable("ANNALS_GENERATION")?;
        let generation =
            generation.parse().map_err(|_| format!("ANNALS_GENERATION is {generation:?}: a number, 0 where nothing was restored"))?;
        let account = Account::from_env()?;
        Ok(Self { account, metrics, clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), generation: Generation(generation) })
    }
}

/// Makes what a function stands on, once, and hands it one event after the other. The whole of a Lambda `main`.
///
/// What `deps` refuses is told to Lambda, which puts it into the answer of the invocation that wanted this environment. What an event has
/// counted is let go of before its answer, whether that is an answer, an error or a panic.
pub async fn run<D, E, A>(
    deps: impl FnOnce(&Host) -> Result<D, Error>,
    handle: impl AsyncFn(LambdaEvent<E>, &D) -> Result<A, Error>,
) -> Result<(), Error>
where
    E: DeserializeOwned,
    A: Serialize,
{
    log_to_stderr("info");
    let made = Host::from_env().and_then(|host| Ok((deps(&host)?, host.metrics)));
    let (deps, metrics) = match made {
        Ok(made) => made,
        Err(error) => {
            refuse(&error).await;
            return Err(error);
        }
    };
    let (handle, deps, metrics) = (&handle, &deps, &*metrics);
    let counted = move |event| async move {
        let _held = Held(metrics);
        handle(event, deps).await
    };
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    lambda_runtime::run(service_fn(move |event| Box::pin(counted(event)))).await
}

/// What one event counts, until its handler has ended, however it ends: once the answer is out, the process may be frozen.
struct Held<'a>(&'a dyn Metrics);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Tells Lambda why this environment cannot start. The runtime crate does so for panics of a handler only.
async fn refuse(error: &impl Display) {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    let body = serde_json::json!({ "errorType": "Function.InitError", "errorMessage": error.to_string() });
    let request = http::Request::post(format!("http://{api}/2018-06-01/runtime/init/error"))
        .header("lambda-runtime-function-error-type", "Function.InitError")
        .body(Bytes::from(body.to_string()));
    let Ok(request) = request else { return };
    // The process ends with the same words on standard error, whether or not they arrive here.
    let _ = TcpWeb::loopback().call(request).await;
}
