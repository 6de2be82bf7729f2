//! AWS on a loopback port: signatures are checked, the rest is as in process.

mod support;

use annals_local::{Local, Store};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Builder, Credentials};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_async::time::StaticTimeSource;
use support::{config, dynamodb, put};
use tokio::net::TcpListener;

/// 2026-03-01T12:00:00Z, when the account's clock starts.
const START: u64 = 1_772_366_400;

/// Serves an account and returns where.
async fn serve() -> (Local, String) {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = local.clone();
    tokio::spawn(async move { server.serve_aws(listener).await });
    (local, url)
}

/// A client over TCP, signing with a clock that stands still.
fn client(local: &Local, url: &str, change: impl FnOnce(Builder) -> Builder) -> aws_sdk_dynamodb::Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = dynamodb(local, "admin").config().to_builder().endpoint_url(url).http_client(http).retry_config(RetryConfig::disabled());
    aws_sdk_dynamodb::Client::from_conf(change(config.time_source(StaticTimeSource::from_secs(START))).build())
}

async fn refused(client: aws_sdk_dynamodb::Client) -> String {
    client.list_tables().send().await.unwrap_err().into_service_error().code().unwrap().to_owned()
}

#[tokio::test]
async fn signed_requests_are_answered_as_in_process() {
    let (local, url) = serve().await;
    let client = client(&local, &url, |config| config);
    put(&client, "log", "a", "1", "ünï / +\"").await;
    assert_eq!(dynamodb(&local, "admin").scan().table_name("log").send().await.unwrap().count(), 1);
    assert_eq!(client.scan().table_name("log").send().await.unwrap().count(), 1);
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_key_and_an_old_signature_are_refused() {
    let (local, url) = serve().await;
    let signed_with = |key: &'static str, secret: &'static str| {
        client(&local, &url, |config| config.credentials_provider(Credentials::new(key, secret, None, None, "test")))
    };
    assert_eq!(refused(signed_with("AKIAADMIN", "wrong")).await, "InvalidSignatureException");
    assert_eq!(refused(signed_with("AKIASTRANGER", "wrong")).await, "UnrecognizedClientException");
    let signed_at = |seconds: u64| client(&local, &url, |config| config.time_source(StaticTimeSource::from_secs(seconds)));
    assert_eq!(refused(signed_at(START - 16 * 60)).await, "InvalidSignatureException");
    assert_eq!(refused(signed_at(START + 16 * 60)).await, "InvalidSignatureException");
    signed_at(START - 14 * 60).list_tables().send().await.unwrap();
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_local, url) = serve().await;
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream
        .write_all(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n\r\n{}",
        )
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("MissingAuthenticationTokenException"), "{answer}");
}
