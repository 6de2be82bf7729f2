//! Typed rows, with the tenant check inside: another tenant's row is not found, nor is a row that was only ever parked.

use std::collections::VecDeque;

use access_patterns::{Operation, Params, Pattern, Plan};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use crate::error::ReadError;
use crate::merge;
use crate::reads::{Item, ItemPage, Reads};
use crate::token::{Binding, Cursor, key_of};

/// The most rows a page may be asked for.
const MOST: u32 = 1000;

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many rows; 1 to 1,000 are kept to.
    pub limit: u32,
    /// [`Page::next`] of the page before; `None` for the first.
    pub token: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the pattern's order. Fewer than the limit do not mean the end: `next` does.
    pub items: Vec<T>,
    /// Asks for the next page; `None` after the last.
    pub next: Option<String>,
}

impl Reads {
    /// One row of `tenant` by its whole key; another tenant's row is `None`.
    ///
    /// Cost: 1 call; ceil(bytes / 4 KB) RCU for a strong pattern, half of that for an eventual one; 1 or 0.5 where there is no item.
    pub async fn get<T: DeserializeOwned>(&self, pattern: &'static str, tenant: &str, params: &Params) -> Result<Option<T>, ReadError> {
        self.tenant_column(self.listed(pattern, Operation::GetItem)?)?;
        let item = self.get_item(pattern, params).await?;
        item.filter(|item| is_shown(item, tenant)).map(decode).transpose()
    }

    /// One page of the rows of `tenant`; other tenants' rows are left out.
    ///
    /// Cost: 1 call, or one for each value of a fan-out; ceil(bytes of limit + 1 entries / 4 KB) RCU for a strong pattern, half of that
    /// for an eventual one. The one entry more is how the last page is known to be the last. Where other tenants have rows under the same
    /// key, a call more for each limit + 1 of theirs that lie between.
    pub async fn page<T: DeserializeOwned>(
        &self,
        pattern: &'static str,
        tenant: &str,
        params: &Params,
        page: PageRequest,
    ) -> Result<Page<T>, ReadError> {
        let listed = self.listed(pattern, Operation::Query)?;
        self.tenant_column(listed)?;
        let names_tenant = listed.wheres().any(|condition| condition.name == "tenant");
        let params = if names_tenant { params.clone().text("tenant", tenant) } else { params.clone() };
        let plans = listed.plans(&params)?;
        let binding = Binding { service: self.matrix.service(), pattern: listed, tenant, plans: &plans };
        let cursors = match &page.token {
            None => vec![Cursor::Start; plans.len()],
            Some(token) => binding.open(token)?,
        };
        let limit = page.limit.clamp(1, MOST) as usize;
        let answers =
            futures_util::future::try_join_all(plans.iter().zip(cursors).map(|(plan, cursor)| self.run(plan, cursor, limit, tenant)))
                .await?;
        let (items, cursors) = take(listed, answers, limit)?;
        let next = if cursors.iter().all(|cursor| *cursor == Cursor::Done) { None } else { Some(binding.seal(&cursors)?) };
        let rows = items.into_iter().map(decode).collect::<Result<_, _>>()?;
        Ok(Page { items: rows, next })
    }

    /// Up to `limit` + 1 of the tenant's rows after `cursor`. Reads on over other tenants' rows under the same key, so that neither a page
    /// nor the place where it ends tells of them.
    async fn run(&self, plan: &Plan, cursor: Cursor, limit: usize, tenant: &str) -> Result<Run, ReadError> {
        let mut after = match &cursor {
            Cursor::Start => None,
            Cursor::After(key) => Some(key.clone()),
            Cursor::Done => return Ok(Run { cursor, page: VecDeque::new(), rest: None }),
        };
        let more = i32::try_from(limit + 1).unwrap_or(i32::MAX);
        let mut page = VecDeque::new();
        loop {
            let ItemPage { items, next } = self.send_query(plan, more, after).await?;
            page.extend(items.into_iter().filter(|item| is_shown(item, tenant)));
            if next.is_none() || page.len() > limit {
                return Ok(Run { cursor, page, rest: next });
            }
            after = next;
        }
    }

    /// Refuses entities without a tenant: their items have no owner to check.
    fn tenant_column(&self, pattern: &Pattern) -> Result<(), ReadError> {
        let entity = pattern.entity().and_then(|name| self.matrix.entity(name));
        match entity.filter(|entity| entity.raw().is_none() && entity.attribute("tenant").is_some_and(|tenant| tenant.stored())) {
            Some(_) => Ok(()),
            None => Err(ReadError::failed(format!("{} reads items without a tenant attribute: read them as they are", pattern.name()))),
        }
    }
}

/// The answer of one query of a list, and where it goes on.
struct Run {
    cursor: Cursor,
    page: VecDeque<Item>,
    rest: Option<Item>,
}

impl Run {
    /// There is more, but not on this page: what comes next is not known.
    fn is_blind(&self) -> bool {
        self.page.is_empty() && self.rest.is_some()
    }
}

/// Takes at most `limit` items in order, and says where each query goes on.
fn take(pattern: &Pattern, mut runs: Vec<Run>, limit: usize) -> Result<(Vec<Item>, Vec<Cursor>), ReadError> {
    let mut items = Vec::new();
    while items.len() < limit && !runs.iter().any(Run::is_blind) {
        let heads = runs.iter().enumerate().filter_map(|(at, run)| Some((at, run.page.front()?)));
        let Some(at) = merge::first(pattern, heads) else { break };
        let run = &mut runs[at];
        if let Some(item) = run.page.pop_front() {
            let key =
                key_of(pattern, &item).ok_or_else(|| ReadError::failed(format!("an item of {} lacks a key attribute", pattern.name())))?;
            run.cursor = Cursor::After(key);
            items.push(item);
        }
    }
    let cursors = runs.into_iter().map(|run| match (run.page.is_empty(), run.rest) {
        (true, None) => Cursor::Done,
        (true, Some(rest)) => Cursor::After(rest),
        (false, _) => run.cursor,
    });
    Ok((items, cursors.collect()))
}

/// The row is the tenant's, and has been folded: version 0 is a row that only says why its stream is parked.
fn is_shown(item: &Item, tenant: &str) -> bool {
    let owned = matches!(item.get("tenant"), Some(AttributeValue::S(owner)) if owner == tenant);
    let folded = !matches!(item.get("ver"), Some(AttributeValue::N(version)) if version == "0");
    owned && folded
}

fn decode<T: DeserializeOwned>(item: Item) -> Result<T, ReadError> {
    serde_dynamo::from_item(item).map_err(ReadError::failed)
}
