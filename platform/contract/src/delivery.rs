//! How a service's functions are reached: what the local system and Terraform read under `x-delivery`, complete and plain.
//!
//! Every map is from a kebab-case name. Durations are whole seconds, as AWS takes them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The bus of all services.
pub const BUS: &str = "annals";
/// The function that finds out who asks, before every route that is not for anybody.
pub const AUTHORIZER: &str = "authorize";
/// Deliveries tried again at most, by a rule's target or a schedule.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long they are tried for.
pub const MAX_AGE_SECONDS: u32 = 3600;
/// How much longer than its function a queue hides a message. Source: Lambda Developer Guide, "Using Lambda with Amazon SQS".
pub const VISIBILITY_FACTOR: u32 = 6;

/// Everything that is delivered to a service, and what it asks of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The bus that the service publishes to and its rules listen on.
    pub bus: String,
    /// Its functions, projectors included.
    pub functions: IndexMap<String, Function>,
    /// Streams of its tables to functions.
    pub stream_mappings: IndexMap<String, StreamMapping>,
    /// Events of the bus to queues, one rule per consumed event.
    pub rules: IndexMap<String, Rule>,
    /// Its queues.
    pub queues: IndexMap<String, Queue>,
    /// Queues to functions.
    pub queue_mappings: IndexMap<String, QueueMapping>,
    /// Times to functions.
    pub schedules: IndexMap<String, Schedule>,
    /// Where what cannot be delivered or handled is kept for people; each has an alarm.
    pub dead_letter_queues: IndexMap<String, DeadLetterQueue>,
    /// What it asks of other services' APIs: operations by service, each asked by a client that is generated from that service's contract.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub asks: IndexMap<String, Vec<String>>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            bus: BUS.into(),
            functions: IndexMap::new(),
            stream_mappings: IndexMap::new(),
            rules: IndexMap::new(),
            queues: IndexMap::new(),
            queue_mappings: IndexMap::new(),
            schedules: IndexMap::new(),
            dead_letter_queues: IndexMap::new(),
            asks: IndexMap::new(),
        }
    }
}

/// A Lambda function: a binary of its own name in one of the workspace's packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The package with the binary.
    pub package: String,
    /// The IAM role it runs as: `infra/policies/<role>.json`.
    pub role: String,
    /// How long it may take, 1 to 900.
    pub timeout_seconds: u32,
    /// Its memory, 128 to 10,240; a full core is at 1,769.
    pub memory_mb: u32,
    /// How many may run at once; `null`: as many as the account allows.
    pub reserved_concurrency: Option<u32>,
    /// The variables it needs, beside those that Lambda sets itself.
    pub environment: Vec<String>,
}

impl Function {
    /// 30 seconds, 256 MB, and of variables the one that every function needs.
    pub(crate) fn new(package: &str, role: &str) -> Self {
        Self {
            package: package.into(),
            role: role.into(),
            timeout_seconds: 30,
            memory_mb: 256,
            reserved_concurrency: None,
            environment: vec!["ANNALS_GENERATION".into()],
        }
    }

    /// Needs these variables as well.
    pub fn needing(&mut self, variables: &[&str]) -> &mut Self {
        self.environment.extend(variables.iter().map(|name| (*name).to_owned()));
        self
    }

    /// May take this long.
    pub fn within(&mut self, timeout_seconds: u32) -> &mut Self {
        self.timeout_seconds = timeout_seconds;
        self
    }

    /// At most one invocation at a time.
    pub fn alone(&mut self) -> &mut Self {
        self.reserved_concurrency = Some(1);
        self
    }
}

/// Hands a table's stream to a function, from the oldest record on, with partial batch answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamMapping {
    /// The table: one of the service's matrix, with a stream.
    pub table: String,
    /// The function.
    pub function: String,
    /// Records at most in a batch, 1 to 10,000.
    pub batch_size: u32,
    /// How long to wait for a full batch, 0 to 300.
    pub window_seconds: u32,
    /// Whether a failed batch is split in two.
    pub bisect: bool,
    /// How often a batch is tried again, 0 to 10,000; splitting does not count.
    pub max_retries: u32,
    /// Records older than this are given up, 60 to 604,800; a stream itself keeps 86,400.
    pub max_record_age_seconds: u32,
    /// Batches of one shard under way at the same time, 1 to 10. Above 1 only records of one item stay in order.
    pub parallelization_factor: u32,
    /// EventBridge patterns of records to hand over; none: all.
    pub filters: Vec<Value>,
    /// The store that gets what was given up, records included: an S3 bucket on AWS, a folder on one machine.
    pub on_failure: String,
}

impl StreamMapping {
    /// Batches of 100 at once, split where they fail, tried for as long as the stream keeps its records.
    ///
    /// Poison parks by itself, so what fails is the table or the bus: 10,000 tries, so that the age decides and an outage does not.
    pub fn new(table: &str, function: &str) -> Self {
        Self {
            table: table.into(),
            function: function.into(),
            batch_size: 100,
            window_seconds: 0,
            bisect: true,
            max_retries: 10_000,
            max_record_age_seconds: 86_400,
            parallelization_factor: 1,
            filters: Vec::new(),
            on_failure: "failed-batches".into(),
        }
    }
}

/// Sends one consumed event to a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The service that publishes the event.
    pub source: String,
    /// The event type.
    pub event: String,
    /// What it matches, in EventBridge's language.
    pub pattern: Value,
    /// Where matches go.
    pub target: Target,
}

/// The queue of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The queue.
    pub queue: String,
    /// Deliveries tried again at most.
    pub max_attempts: u32,
    /// How long they are tried for.
    pub max_age_seconds: u32,
    /// Where undeliverable events go.
    pub dead_letter_queue: String,
}

/// A standard queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// How long a received message is hidden: six times the timeout of the function that reads it.
    pub visibility_timeout_seconds: u32,
    /// How often a message is received before it is a dead letter.
    pub max_receives: u32,
    /// How long a message is kept, from its first enqueueing.
    pub retention_seconds: u32,
    /// Where it goes then.
    pub dead_letter_queue: String,
}

/// A standard queue that people read; messages count their age from their first enqueueing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterQueue {
    /// How long a letter is kept.
    pub retention_seconds: u32,
}

impl Default for DeadLetterQueue {
    /// 14 days, the longest that SQS keeps anything.
    fn default() -> Self {
        Self { retention_seconds: 1_209_600 }
    }
}

/// Hands a queue's messages to a function, with partial batch answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueMapping {
    /// The queue.
    pub queue: String,
    /// The function.
    pub function: String,
    /// Messages at most in a batch, 1 to 10.
    pub batch_size: u32,
    /// The wait before a failed message's second try; doubles, up to the queue's visibility timeout.
    pub backoff_seconds: u32,
    /// Batches handled at the same time, 2 to 1,000.
    pub concurrency: u32,
}

/// Invokes a function at set times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `rate(1 hour)` or `cron(0 6 * * ? *)`, as EventBridge Scheduler takes it.
    pub expression: String,
    /// The time zone of a cron expression.
    pub timezone: String,
    /// The function.
    pub function: String,
    /// What the function gets.
    pub input: Value,
    /// Invocations tried again at most.
    pub max_attempts: u32,
    /// How long they are tried for.
    pub max_age_seconds: u32,
    /// Where an invocation that was given up goes.
    pub dead_letter_queue: String,
}
