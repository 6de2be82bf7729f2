//! What a developer writes of a projection, and the row it keeps.

use annals_kit::{Event, Recorded, StreamId, Tenant, Timestamp, Version};
use annals_log::Commit;
use annals_reads::{Item, Params};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::derived::fold_commits;

/// One row per stream: a pure fold of the stream's events.
pub trait Projection: Send + Sync + 'static {
    /// Its name, such as `invoices`, unique in the service.
    const NAME: &'static str;
    /// The streams it reads, such as `SUB`.
    const STREAM_TYPE: &'static str;
    /// Raised whenever the fold or the row's form changes; rows of an older revision are folded again from the log.
    const REVISION: u32;
    /// The row's entity in the matrix; its key templates take their holes from the row's attributes.
    const ENTITY: &'static str;
    /// The strongly consistent GetItem of the row in the matrix.
    const GATE: &'static str;
    /// The eventually consistent GetItem of the row's stamp in the matrix, for the reconciler.
    const GLANCE: &'static str;
    /// The stream's events.
    type Event: Event;
    /// The row; its serde names are attribute names.
    type Row: Serialize + DeserializeOwned;

    /// The row after `event`. A panic parks the stream: its events are published all the same, as far as they can be read, and other
    /// streams go on.
    fn fold(stream: &StreamId, row: Option<Self::Row>, event: &Self::Event, recorded: Recorded) -> Option<Self::Row>;
}

/// Where a stored row stands: `(revision, version)`, and why its stream waits, if it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stamped {
    pub(crate) revision: u32,
    /// 0 where nothing has been folded: the row only says that its stream is parked.
    pub(crate) version: u64,
    /// The version that could not be folded.
    pub(crate) parked: Option<u64>,
    /// Up to where the bus has the stream's events: a parked stream's go on being published.
    pub(crate) published: u64,
    /// The row's own attributes, keys included; empty where there is no row.
    pub(crate) item: Item,
}

/// The attributes that the kit adds to every row, and those of contributions and totals.
pub(crate) mod names {
    pub(crate) const REVISION: &str = "rev";
    pub(crate) const VERSION: &str = "ver";
    pub(crate) const TENANT: &str = "tenant";
    pub(crate) const PARKED: &str = "parked";
    pub(crate) const AMOUNT: &str = "amount";
    pub(crate) const COUNT: &str = "n";
    pub(crate) const STREAMS: &str = "streams";
}

impl Stamped {
    /// The stamp of a stored row.
    pub(crate) fn of(item: Item) -> Self {
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(0u64);
        let parked = item.get(names::PARKED).and_then(|value| value.as_m().ok());
        let noted = |name: &str| parked?.get(name)?.as_n().ok()?.parse().ok();
        let version = number(names::VERSION);
        Self {
            revision: u32::try_from(number(names::REVISION)).unwrap_or(u32::MAX),
            version,
            parked: noted("version"),
            published: noted("published").unwrap_or(0).max(version),
            item,
        }
    }

    /// The stamp without what it stands on.
    pub(crate) fn alone(&self) -> Self {
        Self { item: Item::new(), ..*self }
    }

    /// Whether commits up to `highest` bring nothing to this row. One that is `older`, of an earlier revision, is folded again at the same version; not where
    /// it is parked with a commit beyond that: it would lose the mark, and with it the commit that it waits for.
    pub(crate) fn is_beyond(&self, highest: u64, older: bool) -> bool {
        self.version > highest || self.version == highest && (!older || self.parked.is_some_and(|parked| parked > highest))
    }

    /// The next version to fold in, as far as this row says.
    pub(crate) fn next(&self) -> Version {
        Version::new(self.version + 1).expect("one more than a number is not 0")
    }
}

/// A fold that met an event it cannot read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stuck {
    pub(crate) version: Version,
    pub(crate) reason: String,
}

