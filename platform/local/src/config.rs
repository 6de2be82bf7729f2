//! Says everything the local account contains; nothing is wired anywhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_kit::Clock;
use serde_json::Value;

use crate::faults::Faults;
use crate::functions::Function;
use crate::observer::Observer;
use crate::randomness::Randomness;

/// Everything the local account contains.
#[derive(Clone)]
pub struct Config {
    /// Where it is kept.
    pub store: Store,
    /// What survives a power cut. A killed process loses nothing either way.
    pub durability: Durability,
    /// The time. It must run with tokio's, or waits last too long or too short.
    pub clock: Arc<dyn Clock>,
    /// Ids and keys.
    pub randomness: Arc<dyn Randomness>,
    /// CreateTable requests as AWS wire JSON, created if absent, compared if present. A member
    /// `TimeToLiveSpecification` (of UpdateTimeToLive) is applied after creation.
    pub tables: Vec<Value>,
    /// Resource-based policies: table and IAM policy document.
    pub resource_policies: Vec<(String, Value)>,
    /// Who may call.
    pub roles: Vec<Role>,
    /// Asked for every read of every role but administrators.
    pub read_guard: Option<Arc<dyn ReadGuard>>,
    /// The functions; more can be installed before start, as functions need clients of the account.
    pub functions: Vec<Function>,
    /// Streams to functions.
    pub stream_mappings: Vec<StreamMapping>,
    /// How many shards the stream of a new table has.
    pub shards: u32,
    /// When stream records go.
    pub trim: Trim,
    /// The queues.
    pub queues: Vec<Queue>,
    /// Queues to functions.
    pub queue_mappings: Vec<QueueMapping>,
    /// The bus's rules.
    pub rules: Vec<Rule>,
    /// Functions that run at certain times.
    pub schedules: Vec<Schedule>,
    /// Archives of the bus.
    pub archives: Vec<Archive>,
    /// HTTP routes to functions.
    pub routes: Vec<Route>,
    /// The folder mail and pushes are written into; without one they are kept in memory.
    pub outbox: Option<PathBuf>,
    /// What a person must be told of.
    pub alarms: Vec<AlarmRule>,
    /// Who keeps metrics.
    pub observer: Option<Arc<dyn Observer>>,
    /// The folder for batches that stream mappings gave up on: their on-failure destination, with the keys and the JSON of S3's.
    pub failures: Option<PathBuf>,
    /// What tests break.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Config {
    /// An empty account.
    pub fn new(store: Store, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            store,
            durability: Durability::Process,
            clock,
            randomness,
            tables: Vec::new(),
            resource_policies: Vec::new(),
            roles: Vec::new(),
            read_guard: None,
            functions: Vec::new(),
            stream_mappings: Vec::new(),
            shards: 1,
            trim: Trim::OncePassed,
            queues: Vec::new(),
            queue_mappings: Vec::new(),
            rules: Vec::new(),
            schedules: Vec::new(),
            archives: Vec::new(),
            routes: Vec::new(),
            outbox: None,
            alarms: Vec::new(),
            observer: None,
            failures: None,
            faults: None,
        }
    }
}

/// Where the account is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nowhere: it ends with the process.
    Memory,
    /// In this directory, made when absent. One process at a time.
    Directory(PathBuf),
}

/// What a power cut may take. Killing the process takes nothing acknowledged in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The last writes may be lost in a power cut (SQLite `synchronous=NORMAL`).
    #[default]
    Process,
    /// Every write reaches the disk before its answer (`synchronous=FULL`), at the disk's pace.
    Power,
}

/// When stream records are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trim {
    /// After 24 hours, once every mapping of the table has passed them: a machine that was off loses nothing.
    #[default]
    OncePassed,
    /// After 24 hours, as AWS does, read or not.
    AsAws,
}

/// A caller.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// By which requests name it.
    pub access_key_id: String,
    /// With which requests are signed.
    pub secret_access_key: String,
    /// Its identity-based policies, as IAM JSON.
    pub policies: Vec<Value>,
}

