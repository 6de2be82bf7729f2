//! Names the bugs that the simulator plants into the product's own code, to be proven by finding them.
//!
//! Each is one line at the place where the mistake would be made: `if planted(Bug::…)`. Without the feature `switches`, which the simulator
//! alone asks for, and so a build of the whole workspace has, that is the constant `false` and the line is gone; with it a bug is planted on one thread at a time, and none at first.

/// A mistake that somebody could make, and that the simulator must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// The projector reports the highest failed sequence number of a batch instead of the lowest.
    HighestFailedNumber,
    /// The projector reports that all of a batch is done, whatever failed.
    PartialFailureIgnored,
    /// The row moves before the bus has accepted the events.
    AdvanceBeforeBus,
    /// After a gap fill only the delivered commit is published.
    PublishOnlyDelivered,
    /// PutEvents counts as accepted whatever its entries say.
    FailedEntriesIgnored,
    /// A row is written without the condition on its stamp.
    UnconditionalRow,
    /// Totals are added to without the condition on the stream's stamp.
    BlindAdd,
    /// A cold load reads one page and takes it for all.
    UnpaginatedLoad,
    /// An insert without an answer counts as failed, and the caller asks anew under another command id.
    LostResponseReissued,
    /// An email is recorded as sent before it is sent.
    DoneBeforeDoing,
    /// The consumer acts on every delivery of an event.
    NoConsumerDedup,
    /// A fold at a new revision replaces the row, whatever has become of it meanwhile.
    BackfillOverwrites,
    /// A snapshot is trusted, whichever fold made it.
    SnapshotAcrossRevisions,
    /// The ledger sequences what it is given without looking whether it has it.
    LedgerRedeliveryUnchecked,
    /// The ledger begins the next epoch without a seal on the last.
    EpochBeforeSeal,
    /// A state kept in memory refuses a command.
    WarmStateRefuses,
    /// Rows that come and go are written without the condition on the stream's stamp: a late record brings one back.
    MovedRowResurrected,
    /// Totals of all revisions are kept in one place.
    TotalsMixRevisions,
    /// A restored log goes on in the old generation, so that its event ids come again.
    RestoreReusesEventIds,
    /// The key of an erased person is made anew.
    KeyAfterErasure,
    /// Nobody walks the log.
    NoReconciler,
    /// The stream is read from its end instead of its beginning.
    LatestNotTrimHorizon,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::HighestFailedNumber,
        Self::PartialFailureIgnored,
        Self::AdvanceBeforeBus,
        Self::PublishOnlyDelivered,
        Self::FailedEntriesIgnored,
        Self::UnconditionalRow,
        Self::BlindAdd,
        Self::UnpaginatedLoad,
        Self::LostResponseReissued,
        Self::DoneBeforeDoing,
        Self::NoConsumerDedup,
        Self::BackfillOverwrites,
        Self::SnapshotAcrossRevisions,
        Self::LedgerRedeliveryUnchecked,
        Self::EpochBeforeSeal,
        Self::WarmStateRefuses,
        Self::MovedRowResurrected,
        Self::TotalsMixRevisions,
        Self::RestoreReusesEventIds,
        Self::KeyAfterErasure,
        Self::NoReconciler,
        Self::LatestNotTrimHorizon,
    ];
}

#[cfg(feature = "switches")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local!(static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) });

    /// Plants a bug on this thread, or takes it out again.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether this bug is planted here.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "switches")]
pub use switch::{plant, planted};

/// Whether this bug is planted: never.
#[cfg(not(feature = "switches"))]
pub const fn planted(_: Bug) -> bool {
    false
}
