//! The bugs that are planted: what they are called, at which layer each belongs, and which faults bring it out.

use annals_planted::Bug;

/// How a bug is called on the command line and in tables.
pub fn name(bug: Bug) -> &'static str {
    match bug {
        Bug::HighestFailedNumber => "highest-failed-number",
        Bug::PartialFailureIgnored => "partial-failure-ignored",
        Bug::AdvanceBeforeBus => "advance-before-bus",
        Bug::PublishOnlyDelivered => "publish-only-delivered",
        Bug::FailedEntriesIgnored => "failed-entries-ignored",
        Bug::UnconditionalRow => "unconditional-row",
        Bug::BlindAdd => "blind-add",
        Bug::UnpaginatedLoad => "unpaginated-load",
        Bug::LostResponseReissued => "lost-response-reissued",
        Bug::DoneBeforeDoing => "done-before-doing",
        Bug::NoConsumerDedup => "no-consumer-dedup",
        Bug::BackfillOverwrites => "backfill-overwrites",
        Bug::SnapshotAcrossRevisions => "snapshot-across-revisions",
        Bug::LedgerRedeliveryUnchecked => "ledger-redelivery-unchecked",
        Bug::EpochBeforeSeal => "epoch-before-seal",
        Bug::WarmStateRefuses => "warm-state-refuses",
        Bug::MovedRowResurrected => "moved-row-resurrected",
        Bug::TotalsMixRevisions => "totals-mix-revisions",
        Bug::RestoreReusesEventIds => "restore-reuses-event-ids",
        Bug::KeyAfterErasure => "key-after-erasure",
        Bug::NoReconciler => "no-reconciler",
        Bug::LatestNotTrimHorizon => "latest-not-trim-horizon",
    }
}

/// The bug of this name.
pub fn of(text: &str) -> Result<Bug, String> {
    Bug::ALL.into_iter().find(|bug| name(*bug) == text).ok_or_else(|| format!("no bug is called {text}; see docs/simulator.md"))
}
