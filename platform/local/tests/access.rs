//! Who may do what: identity policies, resource policies, the read guard.

mod support;

use std::sync::Arc;

use annals_local::{Config, Local, ReadGuard, Store};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, Put, PutRequest, TransactWriteItem, WriteRequest};
use serde_json::json;
use support::{config, dynamodb, role, table};

const LOG: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/log";

/// Commands may insert by PartiQL and read; the log's own policy denies changes to all but break-glass.
fn guarded() -> Config {
    let mut config = config(Store::Memory);
    let commands = json!([
        { "Effect": "Allow", "Action": ["dynamodb:PartiQLInsert", "dynamodb:GetItem", "dynamodb:Query"], "Resource": LOG },
    ]);
    config.roles.push(role("commands", commands));
    config.roles.push(role("everything-on-tables", json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": format!("{LOG}*") })));
    config.roles.push(role("break-glass", json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" })));
    let deny = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "AppendOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQLUpdate",
                       "dynamodb:PartiQLDelete", "dynamodb:UpdateTimeToLive", "dynamodb:DeleteTable", "dynamodb:PutResourcePolicy"],
            "Resource": [LOG],
            "Condition": { "ArnNotEquals": { "aws:PrincipalArn": "arn:aws:iam::000000000000:role/break-glass" } }
        }]
    });
    config.resource_policies = vec![("log".to_owned(), deny)];
    config
}

fn key() -> [(String, AttributeValue); 2] {
    ["PK", "SK"].map(|name| (name.to_owned(), AttributeValue::S("x".to_owned())))
}

/// The code and message a call was refused with.
fn refused<T, E: ProvideErrorMetadata + std::error::Error + 'static, R: std::fmt::Debug>(
    result: Result<T, SdkError<E, R>>,
) -> (String, String) {
    let error = result.err().expect("the call was refused");
    let text = format!("{}", DisplayErrorContext(&error));
    (error.code().map_or(text, str::to_owned), error.message().unwrap_or_default().to_owned())
}

async fn attempts(client: &aws_sdk_dynamodb::Client) -> Vec<(String, String)> {
    let item = || Some(key().into());
    let put = PutRequest::builder().set_item(item()).build().unwrap();
    let write = TransactWriteItem::builder().put(Put::builder().table_name("log").set_item(item()).build().unwrap()).build();
    vec![
        refused(client.put_item().table_name("log").set_item(item()).send().await),
        refused(client.update_item().table_name("log").set_key(item()).send().await),
        refused(client.delete_item().table_name("log").set_key(item()).send().await),
        refused(client.batch_write_item().request_items("log", vec![WriteRequest::builder().put_request(put).build()]).send().await),
        refused(client.transact_write_items().transact_items(write).send().await),
        refused(client.execute_statement().statement("UPDATE \"log\" SET a = 1 WHERE PK = 'x' AND SK = 'x'").send().await),
        refused(client.execute_statement().statement("DELETE FROM \"log\" WHERE PK = 'x' AND SK = 'x'").send().await),
        refused(client.delete_table().table_name("log").send().await),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_command_role_inserts_and_reads_and_can_do_nothing_else() {
    let local = Local::open(guarded()).await.unwrap();
    let client = dynamodb(&local, "commands");
    client.execute_statement().statement("INSERT INTO \"log\" VALUE {'PK': 'a', 'SK': '1'}").send().await.unwrap();
    let query = client
        .query()
        .table_name("log")
        .key_condition_expression("PK = :pk")
        .expression_attribute_values(":pk", AttributeValue::S("a".into()));
    assert_eq!(query.send().await.unwrap().count(), 1);
    for (code, message) in attempts(&client).await {
        assert_eq!(code, "AccessDeniedException", "{message}");
        assert!(message.ends_with("with an explicit deny in a resource-based policy"), "{message}");
    }
    let (code, message) = refused(client.scan().table_name("log").send().await);
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        message,
        "User: arn:aws:sts::000000000000:assumed-role/commands/local is not authorized to perform: dynamodb:Scan on resource: \
         arn:aws:dynamodb:eu-west-1:000000000000:table/log because no identity-based policy allows the dynamodb:Scan action"
    );
    let (code, _) = refused(client.execute_statement().statement("INSERT INTO \"rows\" VALUE {'PK': 'a', 'SK': '1'}").send().await);
    assert_eq!(code, "AccessDeniedException", "another table");
}

#[tokio::test(start_paused = true)]
async fn a_resource_policys_deny_wins_over_any_allow_but_for_the_role_it_excepts() {
    let local = Local::open(guarded()).await.unwrap();
    for (code, _) in attempts(&dynamodb(&local, "everything-on-tables")).await {
        assert_eq!(code, "AccessDeniedException");
    }
    dynamodb(&local, "break-glass").put_item().table_name("log").set_item(Some(key().into())).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unknown_credentials_are_no_caller() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let stranger = aws_sdk_dynamodb::config::Credentials::new("AKIASTRANGER", "secret", None, None, "test");
    let client =
        aws_sdk_dynamodb::Client::from_conf(dynamodb(&local, "admin").config().to_builder().credentials_provider(stranger).build());
    assert_eq!(refused(client.list_tables().send().await).0, "UnrecognizedClientException");
}

struct OnlyKnownQueries;

impl ReadGuard for OnlyKnownQueries {
    fn admit(&self, operation: &str, request: &serde_json::Value) -> Result<(), String> {
        if operation == "Query" && request["Limit"].is_number() { Ok(()) } else { Err(format!("{operation} is not declared")) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_read_guard_is_asked_for_every_read_but_an_administrators() {
    let mut config = config(Store::Memory);
    config.read_guard = Some(Arc::new(OnlyKnownQueries));
    config.roles.push(role("reader", json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": [LOG, format!("{LOG}/index/*")] })));
    let local = Local::open(config).await.unwrap();
    let query = |client: &aws_sdk_dynamodb::Client| {
        let query = client.query().table_name("log").key_condition_expression("PK = :pk");
        query.expression_attribute_values(":pk", AttributeValue::S("a".to_owned()))
    };
    let (reader, admin) = (dynamodb(&local, "reader"), dynamodb(&local, "admin"));
    query(&reader).limit(3).send().await.unwrap();
    assert_eq!(refused(query(&reader).send().await), ("ValidationException".to_owned(), "Query is not declared".to_owned()));
    assert_eq!(refused(reader.scan().table_name("log").limit(1).send().await).1, "Scan is not declared");
    admin.scan().table_name("log").send().await.unwrap();
}

#[tokio::test]
async fn a_policy_this_evaluator_does_not_know_is_refused_at_the_start() {
    for statement in [
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } }),
        json!({ "Effect": "Allow", "Action": "*", "NotAction": "x", "Resource": "*" }),
        json!({ "Effect": "Maybe", "Action": "*", "Resource": "*" }),
    ] {
        let mut config = config(Store::Memory);
        config.roles.push(role("odd", statement));
        assert!(Local::open(config).await.err().unwrap().to_string().contains("a policy of role odd"));
    }
    let mut config = config(Store::Memory);
    config.tables.push(table("more"));
    assert!(Local::open(config).await.is_ok());
}
