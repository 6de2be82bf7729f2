//! Reads totals, and explains them down to the commits that make them.

use std::collections::{BTreeMap, BTreeSet};

use annals_kit::{StreamId, Tenant, Timestamp, Version};
use annals_log::{BoxError, Commit};
use annals_reads::{Item, Params, ReadError};

use crate::change::SHARDS;
use crate::follower::Follower;
use crate::projection::names;
use crate::totals::{Amount, TotalKey};

/// What one commit adds to a total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its stream.
    pub stream: StreamId,
    /// Its version.
    pub version: Version,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The types of its events.
    pub events: Vec<String>,
    /// What it adds.
    pub amount: Amount,
}

impl Follower {
    /// Every total of a tenant that is not zero, by key, at the revision that readers see.
    ///
    /// Cost: 1 RCU, and a strong Query for each of eight shards.
    pub async fn totals(&self, tenant: &Tenant) -> Result<BTreeMap<TotalKey, Amount>, ReadError> {
        self.totals_at(tenant, self.served().await?).await
    }

    pub(crate) async fn totals_at(&self, tenant: &Tenant, revision: u32) -> Result<BTreeMap<TotalKey, Amount>, ReadError> {
        let mut totals = BTreeMap::<TotalKey, Amount>::new();
        for shard in 0..SHARDS {
            let params = self.of_slot(tenant, revision).number("total_shard", shard);
            for item in self.deps().reads.query_all("totals_of_shard", &params).await? {
                let Some(key) = item.get("total").and_then(|total| total.as_s().ok()) else { continue };
                let total = totals.entry(TotalKey::written(key)).or_default();
                *total = total.plus(amount(&item));
            }
        }
        totals.retain(|_, total| !total.is_zero());
        Ok(totals)
    }

    /// The commits that make a total, by stream and version, folded again from the log.
    ///
    /// Cost: a strong Query of the total's contributions, and one for each stream that they name.
    ///
    /// Errors: also where a stream's commits can no longer be read or folded, and where readers see totals of another revision than this
    /// code's, which it cannot fold.
    pub async fn explain(&self, tenant: &Tenant, key: &TotalKey) -> Result<Vec<Explained>, BoxError> {
        let (served, name, mine) = (self.served().await?, self.projection().name(), self.projection().revision());
        if served != mine {
            let why =
                format!("readers see revision {served} of {name} until the whole log is folded at revision {mine}: annals rebuild {name}");
            return Err(why.into());
        }
        self.explain_own(tenant, key).await
    }

    /// The same of this code's revision, whichever readers see.
    pub(crate) async fn explain_own(&self, tenant: &Tenant, key: &TotalKey) -> Result<Vec<Explained>, BoxError> {
        let params = self.of_slot(tenant, self.projection().revision()).text("total", key.as_str());
        let mut streams = BTreeSet::new();
        for item in self.deps().reads.query_all("contributions_of_total", &params).await? {
            let named = item.get(names::STREAMS).and_then(|streams| streams.as_l().ok()).ok_or("a contribution names its streams")?;
            streams.extend(
                named
                    .iter()
                    .filter_map(|stream| stream.as_s().ok())
                    .map(|stream| stream.parse::<StreamId>())
                    .collect::<Result<Vec<_>, _>>()?,
            );
        }
        let mut explained = vec![];
        for stream in streams {
            explained.extend(self.explain_stream(&stream, key).await?);
        }
        Ok(explained)
    }

    /// What each commit of a stream adds to a total, up to where the projection has folded it.
    async fn explain_stream(&self, stream: &StreamId, key: &TotalKey) -> Result<Vec<Explained>, BoxError> {
        let Some(folded) = self.folded(stream).await? else { return Ok(vec![]) };
        let (mut explained, mut state) = (vec![], None);
        for item in self.deps().log.between(stream, Version::FIRST, folded).await? {
            let commit = Commit::from_item(&item)?;
            let outcome = self.projection().fold(stream, state.as_ref(), std::slice::from_ref(&commit))?;
            if let Some(stuck) = outcome.stuck {
                return Err(format!("{stream} version {}: {}", stuck.version, stuck.reason).into());
            }
            let amount = outcome.totals.to(key);
            state = Some(outcome.state);
            if !amount.is_zero() {
                let events = commit.events.into_iter().map(|event| event.event_type).collect();
                let Commit { version, recorded_at, .. } = commit;
                explained.push(Explained { stream: stream.clone(), version, recorded_at, events, amount });
            }
        }
        Ok(explained)
    }

    fn of_slot(&self, tenant: &Tenant, revision: u32) -> Params {
        Params::new().text("tenant", tenant.as_str()).text("slot", self.projection().slot_at(revision))
    }
}

/// The sum and the count of an item.
fn amount(item: &Item) -> Amount {
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    Amount { sum: number(names::AMOUNT), count: number(names::COUNT) }
}
