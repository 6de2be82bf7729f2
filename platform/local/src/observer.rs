//! Tells whoever keeps metrics what happens in the account, as CloudWatch is told on AWS.

/// What is told. Called where it happens, some of it within a transaction: it must be quick, and not call back.
pub trait Observer: Send + Sync {
    /// A function threw, panicked or ran out of time.
    fn function_failed(&self, function: &str);

    /// A mapping gave up on stream records, which are kept.
    fn records_discarded(&self, mapping: &str, records: usize);

    /// Messages arrived in a queue, sent or as dead letters; those moved back from a dead-letter queue not counted.
    fn messages_arrived(&self, queue: &str, messages: usize);
}