impl Role {
    /// A policy with the values of this account: files name what differs from one installation to the next as `${name}`, which is how
    /// Terraform's `templatefile` reads them too. `${region}` and `${account}` are known here.
    pub fn policy(template: &str, values: &[(&str, &str)]) -> serde_json::Result<Value> {
        let here = [("region", crate::arn::REGION), ("account", crate::arn::ACCOUNT)];
        let filled =
            here.iter().chain(values).fold(template.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
        serde_json::from_str(&filled)
    }
}

/// Refuses reads that no one has declared.
pub trait ReadGuard: Send + Sync {
    /// Whether `operation` with this request may run; the text says why not.
    fn admit(&self, operation: &str, request: &Value) -> Result<(), String>;
}

/// Hands a table's stream to a function.
#[derive(Clone, Debug)]
pub struct StreamMapping {
    /// Its name: its checkpoint is kept under it.
    pub name: String,
    /// The table.
    pub table: String,
    /// The function.
    pub function: String,
    /// Records at most in a batch.
    pub batch_size: usize,
    /// How long to wait for a full batch.
    pub window: Duration,
    /// How often a batch is tried again; splitting it does not count. `None`: for ever.
    pub max_retries: Option<u32>,
    /// Records older than this are not handed over. `None`: no limit but the stream's own.
    pub max_record_age: Option<Duration>,
    /// Whether a failed batch is split in two.
    pub bisect: bool,
    /// The wait before the first retry; doubles, up to a minute.
    pub backoff: Duration,
    /// EventBridge patterns of records to hand over; none: all. Others count as done.
    pub filters: Vec<Value>,
    /// Batches of a shard handled at the same time, 1 to 10. Above 1 only the changes of one item (PK and SK) stay in order.
    pub parallelization_factor: usize,
}

impl StreamMapping {
    /// Batches of 100, bisected, ten retries, no window.
    pub fn new(name: impl Into<String>, table: impl Into<String>, function: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            table: table.into(),
            function: function.into(),
            batch_size: 100,
            window: Duration::ZERO,
            max_retries: Some(10),
            max_record_age: None,
            bisect: true,
            backoff: Duration::from_millis(100),
            filters: Vec::new(),
            parallelization_factor: 1,
        }
    }
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How long a received message is hidden.
    pub visibility_timeout: Duration,
    /// How often a message is received before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// Where it goes then; without one it stays.
    pub dead_letter_queue: Option<String>,
    /// How long a message is kept, from its first enqueueing; that of a dead letter goes on counting.
    pub retention: Duration,
}

impl Queue {
    /// Visibility of 30 s, three receives, four days: a queue with a dead-letter queue of this name, if given.
    pub fn new(name: impl Into<String>, dead_letter_queue: Option<&str>) -> Self {
        Self {
            name: name.into(),
            visibility_timeout: Duration::from_secs(30),
            max_receive_count: 3,
            dead_letter_queue: dead_letter_queue.map(str::to_owned),
            retention: Duration::from_secs(4 * 24 * 3600),
        }
    }
}

/// Hands a queue's messages to a function.
#[derive(Clone, Debug)]
pub struct QueueMapping {
    /// Its name.
    pub name: String,
    /// The queue.
    pub queue: String,
    /// The function.
    pub function: String,
    /// Messages at most in a batch.
    pub batch_size: usize,
    /// The wait before a failed message's second try; doubles, up to the queue's visibility timeout.
    pub backoff: Duration,
    /// Batches handled at the same time. With more than one, a message whose visibility ends while it is handled is
    /// handled again meanwhile, as on AWS.
    pub pollers: usize,
}

impl QueueMapping {
    /// One batch of ten at a time, a second before the second try.
    pub fn new(name: impl Into<String>, queue: impl Into<String>, function: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            queue: queue.into(),
            function: function.into(),
            batch_size: 10,
            backoff: Duration::from_secs(1),
            pollers: 1,
        }
    }
}

/// A rule of the bus.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The bus; `default` is AWS's own.
    pub bus: String,
    /// What it matches, in EventBridge's language.
    pub pattern: Value,
    /// Where matches go.
    pub targets: Vec<Target>,
}

/// Where a rule's matches go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The queue.
    pub queue: String,
    /// Deliveries tried again at most.
    pub max_attempts: u32,
    /// Seconds an event is tried for at most.
    pub max_age_seconds: u32,
    /// Where undeliverable events go.
    pub dead_letter_queue: Option<String>,
    /// What the target gets; the whole event unless said otherwise.
    pub input: Input,
}

