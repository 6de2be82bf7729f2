//! Sends one plan as one request: the only calls of GetItem, Query and Scan in the project.

use std::collections::HashMap;

use access_patterns::{Expression, Plan, Scalar};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use crate::error::ReadError;
use crate::reads::{Item, ItemPage, Key, Reads};
use crate::retry::with_retry;

/// Which part of a table a parallel scan reads: this segment, of so many.
pub(crate) type Segment = Option<(i32, i32)>;

impl Reads {
    pub(crate) async fn send_get(&self, plan: &Plan) -> Result<Option<Item>, ReadError> {
        let projection = plan.projection_expression();
        let key = plan.conditions.iter().filter_map(|(name, _)| Some((name.clone(), attribute(plan.fixed(name)?))));
        let request = self
            .client
            .get_item()
            .table_name(&plan.table)
            .set_key(Some(key.collect()))
            .consistent_read(plan.strong)
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(projection.map(|projection| projection.names.into_iter().collect()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = with_retry(&self.jitter, || request.clone().send()).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(answer.item)
    }

    pub(crate) async fn send_query(&self, plan: &Plan, limit: i32, after: Option<Key>) -> Result<ItemPage, ReadError> {
        let condition = plan.key_condition();
        let projection = plan.projection_expression();
        let values = condition.values.iter().map(|(alias, value)| (alias.clone(), attribute(value)));
        let request = self
            .client
            .query()
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
        let answer = with_retry(&self.jitter, || request.clone().send()).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(ItemPage { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    pub(crate) async fn send_scan(&self, plan: &Plan, limit: i32, after: Option<Key>, segment: Segment) -> Result<ItemPage, ReadError> {
        let projection = plan.projection_expression();
        let request = self
            .client
            .scan()
            .table_name(&plan.table)
            .consistent_read(plan.strong)
            .limit(limit)
            .set_segment(segment.map(|(segment, _)| segment))
            .set_total_segments(segment.map(|(_, of)| of))
            .set_projection_expression(projection.as_ref().map(|projection| projection.text.clone()))
            .set_expression_attribute_names(projection.map(|projection| projection.names.into_iter().collect()))
            .set_exclusive_start_key(after)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = with_retry(&self.jitter, || request.clone().send()).await?;
        self.meter.add(answer.consumed_capacity());
        Ok(ItemPage { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }
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
