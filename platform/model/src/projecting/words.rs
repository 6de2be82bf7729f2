//! Says in words what is done wrong, and what happens.

use std::fmt;

use super::{Action, How, Mutant, Who};

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HighestFailed => "the highest failed sequence number is reported instead of the lowest",
            Self::IgnoresPartialFailure => "partial failure is ignored",
            Self::AdvancesFirst => "the row advances before the bus has accepted",
            Self::PublishesDelivered => "after a gap fill only the delivered commit is published",
            Self::IgnoresFailedEntries => "FailedEntryCount is ignored",
            Self::NoCondition => "the row is written without the stamp's condition",
            Self::FoldsOverGaps => "gaps are not filled",
            Self::FromLatest => "the mapping begins at LATEST instead of TRIM_HORIZON",
            Self::NoReconciler => "no reconciler",
            Self::WalkPublishesNothing => "the reconciler brings rows on without publishing",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |stream: usize| ["A", "B"][stream];
        match self {
            Self::Append { stream, out_of_order: false } => write!(f, "commit to {}", name(*stream)),
            Self::Append { stream, out_of_order: true } => write!(f, "commit to {}, its record before the last one's", name(*stream)),
            Self::BeginMapping => f.write_str("mapping begins"),
            Self::Deliver { upto } => write!(f, "delivered up to record {upto}"),
            Self::Walk => f.write_str("walk begins"),
            Self::Publish { who, refused } => {
                write!(f, "{who} publishes")?;
                let each = |stream: usize| refused[stream].each().map(move |version| format!("{}@{version}", name(stream)));
                let refused: Vec<String> = each(0).chain(each(1)).collect();
                if refused.is_empty() { Ok(()) } else { write!(f, ", {} refused", refused.join(" and ")) }
            }
            Self::Advance { who, stream, how: How::Answered } => write!(f, "{who} writes row {}", name(*stream)),
            Self::Advance { who, stream, how: How::Unanswered } => write!(f, "{who} writes row {}, answer lost", name(*stream)),
            Self::Advance { who, stream, how: How::Fails } => write!(f, "{who} cannot write row {}", name(*stream)),
            Self::End { who: Who::Projector } => f.write_str("batch ends"),
            Self::End { who: Who::Reconciler } => f.write_str("walk ends"),
            Self::Crash { who } => write!(f, "{who} crashes"),
            Self::LoseRecord => f.write_str("oldest unread record lost"),
            Self::ForgetCheckpoint => f.write_str("checkpoint lost"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Projector => "projector",
            Self::Reconciler => "reconciler",
        })
    }
}
