//! Opens the local account, starts its deliveries, waits until nothing is left to do, and stops it.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::alarms::{self, Acknowledged, Alarm, AlarmChange, Unreadable};
use crate::checkpoints::{self, Discarded};
use crate::config::{Config, Store};
use crate::endpoint::{AwsEndpoint, HttpEndpoint, MOST_AWS_BYTES};
use crate::engine::Engine;
use crate::events::{Bus, Replay};
use crate::functions::{Function, FunctionError, Functions};
use crate::host_store::HostStore;
use crate::housekeeping;
use crate::iam::Iam;
use crate::kms::Kms;
use crate::levels::{self, Levels};
use crate::meter::Meter;
use crate::open_error::OpenError;
use crate::outbox::Outbox;
use crate::progress::Progress;
use crate::queues::{Message, Queues, Sent};
use crate::routes::{self, Routes};
use crate::runtime::timings::Timings;
use crate::ses::{self, Mail};
use crate::sns::{self, Push};
use crate::streams::Streams;
use crate::transport::Transport;
use crate::turns::Turns;
use crate::{deliveries, queue_mapping, scheduler, server, settled, sqs_moves, stream_mapping, tables};

/// An AWS account on this machine. Clones are the same account; it closes with the last of them and what they started.
#[derive(Clone)]
pub struct Local {
    pub(crate) account: Arc<Account>,
    running: Arc<AtomicUsize>,
    serving: watch::Sender<bool>,
    serving_http: watch::Sender<bool>,
}

/// Deliveries under way: event source mappings, queue consumers, housekeeping.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    counted: Arc<AtomicUsize>,
}