impl Target {
    /// The whole event to this queue, three attempts within an hour.
    pub fn new(queue: impl Into<String>, dead_letter_queue: Option<&str>) -> Self {
        Self {
            queue: queue.into(),
            max_attempts: 3,
            max_age_seconds: 3600,
            dead_letter_queue: dead_letter_queue.map(str::to_owned),
            input: Input::Event,
        }
    }
}

/// What a target gets of an event.
#[derive(Clone, Debug, Default)]
pub enum Input {
    /// All of it.
    #[default]
    Event,
    /// The part at this path, such as `$.detail`.
    Path(String),
    /// Always this.
    Constant(Value),
    /// A template with values from the event in it.
    Transformer {
        /// Names and paths.
        paths: Vec<(String, String)>,
        /// Text with `<name>` in it.
        template: String,
    },
}

/// Invokes a function at certain times: a schedule of EventBridge Scheduler, its flexible time window off.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When: `rate(1 day)`, `cron(0 6 1 * ? *)`, `at(2026-12-31T23:59:00)`.
    pub expression: String,
    /// The IANA time zone the expression is meant in.
    pub time_zone: String,
    /// The function.
    pub function: String,
    /// What it gets; `<aws.scheduler.scheduled-time>` and the like in its texts are filled in.
    pub input: Value,
    /// Invocations tried again at most.
    pub max_attempts: u32,
    /// Seconds an invocation is tried for at most.
    pub max_age_seconds: u32,
    /// Where invocations go that never succeeded.
    pub dead_letter_queue: Option<String>,
}

impl Schedule {
    /// In UTC, three attempts within an hour, an empty object as input.
    pub fn new(
        name: impl Into<String>,
        expression: impl Into<String>,
        function: impl Into<String>,
        dead_letter_queue: Option<&str>,
    ) -> Self {
        Self {
            name: name.into(),
            expression: expression.into(),
            time_zone: "UTC".to_owned(),
            function: function.into(),
            input: Value::Object(Default::default()),
            max_attempts: 3,
            max_age_seconds: 3600,
            dead_letter_queue: dead_letter_queue.map(str::to_owned),
        }
    }
}

/// Keeps a bus's events for replay.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// The bus.
    pub bus: String,
    /// What it keeps; `None`: everything.
    pub pattern: Option<Value>,
    /// How long; `None`: for ever.
    pub retention: Option<Duration>,
}

/// An HTTP route.
#[derive(Clone, Debug)]
pub struct Route {
    /// `GET`, `POST`, ..., or `ANY`.
    pub method: String,
    /// Such as `/v1/subscriptions/{id}`; `{rest+}` takes the rest of the path.
    pub path: String,
    /// The function.
    pub function: String,
    /// The function that is asked first who is calling, and whether they may; without one, anybody may.
    pub authorizer: Option<String>,
}

impl Route {
    /// A route to a function, for anybody.
    pub fn new(method: impl Into<String>, path: impl Into<String>, function: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), function: function.into(), authorizer: None }
    }

    /// The same behind an authorizer.
    pub fn behind(self, authorizer: impl Into<String>) -> Self {
        Self { authorizer: Some(authorizer.into()), ..self }
    }
}

/// An alarm of the account.
#[derive(Clone, Debug)]
pub struct AlarmRule {
    /// Its name.
    pub name: String,
    /// What it watches, in words.
    pub metric: String,
    /// It is on while the value is greater.
    pub above: u64,
    /// Where the value comes from.
    pub watched: Watched,
}

/// What an alarm watches.
#[derive(Clone, Debug)]
pub enum Watched {
    /// The age, in milliseconds, of the oldest record that this stream mapping has not handled.
    IteratorAge {
        /// The mapping.
        mapping: String,
    },
    /// The messages in a queue.
    QueueDepth {
        /// The queue.
        queue: String,
    },
    /// The age, in seconds, of the oldest message in a queue.
    QueueAge {
        /// The queue.
        queue: String,
    },
    /// What [`crate::Local::raise`] is told under the alarm's name.
    Reports {
        /// Whether it stays on until a person acknowledges it; otherwise [`crate::Local::take_back`] ends it.
        needs_acknowledgement: bool,
    },
}
