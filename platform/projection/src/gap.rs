//! Fills gaps: the commits that a row lacks, from the batch where it has them all, otherwise from the log.

use std::borrow::Cow;

use annals_kit::{StreamId, Version};
use annals_log::{BoxError, Commit, Log};

use crate::projection::Stuck;
use crate::records::Delivered;

/// Why a stream whose log has a hole is parked: the read was strongly consistent, so waiting does not help.
const MISSING: &str = "the log has no such commit, though the stream has delivered it or a later one: see annals verify";

/// The stream's commits from `first` to the highest that the batch names; where one cannot be read, those before it.
///
/// Cost: nothing where the batch has them all; otherwise one strong Query.
pub(crate) async fn lacking<'d>(
    log: &Log,
    delivered: &'d Delivered,
    first: Version,
) -> Result<(Cow<'d, [Commit]>, Option<Stuck>), BoxError> {
    let last = Version::new(delivered.highest).ok_or("a record names version 0")?;
    let wanted = (last.get() + 1).saturating_sub(first.get());
    let in_batch = &delivered.commits[delivered.commits.partition_point(|commit| commit.version < first)..];
    if in_batch.len() as u64 == wanted {
        return Ok((Cow::Borrowed(in_batch), None));
    }
    let (commits, stuck) = from_log(log, &delivered.stream, first, last).await?;
    Ok((Cow::Owned(commits), stuck))
}

async fn from_log(log: &Log, stream: &StreamId, first: Version, last: Version) -> Result<(Vec<Commit>, Option<Stuck>), BoxError> {
    let wanted = (last.get() + 1).saturating_sub(first.get());
    let items = log.between(stream, first, last).await?;
    let mut commits = Vec::with_capacity(items.len());
    for item in &items {
        let version = Version::after(commits.last().map(|commit: &Commit| commit.version)).max(first);
        match Commit::from_item(item) {
            Ok(commit) if commit.version == version => commits.push(commit),
            Ok(_) => return Ok((commits, Some(Stuck { version, reason: MISSING.into() }))),
            Err(error) => return Ok((commits, Some(Stuck { version, reason: error.reason }))),
        }
    }
    if (commits.len() as u64) < wanted {
        let version = Version::after(commits.last().map(|commit| commit.version)).max(first);
        return Ok((commits, Some(Stuck { version, reason: MISSING.into() })));
    }
    Ok((commits, None))
}
