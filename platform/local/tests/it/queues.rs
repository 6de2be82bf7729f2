//! Queues through SQS's own API, by the real SDK: in process and, signed, over loopback.

use std::sync::Arc;
use std::time::Duration;

use annals_local::{Config, Local, Queue, QueueMapping, Store};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{Seen, config, role};

fn queues(store: Store) -> Config {
    let mut config = config(store);
    let mut mail = Queue::new("mail", Some("letters"));
    mail.max_receive_count = 2;
    config.queues = vec![Queue::new("letters", None), mail, Queue::new("other", None)];
    config
}

async fn open() -> Local {
    Local::open(queues(Store::Memory)).await.unwrap()
}

fn client(local: &Local, role: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(local.credentials(role).unwrap())
        .http_client(local.http_client());
    Client::from_conf(config.build())
}

fn url(queue: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/000000000000/{queue}")
}

async fn send(client: &Client, queue: &str, body: &str) -> String {
    client.send_message().queue_url(url(queue)).message_body(body).send().await.unwrap().message_id.unwrap()
}

async fn receive(client: &Client, queue: &str) -> Vec<Message> {
    let asked = client.receive_message().queue_url(url(queue)).max_number_of_messages(10).wait_time_seconds(0);
    let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All).message_attribute_names("All");
    asked.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

async fn counts(client: &Client, queue: &str) -> [String; 3] {
    let asked = client.get_queue_attributes().queue_url(url(queue)).attribute_names(QueueAttributeName::All);
    let said = asked.send().await.unwrap().attributes.unwrap();
    use QueueAttributeName::*;
    [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, ApproximateNumberOfMessagesDelayed].map(|name| said[&name].clone())
}

/// The code of a refusal, in SQS's older names, by which SDKs tell them apart.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata, R>(answer: Result<T, aws_sdk_sqs::error::SdkError<E, R>>) -> String {
    match answer {
        Ok(answer) => panic!("was not refused: {answer:?}"),
        Err(error) => error.as_service_error().and_then(|error| error.code()).unwrap().to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_received_hidden_and_deleted() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let attribute = |kind: &str, text: &str| MessageAttributeValue::builder().data_type(kind).string_value(text).build().unwrap();
    let binary = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([1, 2])).build().unwrap();
    let sent = sqs.send_message().queue_url(url("mail")).message_body("hello");
    let sent = sent.message_attributes("kind", attribute("String", "x")).message_attributes("bytes", binary).send().await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    // Computed with SQS's published algorithm by a program of its own.
    assert_eq!(sent.md5_of_message_attributes(), Some("af9952831e44d08e5bd077da2b595aad"));
    let received = receive(&sqs, "mail").await;
    let message = &received[0];
    assert_eq!(
        (message.message_id(), message.body(), message.md5_of_body()),
        (sent.message_id(), Some("hello"), sent.md5_of_message_body())
    );
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["kind"].string_value(), Some("x"));
    assert_eq!(attributes["bytes"].binary_value().unwrap().as_ref(), [1, 2]);
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::SentTimestamp], "1772366400000");
    assert_eq!(counts(&sqs, "mail").await, ["0", "1", "0"]);
    assert!(receive(&sqs, "mail").await.is_empty());
    sqs.delete_message().queue_url(url("mail")).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(counts(&sqs, "mail").await, ["0", "0", "0"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_attributes_asked_for_come_back() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let attribute = || MessageAttributeValue::builder().data_type("Number").string_value("1").build().unwrap();
    let sent = sqs.send_message().queue_url(url("mail")).message_body("x").message_attributes("a.b", attribute());
    sent.message_attributes("c", attribute()).send().await.unwrap();
    let asked = sqs.receive_message().queue_url(url("mail")).message_attribute_names("a.*").visibility_timeout(0);
    let message = asked.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.message_attributes().unwrap().keys().collect::<Vec<_>>(), ["a.b"]);
    assert!(message.attributes().is_none());
    let plain = sqs.receive_message().queue_url(url("mail")).send().await.unwrap().messages.unwrap().remove(0);
    assert!(plain.message_attributes().is_none() && plain.attributes().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_the_first_message_or_with_its_time() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let poll = |seconds| sqs.receive_message().queue_url(url("mail")).wait_time_seconds(seconds).send();
    let began = Instant::now();
    assert!(poll(20).await.unwrap().messages.is_none());
    assert_eq!(began.elapsed().as_secs(), 20);
    let (received, _) = tokio::join!(poll(20), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        send(&sqs, "mail", "late").await
    });
    assert_eq!((bodies(&received.unwrap().messages.unwrap()), began.elapsed().as_secs()), (vec!["late"], 25));
    // One that becomes visible while the poll waits.
    sqs.send_message().queue_url(url("other")).message_body("delayed").delay_seconds(7).send().await.unwrap();
    assert_eq!(counts(&sqs, "other").await, ["0", "0", "1"]);
    let received = sqs.receive_message().queue_url(url("other")).wait_time_seconds(20).send().await.unwrap();
    assert_eq!((bodies(&received.messages.unwrap()), began.elapsed().as_secs()), (vec!["delayed"], 32));
}

