//! Opens the tables of a matrix: in a local AWS of this process, or at the endpoint that the environment names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access_patterns::Matrix;
use annals_kit::{Clock, Timestamp};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, ReadGuard, Role, Store};
use annals_reads::Reads;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region};
use aws_sdk_dynamodb::types as sdk;
use aws_smithy_http_client::tls;
use serde_json::{Value as Json, json};

use crate::meddling::{Meddler, Mutant};

/// The tables of one matrix, empty, and who may do what with them.
pub struct Database {
    pub matrix: Arc<Matrix>,
    pub reads: Reads,
    pub admin: Client,
    /// Ends with the case.
    _local: Option<Local>,
}

/// Whether the tests run against an endpoint that someone named.
pub fn is_elsewhere() -> bool {
    named_endpoint().is_some()
}

/// Whether whoever runs the tests says that the named endpoint lacks something: an old DynamoDB Local has neither
/// `capacity` (it bills no empty answer) nor `partiql` nor `native-keys` (indexes on several attributes). Nothing is left out unasked.
pub fn lacks(what: &str) -> bool {
    is_elsewhere() && std::env::var("ANNALS_TEST_LACKS").is_ok_and(|lacking| lacking.split(',').any(|lack| lack == what))
}

fn named_endpoint() -> Option<String> {
    std::env::var("ANNALS_TEST_DYNAMODB").ok().filter(|endpoint| !endpoint.is_empty())
}

impl Database {
    /// The tables of `matrix`, with nothing broken.
    pub async fn open(matrix: &Arc<Matrix>) -> Self {
        match named_endpoint() {
            Some(endpoint) => Self::elsewhere(&endpoint, matrix).await,
            None => Self::local(matrix, None).await,
        }
    }

    /// The tables of `matrix` in this process, with something broken on the wire or in the tables; no guard refuses it.
    pub async fn broken(matrix: &Arc<Matrix>, mutant: Mutant) -> Self {
        Self::local(matrix, Some(mutant)).await
    }

    async fn local(matrix: &Arc<Matrix>, mutant: Option<Mutant>) -> Self {
        let mut config = Config::new(Store::Memory, Arc::new(Noon), Arc::new(Seeded::new(7)));
        config.tables = matrix.tables().iter().map(|table| table.definition_json()).collect();
        if let Some(mutant) = mutant {
            config.tables.iter_mut().for_each(|table| mutant.table(table));
        }
        let may_read = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"];
        config.roles = vec![role("admin", json!("*")), role("reader", json!(may_read))];
        if mutant.is_none() {
            config.read_guard = Some(Arc::new(Listed(matrix.clone())));
        }
        let local = Local::open(config).await.unwrap();
        let client = |role: &str| {
            let http = Meddler::over(local.http_client(), mutant);
            Client::from_conf(base().credentials_provider(local.credentials(role).unwrap()).http_client(http).build())
        };
        let (admin, reader) = (client("admin"), client("reader"));
        Self { matrix: matrix.clone(), reads: Reads::new(reader, matrix.clone()), admin, _local: Some(local) }
    }

    /// Tables of this case's own at another endpoint. They are deleted by [`Database::close`].
    async fn elsewhere(endpoint: &str, matrix: &Arc<Matrix>) -> Self {
        static CASE: AtomicU64 = AtomicU64::new(0);
        let prefix = format!("annals-test-{}-{}-", std::process::id(), CASE.fetch_add(1, Ordering::Relaxed));
        let matrix = Arc::new(matrix.with_table_prefix(&prefix));
        let variable = |name: &str| std::env::var(name).ok();
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "test".to_owned()),
            variable("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "test".to_owned()),
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let client = Client::from_conf(base().endpoint_url(endpoint).credentials_provider(credentials).http_client(http).build());
        for table in matrix.tables() {
            create(&client, &table.create_table_json()).await;
        }
        Self { reads: Reads::new(client.clone(), matrix.clone()), matrix, admin: client, _local: None }
    }

    /// Removes what the case made.
    pub async fn close(self) {
        if self._local.is_none() {
            for table in self.matrix.tables() {
                self.admin.delete_table().table_name(table.name()).send().await.unwrap();
            }
        }
    }
}

fn base() -> Builder {
    let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .retry_config(RetryConfig::disabled())
}

fn role(name: &str, actions: Json) -> Role {
    Role {
        name: name.to_owned(),
        access_key_id: format!("AKIA{}", name.to_uppercase()),
        secret_access_key: format!("secret of {name}"),
        policies: vec![json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } })],
    }
}

/// Refuses what the matrix does not list.
struct Listed(Arc<Matrix>);

impl ReadGuard for Listed {
    fn admit(&self, operation: &str, request: &Json) -> Result<(), String> {
        self.0.audit(operation, request).map(|_| ()).map_err(|refused| refused.to_string())
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00.000000Z".parse().unwrap()
    }
}

/// Sends a CreateTable request through the SDK. Without deletion protection, stream and warm throughput: these tables go with their case.
async fn create(client: &Client, table: &Json) {
    let elements = |schema: &Json| -> Vec<sdk::KeySchemaElement> {
        let element = |element: &Json| {
            let kind = sdk::KeyType::from(element["KeyType"].as_str().unwrap());
            sdk::KeySchemaElement::builder().attribute_name(element["AttributeName"].as_str().unwrap()).key_type(kind).build().unwrap()
        };
        schema.as_array().unwrap().iter().map(element).collect()
    };
    let definition = |definition: &Json| {
        let kind = sdk::ScalarAttributeType::from(definition["AttributeType"].as_str().unwrap());
        sdk::AttributeDefinition::builder()
            .attribute_name(definition["AttributeName"].as_str().unwrap())
            .attribute_type(kind)
            .build()
            .unwrap()
    };
    let index = |index: &Json| {
        let held = index["Projection"]["NonKeyAttributes"].as_array();
        let projection = sdk::Projection::builder()
            .projection_type(sdk::ProjectionType::from(index["Projection"]["ProjectionType"].as_str().unwrap()))
            .set_non_key_attributes(held.map(|held| held.iter().map(|name| name.as_str().unwrap().to_owned()).collect()))
            .build();
        let index = sdk::GlobalSecondaryIndex::builder()
            .index_name(index["IndexName"].as_str().unwrap())
            .set_key_schema(Some(elements(&index["KeySchema"])));
        index.projection(projection).build().unwrap()
    };
    client
        .create_table()
        .table_name(table["TableName"].as_str().unwrap())
        .set_key_schema(Some(elements(&table["KeySchema"])))
        .set_attribute_definitions(Some(table["AttributeDefinitions"].as_array().unwrap().iter().map(definition).collect()))
        .set_global_secondary_indexes(table["GlobalSecondaryIndexes"].as_array().map(|indexes| indexes.iter().map(index).collect()))
        .billing_mode(sdk::BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    // A condition that the service reports, asked for until it holds: DynamoDB Local is ready at once, AWS within seconds.
    loop {
        let described = client.describe_table().table_name(table["TableName"].as_str().unwrap()).send().await.unwrap();
        let described = described.table.unwrap();
        let indexes_ready =
            described.global_secondary_indexes().iter().all(|index| index.index_status() == Some(&sdk::IndexStatus::Active));
        if described.table_status() == Some(&sdk::TableStatus::Active) && indexes_ready {
            return;
        }
        tokio::task::yield_now().await;
    }
}
