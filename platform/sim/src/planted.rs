//! The bugs that are planted: what they are called, where each is planted, and the table of the docs.

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

/// Where a bug is planted.
fn place(bug: Bug) -> &'static str {
    match bug {
        Bug::HighestFailedNumber | Bug::PartialFailureIgnored | Bug::AdvanceBeforeBus | Bug::PublishOnlyDelivered => "projector",
        Bug::UnconditionalRow | Bug::BackfillOverwrites => "rows",
        Bug::BlindAdd | Bug::MovedRowResurrected | Bug::TotalsMixRevisions => "followers",
        Bug::FailedEntriesIgnored => "bus",
        Bug::UnpaginatedLoad | Bug::LostResponseReissued | Bug::SnapshotAcrossRevisions | Bug::WarmStateRefuses => "log",
        Bug::DoneBeforeDoing | Bug::NoConsumerDedup => "send-email",
        Bug::LedgerRedeliveryUnchecked | Bug::EpochBeforeSeal => "ledger",
        Bug::KeyAfterErasure => "vault",
        Bug::RestoreReusesEventIds | Bug::NoReconciler | Bug::LatestNotTrimHorizon => "operations",
    }
}

/// After how many seeds a bug was found, by which invariant, in how many CPU seconds.
pub type Found = (Bug, Option<(u64, u8)>, f64);

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulator.md");
const BEGIN: &str = "<!-- planted: cargo run -p sim -- planted --write -->\n";
const END: &str = "<!-- planted end -->\n";

/// Writes the table of the docs.
pub fn write(found: &[Found], seconds: u64) -> std::io::Result<()> {
    let text = std::fs::read_to_string(DOCS)?;
    let outside = || text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = outside().ok_or_else(|| std::io::Error::other("the marks of the table are missing"))?;
    let mut table =
        format!("| bug | planted in | found after seeds of {seconds} s | by invariant | CPU seconds |\n|---|---|---|---|---|\n");
    for (bug, found, took) in found {
        let (seeds, invariant) =
            found.map_or(("**not found**".into(), "".into()), |(seed, invariant)| (seed.to_string(), invariant.to_string()));
        table += &format!("| `{}` | {} | {seeds} | {invariant} | {took:.0} |\n", name(*bug), place(*bug));
    }
    std::fs::write(DOCS, format!("{before}{BEGIN}{table}{END}{after}"))
}
