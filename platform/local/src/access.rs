//! Says what each DynamoDB operation needs of IAM, on which tables.

use serde_json::Value;

use crate::arn;
use crate::iam::Need;
use crate::partiql;
use crate::wire::Answer;

/// What `operation` with this request needs, each once where a transaction needs it for many items. Operations that are not known need what no
/// one but an administrator is given; a statement that cannot be read is refused.
pub(crate) fn needs(operation: &str, request: &Value) -> Result<Vec<Need>, Answer> {
    let mut needs = all_needs(operation, request)?;
    needs.dedup();
    Ok(needs)
}

fn all_needs(operation: &str, request: &Value) -> Result<Vec<Need>, Answer> {
    let table = || arn::name_of(request["TableName"].as_str().unwrap_or_default());
    let list = |member: &str| request[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let keys = |member: &str| request[member].as_object().into_iter().flat_map(|tables| tables.keys());
    Ok(match operation {
        "PutItem" => vec![on_table("dynamodb:PutItem", table())],
        "UpdateItem" => vec![on_table("dynamodb:UpdateItem", table())],
        "DeleteItem" => vec![on_table("dynamodb:DeleteItem", table())],
        "GetItem" => vec![on_table("dynamodb:GetItem", table())],
        "Query" => vec![on_index("dynamodb:Query", table(), request["IndexName"].as_str())],
        "Scan" => vec![on_index("dynamodb:Scan", table(), request["IndexName"].as_str())],
        "BatchGetItem" => keys("RequestItems").map(|table| on_table("dynamodb:BatchGetItem", arn::name_of(table))).collect(),
        "BatchWriteItem" => keys("RequestItems").map(|table| on_table("dynamodb:BatchWriteItem", arn::name_of(table))).collect(),
        "TransactGetItems" => list("TransactItems").iter().map(|item| on_table("dynamodb:GetItem", item_table(&item["Get"]))).collect(),
        "TransactWriteItems" => list("TransactItems").iter().flat_map(transact_item).collect(),
        "ExecuteStatement" => vec![statement(request)?],
        "ExecuteTransaction" => list("TransactStatements").iter().map(statement).collect::<Result<_, _>>()?,
        "BatchExecuteStatement" => list("Statements").iter().map(statement).collect::<Result<_, _>>()?,
        "CreateTable" => vec![on_table("dynamodb:CreateTable", table())],
        "DeleteTable" => vec![on_table("dynamodb:DeleteTable", table())],
        "DescribeTable" => vec![on_table("dynamodb:DescribeTable", table())],
        "UpdateTable" => vec![on_table("dynamodb:UpdateTable", table())],
        "UpdateTimeToLive" => vec![on_table("dynamodb:UpdateTimeToLive", table())],
        "DescribeTimeToLive" => vec![on_table("dynamodb:DescribeTimeToLive", table())],
        "UpdateContinuousBackups" => vec![on_table("dynamodb:UpdateContinuousBackups", table())],
        "PutResourcePolicy" => vec![on_arn("dynamodb:PutResourcePolicy", request)],
        "GetResourcePolicy" => vec![on_arn("dynamodb:GetResourcePolicy", request)],
        "DeleteResourcePolicy" => vec![on_arn("dynamodb:DeleteResourcePolicy", request)],
        "TagResource" => vec![on_arn("dynamodb:TagResource", request)],
        "UntagResource" => vec![on_arn("dynamodb:UntagResource", request)],
        "ListTagsOfResource" => vec![on_arn("dynamodb:ListTagsOfResource", request)],
        "ListTables" => vec![anywhere("dynamodb:ListTables")],
        "ListStreams" => vec![anywhere("dynamodb:ListStreams")],
        "DescribeStream" => vec![on_stream("dynamodb:DescribeStream", request)],
        "GetShardIterator" => vec![on_stream("dynamodb:GetShardIterator", request)],
        "GetRecords" => vec![on_iterator(request)],
        _ => vec![anywhere("dynamodb:*")],
    })
}

/// Whether an operation reads items, so that the read guard is asked.
pub(crate) fn is_guarded_read(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems")
}

/// Whether this action writes items, so that the table's stream may have grown.
pub(crate) fn writes(action: &str) -> bool {
    matches!(
        action,
        "dynamodb:PutItem"
            | "dynamodb:UpdateItem"
            | "dynamodb:DeleteItem"
            | "dynamodb:BatchWriteItem"
            | "dynamodb:PartiQLInsert"
            | "dynamodb:PartiQLUpdate"
            | "dynamodb:PartiQLDelete"
    )
}

/// Whether an operation may have changed which tables and streams there are.
pub(crate) fn changes_tables(operation: &str) -> bool {
    matches!(operation, "CreateTable" | "UpdateTable" | "DeleteTable")
}

fn on_table(action: &'static str, table: &str) -> Need {
    Need { action, resource: arn::table(table), table: Some(table.to_owned()) }
}

fn on_index(action: &'static str, table: &str, index: Option<&str>) -> Need {
    let resource = index.map_or_else(|| arn::table(table), |index| arn::index(table, index));
    Need { action, resource, table: Some(table.to_owned()) }
}

fn on_arn(action: &'static str, request: &Value) -> Need {
    let resource = request["ResourceArn"].as_str().unwrap_or_default().replace(":dynoxide:", &format!(":{}:", arn::REGION));
    let table = resource.split('/').nth(1).map(str::to_owned);
    Need { action, resource, table }
}

fn on_stream(action: &'static str, request: &Value) -> Need {
    let resource = request["StreamArn"].as_str().unwrap_or_default().to_owned();
    let table = resource.split('/').nth(1).map(str::to_owned);
    Need { action, resource, table }
}

/// An iterator begins with its stream's ARN.
fn on_iterator(request: &Value) -> Need {
    let iterator = request["ShardIterator"].as_str().unwrap_or_default();
    on_stream("dynamodb:GetRecords", &serde_json::json!({ "StreamArn": iterator.split('|').next() }))
}

fn anywhere(action: &'static str) -> Need {
    Need { action, resource: "*".to_owned(), table: None }
}

fn item_table(item: &Value) -> &str {
    arn::name_of(item["TableName"].as_str().unwrap_or_default())
}

fn transact_item(item: &Value) -> impl Iterator<Item = Need> {
    const KINDS: [(&str, &str); 4] = [
        ("Put", "dynamodb:PutItem"),
        ("Update", "dynamodb:UpdateItem"),
        ("Delete", "dynamodb:DeleteItem"),
        ("ConditionCheck", "dynamodb:ConditionCheckItem"),
    ];
    KINDS.into_iter().filter_map(move |(kind, action)| item.get(kind).map(|item| on_table(action, item_table(item))))
}

fn statement(request: &Value) -> Result<Need, Answer> {
    let touched = partiql::touched(request["Statement"].as_str().unwrap_or_default())
        .ok_or_else(|| Answer::refused("ValidationException", "Statement wasn't well formed, can't be processed"))?;
    Ok(on_index(touched.action, arn::name_of(&touched.table), touched.index.as_deref()))
}
