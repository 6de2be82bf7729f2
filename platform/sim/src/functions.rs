//! Runs functions as Lambda does: an environment does one event at a time, is used again, keeps what it has in memory, and may end.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_kit::Generation;
use annals_kit::ids::SeededIds;
use annals_lambda::{Account, Host, Metric, Metrics};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::network::Network;
use crate::network::environment::Environment;
use crate::network::ports::Ports;
use crate::network::wire::Wire;

/// Environments of a function that wait for events at most.
const MOST_IDLE: usize = 3;

/// What an invocation does.
pub type Work<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A host for environments: all of AWS behind the network.
pub struct Machine {
    network: Arc<Network>,
    chance: Chance,
    made: Mutex<u64>,
}

/// Nobody counts here: what counts is checked.
struct Uncounted;

impl Metrics for Uncounted {
    fn count(&self, _: &'static str, _: Metric, _: u64, _: &str) {}

    fn time(&self, _: &'static str, _: Metric, _: TimeDelta, _: &str) {}
}

impl Machine {
    /// A machine on this network.
    pub fn new(network: Arc<Network>, chance: Chance) -> Self {
        Self { network, chance, made: Mutex::default() }
    }

    /// A new environment, and what its function stands on.
    pub fn environment(&self, function: &str, breaks: bool) -> (Arc<Environment>, Host) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made += 1;
        let environment = Arc::new(Environment::new(function, *made, breaks));
        let http = SharedHttpClient::new(Wire::new(&self.network, environment.clone()));
        let account = match self.network.aws.embedded() {
            Some(local) => {
                let credentials = local.credentials(crate::world::ROLE).expect("the account has its one role");
                Account::new(http, credentials, annals_local::arn::REGION)
            }
            None => {
                let credentials = Credentials::from_keys("AKIASIM", "s", None);
                Account::new(http, credentials, annals_local::arn::REGION).behind(Arc::new(Ports::new(&self.network, environment.clone())))
            }
        };
        // Only what writes a log writes it; billing's commands say it themselves.
        let generation = Generation::default();
        let ids = Arc::new(SeededIds::new(self.chance.number(&["ids", function], *made)));
        (environment, Host { account, metrics: Arc::new(Uncounted), clock: self.network.clock.clone(), ids, generation })
    }
}

/// One function: how its environments are made, and those that there are.
pub struct Function<D> {
    name: &'static str,
    make: Box<dyn Fn(&Host) -> D + Send + Sync>,
    state: Mutex<State<D>>,
    /// Told when an environment has done its event.
    done: Notify,
}

struct State<D> {
    /// Which version of the function is deployed.
    version: u64,
    /// Environments of this version that wait.
    idle: Vec<(Arc<Environment>, Arc<D>)>,
    /// How many are at work, by version.
    busy: BTreeMap<u64, u64>,
}

impl<D: Send + Sync + 'static> Function<D> {
    /// A function whose environments are made so.
    pub fn new(name: &'static str, make: impl Fn(&Host) -> D + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { version: 0, idle: vec![], busy: BTreeMap::new() });
        Self { name, make: Box::new(make), state, done: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deploys the code of now: events that come are for it. What is at work goes on as it was, and gets no other event.
    pub fn retire(&self) {
        let mut state = self.state();
        state.version += 1;
        state.idle.clear();
    }

    /// Returns when no environment of an earlier version is at work any more.
    pub async fn has_retired(&self) {
        loop {
            let is_done = {
                let state = self.state();
                state.busy.range(..state.version).all(|(_, busy)| *busy == 0)
            };
            if is_done {
                return;
            }
            self.done.notified().await;
        }
    }

    /// Runs `work` in an environment, a waiting one or a new one as `pick` says; `None` when that has ended on the way.
    pub async fn invoke<R: Send + 'static>(&self, machine: &Machine, pick: u64, work: impl FnOnce(Arc<D>) -> Work<R>) -> Option<R> {
        let (version, waiting) = {
            let mut state = self.state();
            let (version, idle) = (state.version, state.idle.len());
            *state.busy.entry(version).or_default() += 1;
            let choices = if idle < MOST_IDLE { idle + 1 } else { idle };
            let place = (pick % choices as u64) as usize;
            (version, (place < idle).then(|| state.idle.remove(place)))
        };
        let (environment, deps) = waiting.unwrap_or_else(|| {
            let (environment, host) = machine.environment(self.name, true);
            (environment, Arc::new((self.make)(&host)))
        });
        let answer = tokio::select! {
            biased;
            () = environment.has_ended() => None,
            answer = work(deps.clone()) => Some(answer),
        };
        let mut state = self.state();
        if let Some(busy) = state.busy.get_mut(&version) {
            *busy -= 1;
        }
        if answer.is_some() && version == state.version && state.idle.len() < MOST_IDLE {
            state.idle.push((environment, deps));
        }
        drop(state);
        self.done.notify_waiters();
        answer
    }
}