#[tokio::test(start_paused = true)]
async fn visibility_can_be_changed_and_too_many_receives_end_in_the_dead_letter_queue() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let id = send(&sqs, "mail", "poison").await;
    let change = |receipt: String, seconds| {
        sqs.change_message_visibility().queue_url(url("mail")).receipt_handle(receipt).visibility_timeout(seconds).send()
    };
    let first = receive(&sqs, "mail").await.remove(0).receipt_handle.unwrap();
    change(first.clone(), 0).await.unwrap();
    assert_eq!(code(change(first, 0).await), "AWS.SimpleQueueService.MessageNotInflight");
    let second = receive(&sqs, "mail").await.remove(0);
    assert_eq!(second.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "2");
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(receive(&sqs, "mail").await.is_empty());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(receive(&sqs, "mail").await.is_empty(), "it was received twice: the third time it is a dead letter");
    let letter = receive(&sqs, "letters").await.remove(0);
    let system = letter.attributes().unwrap();
    assert_eq!(letter.message_id(), Some(&*id));
    assert_eq!(system[&MessageSystemAttributeName::DeadLetterQueueSourceArn], "arn:aws:sqs:eu-west-1:000000000000:mail");
    assert_eq!(system[&MessageSystemAttributeName::SentTimestamp], "1772366400000", "its age counts from the first enqueueing");
}

#[tokio::test(start_paused = true)]
async fn retention_counts_on_in_the_dead_letter_queue() {
    let mut config = queues(Store::Memory);
    config.queues[1].visibility_timeout = Duration::ZERO;
    let local = Local::open(config).await.unwrap();
    let sqs = client(&local, "admin");
    send(&sqs, "mail", "old").await;
    tokio::time::advance(Duration::from_secs(3 * 86_400)).await;
    for _ in 0..3 {
        receive(&sqs, "mail").await;
    }
    assert_eq!(counts(&sqs, "letters").await, ["1", "0", "0"]);
    tokio::time::advance(Duration::from_secs(86_399)).await;
    assert_eq!(counts(&sqs, "letters").await, ["1", "0", "0"]);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(counts(&sqs, "letters").await, ["0", "0", "0"], "four days after it was first sent");
}

