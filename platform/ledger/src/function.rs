//! The ledger's functions, the same for every service: the one on the log's stream, the signer's, and the one that serves proofs.

use std::sync::Arc;

use access_patterns::Matrix;
use annals_kit::Generation;
use annals_lambda::http::{Problem, Response};
use annals_lambda::machine::MachineClock;
use annals_lambda::web::TcpWeb;
use annals_lambda::{Account, Host, Metric, Metrics, causes, variable};
use annals_log::{Log, LogConfig};
use annals_reads::Reads;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::checkpoint::{LedgerKey, Origin};
use crate::feed::LedgerFeed;
use crate::objects::{Directory, Objects, VERIFIER_KEY, checkpoint_path};
use crate::records;
use crate::sequencer::Sequencer;
use crate::signer::{SignError, Signer};
use crate::table::LedgerTable;
use crate::tree::tile_of;

/// The ledger table `name` on `host`.
pub fn table(host: &Host, name: &'static str, matrix: Arc<Matrix>) -> LedgerTable {
    let dynamodb = host.account.dynamodb();
    LedgerTable::new(dynamodb.clone(), Reads::new(dynamodb, matrix), name)
}

/// The sequencer of the ledger table `name` on `host`.
pub fn sequencer(host: &Host, name: &'static str, matrix: Arc<Matrix>) -> Sequencer {
    Sequencer::new(table(host, name, matrix), host.clock.clone(), host.ids.clone())
}

/// What feeds the ledger table `name` from the log `log` on `host`, for the reconciler.
pub fn feed(host: &Host, name: &'static str, log: &'static str, matrix: Arc<Matrix>) -> LedgerFeed {
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), matrix.clone());
    let log = Log::new(dynamodb, reads, LogConfig::new(log), host.clock.clone(), host.ids.clone());
    LedgerFeed::new(sequencer(host, name, matrix), log, host.clock.clone())
}

/// Sequences one batch of the log's stream. What is not sequenced comes again, as a whole: what was is known then.
pub async fn sequence(event: LambdaEvent<Event>, sequencer: &Sequencer) -> Result<DynamoDbEventResponse, Error> {
    let delivered = records::facts(event.payload);
    let mut response = DynamoDbEventResponse::default();
    if let Err(error) = sequencer.sequence(&delivered).await {
        tracing::error!(error = causes(&error), "a batch was not sequenced");
        // Longer is larger: sequence numbers have no leading zeros.
        let lowest = delivered.into_iter().map(|one| one.record).min_by_key(|record| (record.len(), record.clone()));
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = lowest;
        response.batch_item_failures.push(failure);
    }
    Ok(response)
}

/// A signer and where it counts.
pub struct SignerDeps {
    service: &'static str,
    signer: Signer,
    metrics: Arc<dyn Metrics>,
}

impl SignerDeps {
    /// The signer of `service`'s ledger in the table `name`.
    pub fn new(
        host: &Host,
        service: &'static str,
        name: &'static str,
        matrix: Arc<Matrix>,
        objects: Arc<dyn Objects>,
        key: LedgerKey,
    ) -> Self {
        Self { service, signer: Signer::new(table(host, name, matrix), objects, key), metrics: host.metrics.clone() }
    }
}

/// What a signer of `service` finds in a Lambda function's environment: `ANNALS_LEDGER_ORIGIN`, the host that names the ledger;
/// `ANNALS_LEDGER_GENERATION`; `ANNALS_LEDGER_KEY`, its secret key; `ANNALS_LEDGER_OBJECTS`, `s3://<bucket>/<folder>` or a directory.
pub fn signer_settings(service: &str) -> Result<(Arc<dyn Objects>, LedgerKey), Error> {
    let generation = Generation(variable("ANNALS_LEDGER_GENERATION")?.parse()?);
    let origin = Origin::new(&variable("ANNALS_LEDGER_ORIGIN")?, service, generation);
    let key = LedgerKey::from_text(origin, &variable("ANNALS_LEDGER_KEY")?)?;
    Ok((objects(variable("ANNALS_LEDGER_OBJECTS")?)?, key))
}

/// The objects at a place: in a bucket, which is reached as the function's role, or in a directory.
fn objects(place: String) -> Result<Arc<dyn Objects>, Error> {
    if !Bucket::is_one(&place) {
        return Ok(Arc::new(Directory::new(place.into())));
    }
    let bucket = Bucket::at(&place, Arc::new(TcpWeb::to_aws()?), Account::from_env()?, Arc::new(MachineClock));
    Ok(Arc::new(bucket.ok_or_else(|| format!("ANNALS_LEDGER_OBJECTS is {place}: s3://<bucket>/<folder> is what a bucket is written as"))?))
}

/// Signs what is new. A refusal is an alarm, and no error: trying again would not help.
pub async fn sign(_: LambdaEvent<Value>, deps: &SignerDeps) -> Result<Value, Error> {
    match deps.signer.sign().await {
        Ok(signed) => {
            deps.metrics.count(deps.service, Metric::LedgerSigned, 1, "");
            Ok(json!({ "size": signed.head.map_or(0, |head| head.size), "entries": signed.entries }))
        }
        Err(refused @ SignError::Refused { .. }) => {
            deps.metrics.count(deps.service, Metric::LedgerRefused, 1, &refused.to_string());
            Ok(json!({ "refused": refused.to_string() }))
        }
        Err(error) => Err(error.into()),
    }
}

/// Serves the newest checkpoint, tiles and the verifier key: `GET /ledger/<service>/{path+}`. They hold hashes, and nothing of a tenant.
pub async fn serve(event: LambdaEvent<ApiGatewayV2httpRequest>, objects: &Arc<dyn Objects>) -> Result<Response, Error> {
    let asked = event.payload.path_parameters.get("path").map_or("", String::as_str);
    let (path, content_type, lifetime) = match asked {
        "checkpoint" => match objects.newest_checkpoint().await? {
            Some(size) => (checkpoint_path(size), "text/plain; charset=utf-8", "no-cache"),
            None => return Ok(Problem::not_found("checkpoint yet").response()),
        },
        VERIFIER_KEY => (VERIFIER_KEY.to_owned(), "text/plain; charset=utf-8", "no-cache"),
        tile if tile_of(tile).is_some() => (tile.to_owned(), "application/octet-stream", "public, max-age=31536000, immutable"),
        _ => return Ok(Problem::not_found("object of the ledger").response()),
    };
    let Some(bytes) = objects.read(&path).await? else { return Ok(Problem::not_found("object of the ledger").response()) };
    let mut response = Response::default();
    response.status_code = 200;
    response.headers.insert("content-type", content_type.parse()?);
    response.headers.insert("cache-control", lifetime.parse()?);
    response.is_base64_encoded = content_type == "application/octet-stream";
    response.body = Some(match response.is_base64_encoded {
        true => Body::Binary(bytes),
        false => Body::Text(String::from_utf8(bytes)?),
    });
    Ok(response)
}
