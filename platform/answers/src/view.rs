//! One row, and one page of a list, as a request asks for them.

use annals_kit::{Aggregate, Recorded, StreamId, Version};
use annals_lambda::http::{self, Caller, Problem};
use annals_log::{Commit, Log};
use annals_reads::{PageRequest, Params, Reads};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::{internal, read_problem};

/// Entries of a page where the request does not say.
pub const PAGE_DEFAULT: u32 = 20;
/// Entries of a page at most.
pub const PAGE_MOST: u32 = 100;

/// A row with the version of the stream that it shows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Shown<R> {
    /// The row.
    #[serde(flatten)]
    pub row: R,
    /// The newest version of the stream that went into it.
    #[serde(rename(serialize = "version", deserialize = "ver"))]
    pub version: u64,
}

impl<R> Shown<R> {
    /// A row of a stream's first version: an example of a contract.
    pub fn first(row: R) -> Self {
        Self { row, version: 1 }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page<R> {
    /// The entries, in the order of the list.
    pub items: Vec<R>,
    /// For `page` of the next request; null after the last page.
    pub next: Option<String>,
}

impl<R> Page<R> {
    /// A list of one: an example of a contract.
    pub fn of_one(item: R) -> Self {
        Self { items: vec![item], next: None }
    }
}

/// How one kind of row is read.
#[derive(Clone, Copy, Debug)]
pub struct RowRead {
    /// What it is called to people.
    pub what: &'static str,
    /// The listed pattern that may be behind.
    pub eventual: &'static str,
    /// The listed pattern that sees every write before it.
    pub strong: &'static str,
}

/// What one request may read: the rows of its tenant, and the log for what they still lack.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The request.
    pub event: &'a ApiGatewayV2httpRequest,
    /// Who asks.
    pub caller: &'a Caller,
    /// The service's rows.
    pub reads: &'a Reads,
    /// The service's log.
    pub log: &'a Log,
}

impl View<'_> {
    /// The row of a stream. With `min_version` it shows at least that version: a strong read, and what the row still lacks folded from the log.
    ///
    /// Errors: 404 where there is none of the caller's tenant, 409 `version-not-reached`.
    /// Cost: 0.5 RCU; with `min_version` 1 RCU, and where the row lags two strong Queries: of the head, and of the missing commits.
    pub async fn row<A, R>(
        &self,
        stream: &StreamId,
        read: RowRead,
        fold: impl Fn(Option<R>, &A::Event, Recorded) -> Option<R>,
    ) -> Result<Shown<R>, Problem>
    where
        A: Aggregate,
        R: DeserializeOwned,
    {
        let wanted = http::query::<u64>(self.event, "min_version")?.unwrap_or(0);
        let params = Params::new().text("id", stream.id());
        let pattern = if wanted > 0 { read.strong } else { read.eventual };
        let tenant = self.caller.tenant.as_str();
        let row: Option<Shown<R>> = self.reads.get(pattern, tenant, &params).await.map_err(|error| read_problem(error, read.what))?;
        let reached = row.as_ref().map_or(0, |row| row.version);
        let row = match Version::new(wanted) {
            Some(wanted) if reached < wanted.get() => self.catch_up::<A, R>(stream, row, wanted, fold).await?,
            _ => row,
        };
        row.ok_or_else(|| Problem::not_found(read.what))
    }

    /// `row` brought to at least `wanted` by the log.
    async fn catch_up<A: Aggregate, R>(
        &self,
        stream: &StreamId,
        row: Option<Shown<R>>,
        wanted: Version,
        fold: impl Fn(Option<R>, &A::Event, Recorded) -> Option<R>,
    ) -> Result<Option<Shown<R>>, Problem> {
        let reached = row.as_ref().map_or(0, |row| row.version);
        // The head first: whose stream it is, and whether there is so much to read.
        let head = self.log.newest_first(stream, 1, None).await.map_err(|error| read_problem(error, "stream"))?;
        let Some(item) = head.items.first() else { return Ok(None) };
        let head = Commit::from_item(item).map_err(|error| internal(&error))?;
        if head.tenant != self.caller.tenant {
            return Ok(None);
        }
        if head.version < wanted {
            return Err(Problem::new(409, "version-not-reached", format!("the newest version is {}", head.version)));
        }
        let first = Version::new(reached + 1).ok_or_else(Problem::internal)?;
        let items = self.log.between(stream, first, wanted).await.map_err(|error| read_problem(error, "stream"))?;
        let (mut row, mut version) = (row.map(|row| row.row), reached);
        for item in &items {
            let commit = Commit::from_item(item).map_err(|error| internal(&error))?;
            let recorded = Recorded { version: commit.version, at: commit.recorded_at };
            for stored in &commit.events {
                let event: A::Event = stored.decode().map_err(|error| internal(&error))?;
                row = fold(row, &event, recorded);
            }
            version = commit.version.get();
        }
        Ok(row.map(|row| Shown { row, version }))
    }

    /// One page of a list; `next` goes into `page` of the next request.
    ///
    /// Cost: one Query, 0.5 RCU per 4 KB of entries.
    pub async fn page<R: DeserializeOwned>(&self, pattern: &'static str, params: Params) -> Result<Page<R>, Problem> {
        let limit = http::query::<u32>(self.event, "limit")?.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MOST).contains(&limit) {
            return Err(Problem::new(400, "invalid", format!("`limit` is 1 to {PAGE_MOST}")));
        }
        let page = PageRequest { limit, token: http::query(self.event, "page")? };
        let tenant = self.caller.tenant.as_str();
        let page = self.reads.page::<R>(pattern, tenant, &params, page).await.map_err(|error| read_problem(error, "list"))?;
        Ok(Page { items: page.items, next: page.next })
    }
}
