//! Routes to functions: the events they get, the answers and refusals clients get, in process and over TCP.

mod support;

use annals_local::{Config, Function, Local, Route, Store};
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use support::{Seen, config, failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn with_routes() -> Config {
    let mut config = config(Store::Memory);
    config.routes = vec![
        Route::new("GET", "/v1/subscriptions/{id}", "read"),
        Route::new("POST", "/v1/subscriptions/{id}", "read").behind("authorizer"),
        Route::new("GET", "/v1/broken-authorizer", "read").behind("broken-authorizer"),
        Route::new("GET", "/v1/failing", "fail"),
        Route::new("GET", "/v1/hanging", "hang"),
        Route::new("ANY", "/files/{path+}", "read"),
    ];
    config
}

async fn open() -> (Local, Seen) {
    let local = Local::open(with_routes()).await.unwrap();
    let (seen, asked) = (Seen::default(), Seen::default());
    let answer = json!({
        "statusCode": 201,
        "headers": { "content-type": "application/json", "etag": "\"3\"" },
        "cookies": ["a=1", "b=2"],
        "body": "aGk=",
        "isBase64Encoded": true
    });
    local.install(seen.function("read", move |_, _| Ok(answer.clone())));
    local.install(asked.function("authorizer", |_, event| {
        let good = event["identitySource"][0] == "Bearer good";
        Ok(json!({ "isAuthorized": good, "context": { "tenant": "acme", "actor": "ada" } }))
    }));
    local.install(Function::new("broken-authorizer", |_, _| async { Ok(json!({ "isAuthorized": "yes" })) }));
    local.install(Seen::default().function("fail", |_, _| Err(failure())));
    local.install(Function::new("hang", |_, _| std::future::pending()));
    (local, seen)
}

fn request(method: &str, uri: &str) -> http::request::Builder {
    Request::builder().method(method).uri(uri)
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_api_gateways_event() {
    let (local, seen) = open().await;
    let sent = request("POST", "/v1/subscriptions/a%2Fb?limit=5&x=1&x=2&name=J%20D")
        .header("Content-Type", "application/json")
        .header("User-Agent", "test")
        .header("Cookie", "s=1; t=2")
        .header("authorization", "Bearer good")
        .body(Bytes::from("{\"a\":1}"));
    local.http(sent.unwrap()).await;
    let event: ApiGatewayV2httpRequest = serde_json::from_value(seen.batches()[0].clone()).unwrap();
    assert_eq!(event.version.as_deref(), Some("2.0"));
    assert_eq!(event.route_key.as_deref(), Some("POST /v1/subscriptions/{id}"));
    assert_eq!(event.path_parameters["id"], "a/b");
    assert_eq!(event.raw_query_string.as_deref(), Some("limit=5&x=1&x=2&name=J%20D"));
    assert_eq!(event.body.as_deref(), Some("{\"a\":1}"));
    assert_eq!(event.headers["content-type"], "application/json");
    assert_eq!(event.cookies, Some(vec!["s=1".to_owned(), "t=2".to_owned()]));
    let raw = &seen.batches()[0];
    assert_eq!(raw["queryStringParameters"], json!({ "limit": "5", "x": "1,2", "name": "J D" }));
    assert_eq!(raw["requestContext"]["authorizer"]["lambda"], json!({ "tenant": "acme", "actor": "ada" }));
    assert_eq!(raw["requestContext"]["time"], "01/Mar/2026:12:00:00 +0000");
    assert_eq!(raw["requestContext"]["timeEpoch"], 1772366400000_u64);
}

#[tokio::test(start_paused = true)]
async fn a_functions_answer_becomes_the_response() {
    let (local, _) = open().await;
    let response = local.http(request("GET", "/v1/subscriptions/s1").body(Bytes::new()).unwrap()).await;
    assert_eq!((response.status(), response.body().as_ref()), (StatusCode::CREATED, &b"hi"[..]));
    assert_eq!(response.headers()["etag"], "\"3\"");
    assert_eq!(response.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_path_and_bodies_that_are_not_text_are_passed_on() {
    let (local, seen) = open().await;
    local.http(request("PUT", "/files/a/b/c").body(Bytes::from_static(&[0xff, 0xfe])).unwrap()).await;
    let event = &seen.batches()[0];
    assert_eq!(event["pathParameters"], json!({ "path": "a/b/c" }));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("//4="), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_problems_without_internals() {
    let (local, seen) = open().await;
    let refused = |request: Request<Bytes>| async {
        let response = local.http(request).await;
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem["status"], response.status().as_u16());
        assert!(!problem.to_string().contains("as planned"));
        let code = problem["type"].as_str().unwrap().strip_prefix("urn:annals:problem:").unwrap();
        assert_eq!(problem["title"], code.replace('-', " "), "the wording of functions");
        (response.status().as_u16(), response.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned()))
    };
    let body = || Bytes::new();
    assert_eq!(refused(request("GET", "/nowhere").body(body()).unwrap()).await, (404, None));
    assert_eq!(refused(request("DELETE", "/v1/subscriptions/1").body(body()).unwrap()).await, (405, Some("GET, POST".to_owned())));
    assert_eq!(refused(request("GET", "/v1/failing").body(body()).unwrap()).await, (500, None));
    assert_eq!(refused(request("GET", "/v1/subscriptions/%ff").body(body()).unwrap()).await, (400, None));
    let large = Bytes::from(vec![b'x'; 1024 * 1024 + 1]);
    assert_eq!(refused(request("POST", "/v1/subscriptions/1").body(large).unwrap()).await, (413, None));
    assert!(seen.batches().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_function_that_runs_out_of_time_may_have_done_its_work() {
    let (local, _) = open().await;
    let response = local.http(request("GET", "/v1/hanging").body(Bytes::new()).unwrap()).await;
    let problem: Value = serde_json::from_slice(response.body()).unwrap();
    let said = "it may or may not have been carried out; ask again with the same Idempotency-Key to find out";
    let expected = json!({ "type": "urn:annals:problem:unknown-outcome", "title": "unknown outcome", "status": 504, "detail": said });
    assert_eq!((response.status(), problem), (StatusCode::GATEWAY_TIMEOUT, expected));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn over_tcp_requests_are_answered_and_large_bodies_refused_and_stopping_ends_the_server() {
    let (local, _) = open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn({
        let local = local.clone();
        async move { local.serve_http(listener).await }
    });
    let exchange = |request: Vec<u8>| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let ok = exchange(b"GET /v1/subscriptions/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec()).await;
    assert!(ok.starts_with("HTTP/1.1 201 Created\r\n") && ok.ends_with("hi"), "{ok}");
    let length = 1024 * 1024 + 1;
    let mut large =
        format!("POST /v1/subscriptions/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    large.resize(large.len() + length, b'x');
    let refused = exchange(large).await;
    assert!(refused.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{refused}");
    local.stop_serving();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_is_asked_first_and_what_it_finds_out_is_the_functions_only_word_on_who_calls() {
    let (local, seen) = open().await;
    let ask = async |method: &str, path: &str, authorization: &str| {
        let mut request = request(method, path).header("x-annals-tenant", "mallory");
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        local.http(request.body(Bytes::from_static(b"{}")).unwrap()).await.status().as_u16()
    };
    assert_eq!(ask("POST", "/v1/subscriptions/1", "").await, 401);
    assert_eq!(ask("POST", "/v1/subscriptions/1", "Bearer bad").await, 403);
    assert_eq!(ask("GET", "/v1/broken-authorizer", "Bearer good").await, 500);
    assert!(seen.batches().is_empty());
    assert_eq!(ask("POST", "/v1/subscriptions/1", "Bearer good").await, 201);
    let context = &seen.batches()[0]["requestContext"]["authorizer"];
    assert_eq!(context, &json!({ "lambda": { "tenant": "acme", "actor": "ada" } }));
    // A route for anybody says nothing of who calls.
    assert_eq!(ask("GET", "/v1/subscriptions/1", "Bearer good").await, 201);
    assert!(seen.batches()[1]["requestContext"].get("authorizer").is_none());
}
