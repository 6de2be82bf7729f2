//! Describes what a test may break between a service and AWS.

use std::time::Duration;

use serde_json::Value;

/// Decides, call by call, what goes wrong. Must be deterministic for a run to repeat.
pub trait Faults: Send + Sync {
    /// What happens to this call.
    fn plan(&self, call: &Call<'_>) -> Fault;

    /// What happens to this delivery of the bus to a queue.
    fn delivery(&self, _delivery: &Delivery<'_>) -> DeliveryFault {
        DeliveryFault::None
    }

    /// What happens to this batch on its way from a stream to a function.
    fn batch(&self, _batch: &Batch<'_>) -> BatchFault {
        BatchFault::None
    }
}

/// A call to AWS, as it arrives.
#[derive(Debug)]
pub struct Call<'a> {
    /// `dynamodb`, `events`, `ses`, `kms`, `sqs`.
    pub service: &'a str,
    /// Such as `PutItem`.
    pub operation: &'a str,
    /// The first table it names, when it is a DynamoDB call.
    pub table: Option<&'a str>,
    /// The caller.
    pub role: &'a str,
    /// The request as sent.
    pub body: &'a Value,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Refused as throttled; nothing is done.
    Throttle,
    /// Refused with an internal error; nothing is done.
    InternalError,
    /// The connection breaks before the call is done.
    LoseRequest,
    /// The call is done, then the connection breaks.
    LoseResponse,
    /// The call is done at once, the answer comes this much later.
    Delay(Duration),
    /// These entries of a PutEvents (from 0) fail; the others are accepted. Nothing for other operations.
    FailEntries(Vec<usize>),
}

/// An event on its way from the bus to a queue.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// The rule that matched.
    pub rule: &'a str,
    /// The queue it goes to.
    pub queue: &'a str,
    /// The whole event.
    pub event: &'a Value,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

/// What goes wrong with a delivery. Differing delays are how deliveries change places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeliveryFault {
    /// Nothing.
    #[default]
    None,
    /// It arrives this many times more.
    Duplicate(usize),
    /// It arrives this much later.
    Delay(Duration),
    /// The target does not take it now: it is tried again as the target's retry policy says.
    Fail,
    /// The target will never take it, as without permission: it is a dead letter at once.
    Refuse,
}

/// A batch on its way from a stream to a function.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The event source mapping.
    pub mapping: &'a str,
    /// The shard.
    pub shard: &'a str,
    /// The records, as the function would get them.
    pub records: &'a [Value],
    /// How often this batch was handed over before.
    pub attempt: u32,
}

/// What goes wrong with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BatchFault {
    /// Nothing.
    #[default]
    None,
    /// The function gets it, and its answer is not heard: the batch comes again.
    Redeliver,
    /// The shard stands still this long first.
    Stall(Duration),
    /// The function gets the records in this order (indexes from 0; those left out come last, in order).
    Reorder(Vec<usize>),
    /// The function handles it, and the checkpoint is not stored: after a restart it comes again.
    LoseCheckpoint,
}
