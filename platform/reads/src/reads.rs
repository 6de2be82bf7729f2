//! The reads of one service's matrix: raw items, for the log and the projectors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use access_patterns::{Matrix, Operation, Params, Pattern, Plan, Scalar};
use annals_aws::DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::consumed::{Consumed, Meter};
use crate::error::ReadError;
use crate::merge;
use crate::retry::Jitter;
use crate::send::KEYS_PER_CALL;

/// One item as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;
/// Where a page ended: the key attributes of its last item.
pub type Key = HashMap<String, AttributeValue>;

/// One page of raw items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemPage {
    /// The items, in the pattern's order.
    pub items: Vec<Item>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Key>,
}

/// Runs the reads of one service's matrix.
///
/// A read is asked for by its pattern's name in the matrix. Every request always has a Limit, asks for its consumed capacity, and is
/// repeated here (5 attempts, with jitter) where it was throttled or lost: give it a client whose own retry is off.
#[derive(Clone, Debug)]
pub struct Reads {
    pub(crate) client: DynamoDb,
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) jitter: Arc<Jitter>,
}

impl Reads {
    /// Reads what `matrix` lists, with `client`.
    pub fn new(client: impl Into<DynamoDb>, matrix: Arc<Matrix>) -> Self {
        Self { client: client.into(), matrix, meter: Arc::default(), jitter: Arc::new(Jitter::of_this_process()) }
    }

    /// The same reads, with the pauses before repetitions drawn from `seed`: for simulations.
    pub fn with_jitter_seed(mut self, seed: u64) -> Self {
        self.jitter = Arc::new(Jitter::seeded(seed));
        self
    }

    /// The matrix these reads are of.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What this value and its clones have cost so far.
    pub fn consumed(&self) -> Consumed {
        self.meter.read()
    }

    /// One item by its whole key, as it is.
    ///
    /// Cost: 1 call; ceil(bytes / 4 KB) RCU for a strong pattern, half of that for an eventual one; 1 or 0.5 where there is no item.
    pub async fn get_item(&self, pattern: &str, params: &Params) -> Result<Option<Item>, ReadError> {
        let plan = self.only_plan(pattern, Operation::GetItem, params)?;
        self.send_get(&plan).await
    }

    /// Several items of one pattern, each by its whole key, in the order of `params`; one result each.
    ///
    /// Cost: 1 call per 100 keys; RCU as that many [`Reads::get_item`]. A call of several is not a snapshot of all.
    pub async fn get_items(&self, pattern: &'static str, params: &[Params]) -> Vec<Result<Option<Item>, ReadError>> {
        let plans: Vec<_> = params.iter().map(|params| self.only_plan(pattern, Operation::GetItem, params)).collect();
        // One key once: a call that names a key twice is refused.
        let mut known = HashSet::new();
        let distinct: Vec<Plan> = plans.iter().flatten().filter(|plan| known.insert(asked_key(plan))).cloned().collect();
        let answers = futures_util::future::try_join_all(distinct.chunks(KEYS_PER_CALL).map(|plans| self.send_get_many(plans))).await;
        let keyed = |item: Item| Some((found_key(distinct.first()?, &item)?, item));
        let items: Result<HashMap<_, _>, _> = answers.map(|items| items.into_iter().flatten().filter_map(keyed).collect());
        let items = items.map_err(|error| causes(&error));
        let find = |plan: &Plan| match &items {
            Err(error) => Err(ReadError::failed(error.clone())),
            Ok(items) => Ok(items.get(&asked_key(plan)).cloned()),
        };
        plans.into_iter().map(|plan| plan.and_then(|plan| find(&plan))).collect()
    }

    /// One page of a query, as it is: at most `limit` items (the pattern's page where none is given), and at most 1 MB.
    ///
    /// Cost: 1 call; ceil(bytes read / 4 KB) RCU for a strong pattern, half of that for an eventual one.
    pub async fn query_page(
        &self,
        pattern: &'static str,
        params: &Params,
        limit: Option<i32>,
        after: Option<Key>,
    ) -> Result<ItemPage, ReadError> {
        let plan = self.only_plan(pattern, Operation::Query, params)?;
        let limit = limit.map_or_else(|| self.page_size(pattern), Ok)?;
        self.send_query(&plan, limit, after).await
    }

