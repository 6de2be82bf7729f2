//! Reads are repeated where they were throttled or lost, a bounded number of times, and never otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use annals_reads::{Params, ReadError, Reads};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// What the database says to one attempt.
#[derive(Clone, Copy, Debug)]
enum Says {
    Nothing,
    Refused(u16, &'static str),
    Found,
}

/// Answers attempts in turn; the last answer stays.
#[derive(Clone, Debug)]
struct Script {
    says: Arc<Vec<Says>>,
    attempts: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let at = self.attempts.fetch_add(1, Ordering::SeqCst).min(self.says.len() - 1);
        self.requests.lock().unwrap().push(String::from_utf8_lossy(request.body().bytes().unwrap()).into_owned());
        let answer = |status: u16, body: String| HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(match self.says[at] {
            Says::Nothing => Err(ConnectorError::io("connection reset".into())),
            Says::Refused(status, code) => {
                Ok(answer(status, format!("{{\"__type\":\"com.amazonaws.dynamodb.v20120810#{code}\",\"message\":\"no\"}}")))
            }
            Says::Found => Ok(answer(200, "{\"Item\":{\"PK\":{\"S\":\"SUB#1\"}}}".to_owned())),
        })
    }
}

async fn attempts(says: &[Says]) -> (Result<bool, ReadError>, usize, Vec<String>) {
    let script = Script { says: Arc::new(says.to_vec()), attempts: Arc::default(), requests: Arc::default() };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(script.clone())
        .build();
    let reads = Reads::new(aws_sdk_dynamodb::Client::from_conf(config), access_patterns::billing()).with_jitter_seed(1);
    let found = reads.get_item("get_subscription", &Params::new().text("id", "1")).await.map(|item| item.is_some());
    let requests = script.requests.lock().unwrap().clone();
    (found, script.attempts.load(Ordering::SeqCst), requests)
}

const THROTTLED: Says = Says::Refused(400, "ProvisionedThroughputExceededException");

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_repeated_until_it_is_answered() {
    let (found, attempts, requests) = attempts(&[THROTTLED, Says::Refused(400, "ThrottlingException"), Says::Nothing, Says::Found]).await;
    assert!(found.unwrap());
    assert_eq!(attempts, 4);
    assert!(requests.windows(2).all(|pair| pair[0] == pair[1]), "each attempt asks the same");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_stays_throttled_is_busy() {
    let (found, attempts, _) = attempts(&[THROTTLED]).await;
    assert!(matches!(found, Err(ReadError::Busy { .. })), "{found:?}");
    assert_eq!(attempts, 5);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_is_a_failure_with_its_cause() {
    for says in [Says::Nothing, Says::Refused(500, "InternalServerError")] {
        let (found, attempts, _) = attempts(&[says]).await;
        assert!(matches!(found, Err(ReadError::Failed { .. })), "{found:?}");
        assert_eq!(attempts, 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_repeated() {
    for code in ["ResourceNotFoundException", "ValidationException", "AccessDeniedException"] {
        let (found, attempts, _) = attempts(&[Says::Refused(400, code), Says::Found]).await;
        assert!(matches!(found, Err(ReadError::Failed { .. })), "{found:?}");
        assert_eq!(attempts, 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_none_reads_nothing() {
    let script = Script { says: Arc::new(vec![Says::Found]), attempts: Arc::default(), requests: Arc::default() };
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).http_client(script.clone()).build();
    let reads = Reads::new(aws_sdk_dynamodb::Client::from_conf(config), access_patterns::billing());
    for id in ["", "a#b", "a\u{0}", &"a".repeat(10_000)] {
        let found = reads.get_item("get_subscription", &Params::new().text("id", id)).await;
        let Err(ReadError::BadParameter { name, reason }) = found else { panic!("{found:?}") };
        assert_eq!((name.as_str(), reason.as_str()), ("id", "must be 1 to 80 of A-Z a-z 0-9 _ -"));
    }
    assert_eq!(script.attempts.load(Ordering::SeqCst), 0);
}
