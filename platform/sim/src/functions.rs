//! Runs functions as Lambda does: an environment does one event at a time, is used again, keeps what it has in memory, and may end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::Generation;
use annals_kit::ids::SeededIds;
use annals_lambda::{Account, Host, Metric, Metrics};
use chrono::TimeDelta;

use crate::chance::Chance;
use crate::network::Network;
use crate::network::environment::Environment;
use crate::network::port::Port;

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

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// A new environment, and what its function stands on.
    pub fn environment(&self, function: &str, breaks: bool) -> (Arc<Environment>, Host) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made += 1;
        let environment = Arc::new(Environment::new(function, *made, breaks));
        let http = aws_smithy_runtime_api::client::http::SharedHttpClient::new(Port::new(&self.network, environment.clone()));
        let credentials = self.network.local.credentials(crate::world::ROLE).expect("the account has its one role");
        let account = Account { http, credentials, region: annals_local::arn::REGION.to_owned(), endpoint: None };
        // Only what writes a log writes it; billing's commands say it themselves.
        let generation = Generation::default();
        let ids = Arc::new(SeededIds::new(self.chance.number(&["ids", function], *made)));
        (environment, Host { account, metrics: Arc::new(Uncounted), clock: self.network.clock.clone(), ids, generation })
    }
}

/// One function: how its environments are made, and those that wait.
pub struct Function<D> {
    name: &'static str,
    make: Box<dyn Fn(&Host) -> D + Send + Sync>,
    idle: Mutex<Vec<(Arc<Environment>, Arc<D>)>>,
}

impl<D: Send + Sync + 'static> Function<D> {
    /// A function whose environments are made so.
    pub fn new(name: &'static str, make: impl Fn(&Host) -> D + Send + Sync + 'static) -> Self {
        Self { name, make: Box::new(make), idle: Mutex::default() }
    }

    /// Ends the environments that wait: those that come are of the code of then.
    pub fn retire(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs `work` in an environment, a waiting one or a new one as `pick` says; `None` when that has ended on the way.
    pub async fn invoke<R: Send + 'static>(&self, machine: &Machine, pick: u64, work: impl FnOnce(Arc<D>) -> Work<R>) -> Option<R> {
        let waiting = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let choices = if idle.len() < MOST_IDLE { idle.len() + 1 } else { idle.len() };
            let place = (pick % choices as u64) as usize;
            (place < idle.len()).then(|| idle.remove(place))
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
        if answer.is_some() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                idle.push((environment, deps));
            }
        }
        answer
    }
}