    /// Every item of a query, in the pattern's order; a fan-out's answers are merged.
    ///
    /// Cost: one call a page of the pattern's size or 1 MB, whichever ends first, for each value of the fan-out;
    /// ceil(bytes read / 4 KB) RCU a page for a strong pattern, half of that for an eventual one.
    pub async fn query_all(&self, pattern: &'static str, params: &Params) -> Result<Vec<Item>, ReadError> {
        let limit = self.page_size(pattern)?;
        let listed = self.listed(pattern, Operation::Query)?;
        let plans = listed.plans(params)?;
        let all = futures_util::future::try_join_all(plans.iter().map(|plan| self.query_to_end(plan, limit))).await?;
        Ok(merge::all(listed, all))
    }

    /// One page of a declared maintenance scan, as it is: at most `limit` items and 1 MB, of one `segment` (number, of how many).
    ///
    /// Cost: 1 call; ceil(bytes read / 4 KB) RCU for a strong scan, half of that for an eventual one.
    pub async fn scan_page(
        &self,
        scan: &'static str,
        limit: Option<i32>,
        after: Option<Key>,
        segment: Option<(i32, i32)>,
    ) -> Result<ItemPage, ReadError> {
        let plan = self.only_plan(scan, Operation::Scan, &Params::new())?;
        let limit = limit.map_or_else(|| self.page_size(scan), Ok)?;
        self.send_scan(&plan, limit, after, segment).await
    }

    async fn query_to_end(&self, plan: &Plan, limit: i32) -> Result<Vec<Item>, ReadError> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let page = self.send_query(plan, limit, after).await?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                next => after = next,
            }
        }
    }

    pub(crate) fn listed(&self, name: &str, operation: Operation) -> Result<&Pattern, ReadError> {
        let service = self.matrix.service();
        match self.matrix.pattern(name) {
            Some(pattern) if pattern.operation() == operation => Ok(pattern),
            Some(pattern) => {
                Err(ReadError::failed(format!("{name} of {service} is a {}, not a {}", pattern.operation().name(), operation.name())))
            }
            None => Err(ReadError::failed(format!("{name} is not in the matrix of {service}"))),
        }
    }

    fn only_plan(&self, name: &str, operation: Operation, params: &Params) -> Result<Plan, ReadError> {
        let mut plans = self.listed(name, operation)?.plans(params)?;
        match (plans.pop(), plans.is_empty()) {
            (Some(plan), true) => Ok(plan),
            _ => Err(ReadError::failed(format!("{name} fans out: read it with page or query_all"))),
        }
    }

    fn page_size(&self, name: &str) -> Result<i32, ReadError> {
        let pattern = self
            .matrix
            .pattern(name)
            .ok_or_else(|| ReadError::failed(format!("{name} is not in the matrix of {}", self.matrix.service())))?;
        Ok(pattern.page_size().and_then(|size| i32::try_from(size).ok()).unwrap_or(100))
    }
}

/// The values of the key that a GetItem's plan asks for, in the order of its conditions.
fn asked_key(plan: &Plan) -> Vec<Scalar> {
    plan.conditions.iter().filter_map(|(name, _)| plan.fixed(name).cloned()).collect()
}

/// The same of an item that was found.
fn found_key(plan: &Plan, item: &Item) -> Option<Vec<Scalar>> {
    let value = |(name, _): &(String, _)| match item.get(name)? {
        AttributeValue::S(text) => Some(Scalar::S(text.clone())),
        AttributeValue::N(digits) => Some(Scalar::N(digits.clone())),
        _ => None,
    };
    plan.conditions.iter().map(value).collect()
}

/// An error and what caused it, for those who share it.
fn causes(error: &ReadError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
