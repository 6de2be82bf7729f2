//! Questions 7 and 8, and whole periods: proofs as files that others verify with `annals-verify` or with their own program.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use annals_kit::{StreamId, Version};
use annals_ledger::proofs::Proofs;
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, Fact, Position};
use annals_log::canonical;
use annals_verify::extension::Extension;
use annals_verify::period::PeriodProof;
use annals_verify::proof::Proof;

use crate::history::{AuditError, History, Source};
use crate::question::Period;
use crate::revisions::first_position;

/// Where a commit is: `INV#0190…@3`, or `billing@120`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A version of a stream.
    Version(StreamId, Version),
    /// A position in a service's ledger.
    Position(String, Position),
}

/// The text is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no commit: write INV#<id>@3, a stream and its version, or billing@120, a service and a position of its ledger")]
pub struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (name, number) = text.rsplit_once('@').ok_or(NotAPlace)?;
        let number: u64 = number.parse().map_err(|_| NotAPlace)?;
        match name.contains('#') {
            true => Ok(Self::Version(name.parse().map_err(|_| NotAPlace)?, Version::new(number).ok_or(NotAPlace)?)),
            false => Ok(Self::Position(name.to_owned(), Position::new(number))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(stream, version) => write!(f, "{stream}@{version}"),
            Self::Position(service, position) => write!(f, "{service}@{position}"),
        }
    }
}

/// A commit with the proof that it is in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// The service.
    pub service: &'static str,
    /// The entry.
    pub entry: Entry,
    /// The commit in canonical bytes.
    pub commit: Vec<u8>,
    /// The proof.
    pub proof: Proof,
    /// The size of the signed tree.
    pub size: u64,
}

/// What was exported of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The proof.
    pub proof: PeriodProof,
    /// Entries.
    pub entries: u64,
    /// Those of them that are commits.
    pub commits: u64,
}

impl History {
    /// The proof that a commit is in its ledger; `None` where there is no such commit, or it is another tenant's.
    ///
    /// Cost: of a position 3 calls and about five objects; of a version also the ledger from the stream's first commit on, of which summaries
    /// rule out most.
    pub async fn inclusion(&self, place: &Place) -> Result<Option<Proven>, AuditError> {
        let sources = self.sources().await?;
        let Some((source, entry)) = self.find(&sources, place).await? else { return Ok(None) };
        if !self.wanted().keeps(&entry) {
            return Ok(None);
        }
        let Some((_, item)) = source.commits(&[&entry]).await?.pop().flatten() else { return Ok(None) };
        let commit = canonical::bytes(&item).map_err(|error| AuditError::Differs(error.to_string()))?;
        let proofs = proofs(source).await?;
        let (proof, size) = (proofs.inclusion(&entry).await?, proofs.head().size);
        Ok(Some(Proven { service: source.service.name, entry, commit, proof, size }))
    }

    async fn find<'a>(&self, sources: &'a [Source<'a>], place: &Place) -> Result<Option<(&'a Source<'a>, Entry)>, AuditError> {
        match place {
            Place::Position(service, position) => {
                let source = source(sources, service)?;
                Ok(source.reader.entry(*position).await?.map(|entry| (source, entry)))
            }
            Place::Version(stream, version) => {
                let Some((source, commits)) = self.stream(sources, stream).await? else { return Ok(None) };
                let wanted = self.wanted().and(Sought::Stream(stream.clone()));
                let mut search = source.reader.search(first_position(source, &commits).await?..source.end, wanted).await?;
                let is_it = |entry: &Entry| matches!(&entry.fact, Fact::Commit(commit) if commit.version == *version);
                while let Some(entries) = search.next().await? {
                    if let Some(entry) = entries.into_iter().find(is_it) {
                        return Ok(Some((source, entry)));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The proof that a service's ledger begins with what an earlier checkpoint signed.
    ///
    /// Cost: about eight objects.
    pub async fn extension(&self, service: &str, old: &[u8]) -> Result<Extension, AuditError> {
        let sources = self.sources().await?;
        let source = source(&sources, service)?;
        let old = source.service.key.open(old).map_err(|error| AuditError::Asked(format!("the earlier checkpoint {error}")))?;
        Ok(proofs(source).await?.extension(old).await?)
    }

    /// Writes every entry that was sequenced in a period, with its commit, as `annals_verify::period` describes; and makes the proof.
    ///
    /// Cost: the ledger's items of the period, 1 RCU or more a commit, 100 a call; about twelve objects.
    pub async fn period(&self, service: &str, period: Period, to: &mut (dyn Write + Send)) -> Result<Exported, AuditError> {
        let sources = self.sources().await?;
        let source = source(&sources, service)?;
        let range = source.reader.period(period.from, period.until).await?;
        let proofs = proofs(source).await?;
        // What is not signed yet belongs to no proof: a period that has not ended ends there.
        let end = range.end.min(Position::new(proofs.head().size));
        let first = range.start.min(end);
        let (mut search, mut commits) = (source.reader.search(first..end, annals_ledger::Wanted::everything()).await?, 0);
        let failed = |error: std::io::Error| AuditError::Sink { source: error.into() };
        while let Some(entries) = search.next().await? {
            for part in entries.chunks(100) {
                let refs: Vec<_> = part.iter().collect();
                for (entry, commit) in part.iter().zip(source.commits(&refs).await?) {
                    to.write_all(&entry.leaf()).map_err(failed)?;
                    to.write_all(b"\t").map_err(failed)?;
                    if let Some((_, item)) = commit {
                        commits += 1;
                        let bytes = canonical::bytes(&item).map_err(|error| AuditError::Differs(error.to_string()))?;
                        to.write_all(&bytes).map_err(failed)?;
                    }
                    to.write_all(b"\n").map_err(failed)?;
                }
            }
        }
        let proof = proofs.period(first, end).await?;
        Ok(Exported { proof, entries: end.get() - first.get(), commits })
    }
}

fn source<'a>(sources: &'a [Source<'a>], service: &str) -> Result<&'a Source<'a>, AuditError> {
    let names = || sources.iter().map(|source| source.service.name).collect::<Vec<_>>().join(", ");
    let found = sources.iter().find(|source| source.service.name == service);
    found.ok_or_else(|| AuditError::Asked(format!("there is no ledger of `{service}`; there are {}", names())))
}

async fn proofs<'a>(source: &'a Source<'a>) -> Result<Proofs<'a>, AuditError> {
    let proofs = Proofs::newest(&*source.service.objects, &source.service.key, None).await?;
    proofs.ok_or_else(|| {
        AuditError::Asked(format!("nothing of the ledger of {} is signed yet; the signer runs every minute", source.service.name))
    })
}