impl Local {
    /// Opens the account and creates what is missing. Starts nothing.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let wrong = OpenError::Configuration;
        let held = take(&config.store)?;
        let iam = Iam::new(&config.roles, &config.resource_policies).map_err(wrong)?;
        let routes = Routes::new(&config.routes).map_err(wrong)?;
        check(&config).map_err(wrong)?;
        let engine = Arc::new(Engine::open(&config.store, config.durability)?);
        let host = Arc::new(HostStore::open(&config.store, config.durability)?);
        for table in &config.tables {
            tables::ensure(&engine, &host, &*config.clock, table)?;
        }
        let failed = |error: rusqlite::Error| OpenError::Database { path: engine.path.clone(), detail: error.to_string() };
        let streams = Streams::new(engine.clone(), host.clone(), config.clock.clone(), config.shards);
        streams.refresh().map_err(failed)?;
        let queues =
            Arc::new(Queues::new(host.clone(), config.clock.clone(), config.randomness.clone(), &config.queues, config.observer.clone()));
        queues.forget_receivers().map_err(failed)?;
        scheduler::register(&host, &*config.clock, &config.schedules).map_err(failed)?;
        let parts = (&config.rules[..], &config.archives[..]);
        let bus = Bus::new(parts, host.clone(), queues.clone(), config.clock.clone(), config.randomness.clone(), config.faults.clone());
        let bus = bus.map_err(|error| wrong(error.to_string()))?;
        let progress = Arc::new(Progress::new());
        let account = Account {
            clock: config.clock.clone(),
            iam,
            streams,
            bus,
            queues,
            outbox: outbox(&config),
            kms: kms(&config)?,
            functions: Functions::new(
                &config.functions,
                config.clock.clone(),
                config.randomness.clone(),
                progress.clone(),
                config.observer.clone(),
            ),
            routes,
            meter: Meter::default(),
            progress,
            turns: Turns::of(&config.stream_mappings),
            faults: config.faults.clone(),
            engine,
            host,
            config,
            _lock: held,
        };
        Ok(Self {
            account: Arc::new(account),
            running: Arc::default(),
            serving: watch::Sender::new(false),
            serving_http: watch::Sender::new(false),
        })
    }

    /// Adds a function, or replaces the one of its name. Functions need clients of the account, so they come after it.
    pub fn install(&self, function: Function) {
        self.account.functions.install(function);
    }

    /// Takes away every function. Those that ask the account's own API hold the account: without this it stays open, and so does its
    /// directory, for as long as the process runs.
    pub fn uninstall(&self) {
        self.account.functions.uninstall();
    }

    /// Invokes a function as a request does, and waits for its answer. Refused, and nothing runs, while as many invocations run as may.
    pub async fn invoke(&self, function: &str, event: serde_json::Value) -> Result<serde_json::Value, FunctionError> {
        self.account.functions.invoke_now(function, event).await
    }

    /// How long the environments of functions in processes of their own took to start and to answer.
    pub fn function_timings(&self) -> Vec<Timings> {
        self.account.functions.timings()
    }

    /// Ends the processes of functions: those without an event at once, the others after it. Later invocations get processes that end
    /// with them.
    pub fn end_processes(&self) {
        self.account.functions.close();
    }

    /// Starts the mappings, the queue consumers and the housekeeping, as tasks of the current runtime.
    pub fn start(&self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for mapping in &self.account.config.stream_mappings {
            tasks.spawn(stream_mapping::run(self.account.clone(), mapping.clone(), stopped.clone()));
        }
        for mapping in &self.account.config.queue_mappings {
            for _ in 0..mapping.pollers {
                tasks.spawn(queue_mapping::run(self.account.clone(), mapping.clone(), stopped.clone()));
            }
        }
        tasks.spawn(housekeeping::watch(self.account.clone(), stopped.clone()));
        for schedule in &self.account.config.schedules {
            tasks.spawn(scheduler::run(self.account.clone(), schedule.clone(), stopped.clone()));
        }
        tasks.spawn(deliveries::run(self.account.clone(), stopped.clone()));
        tasks.spawn(sqs_moves::run(self.account.clone(), stopped.clone()));
        tasks.spawn(housekeeping::run(self.account.clone(), stopped));
        self.running.fetch_add(1, Ordering::SeqCst);
        Running { stop, tasks, counted: self.running.clone() }
    }

    /// Waits until every record is handled, every consumed queue is empty and no function runs. What fails for
    /// ever is waited for until its retries are used up. Starts deliveries for as long as it takes if none run.
    pub async fn settle(&self) {
        let started = (self.running.load(Ordering::SeqCst) == 0).then(|| self.start());
        settled::wait(&self.account).await;
        if let Some(running) = started {
            running.stop().await;
        }
    }

    /// The HTTP client for AWS SDKs in this process. It works as long as the account is open.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Transport(Arc::downgrade(&self.account)))
    }

    /// A role's credentials.
    pub fn credentials(&self, role: &str) -> Option<Credentials> {
        let principal = self.account.iam.role(role)?;
        Some(Credentials::new(&principal.access_key_id, &principal.secret_access_key, None, None, "annals-local"))
    }

    /// Answers an HTTP request by the account's routes.
    pub async fn http(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        routes::serve(&self.account, request, "127.0.0.1").await
    }

    /// Serves AWS on a listener until [`Local::stop_serving`]. Requests must be signed (SigV4).
    pub async fn serve_aws(&self, listener: TcpListener) {
        let endpoint = AwsEndpoint(self.account.clone());
        server::serve(listener, MOST_AWS_BYTES, endpoint, self.serving.subscribe()).await;
    }

    /// Serves the account's routes on a listener until [`Local::stop_serving`].
    pub async fn serve_http(&self, listener: TcpListener) {
        let endpoint = HttpEndpoint(self.account.clone());
        server::serve(listener, routes::MOST_BYTES, endpoint, self.serving_http.subscribe()).await;
    }

    /// Lets the servers of routes answer what they have and return. Functions in processes of their own still reach AWS.
    pub fn stop_serving_http(&self) {
        self.serving_http.send_replace(true);
    }

    /// Lets every server answer what it has and return.
    pub fn stop_serving(&self) {
        self.stop_serving_http();
        self.serving.send_replace(true);
    }

    /// Every alarm there may be, those that are on first. An error says that nobody knows.
    pub fn alarms(&self) -> Result<Vec<Alarm>, Unreadable> {
        Ok(alarms::list(&self.account)?)
    }

    /// Everything that turned an alarm on or ended it, oldest first.
    pub fn alarm_history(&self) -> Result<Vec<AlarmChange>, Unreadable> {
        Ok(alarms::history(&self.account.host)?)
    }

    /// Raises an alarm: kept, and logged. It is on until it is acknowledged, or this detail taken back.
    pub fn raise(&self, name: &str, detail: &str) {
        alarms::raise(&self.account.host, self.account.clock.now(), name, detail);
    }

    /// Ends what this detail turned on.
    pub fn take_back(&self, name: &str, detail: &str, reason: &str) {
        alarms::take_back(&self.account.host, self.account.clock.now(), name, detail, reason);
    }

    /// Ends an alarm that does not end by itself; `reason` says who looked and why it may end.
    pub fn acknowledge(&self, name: &str, reason: &str) -> Result<Acknowledged, Unreadable> {
        Ok(alarms::acknowledge(&self.account, name, reason)?)
    }

    /// How much waits now, before mappings and in queues.
    pub fn levels(&self) -> Result<Levels, Unreadable> {
        Ok(levels::all(&self.account)?)
    }

    /// The tally of calls.
    pub fn meter(&self) -> Meter {
        self.account.meter.clone()
    }

    /// Messages in a queue, hidden ones included.
    pub fn queue_depth(&self, queue: &str) -> usize {
        self.account.queues.depth(queue).unwrap_or_else(unreadable)
    }

    /// The oldest messages of a queue, without receiving them.
    pub fn peek(&self, queue: &str, most: usize) -> Vec<Message> {
        self.account.queues.peek(queue, most).unwrap_or_else(unreadable)
    }

    /// Sends a message to a queue and returns its id; `None` when the queue does not exist or cannot be written.
    pub fn send(&self, queue: &str, body: &str) -> Option<String> {
        self.account.queues.definition(queue)?;
        let message = Sent { queue, body, attributes: &serde_json::json!({}), delay: Duration::ZERO };
        self.account.queues.send(&message).inspect_err(|error| tracing::error!(%error, queue, "the queue could not be written")).ok()
    }

    /// Moves up to `most` messages from a dead-letter queue to another queue; returns how many.
    pub fn redrive(&self, from: &str, to: &str, most: usize) -> usize {
        self.account.queues.redrive(from, to, most).unwrap_or_else(unreadable)
    }

    /// How old the oldest record is that a stream mapping has not handled; `None` when it has handled all.
    pub fn iterator_age(&self, mapping: &str) -> Option<Duration> {
        levels::iterator_age(&self.account, mapping).unwrap_or_else(unreadable)
    }

    /// What stream mappings gave up on.
    pub fn discarded(&self) -> Vec<Discarded> {
        checkpoints::discarded(&self.account.host).unwrap_or_else(unreadable)
    }

    /// Publishes archived events again; returns how many.
    pub fn replay(&self, replay: &Replay) -> usize {
        self.account.bus.replay(replay).unwrap_or_else(unreadable)
    }

    /// Splits every open shard of a table's stream; returns how many were split.
    pub fn split_shards(&self, table: &str) -> usize {
        let Some(stream) = self.account.streams.of(table) else { return 0 };
        let shards = self.account.streams.shards(&stream.arn).unwrap_or_else(unreadable);
        shards.iter().filter(|shard| self.account.streams.split(&stream, &shard.id).unwrap_or_else(unreadable)).count()
    }

    /// Deletes what is past its time now, instead of waiting for the housekeeping.
    pub fn trim(&self) {
        housekeeping::trim(&self.account);
    }

    /// Mail that was sent.
    pub fn mail(&self) -> std::io::Result<Vec<Mail>> {
        ses::list(&self.account.outbox)
    }

    /// What was pushed to devices.
    pub fn pushes(&self) -> std::io::Result<Vec<Push>> {
        sns::list(&self.account.outbox)
    }
}

