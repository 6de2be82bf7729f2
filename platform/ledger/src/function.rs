//! The ledger's functions, the same for every service: the one on the log's stream, the signer's, and the one that serves proofs.

use std::sync::{Arc, Mutex, PoisonError};

use access_patterns::Matrix;
use annals_kit::{Clock, Generation, Timestamp};
use annals_lambda::http::{Problem, Response};
use annals_lambda::machine::MachineClock;
use annals_lambda::web::TcpWeb;
use annals_lambda::{Account, Host, Metric, Metrics, causes, variable};
use annals_log::{Log, LogConfig};
use annals_reads::Reads;
use annals_verify::checkpoint::VerifierKey;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use chrono::TimeDelta;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::checkpoint::{LedgerKey, Origin};
use crate::feed::LedgerFeed;
use crate::objects::{Directory, Objects, VERIFIER_KEY, checkpoint_path};
use crate::proofs::Proofs;
use crate::records;
use crate::sequencer::Sequencer;
use crate::signer::{SignError, Signed, Signer};
use crate::table::LedgerTable;
use crate::tree::tile_of;
use crate::witness::{Witness, WitnessError};

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
    let log = Log::new(dynamodb, reads, LogConfig::new(log).restored(host.generation), host.clock.clone(), host.ids.clone());
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

/// How long an entry may wait to be signed, and a checkpoint for its witness.
const MAY_WAIT: TimeDelta = TimeDelta::minutes(5);

/// A signer, whom it shows what it signs, and where it counts.
pub struct SignerDeps {
    service: &'static str,
    signer: Signer,
    objects: Arc<dyn Objects>,
    key: VerifierKey,
    witness: Option<Witness>,
    /// Since when the witness has taken nothing; `None` while it does.
    unwitnessed: Mutex<Option<Timestamp>>,
    clock: Arc<dyn Clock>,
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
        let (clock, metrics, verifier) = (host.clock.clone(), host.metrics.clone(), key.verifier());
        let signer = Signer::new(table(host, name, matrix), objects.clone(), key);
        Self { service, signer, objects, key: verifier, witness: None, unwitnessed: Mutex::default(), clock, metrics }
    }

    /// The same, showing every checkpoint to `witness`.
    pub fn with_witness(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Counts what has waited too long to be signed.
    fn lateness(&self, signed: &Signed) {
        let waited = signed.oldest.map(|oldest| self.clock.now().since(oldest)).filter(|waited| *waited > MAY_WAIT);
        if let Some(waited) = waited {
            let what = format!("an entry had waited {} s to be signed", waited.num_seconds());
            self.metrics.count(self.service, Metric::LedgerBehind, 1, &what);
        }
    }

    /// Shows the newest checkpoint to the witness. What it has not taken for five minutes, or will not take, is an alarm.
    async fn show(&self) -> Result<(), WitnessError> {
        let Some(witness) = &self.witness else { return Ok(()) };
        let Some(proofs) = Proofs::newest(&*self.objects, &self.key, None).await? else { return Ok(()) };
        let shown = witness.show(&proofs, &*self.objects).await;
        let mut since = self.unwitnessed.lock().unwrap_or_else(PoisonError::into_inner);
        match &shown {
            Ok(()) => *since = None,
            Err(disagrees @ WitnessError::Disagrees { .. }) => {
                self.metrics.count(self.service, Metric::LedgerRefused, 1, &causes(disagrees));
            }
            Err(error) => {
                let waited = self.clock.now().since(*since.get_or_insert(self.clock.now()));
                if waited > MAY_WAIT {
                    let what = format!("no checkpoint was witnessed for {} s: {}", waited.num_seconds(), causes(error));
                    self.metrics.count(self.service, Metric::LedgerBehind, 1, &what);
                }
            }
        }
        shown
    }
}

/// What a signer of `service` finds in a Lambda function's environment: `ANNALS_LEDGER_ORIGIN`, the host that names the ledger;
/// `ANNALS_LEDGER_KEY`, its secret key; `ANNALS_LEDGER_OBJECTS`, `s3://<bucket>/<folder>` or a directory.
pub fn signer_settings(service: &str, generation: Generation) -> Result<(Arc<dyn Objects>, LedgerKey), Error> {
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

/// The same signer, with the witness at `ANNALS_LEDGER_WITNESS`, a submission prefix of C2SP tlog-witness, where there is one.
pub fn witnessed(deps: SignerDeps) -> Result<SignerDeps, Error> {
    match variable("ANNALS_LEDGER_WITNESS") {
        Ok(prefix) if !prefix.is_empty() => Ok(deps.with_witness(Witness::new(Arc::new(TcpWeb::to(&prefix)?), &prefix))),
        _ => Ok(deps),
    }
}

/// Signs what is new. A refusal is an alarm, and no error: trying again would not help.
pub async fn sign(_: LambdaEvent<Value>, deps: &SignerDeps) -> Result<Value, Error> {
    match deps.signer.sign().await {
        Ok(signed) => {
            deps.metrics.count(deps.service, Metric::LedgerSigned, 1, "");
            deps.lateness(&signed);
            let witnessed = deps.show().await;
            let told = witnessed.as_ref().map_or_else(|error| causes(error), |()| "yes".to_owned());
            let size = signed.head.map_or(0, |head| head.size);
            Ok(json!({ "size": size, "entries": signed.entries, "witnessed": deps.witness.as_ref().map(|_| told) }))
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
