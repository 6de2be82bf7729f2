//! The SDKs' requests over a connection: answered, refused, and every way of getting no answer.

use annals_lambda::Account;
use annals_lambda::clients::loopback;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A client of an endpoint on this machine.
fn client(port: u16) -> aws_sdk_dynamodb::Client {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let endpoint = Some(format!("http://127.0.0.1:{port}"));
    Account { endpoint, ..Account::new(loopback(), credentials, "eu-west-1") }.sdk_dynamodb()
}

/// What one read comes to where each connection is answered with these bytes, and closed.
async fn read_answered(answer: &str) -> (Result<Option<String>, SdkError<GetItemError>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let answer = answer.to_owned();
    let served = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let asked = request(&mut connection).await;
        connection.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    let read = get(&client).await;
    (read, served.await.unwrap())
}

async fn get(client: &aws_sdk_dynamodb::Client) -> Result<Option<String>, SdkError<GetItemError>> {
    let answer = client.get_item().table_name("t").key("PK", AttributeValue::S("a".into())).send().await?;
    Ok(answer.item.map(|item| item["PK"].as_s().unwrap().clone()))
}

/// The whole request.
async fn request(connection: &mut TcpStream) -> String {
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    while !read.contains("}}") {
        let length = connection.read(&mut buffer).await.unwrap();
        read += std::str::from_utf8(&buffer[..length]).unwrap();
    }
    read
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_is_read() {
    let (read, asked) = read_answered("HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n{\"Item\":{\"PK\":{\"S\":\"a\"}}}").await;
    assert_eq!(read.unwrap().as_deref(), Some("a"));
    assert!(asked.starts_with("POST / HTTP/1.1\r\n") && asked.ends_with(r#"{"TableName":"t","Key":{"PK":{"S":"a"}}}"#), "{asked}");
    assert!(asked.contains("x-amz-target: DynamoDB_20120810.GetItem") && asked.contains("authorization: AWS4-HMAC-SHA256"), "{asked}");
}

#[tokio::test]
async fn a_refusal_is_the_services_own() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no t"}"#;
    let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (read, _) = read_answered(&answer).await;
    assert!(read.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn no_connection_is_an_error_of_the_network() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert!(matches!(get(&client(port)).await, Err(SdkError::DispatchFailure(failure)) if failure.is_io()));
}

#[tokio::test]
async fn an_answer_that_never_comes_or_is_cut_is_no_refusal() {
    let (closed, _) = read_answered("").await;
    assert!(matches!(closed, Err(SdkError::DispatchFailure(failure)) if failure.is_io()));
    let (cut, _) = read_answered("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"Item\":").await;
    assert!(matches!(cut, Err(SdkError::ResponseError(_) | SdkError::DispatchFailure(_))), "{cut:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_taken_for_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let held = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        request(&mut connection).await;
        std::future::pending::<()>().await;
    });
    assert!(matches!(get(&client).await, Err(SdkError::TimeoutError(_))));
    held.abort();
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let served = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            request(&mut connection).await;
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    });
    for _ in 0..3 {
        assert_eq!(get(&client).await.unwrap(), None);
    }
    served.await.unwrap();
}
