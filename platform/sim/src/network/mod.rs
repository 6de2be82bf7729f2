//! What lies between the functions and AWS: every call goes through here, one at a time, in an order that the seed decides.
//!
//! - [`wire`]: the way of the SDKs, to the embedded account; [`ports`]: the way of the ports, to [`crate::memory`]
//! - [`call`]: what is seen of a call by either way, and the answers that faults make
//! - [`environment`]: a function's environment, which can end at any call
//!
//! A call waits for its turn, is done or broken, and its answer comes some milliseconds later. Calls that arrive in the same millisecond are
//! put in order by what they ask, so that the order of a hash map, which differs from process to process, changes nothing.

pub mod call;
pub mod environment;
pub mod ports;
pub mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use annals_local::Local;
use tokio::sync::{Notify, oneshot};

use crate::bus::{Bus, Entry, Put};
use crate::clock::SimClock;
use crate::faults::{Fault, Faults};
use crate::memory::Memory;
use crate::plan::Layer;
use crate::provider::Provider;
use crate::tables::Tables;
use crate::trace::Trace;
use call::{Answer, Call, Carried};
use environment::Environment;

/// The account behind the network.
pub enum Aws {
    /// The embedded one, which the SDKs reach.
    Embedded(Box<Local>),
    /// The one behind the ports.
    Memory(Box<Memory>),
}

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
    /// The account: database, KMS.
    pub aws: Aws,
    waiting: Mutex<(u64, BTreeMap<Turn, Waiting>)>,
    arrived: Notify,
    shown: Mutex<HashMap<u64, Option<Answer>>>,
}

enum Waiting {
    Call(Box<Asked>),
    /// None where the connection broke.
    Answer {
        answer: Option<Answer>,
        to: oneshot::Sender<Option<Answer>>,
    },
}

/// A call that waits for its turn, and who waits for its answer.
struct Asked {
    call: Call,
    environment: Arc<Environment>,
    late: bool,
    to: oneshot::Sender<Option<Answer>>,
}

impl Aws {
    /// The embedded account, where it is that.
    pub fn embedded(&self) -> Option<&Local> {
        match self {
            Self::Embedded(local) => Some(local),
            Self::Memory(_) => None,
        }
    }
}

impl Network {
    /// A network in front of `aws`.
    pub fn new(
        (clock, faults, trace): (Arc<SimClock>, Arc<Faults>, Arc<Trace>),
        (bus, provider, tables): (Arc<Bus>, Arc<Provider>, Arc<Tables>),
        aws: Aws,
    ) -> Self {
        let (waiting, arrived, shown) = (Mutex::default(), Notify::new(), Mutex::default());
        Self { clock, faults, trace, bus, provider, tables, aws, waiting, arrived, shown }
    }

    /// Takes in a call; its answer comes, unless whoever asks has ended.
    pub(crate) fn ask(&self, call: Call, environment: Arc<Environment>) -> oneshot::Receiver<Option<Answer>> {
        let (to, answer) = oneshot::channel();
        let order = call.digest ^ environment.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.wait(self.clock.elapsed() + 1, order, Waiting::Call(Box::new(Asked { call, environment, late: false, to })));
        answer
    }

    /// Which layer is simulated.
    pub fn layer(&self) -> Layer {
        match self.aws {
            Aws::Embedded(_) => Layer::Sdk,
            Aws::Memory(_) => Layer::Ports,
        }
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
        let Asked { call, environment, late, to } = *asked;
        let site = format!("{}/{}/{}", environment.function, call.operation, call.table);
        let entity = call.entity.clone();
        let attempt = self.faults.attempt(&site, &entity);
        let (now, place) = (self.clock.elapsed(), (site.as_str(), entity.as_str(), attempt));
        let fires = |fault| environment.breaks && !late && self.faults.fires(fault, place, now);
        let note = |what: &str| self.trace.line(format!("{now} {}#{} {site} {entity} {what}", environment.function, environment.number));
        if fires(Fault::LateRequest) {
            note("is on its way");
            let due = now + 200 + self.faults.extent(9_000, place);
            return self.wait(due, order, Waiting::Call(Box::new(Asked { call, environment, late: true, to })));
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
        let (eventual, digest) = (call.eventual, call.digest);
        let stale = eventual && fires(Fault::StaleRead);
        let shown = stale.then(|| self.shown(digest)).flatten();
        let answer = match shown {
            Some(shown) => shown,
            None => self.do_it(call, place, &environment).await,
        };
        if eventual {
            self.show(digest, answer.as_ref());
        }
        let status = answer.as_ref().map_or(0, Answer::status);
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

    /// What the same eventual read was answered the last time.
    fn shown(&self, digest: u64) -> Option<Option<Answer>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).map(|answer| answer.as_ref().and_then(Answer::again))
    }

    fn show(&self, digest: u64, answer: Option<&Answer>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(digest, answer.and_then(Answer::again));
    }

    async fn do_it(&self, call: Call, place: (&str, &str, u64), by: &Environment) -> Option<Answer> {
        match call.carried {
            Carried::Wire(wired) => match call.operation.as_str() {
                "PutEvents" => Some(wire::put(&self.put_events(&wire::entries(&wired.body), place, by))),
                "SendEmail" => Some(wire::sent(&self.provider.send(wire::effect(&wired.body), self.clock.elapsed()))),
                operation => {
                    let (status, answer) = wire::ask(wired.request, &wired.aws).await?;
                    if status == 200 {
                        self.tables.written(wire::wrote(operation, &call.entity, &wired.body), &self.clock);
                    }
                    Some(Answer::Wire(status, answer))
                }
            },
            Carried::Port(request) => match &request {
                annals_aws::Request::PutEvents(input) => Some(ports::put(&self.put_events(&ports::entries(input), place, by))),
                annals_aws::Request::SendEmail(input) => Some(ports::sent(&self.provider.send(ports::effect(input), self.clock.elapsed()))),
                _ => {
                    let Aws::Memory(memory) = &self.aws else { return None };
                    let wrote = ports::wrote(&request);
                    let response = memory.call(request);
                    if response.is_ok() {
                        self.tables.written(wrote, &self.clock);
                    }
                    Some(Answer::Port(response))
                }
            },
        }
    }

    fn put_events(&self, entries: &[Entry<'_>], (site, entity, attempt): (&str, &str, u64), by: &Environment) -> Vec<Put> {
        let now = self.clock.elapsed();
        let fails =
            |number: usize| by.breaks && self.faults.fires(Fault::FailedEntries, (site, &format!("{entity}/{number}"), attempt), now);
        let failing = (0..entries.len()).map(fails).collect::<Vec<bool>>();
        self.bus.put_events(entries, &failing, &self.clock, &self.faults)
    }
}