impl Running {
    /// Lets functions finish what they have in hand and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Tasks that were not waited for are aborted, as a killed process would.
        self.stop.send_replace(true);
        self.counted.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The stores failed: the log says how, and the caller sees nothing.
fn unreadable<T: Default>(error: rusqlite::Error) -> T {
    tracing::error!(%error, "the host store could not be read");
    T::default()
}

/// Makes the directory and takes it for this process.
fn take(store: &Store) -> Result<Option<File>, OpenError> {
    let Store::Directory(path) = store else { return Ok(None) };
    let refused = |source| OpenError::NotWritable { path: path.clone(), source };
    fs::create_dir_all(path).map_err(refused)?;
    let file = path.join("lock");
    let mut held = File::options().read(true).write(true).create(true).truncate(false).open(file).map_err(refused)?;
    match held.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let _ = held.read_to_string(&mut process);
            let process = if process.is_empty() { "(unknown)".to_owned() } else { process };
            return Err(OpenError::InUse { path: path.clone(), process });
        }
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    held.set_len(0).and_then(|()| write!(held, "{}", std::process::id())).map_err(refused)?;
    Ok(Some(held))
}

/// What is named must be there.
fn check(config: &Config) -> Result<(), String> {
    let queue = |name: &str| config.queues.iter().any(|queue| queue.name == name);
    let letters = config.queues.iter().filter_map(|definition| definition.dead_letter_queue.as_deref());
    let consumed = config.queue_mappings.iter().map(|mapping| mapping.queue.as_str());
    if let Some(missing) = letters.chain(consumed).find(|name| !queue(name)) {
        return Err(format!("there is no queue {missing}"));
    }
    for mapping in &config.stream_mappings {
        // AWS throttles a third reader of a shard.
        if config.stream_mappings.iter().filter(|other| other.table == mapping.table).count() > 2 {
            return Err(format!("the stream of table {} has more than two readers", mapping.table));
        }
        if !(1..=10).contains(&mapping.parallelization_factor) {
            return Err(format!("mapping {}: the parallelization factor is 1 to 10, not {}", mapping.name, mapping.parallelization_factor));
        }
        if !(1..=10_000).contains(&mapping.batch_size) {
            return Err(format!("mapping {}: a batch has 1 to 10,000 records, not {}", mapping.name, mapping.batch_size));
        }
    }
    let filters = config.stream_mappings.iter().flat_map(|mapping| &mapping.filters);
    for filter in filters {
        crate::pattern::Pattern::read(filter).map_err(|error| error.to_string())?;
    }
    config.rules.iter().try_for_each(deliveries::check)?;
    scheduler::check(&config.schedules)
}

fn outbox(config: &Config) -> Outbox {
    match &config.outbox {
        Some(path) => Outbox::Folder { path: path.clone(), durability: config.durability },
        None => Outbox::Memory(Mutex::default()),
    }
}

fn kms(config: &Config) -> Result<Kms, OpenError> {
    match &config.store {
        Store::Memory => Ok(Kms::in_memory(&*config.randomness)),
        Store::Directory(directory) => {
            let path = directory.join("keys").join("vault.key");
            Kms::in_file(&path, &*config.randomness).map_err(|error| key_error(&path, error))
        }
    }
}

fn key_error(path: &Path, source: std::io::Error) -> OpenError {
    match source.kind() {
        std::io::ErrorKind::InvalidData => OpenError::Corrupt { path: path.to_owned(), detail: source.to_string() },
        _ => OpenError::NotWritable { path: path.to_owned(), source },
    }
}
