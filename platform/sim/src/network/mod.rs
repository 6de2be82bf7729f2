//! What lies between the functions and AWS: every call of every SDK goes through here, one at a time, in an order that the seed decides.
//!
//! - [`port`]: the SDKs' HTTP client of one function's environment
//! - [`call`]: what is read of a request, and the answers that faults make
//! - [`environment`]: a function's environment, which can end at any call
//!
//! A call waits for its turn, is done or broken, and its answer comes some milliseconds later. Calls that arrive in the same millisecond are
//! put in order by what they ask, so that the order of a hash map, which differs from process to process, changes nothing.

pub mod call;
pub mod environment;
pub mod port;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use annals_local::Local;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::bus::Bus;
use crate::clock::SimClock;
use crate::faults::{Fault, Faults};
use crate::provider::Provider;
use crate::tables::Tables;
use crate::trace::Trace;
use call::Call;
use environment::Environment;

/// An answer: status and body, or none because the connection broke.
pub type Answer = Option<(u16, Bytes)>;

/// A call's turn: when, what it asks, which it is.
type Turn = (u64, u64, u64);

/// The network of one run.
pub struct Network {
    /// The time.
    pub clock: Arc<SimClock>,
    /// What breaks.
    pub faults: Arc<Faults>,
    /// What is written down.
    pub trace: Arc<Trace>,
    /// The bus.
    pub bus: Arc<Bus>,
    /// The email provider.
    pub provider: Arc<Provider>,
    /// What the tables' writes come to.
    pub tables: Arc<Tables>,
    /// The account: the embedded database, KMS.
    pub local: Local,
    waiting: Mutex<(u64, BTreeMap<Turn, Waiting>)>,
    arrived: Notify,
    shown: Mutex<HashMap<u64, Answer>>,
}

enum Waiting {
    Call(Box<Asked>),
    Answer { answer: Answer, to: oneshot::Sender<Answer> },
}

/// A call that waits for its turn, and who waits for its answer.
struct Asked {
    call: Call,
    request: HttpRequest,
    aws: SharedHttpConnector,
    environment: Arc<Environment>,
    late: bool,
    to: oneshot::Sender<Answer>,
}

impl Network {
    /// A network over `local`.
    pub fn new(
        (clock, faults, trace): (Arc<SimClock>, Arc<Faults>, Arc<Trace>),
        (bus, provider, tables): (Arc<Bus>, Arc<Provider>, Arc<Tables>),
        local: Local,
    ) -> Self {
        let (waiting, arrived, shown) = (Mutex::default(), Notify::new(), Mutex::default());
        Self { clock, faults, trace, bus, provider, tables, local, waiting, arrived, shown }
    }

    /// Takes in a call; its answer comes, unless whoever asks has ended.
    pub(crate) fn ask(&self, request: HttpRequest, aws: SharedHttpConnector, environment: Arc<Environment>) -> oneshot::Receiver<Answer> {
        let (to, answer) = oneshot::channel();
        let call = Call::read(&request);
        let order = call.digest ^ environment.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.wait(self.clock.elapsed() + 1, order, Waiting::Call(Box::new(Asked { call, request, aws, environment, late: false, to })));
        answer
    }

    fn wait(&self, due: u64, order: u64, what: Waiting) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.0 += 1;
        let turn = (due, order, waiting.0);
        waiting.1.insert(turn, what);
        self.arrived.notify_one();
    }

    /// Carries calls out and hands answers over, for ever.
    pub async fn run(&self) {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1.first_key_value().map(|(turn, _)| *turn);
            match next {
                Some(turn) if turn.0 <= self.clock.elapsed() => {
                    let what = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&turn);
                    match what {
                        Some(Waiting::Call(asked)) => self.carry_out(turn.1, asked).await,
                        Some(Waiting::Answer { answer, to }) => drop(to.send(answer)),
                        None => {}
                    }
                }
                Some(turn) => {
                    tokio::select! {
                        biased;
                        () = self.arrived.notified() => {}
                        () = tokio::time::sleep_until(self.clock.instant(turn.0)) => {}
                    }
                }
                None => self.arrived.notified().await,
            }
        }
    }

    async fn carry_out(&self, order: u64, asked: Box<Asked>) {
        let Asked { call, request, aws, environment, late, to } = *asked;
        let site = format!("{}/{}/{}", environment.function, call.operation, call.table);
        let entity = call.entity.clone();
        let attempt = self.faults.attempt(&site, &entity);
        let (now, place) = (self.clock.elapsed(), (site.as_str(), entity.as_str(), attempt));
        let fires = |fault| environment.breaks && !late && self.faults.fires(fault, place, now);
        let note = |what: &str| self.trace.line(format!("{now} {}#{} {site} {entity} {what}", environment.function, environment.number));
        if fires(Fault::LateRequest) {
            note("is on its way");
            let due = now + 200 + self.faults.extent(9_000, place);
            return self.wait(due, order, Waiting::Call(Box::new(Asked { call, request, aws, environment, late: true, to })));
        }
        if fires(Fault::CrashBefore) {
            note("ends before");
            return environment.end();
        }
        let refused = match () {
            () if fires(Fault::Throttled) => Some(("throttled", call.throttled())),
            () if fires(Fault::InternalError) => Some(("fails", call.internal_error())),
            () => None,
        };
        if let Some((what, answer)) = refused {
            note(what);
            return self.wait(now + 2, order, Waiting::Answer { answer: Some(answer), to });
        }
        let stale = call.eventual && fires(Fault::StaleRead);
        let shown = stale.then(|| self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&call.digest).cloned()).flatten();
        let answer = match shown {
            Some(shown) => shown,
            None => self.do_it(&call, request, &aws, place, &environment).await,
        };
        if call.eventual {
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(call.digest, answer.clone());
        }
        let status = answer.as_ref().map_or(0, |(status, _)| *status);
        if fires(Fault::CrashAfter) {
            note(&format!("{status}, ends after"));
            return environment.end();
        }
        if fires(Fault::LostResponse) {
            note(&format!("{status}, lost"));
            return self.wait(now + 5, order, Waiting::Answer { answer: None, to });
        }
        let takes = if fires(Fault::LateResponse) { 300 + self.faults.extent(7_000, place) } else { 1 + self.faults.extent(5, place) };
        note(&format!("{status}{}", if stale { ", stale" } else { "" }));
        self.wait(now + takes, order, Waiting::Answer { answer, to });
    }

    async fn do_it(
        &self,
        call: &Call,
        request: HttpRequest,
        aws: &SharedHttpConnector,
        place: (&str, &str, u64),
        by: &Environment,
    ) -> Answer {
        match call.operation.as_str() {
            "PutEvents" => {
                let now = self.clock.elapsed();
                let entries = call.body["Entries"].as_array().map_or(0, Vec::len) as u64;
                let fails = |n: &u64| {
                    let entity = format!("{}/{n}", place.1);
                    by.breaks && self.faults.fires(Fault::FailedEntries, (place.0, &entity, place.2), now)
                };
                let failing: Vec<u64> = (0..entries).filter(fails).collect();
                Some((200, self.bus.put_events(&call.body, &failing, &self.clock, &self.faults).into()))
            }
            "SendEmail" => Some((200, self.provider.send(&call.body, self.clock.elapsed()).into())),
            _ => {
                let response = aws.call(request).await.ok()?;
                let (status, body) = (response.status().as_u16(), Bytes::copy_from_slice(response.body().bytes().unwrap_or_default()));
                if status == 200 {
                    self.tables.written(call, &self.clock);
                }
                Some((status, body))
            }
        }
    }
}
