//! Consumes the queue of rules `dunning-started`, `dunning-stopped` and `invoice-marked-uncollectible`: a subscription is past due while
//! an invoice of it is, and ends when one is given up.
//!
//! An event only says that its invoice has changed. How the invoice stands is read from its stream, and read again afterwards: so events
//! may come late, twice, in any order and together, and the last reader leaves the subscription as the invoice is.

use annals_bus::Detail;
use annals_kit::{Actor, CommandId, StreamId, Tenant, Version};
use annals_lambda::{Metric, queue};
use annals_log::{ExecuteError, Expect, Outcome, Request};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use billing::subscription::{FollowInvoice, Standing};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::deps::{Deps, SERVICE};

const FUNCTION: &str = "follow-dunning";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Follows what the messages are about; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &Deps) -> Result<SqsBatchResponse, Error> {
    Ok(queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(follow(message, deps))).await)
}

/// Which invoice an event is about: what the events of dunning have in common.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct About {
    invoice_id: Uuid,
    subscription_id: Uuid,
}

/// Cost: two strong loads of the invoice, one of the subscription, and 1 WCU where the subscription changes.
async fn follow(message: &SqsMessage, deps: &Deps) -> Result<(), BoxError> {
    let event: EventBridgeEvent<Detail> = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    let detail = event.detail;
    let about: About = serde_json::from_value(detail.data.clone().into())?;
    let tenant = &detail.metadata.tenant;
    let mut known = stands(deps, tenant, about.invoice_id).await?;
    while let Some((version, standing)) = known {
        let command = CommandId::derived(tenant, &format!("{FUNCTION}/{}/{version}", about.invoice_id));
        let request = Request::new(tenant, actor(), command, &version.get().to_be_bytes());
        let request = request.because_of(detail.metadata.event_id.clone(), detail.metadata.correlation_id);
        let stream = StreamId::of("SUB", about.subscription_id);
        let command = FollowInvoice { invoice_id: about.invoice_id, standing };
        match deps.subscriptions.execute(&request, &stream, Expect::Existing, &command).await {
            Ok(Outcome::Committed { repeated: false, .. }) => deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION),
            Ok(Outcome::Committed { repeated: true, .. } | Outcome::Unchanged { .. }) => {}
            // An invoice of nothing that is known here: there is nothing to follow, however often it is asked.
            Err(ExecuteError::Refused(refusal)) => tracing::warn!(%stream, %refusal, "refused"),
            Err(error) => return Err(Box::new(error)),
        }
        let now = stands(deps, tenant, about.invoice_id).await?;
        known = now.filter(|(newest, _)| *newest != version);
    }
    Ok(())
}

/// The invoice's newest version and how it stands; `None` where there is none of the tenant's.
async fn stands(deps: &Deps, tenant: &Tenant, invoice: Uuid) -> Result<Option<(Version, Standing)>, BoxError> {
    let loaded = deps.invoices.load(&StreamId::of("INV", invoice)).await?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *tenant);
    Ok(loaded.version().filter(|_| theirs).map(|version| (version, loaded.state.standing())))
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