#[tokio::test(start_paused = true)]
async fn batches_succeed_and_fail_entry_by_entry() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let entry = |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let answer =
        sqs.send_message_batch().queue_url(url("mail")).entries(entry("a", "1")).entries(entry("b", "\u{1}")).entries(entry("c", "3"));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.successful().iter().map(|one| one.id()).collect::<Vec<_>>(), ["a", "c"]);
    let failed = &answer.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("b", "InvalidMessageContents", true));
    let received = receive(&sqs, "mail").await;
    assert_eq!(bodies(&received), ["1", "3"]);
    let receipts: Vec<_> = received.iter().map(|message| message.receipt_handle().unwrap()).collect();
    let show = |id: &str, receipt: &str| {
        ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(receipt).visibility_timeout(0).build().unwrap()
    };
    let answer =
        sqs.change_message_visibility_batch().queue_url(url("mail")).entries(show("a", receipts[0])).entries(show("b", "nonsense"));
    let answer = answer.send().await.unwrap();
    assert_eq!((answer.successful()[0].id(), answer.failed()[0].code()), ("a", "ReceiptHandleIsInvalid"));
    assert_eq!(bodies(&receive(&sqs, "mail").await), ["1"]);
    let delete = |id: &str, receipt: &str| DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build().unwrap();
    let answer = sqs.delete_message_batch().queue_url(url("mail")).entries(delete("a", receipts[1])).entries(delete("b", "nonsense"));
    let answer = answer.send().await.unwrap();
    assert_eq!((answer.successful()[0].id(), answer.failed()[0].code()), ("a", "ReceiptHandleIsInvalid"));
    assert_eq!(counts(&sqs, "mail").await, ["0", "1", "0"]);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_sqss() {
    let local = open().await;
    let sqs = client(&local, "admin");
    let batch = |ids: &[&str]| {
        let entry = |id: &&str| SendMessageBatchRequestEntry::builder().id(*id).message_body("x".repeat(200_000)).build().unwrap();
        sqs.send_message_batch().queue_url(url("mail")).set_entries(Some(ids.iter().map(entry).collect())).send()
    };
    let missing = sqs.receive_message().queue_url(url("none")).send().await;
    assert!(missing.as_ref().unwrap_err().as_service_error().unwrap().is_queue_does_not_exist());
    assert_eq!(code(missing), "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(code(sqs.get_queue_url().queue_name("none").send().await), "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(code(sqs.receive_message().queue_url(url("mail")).max_number_of_messages(11).send().await), "InvalidParameterValue");
    assert_eq!(code(sqs.receive_message().queue_url(url("mail")).wait_time_seconds(21).send().await), "InvalidParameterValue");
    assert_eq!(code(sqs.send_message().queue_url(url("mail")).message_body("").send().await), "MissingParameter");
    assert_eq!(
        code(sqs.send_message().queue_url(url("mail")).message_body("x".repeat(1024 * 1024 + 1)).send().await),
        "InvalidParameterValue"
    );
    assert_eq!(code(sqs.delete_message().queue_url(url("mail")).receipt_handle("x").send().await), "ReceiptHandleIsInvalid");
    assert_eq!(code(batch(&[]).await), "AWS.SimpleQueueService.EmptyBatchRequest");
    assert_eq!(code(batch(&["a", "a"]).await), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    assert_eq!(code(batch(&["a b"]).await), "AWS.SimpleQueueService.InvalidBatchEntryId");
    assert_eq!(code(batch(&["a", "b", "c", "d", "e", "f"]).await), "AWS.SimpleQueueService.BatchRequestTooLong");
    assert_eq!(
        code(batch(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]).await),
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    );
    let unknown = sqs.get_queue_attributes().queue_url(url("mail")).attribute_names("Colour".into()).send().await;
    assert_eq!(code(unknown), "InvalidAttributeName");
    sqs.purge_queue().queue_url(url("mail")).send().await.unwrap();
    assert_eq!(code(sqs.purge_queue().queue_url(url("mail")).send().await), "AWS.SimpleQueueService.PurgeQueueInProgress");
    tokio::time::advance(Duration::from_secs(60)).await;
    send(&sqs, "mail", "gone").await;
    sqs.purge_queue().queue_url(url("mail")).send().await.unwrap();
    assert_eq!(counts(&sqs, "mail").await, ["0", "0", "0"]);
}

#[tokio::test(start_paused = true)]
async fn queues_are_found_by_name_prefix_and_redrive_policy() {
    let local = open().await;
    let sqs = client(&local, "admin");
    assert_eq!(sqs.get_queue_url().queue_name("mail").send().await.unwrap().queue_url(), Some(&*url("mail")));
    assert_eq!(sqs.list_queues().send().await.unwrap().queue_urls(), [url("letters"), url("mail"), url("other")]);
    assert_eq!(sqs.list_queues().queue_name_prefix("ma").send().await.unwrap().queue_urls(), [url("mail")]);
    let first = sqs.list_queues().max_results(2).send().await.unwrap();
    let rest = sqs.list_queues().max_results(2).next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!((first.queue_urls().len(), rest.queue_urls(), rest.next_token()), (2, &[url("other")][..], None));
    assert_eq!(sqs.list_dead_letter_source_queues().queue_url(url("letters")).send().await.unwrap().queue_urls(), [url("mail")]);
    let asked = sqs.get_queue_attributes().queue_url(url("mail")).attribute_names(QueueAttributeName::RedrivePolicy);
    let said = asked.send().await.unwrap().attributes.unwrap();
    let policy: Value = serde_json::from_str(&said[&QueueAttributeName::RedrivePolicy]).unwrap();
    assert_eq!(
        (said.len(), policy),
        (1, json!({ "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:letters", "maxReceiveCount": 2 }))
    );
}

/// Puts `count` messages into the dead-letter queue of `mail` the way they get there.
async fn bury(sqs: &Client, count: usize) {
    for number in 0..count {
        send(sqs, "mail", &number.to_string()).await;
    }
    for _ in 0..3 {
        while !receive(sqs, "mail").await.is_empty() {}
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    assert_eq!(counts(sqs, "letters").await[0], count.to_string());
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:eu-west-1:000000000000:{queue}")
}

#[tokio::test(start_paused = true)]
async fn a_move_task_takes_dead_letters_back_to_where_they_came_from() {
    let local = open().await;
    let sqs = client(&local, "admin");
    bury(&sqs, 5).await;
    let start = || sqs.start_message_move_task().source_arn(arn("letters")).max_number_of_messages_per_second(2).send();
    let handle = start().await.unwrap().task_handle.unwrap();
    assert_eq!(code(start().await), "AWS.SimpleQueueService.UnsupportedOperation");
    let list = || sqs.list_message_move_tasks().source_arn(arn("letters")).max_results(10).send();
    let task = list().await.unwrap().results.unwrap().remove(0);
    assert_eq!(
        (task.status(), task.task_handle(), task.approximate_number_of_messages_to_move()),
        (Some("RUNNING"), Some(&*handle), Some(5))
    );
    let began = Instant::now();
    local.settle().await;
    assert_eq!(began.elapsed().as_secs(), 2, "two a second");
    let task = list().await.unwrap().results.unwrap().remove(0);
    assert_eq!((task.status(), task.task_handle(), task.approximate_number_of_messages_moved()), (Some("COMPLETED"), None, 5));
    let received = receive(&sqs, "mail").await;
    assert_eq!(bodies(&received), ["0", "1", "2", "3", "4"]);
    assert_eq!(received[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1", "they are new there");
    let done = sqs.cancel_message_move_task().task_handle(handle).send().await;
    assert_eq!(code(done), "AWS.SimpleQueueService.UnsupportedOperation");
}

#[tokio::test(start_paused = true)]
async fn a_move_task_can_be_cancelled_and_sent_elsewhere_and_refused() {
    let local = open().await;
    let sqs = client(&local, "admin");
    bury(&sqs, 3).await;
    let start = |from: &str, to: &str| sqs.start_message_move_task().source_arn(arn(from)).destination_arn(arn(to)).send();
    let handle = start("letters", "other").await.unwrap().task_handle.unwrap();
    // Nothing runs yet, so nothing was moved.
    let cancelled = sqs.cancel_message_move_task().task_handle(handle).send().await.unwrap();
    assert_eq!(cancelled.approximate_number_of_messages_moved(), 0);
    local.settle().await;
    assert_eq!(counts(&sqs, "letters").await[0], "3");
    start("letters", "other").await.unwrap();
    local.settle().await;
    assert_eq!((counts(&sqs, "letters").await[0].as_str(), bodies(&receive(&sqs, "other").await).len()), ("0", 3));
    assert_eq!(code(start("other", "mail").await), "InvalidParameterValue", "not a dead-letter queue");
    assert_eq!(code(start("none", "mail").await), "ResourceNotFoundException");
    assert_eq!(code(sqs.cancel_message_move_task().task_handle("none").send().await), "ResourceNotFoundException");
    // What was not moved there by a redrive policy has no source to go back to.
    send(&sqs, "letters", "direct").await;
    sqs.start_message_move_task().source_arn(arn("letters")).send().await.unwrap();
    local.settle().await;
    let task = sqs.list_message_move_tasks().source_arn(arn("letters")).send().await.unwrap().results.unwrap().remove(0);
    assert_eq!((task.status(), task.failure_reason()), (Some("FAILED"), Some("CouldNotDetermineMessageSource")));
}

#[tokio::test(start_paused = true)]
async fn a_move_task_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let first = queues(store());
    let clock = first.clock.clone();
    let local = Local::open(first).await.unwrap();
    bury(&client(&local, "admin"), 2).await;
    client(&local, "admin").start_message_move_task().source_arn(arn("letters")).send().await.unwrap();
    drop(local);
    let local = Local::open(Config { clock, ..queues(store()) }).await.unwrap();
    local.settle().await;
    assert_eq!(counts(&client(&local, "admin"), "mail").await[0], "2");
}

#[tokio::test(start_paused = true)]
async fn what_the_api_sends_functions_get_and_faults_break_it() {
    let mut config = queues(Store::Memory);
    config.queue_mappings = vec![QueueMapping::new("send", "mail", "send")];
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |_, _| Ok(json!({}))));
    send(&client(&local, "admin"), "mail", "hello").await;
    local.settle().await;
    assert_eq!(seen.batches()[0]["Records"][0]["body"], "hello");

    struct Throttled;
    impl annals_local::Faults for Throttled {
        fn plan(&self, call: &annals_local::Call<'_>) -> annals_local::Fault {
            if call.service == "sqs" { annals_local::Fault::Throttle } else { annals_local::Fault::None }
        }
    }
    let mut config = queues(Store::Memory);
    config.faults = Some(Arc::new(Throttled));
    let local = Local::open(config).await.unwrap();
    assert_eq!(code(client(&local, "admin").list_queues().send().await), "RequestThrottled");
}

#[tokio::test(start_paused = true)]
async fn iam_is_asked_per_queue_and_operation() {
    let mut config = queues(Store::Memory);
    let may = json!([{ "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"], "Resource": "arn:aws:sqs:*:*:mail" }]);
    config.roles.push(role("sender", may));
    let local = Local::open(config).await.unwrap();
    let sqs = client(&local, "sender");
    send(&sqs, "mail", "allowed").await;
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("allowed").build().unwrap();
    sqs.send_message_batch().queue_url(url("mail")).entries(entry).send().await.unwrap();
    assert_eq!(code(sqs.send_message().queue_url(url("other")).message_body("x").send().await), "AccessDeniedException");
    assert_eq!(code(sqs.purge_queue().queue_url(url("mail")).send().await), "AccessDeniedException");
    assert_eq!(code(sqs.list_queues().send().await), "AccessDeniedException");
    assert_eq!(code(sqs.start_message_move_task().source_arn(arn("letters")).send().await), "AccessDeniedException");
    let receipt = receive(&sqs, "mail").await[0].receipt_handle().unwrap().to_owned();
    assert_eq!(code(sqs.delete_message().queue_url(url("mail")).receipt_handle(receipt).send().await), "AccessDeniedException");
}

#[tokio::test]
async fn over_loopback_requests_are_signed_and_queue_urls_lead_back() {
    let mut config = queues(Store::Memory);
    config.clock = Arc::new(MachineClock);
    let local = Local::open(config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn({
        let local = local.clone();
        async move { local.serve_aws(listener).await }
    });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(&endpoint)
        .credentials_provider(local.credentials("admin").unwrap())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    let sqs = Client::from_conf(config.build());
    let queue = sqs.get_queue_url().queue_name("mail").send().await.unwrap().queue_url.unwrap();
    assert_eq!(queue, format!("{endpoint}/000000000000/mail"));
    sqs.send_message().queue_url(&queue).message_body("over TCP").send().await.unwrap();
    let received = sqs.receive_message().queue_url(&queue).wait_time_seconds(1).send().await.unwrap();
    assert_eq!(bodies(received.messages()), ["over TCP"]);
    local.stop_serving();
    server.await.unwrap();
}

/// By which the SDK signs requests over TCP.
struct MachineClock;

impl annals_kit::Clock for MachineClock {
    fn now(&self) -> annals_kit::Timestamp {
        annals_kit::Timestamp::new(std::time::SystemTime::now().into())
    }
}
