//! Hands messages to send-email, as an SQS event source mapping does: several at a time, shown again where nothing was heard in time.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::Clock;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Context, LambdaEvent};
use notifications_service::send_email;
use serde_json::json;

use crate::bus::Message;
use crate::faults::Fault;
use crate::world::World;

/// How long a received message is hidden.
const VISIBILITY: u64 = 30_000;
/// How long the function may take.
const TIMEOUT: i64 = 10_000;

/// One poller, for ever.
pub async fn run(world: Arc<World>, poller: u64) {
    let mut turn = poller << 32;
    loop {
        turn += 1;
        let now = world.clock.elapsed();
        let early = world.network.faults.fires(Fault::VisibilityExpired, ("visibility", "send-email", turn), now);
        let batch = world.network.bus.receive(5, now, now + if early { 40 } else { VISIBILITY });
        if batch.is_empty() {
            tokio::select! {
                biased;
                () = world.network.bus.arrivals.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(if world.is_still() { 3600 } else { 1 })) => {}
            }
            continue;
        }
        if world.network.faults.fires(Fault::Redriven, ("redrive", "send-email", turn), now) {
            world.network.bus.redrive(now + 20_000);
        }
        handle(&world, &batch, turn).await;
    }
}

async fn handle(world: &Arc<World>, batch: &[Message], turn: u64) {
    let records: Vec<_> = batch.iter().map(record).collect();
    let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("records are as AWS writes them");
    let mut context = Context::default();
    context.request_id = format!("request-{turn}");
    let deadline = world.clock.now().micros() / 1000 + TIMEOUT;
    context.deadline = u64::try_from(deadline).unwrap_or(0);
    let pick = world.chance.number(&["send-email"], turn);
    let work = |deps: Arc<notifications_service::Deps>| -> crate::functions::Work<_> {
        Box::pin(async move { send_email::handle(LambdaEvent::new(event, context), &deps).await.ok() })
    };
    let invoked = world.send_email.invoke(&world.machine, pick, work);
    let Ok(answer) = tokio::time::timeout(Duration::from_millis(TIMEOUT as u64), invoked).await else { return };
    // Whoever ended says nothing: the messages show again by themselves.
    let Some(Some(answer)) = answer else { return };
    for message in batch {
        let id = format!("message-{}", message.id);
        match answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
            true => world.network.bus.show(message.id, world.clock.elapsed() + (500 << message.receives.min(6))),
            false => world.network.bus.done(message.id),
        }
    }
}

fn record(message: &Message) -> serde_json::Value {
    json!({
        "messageId": format!("message-{}", message.id), "receiptHandle": "r", "body": message.body, "md5OfBody": "", "md5OfMessageAttributes": "",
        "attributes": { "SentTimestamp": (message.sent_at / 1000).to_string(), "ApproximateReceiveCount": message.receives.to_string() },
        "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:send-email", "awsRegion": "eu-west-1",
    })
}
