//! Where history is read: the logs and ledgers of the services, each up to one position, which the answer is stamped with.

use std::sync::Arc;

use annals_kit::{StreamId, Tenant, Version};
use annals_ledger::objects::Objects;
use annals_ledger::proofs::{ProofError, Proofs};
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, Fact, LedgerError, LedgerTable, Position, Reader, Wanted};
use annals_log::{BoxError, Commit, CommitHash, Log};
use annals_reads::{Item, ReadError};
use annals_verify::checkpoint::{TreeHead, VerifierKey};

use crate::answer::{Out, Said, Sink, Stamp, Told};
use crate::domain::Domain;
use crate::question::Question;

/// Commits of one call.
const PAGE: usize = 200;

/// One service, as whoever asks may read it.
#[derive(Clone)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Its log.
    pub log: Log,
    /// Its ledger.
    pub ledger: LedgerTable,
    /// Where the ledger's tiles and checkpoints are.
    pub objects: Arc<dyn Objects>,
    /// What checks the checkpoints.
    pub key: VerifierKey,
}

/// The history of services, or one tenant's part of it.
#[derive(Clone)]
pub struct History {
    services: Vec<Service>,
    domain: Arc<dyn Domain>,
    tenant: Option<Tenant>,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// What was asked cannot be: say it otherwise.
    #[error("{0}")]
    Asked(String),
    /// The database gives no answer: ask again.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledger gives none, or is not what it should be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no proof, or tiles and ledger do not agree.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Log and ledger do not agree, or a commit cannot be read: `annals verify` says more.
    #[error("the history is not what it was: {0}")]
    Differs(String),
    /// The rows cannot be put where they should go.
    #[error("the answer cannot be written")]
    Sink {
        /// What it said.
        source: BoxError,
    },
    /// A projection cannot be asked.
    #[error("the rows cannot be read")]
    Derived {
        /// What it said.
        source: BoxError,
    },
    /// The sink has enough.
    #[error("stopped")]
    Stopped,
}

/// One service's history up to a position.
pub(crate) struct Source<'a> {
    pub(crate) service: &'a Service,
    pub(crate) reader: Reader,
    /// Entries before this one are read, and no others.
    pub(crate) end: Position,
    head: Option<TreeHead>,
}

impl History {
    /// All of the services' history.
    pub fn new(services: Vec<Service>, domain: Arc<dyn Domain>) -> Self {
        Self { services, domain, tenant: None }
    }

    /// Only what is `tenant`'s.
    pub fn of_tenant(self, tenant: Tenant) -> Self {
        Self { tenant: Some(tenant), ..self }
    }

    /// Only these services.
    pub fn of_services(mut self, names: &[String]) -> Self {
        self.services.retain(|service| names.is_empty() || names.iter().any(|name| name == service.name));
        self
    }

