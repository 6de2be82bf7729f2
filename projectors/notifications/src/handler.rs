//! The function on the stream of `notifications-log`.

use std::sync::Arc;

use annals_bus::Bus;
use annals_kit::{Clock, Ids};
use annals_lambda::{Account, Metrics};
use annals_log::{Log, LogConfig};
use annals_projection::{Projector, ProjectorDeps};
use annals_reads::Reads;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use lambda_runtime::{Error, LambdaEvent};

/// The name of the service, on the bus and in metrics.
const SERVICE: &str = "notifications";

/// Notifications' projector in `account`, publishing to the bus of this name.
pub fn projector(account: &Account, bus: &str, metrics: Arc<dyn Metrics>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Projector {
    let dynamodb = account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), access_patterns::notifications());
    let log = Log::new(dynamodb.clone(), reads.clone(), LogConfig::new("notifications-log"), clock.clone(), ids.clone());
    let bus = Bus::new(account.events(), bus, SERVICE, ids);
    Projector::new(ProjectorDeps { service: SERVICE, log, reads, dynamodb, bus, metrics, clock })
}

/// Takes in one batch of the log's stream.
pub async fn handle(event: LambdaEvent<Event>, projector: &Projector) -> Result<DynamoDbEventResponse, Error> {
    Ok(projector.handle(event.payload).await)
}
