//! Hands a queue's messages to its function, as an SQS event source mapping does: several at a time, shown again where nothing was heard in time.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::Clock;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Context, LambdaEvent};
use notifications_service::{add_to_inbox, send_email};
use serde_json::json;

use crate::bus::{Message, Queue};
use crate::faults::Fault;
use crate::world::World;

/// How long a received message is hidden.
const VISIBILITY: u64 = 30_000;
/// How long the function may take.
const TIMEOUT: i64 = 10_000;

/// One poller of a queue, for ever. Nobody polls an empty queue: a poller waits for what comes, or is shown again.
pub async fn run(world: Arc<World>, queue: Queue, poller: u64) {
    let mut turn = poller << 32;
    loop {
        let now = world.clock.elapsed();
        let (bus, faults) = (&world.network.bus, &world.network.faults);
        let shown = bus.next_shown(queue);
        if shown.is_none_or(|at| at > now) {
            let again = world.clock.instant(shown.unwrap_or(now + 3_600_000));
            tokio::select! {
                biased;
                () = bus.arrivals.notified() => {}
                () = tokio::time::sleep_until(again) => {}
            }
            continue;
        }
        turn += 1;
        let early = faults.fires(Fault::VisibilityExpired, ("visibility", queue.name(), turn), now);
        let batch = bus.receive(queue, 5, now, now + if early { 40 } else { VISIBILITY });
        if faults.fires(Fault::Redriven, ("redrive", queue.name(), turn), now) {
            bus.redrive(queue, now + 20_000);
        }
        handle(&world, queue, &batch, turn).await;
    }
}

async fn handle(world: &Arc<World>, queue: Queue, batch: &[Message], turn: u64) {
    let records: Vec<_> = batch.iter().map(record).collect();
    let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("records are as AWS writes them");
    let mut context = Context::default();
    context.request_id = format!("{}-{turn}", queue.name());
    let deadline = world.clock.now().micros() / 1000 + TIMEOUT;
    context.deadline = u64::try_from(deadline).unwrap_or(0);
    let (pick, event) = (world.chance.number(&[queue.name()], turn), LambdaEvent::new(event, context));
    let invoked = invoke(world, queue, pick, event);
    let Ok(answer) = tokio::time::timeout(Duration::from_millis(TIMEOUT as u64), invoked).await else { return };
    // Whoever ended says nothing: the messages show again by themselves.
    let Some(Some(answer)) = answer else { return };
    for message in batch {
        let id = format!("message-{}", message.id);
        match answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
            true => world.network.bus.show(queue, message.id, world.clock.elapsed() + (500 << message.receives.min(6))),
            false => world.network.bus.done(queue, message.id),
        }
    }
}

/// What the queue's function says; `None` where its environment has ended, or it fails as a whole.
async fn invoke(world: &Arc<World>, queue: Queue, pick: u64, event: LambdaEvent<SqsEvent>) -> Option<Option<SqsBatchResponse>> {
    match queue {
        Queue::SendEmail => {
            let work = |deps: Arc<notifications_service::Deps>| -> crate::functions::Work<_> {
                Box::pin(async move { send_email::handle(event, &deps).await.ok() })
            };
            world.send_email.invoke(&world.machine, pick, work).await
        }
        Queue::AddToInbox => {
            let work = |deps: Arc<notifications_service::InboxDeps>| -> crate::functions::Work<_> {
                Box::pin(async move { add_to_inbox::handle(event, &deps).await.ok() })
            };
            world.add_to_inbox.invoke(&world.machine, pick, work).await
        }
    }
}

fn record(message: &Message) -> serde_json::Value {
    json!({
        "messageId": format!("message-{}", message.id), "receiptHandle": "r", "body": message.body, "md5OfBody": "", "md5OfMessageAttributes": "",
        "attributes": { "SentTimestamp": (message.sent_at / 1000).to_string(), "ApproximateReceiveCount": message.receives.to_string() },
        "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:notifications", "awsRegion": "eu-west-1",
    })
}