    /// The services.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    pub(crate) fn is_of_one_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    pub(crate) fn domain(&self) -> &dyn Domain {
        &*self.domain
    }

    /// What may be told: everything, or what is the tenant's.
    pub(crate) fn wanted(&self) -> Wanted {
        self.tenant.iter().fold(Wanted::everything(), |wanted, tenant| wanted.and(Sought::Tenant(tenant.clone())))
    }

    /// Answers `question`, row by row.
    ///
    /// Cost: of the ledgers' ends and newest checkpoints 2 calls and 2 objects a service, and what the question says.
    pub async fn ask(&self, question: &Question, sink: &mut dyn Sink) -> Result<Told, AuditError> {
        let (sources, mut out) = (self.sources().await?, Out::new(sink));
        let said = match question {
            Question::Revisions { stream } => crate::revisions::tell(self, &sources, stream, None, &mut out).await,
            Question::Field { stream, field } => crate::revisions::tell(self, &sources, stream, Some(field.as_str()), &mut out).await,
            Question::AsOf { stream, moment } => crate::as_of::tell(self, &sources, stream, *moment, &mut out).await,
            Question::Actor { actor, period } => crate::actor::tell(self, &sources, actor, *period, &mut out).await,
            Question::Correlation { correlation } => crate::correlation::tell(self, &sources, *correlation, &mut out).await,
            Question::Population { period } => crate::population::tell(self, &sources, *period, &mut out).await,
            Question::Access { period } => crate::access::tell(self, &sources, *period, &mut out).await,
            Question::Notice { stream } => crate::notice::tell(self, &sources, stream, &mut out).await,
            Question::Day { day } => crate::day::tell(self, &sources, *day, &mut out).await,
            Question::Roles { role, moment } => crate::roles::tell(self, &sources, *role, *moment, &mut out).await,
            Question::Erasure { person } => crate::erasure::tell(self, &sources, person, &mut out).await,
            Question::Person { person } => crate::person::tell(self, &sources, person, &mut out).await,
        };
        let said = match said {
            Err(AuditError::Stopped) => Said::yes("there is more"),
            said => said?,
        };
        let Said { verdict, says, facts } = said;
        Ok(Told { verdict, says, facts, rows: out.rows, stamps: sources.iter().map(Source::stamp).collect() })
    }

    /// Every service, up to where its ledger ends now.
    pub(crate) async fn sources(&self) -> Result<Vec<Source<'_>>, AuditError> {
        let mut sources = vec![];
        for service in &self.services {
            // The checkpoint first: what it covers is there.
            let head = Proofs::newest(&*service.objects, &service.key, None).await?.map(|proofs| proofs.head());
            let reader = Reader::new(service.ledger.clone());
            let end = reader.end().await?;
            sources.push(Source { service, reader, end, head });
        }
        Ok(sources)
    }

    /// The commits of a stream, oldest first, and whose they are; none where it is another tenant's.
    pub(crate) async fn stream<'a>(
        &self,
        sources: &'a [Source<'a>],
        stream: &StreamId,
    ) -> Result<Option<(&'a Source<'a>, Vec<(Commit, CommitHash)>)>, AuditError> {
        for source in sources {
            let (mut commits, mut after) = (vec![], None);
            loop {
                let page = match source.service.log.from_version(stream, Version::FIRST, PAGE, after).await {
                    // The service has no streams of this type.
                    Err(ReadError::BadParameter { .. }) => break,
                    page => page?,
                };
                for item in &page.items {
                    commits.push(read(item)?);
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            let ours = |commit: &Commit| self.tenant.as_ref().is_none_or(|tenant| commit.tenant == *tenant);
            if commits.first().is_some_and(|(commit, _)| ours(commit)) {
                return Ok(Some((source, commits)));
            }
        }
        Ok(None)
    }
}

/// The commit in an item of a log.
pub(crate) fn read(item: &Item) -> Result<(Commit, CommitHash), AuditError> {
    let commit = Commit::from_item(item).map_err(|error| AuditError::Differs(error.to_string()))?;
    let hash = CommitHash::of(item).map_err(|error| AuditError::Differs(error.to_string()))?;
    Ok((commit, hash))
}

impl Source<'_> {
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            service: self.service.name.to_owned(),
            origin: self.service.key.origin().to_owned(),
            entries: self.end.get(),
            size: self.head.map_or(0, |head| head.size),
            root: self.head.map(|head| head.root.to_string()).unwrap_or_default(),
        }
    }

    /// The commits that these entries are about, in their order, each with the hash that was sequenced.
    ///
    /// Cost: 1 call for 100, ceil(bytes / 4 KB) RCU each.
    pub(crate) async fn commits(&self, entries: &[&Entry]) -> Result<Vec<Option<(Commit, Item)>>, AuditError> {
        let places: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.fact {
                Fact::Commit(commit) => Some((commit.stream.clone(), commit.version)),
                Fact::Irregular(_) => None,
            })
            .collect();
        let mut items = self.service.log.commits(&places).await.into_iter();
        let mut commits = vec![];
        for entry in entries {
            let Fact::Commit(fact) = &entry.fact else {
                commits.push(None);
                continue;
            };
            let place = || format!("position {} of {}: {} version {}", entry.position, self.service.name, fact.stream, fact.version);
            let item = items.next().transpose()?.flatten().ok_or_else(|| AuditError::Differs(format!("{} is gone", place())))?;
            let (commit, hash) = read(&item)?;
            if hash.0 != fact.hash {
                return Err(AuditError::Differs(format!("{} is not what was sequenced", place())));
            }
            commits.push(Some((commit, item)));
        }
        Ok(commits)
    }
}
