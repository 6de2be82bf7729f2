//! Sends plans as requests: the only calls of GetItem, BatchGetItem, Query and Scan in the project.

use std::collections::HashMap;

use access_patterns::{Expression, Plan, Scalar};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};

use crate::error::ReadError;
use crate::reads::{Item, ItemPage, Key, Reads};
use crate::retry::with_retry;

/// The most keys a BatchGetItem takes.
pub(crate) const KEYS_PER_CALL: usize = 100;

/// Which part of a table a parallel scan reads: this segment, of so many.
pub(crate) type Segment = Option<(i32, i32)>;

impl Reads {
    pub(crate) async fn send_get(&self, plan: &Plan) -> Result<Option<Item>, ReadError> {
        let projection = plan.projection_expression();
        let request = GetItemInput::builder()
            .table_name(&plan.table)
            .set_key(Some(key(plan)))
            .consistent_read(plan.strong)
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(projection.map(|projection| projection.names.into_iter().collect()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = with_retry(&self.jitter, || self.client.send(request.clone())).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// The items of plans of one pattern, at most [`KEYS_PER_CALL`], each with its own key: in one call, and more for what the answer
    /// leaves unprocessed.
    pub(crate) async fn send_get_many(&self, plans: &[Plan]) -> Result<Vec<Item>, ReadError> {
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        let projection = first.projection_expression();
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(plans.iter().map(key).collect()))
            .consistent_read(first.strong)
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(projection.map(|projection| projection.names.into_iter().collect()))
            .build()
            .map_err(|error| ReadError::failed(error.to_string()))?;
        let mut open = Some(HashMap::from([(first.table.clone(), keys)]));
        let mut items = Vec::with_capacity(plans.len());
        for attempt in 0.. {
            let request =
                BatchGetItemInput::builder().set_request_items(open.take()).return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = with_retry(&self.jitter, || self.client.send(request.clone())).await?;
            answer.consumed_capacity().iter().for_each(|capacity| self.meter.add(Some(capacity)));
            items.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            open = answer.unprocessed_keys.filter(|unprocessed| !unprocessed.is_empty());
            if open.is_none() {
                break;
            }
            // Unprocessed keys are throttled keys.
            self.jitter.wait(attempt).await.ok_or_else(|| ReadError::Busy { source: "keys were left unprocessed".into() })?;
        }
        Ok(items)
    }

    pub(crate) async fn send_query(&self, plan: &Plan, limit: i32, after: Option<Key>) -> Result<ItemPage, ReadError> {
        let condition = plan.key_condition();
        let projection = plan.projection_expression();
        let values = condition.values.iter().map(|(alias, value)| (alias.clone(), attribute(value)));
        let request = QueryInput::builder()
            .table_name(&plan.table)
            .set_index_name(plan.index.clone())
            .key_condition_expression(&condition.text)
            .set_expression_attribute_values(Some(values.collect()))
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(Some(names(&condition, projection.as_ref())))
            .scan_index_forward(!plan.descending)
            .consistent_read(plan.strong)
            .limit(limit)
            .set_exclusive_start_key(after)
            .return_consumed_capacity(if plan.index.is_some() { ReturnConsumedCapacity::Indexes } else { ReturnConsumedCapacity::Total });
        let answer = with_retry(&self.jitter, || self.client.send(request.clone())).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(ItemPage { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    pub(crate) async fn send_scan(&self, plan: &Plan, limit: i32, after: Option<Key>, segment: Segment) -> Result<ItemPage, ReadError> {
        let projection = plan.projection_expression();
        let request = ScanInput::builder()
            .table_name(&plan.table)
            .consistent_read(plan.strong)
            .limit(limit)
            .set_segment(segment.map(|(segment, _)| segment))
            .set_total_segments(segment.map(|(_, of)| of))
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(projection.map(|projection| projection.names.into_iter().collect()))
            .set_exclusive_start_key(after)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = with_retry(&self.jitter, || self.client.send(request.clone())).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(ItemPage { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }
}

/// The key of a GetItem's plan.
pub(crate) fn key(plan: &Plan) -> Key {
    plan.conditions.iter().filter_map(|(name, _)| Some((name.clone(), attribute(plan.fixed(name)?)))).collect()
}

pub(crate) fn attribute(value: &Scalar) -> AttributeValue {
    match value {
        Scalar::S(text) => AttributeValue::S(text.clone()),
        Scalar::N(digits) => AttributeValue::N(digits.clone()),
    }
}

fn names(condition: &Expression, projection: Option<&Expression>) -> HashMap<String, String> {
    condition.names.iter().chain(projection.into_iter().flat_map(|projection| &projection.names)).cloned().collect()
}