/// A projection without its types, as the projector holds it.
pub(crate) trait AnyProjection: Send + Sync {
    fn name(&self) -> &'static str;
    fn revision(&self) -> u32;
    fn entity(&self) -> &'static str;
    fn gate(&self) -> &'static str;
    fn glance(&self) -> &'static str;
    /// The event types that the bus carries.
    fn published(&self) -> Vec<&'static str>;
    /// Whether the events of a commit can be read, be they folded or not: what is published must be what the contract says.
    fn can_read(&self, commit: &Commit) -> bool;
    /// Folds commits into a row's attributes; where one cannot be read or folded, the fold up to it.
    fn fold(&self, row: Option<Item>, commits: &[Commit]) -> Result<(Option<Item>, Option<Stuck>), serde_dynamo::Error>;
}

pub(crate) struct Typed<P>(pub(crate) std::marker::PhantomData<fn() -> P>);

impl<P: Projection> AnyProjection for Typed<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn revision(&self) -> u32 {
        P::REVISION
    }

    fn entity(&self) -> &'static str {
        P::ENTITY
    }

    fn gate(&self) -> &'static str {
        P::GATE
    }

    fn glance(&self) -> &'static str {
        P::GLANCE
    }

    fn published(&self) -> Vec<&'static str> {
        P::Event::SCHEMAS.iter().filter(|schema| schema.published).map(|schema| schema.event_type).collect()
    }

    fn can_read(&self, commit: &Commit) -> bool {
        commit.events.iter().all(|event| event.decode::<P::Event>().is_ok())
    }

    fn fold(&self, row: Option<Item>, commits: &[Commit]) -> Result<(Option<Item>, Option<Stuck>), serde_dynamo::Error> {
        let start = || row.clone().map(serde_dynamo::from_item::<_, P::Row>).transpose();
        let (row, _, stuck) = fold_commits(start, commits, |row, stream, events: &[P::Event], recorded| {
            *row = events.iter().fold(row.take(), |row, event| P::fold(stream, row, event, recorded));
            Ok(())
        })?;
        Ok((row.map(serde_dynamo::to_item).transpose()?, stuck))
    }
}

/// The parameters of a row's GetItem: the id of its stream.
pub(crate) fn gate_params(stream: &StreamId) -> Params {
    Params::new().text("id", stream.id())
}

/// The attribute that says why a stream waits, and up to where its events are published meanwhile, by whom publishes.
pub(crate) fn parked(version: Version, reason: &str, at: Timestamp, published: Option<u64>) -> AttributeValue {
    let mut parked = Item::from([
        ("version".to_owned(), AttributeValue::N(version.to_string())),
        ("reason".to_owned(), AttributeValue::S(reason.chars().take(300).collect())),
        ("at".to_owned(), AttributeValue::S(at.to_string())),
    ]);
    parked.extend(published.map(|published| ("published".to_owned(), AttributeValue::N(published.to_string()))));
    AttributeValue::M(parked)
}

/// Puts the kit's attributes on a row.
pub(crate) fn stamp(item: &mut Item, revision: u32, version: u64, tenant: &Tenant) {
    item.insert(names::REVISION.into(), AttributeValue::N(revision.to_string()));
    item.insert(names::VERSION.into(), AttributeValue::N(version.to_string()));
    item.insert(names::TENANT.into(), AttributeValue::S(tenant.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_row_is_folded_again_unless_it_waits_for_a_commit_that_has_not_come() {
        let row = |parked| Stamped { version: 5, parked, ..Stamped::default() };
        for (parked, highest, older, beyond) in [
            (None, 4, true, true),
            (None, 5, false, true),
            (None, 5, true, false),
            (Some(6), 5, true, true),
            (Some(6), 6, true, false),
            // A release that could fold less parked it below its version: the next one tries again.
            (Some(4), 5, true, false),
            (Some(6), 5, false, true),
        ] {
            assert_eq!(row(parked).is_beyond(highest, older), beyond, "parked {parked:?}, up to {highest}, older {older}");
        }
    }
}
