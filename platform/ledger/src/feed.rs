//! The ledger as the reconciler sees it: finds the commits of the log that have no position, and sequences them, late.
//!
//! Records are gone after 24 hours or the last retry. A commit whose record was lost shows no gap anywhere: only a walk over the whole log
//! finds it. It gets the next position like any other.

use std::sync::Arc;

use annals_kit::{Clock, Timestamp};
use annals_lambda::causes;
use annals_log::{Log, StreamHead};
use annals_projection::consumer::{Finding, ON_ITS_WAY, is_young};
use annals_projection::{Consumer, Found, Mode};
use annals_reads::ReadError;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::fact::Fact;
use crate::known::{Known, Lacking};
use crate::records::Delivered;
use crate::sequencer::Sequencer;
use crate::table::LedgerError;

/// Feeds one service's ledger from its log. Safe beside any number of sequencers.
pub struct LedgerFeed {
    sequencer: Sequencer,
    log: Log,
    clock: Arc<dyn Clock>,
    /// Read when something is first compared, followed from then on.
    known: Mutex<Known>,
}

/// How the ledger stands to some streams: what it lacks of each.
struct Standing {
    lacking: Vec<Option<Lacking>>,
    /// What was sequenced earlier has been seen.
    since: Timestamp,
}

impl LedgerFeed {
    /// Feeds the ledger of `sequencer` from `log`; nothing is read yet.
    pub fn new(sequencer: Sequencer, log: Log, clock: Arc<dyn Clock>) -> Self {
        let known = Mutex::new(Known::new(sequencer.table().clone()));
        Self { sequencer, log, clock, known }
    }

    async fn compare(&self, heads: &[StreamHead], mode: Mode) -> Result<Vec<Found>, LedgerError> {
        let Standing { lacking, since } = self.after_what_is_on_its_way(heads).await?;
        let (mut found, mut late) = (vec![Found::Complete; heads.len()], vec![]);
        for (i, lacking) in lacking.iter().enumerate() {
            let Some(lacking) = lacking else { continue };
            match self.facts(&heads[i], lacking).await {
                // The log has a hole where the ledger has one: `annals verify` names it.
                Ok(facts) if facts.is_empty() => {}
                Ok(facts) => {
                    found[i] = Found::Lacks { commits: facts.len() as u64 };
                    late.extend(facts.into_iter().map(|fact| (i, fact)));
                }
                Err(error) => found[i] = Found::Failed { reason: causes(&error) },
            }
        }
        if mode != Mode::Look && !late.is_empty() {
            self.mend(heads, &late, since, &mut found).await?;
        }
        Ok(found)
    }

    /// Sequences what came late, and looks again: the ledger tells whether it has helped, not the way there.
    async fn mend(&self, heads: &[StreamHead], late: &[(usize, Fact)], since: Timestamp, found: &mut [Found]) -> Result<(), LedgerError> {
        let deliver = |(_, fact): &(usize, Fact)| Delivered { fact: fact.clone(), record: String::new(), created_at: since };
        let delivered: Vec<Delivered> = late.iter().map(deliver).collect();
        let failed = self.sequencer.sequence_since(&delivered, since).await.err();
        let reason = failed.map_or("the ledger has not taken it".into(), |error| causes(&error));
        let standing = self.standing(heads).await?;
        for (i, fact) in late {
            found[*i] = match (&found[*i], &standing.lacking[*i]) {
                (_, Some(still)) if version(fact).is_none_or(|version| still.has(version)) => Found::Failed { reason: reason.clone() },
                (Found::Lacks { commits }, _) => Found::Mended { commits: *commits },
                (other, _) => other.clone(),
            };
        }
        Ok(())
    }

    /// The standing, once what the stream is about to bring has had its time.
    async fn after_what_is_on_its_way(&self, heads: &[StreamHead]) -> Result<Standing, LedgerError> {
        let standing = self.standing(heads).await?;
        let now = self.clock.now();
        if !heads.iter().zip(&standing.lacking).any(|(head, lacking)| lacking.is_some() && is_young(head, now)) {
            return Ok(standing);
        }
        tokio::time::sleep(ON_ITS_WAY).await;
        self.standing(heads).await
    }

    /// What is known has only grown since: the ledger is read on where a stream looks behind, and not where none does.
    async fn standing(&self, heads: &[StreamHead]) -> Result<Standing, LedgerError> {
        let mut known = self.known.lock().await;
        if heads.iter().any(|head| known.lacking(head).is_some()) {
            known.follow().await?;
        }
        let since = known.until().unwrap_or(Timestamp::new(DateTime::<Utc>::MIN_UTC));
        Ok(Standing { lacking: heads.iter().map(|head| known.lacking(head)).collect(), since })
    }

    /// What the log has up to the head of what the ledger lacks.
    async fn facts(&self, head: &StreamHead, lacking: &Lacking) -> Result<Vec<Fact>, ReadError> {
        let items = self.log.between(&head.stream, lacking.first, head.version).await?;
        let facts = items.iter().map(|item| Fact::of_insert(item, ""));
        Ok(facts.filter(|fact| version(fact).is_some_and(|version| lacking.has(version))).collect())
    }
}

/// Its place in the stream, whether or not the commit can be read.
fn version(fact: &Fact) -> Option<u64> {
    fact.key().1.parse().ok()
}

impl Consumer for LedgerFeed {
    fn name(&self) -> &'static str {
        "ledger"
    }

    /// Cost: once an instance the whole ledger, 73 bytes a commit, 18,000 RCU a million. Streams of which nothing is lacking: nothing
    /// more. Where some on a page look behind: 1 call and what the ledger has got since; for each that still does a Query of what is
    /// lacking, ceil(bytes / 4 KB) RCU; and for all of them together what sequencing one batch costs, see [`Sequencer::sequence`], and
    /// that read back.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move {
            let compared = self.compare(heads, mode).await;
            compared.unwrap_or_else(|error| vec![Found::Failed { reason: causes(&error) }; heads.len()])
        })
    }
}
