//! Who makes a transaction and what becomes of it: `following` and `recounting`.

use std::fmt;

/// Who takes commits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Live,
    Walk,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Answered,
    /// It is made, and its answer lost.
    Unanswered,
    Fails,
}

/// Says a transaction as a step.
pub(crate) fn tell(f: &mut fmt::Formatter<'_>, who: Who, how: How) -> fmt::Result {
    match how {
        How::Answered => write!(f, "transaction of {who}"),
        How::Unanswered => write!(f, "transaction of {who}, answer lost"),
        How::Fails => write!(f, "transaction of {who} fails"),
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live delivery",
            Self::Walk => "the walk",
        })
    }
}
