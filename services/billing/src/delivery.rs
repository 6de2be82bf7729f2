//! A webhook's body as it was delivered: the ids that it always gives, and where it is kept when nothing takes it in.

use std::sync::Arc;

use annals_answers::{command_problem, internal};
use annals_kit::ids::derived_uuid;
use annals_kit::{CommandId, ProviderId, StreamId, Tenant};
use annals_lambda::http::Problem;
use annals_lambda::metrics::Metric;
use annals_log::{Expect, Outcome, Request, Seal};
use annals_vault::{FieldSeal, KeyError};
use billing::invoice::Notice;
use billing::webhook::{Disposition, KeepWebhook, WebhookKept};
use sha2::{Digest, Sha256};

use crate::answer::note_refusal;
use crate::deps::{SERVICE, WebhookDeps};
use crate::process_webhook::{FUNCTION, actor};
use crate::stripe::StripeEvent;

/// Room for the hash behind the provider's id in a stream's id.
const LONGEST_EVENT_ID: usize = 60;
const LONGEST_TYPE: usize = 80;

/// A validly signed event, and the ids that it always gives.
pub(crate) struct Delivery<'a> {
    pub(crate) event: StripeEvent,
    body: &'a [u8],
    pub(crate) tenant: &'a Tenant,
    digest: String,
}

/// What became of it: the outcome, the stream and its version.
pub(crate) type Taken = (&'static str, String, Option<u64>);

impl<'a> Delivery<'a> {
    pub(crate) fn parse(body: &'a [u8], tenant: &'a Tenant) -> Result<Self, Problem> {
        let event: StripeEvent = serde_json::from_slice(body)
            .map_err(|error| Problem::new(400, "malformed", format!("the body is not a Stripe event: line {}", error.line())))?;
        let fits = event.id.as_str().len() <= LONGEST_EVENT_ID && (1..=LONGEST_TYPE).contains(&event.event_type.len());
        if !fits || event.event_type.chars().any(char::is_control) || event.at().is_none() {
            return Err(Problem::new(400, "malformed", "the body is not a Stripe event: id, type or created is out of bounds"));
        }
        let digest = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { event, body, tenant, digest })
    }

    /// What names this delivery: Stripe's event ids are unique, but not where they were anonymised.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", self.event.id, self.event.event_type, self.event.object_id())
    }

    pub(crate) fn request(&self, purpose: &str, seal: Option<Arc<dyn Seal>>) -> Request {
        let command = CommandId::derived(self.tenant, &format!("stripe/{purpose}/{}/{}", self.name(), self.digest));
        Request { seal, ..Request::new(self.tenant, actor("stripe"), command, self.digest.as_bytes()) }
    }

    /// The notice that it is of what it tells.
    pub(crate) fn notice(&self) -> Result<Notice, Problem> {
        let at = self.event.at().ok_or_else(Problem::internal)?;
        Ok(Notice { event: self.event.id.clone(), event_type: self.event.event_type.clone(), at })
    }

    /// What an event that was taken in came to.
    pub(crate) fn taken<E>(&self, deps: &WebhookDeps, stream: &StreamId, outcome: &Outcome<E>) -> Taken {
        match outcome {
            Outcome::Committed { version, repeated, .. } => {
                if !repeated {
                    deps.billing.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
                }
                ("recorded", stream.to_string(), Some(version.get()))
            }
            Outcome::Unchanged { version } => ("known", stream.to_string(), version.map(|version| version.get())),
        }
    }

    /// Keeps the webhook with type and digest, its body sealed for the customer that it names.
    pub(crate) async fn keep(&self, deps: &WebhookDeps, disposition: Disposition, reason: &str) -> Result<Taken, Problem> {
        let customer = self.event.customer();
        let (seal, body) = self.sealed_body(deps, customer.as_ref()).await?;
        let command = KeepWebhook(WebhookKept {
            provider_event: self.event.id.clone(),
            provider_type: self.event.event_type.clone(),
            provider_customer: customer,
            disposition,
            reason: reason.to_owned(),
            digest: self.digest.clone(),
            body,
        });
        let outcome = deps.webhooks.execute(&self.request("keep", seal), &self.stream()?, Expect::New, &command).await;
        let version = match outcome {
            Ok(Outcome::Committed { version, repeated, .. }) => {
                if !repeated {
                    deps.billing.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
                }
                Some(version)
            }
            Ok(Outcome::Unchanged { version }) => version,
            Err(error) => {
                let problem = command_problem(error, "webhook", |never| match never {});
                note_refusal(&deps.billing, (self.tenant, &actor("stripe")), FUNCTION, &problem).await;
                return Err(problem);
            }
        };
        Ok((disposition.as_str(), self.stream()?.to_string(), version.map(|version| version.get())))
    }

    async fn sealed_body(
        &self,
        deps: &WebhookDeps,
        customer: Option<&ProviderId>,
    ) -> Result<(Option<Arc<dyn Seal>>, Option<String>), Problem> {
        // Per tenant: two of them may have one provider id, and each erases its own.
        let person = derived_uuid("person", self.tenant, customer.unwrap_or(&self.event.id).as_str());
        match deps.vault.key(&person).await {
            Ok(key) => Ok((Some(Arc::new(FieldSeal::new(key, &["body"]))), Some(String::from_utf8_lossy(self.body).into_owned()))),
            Err(KeyError::Erased) => Ok((None, None)),
            Err(KeyError::Busy { .. }) => Err(Problem::busy()),
            Err(error) => Err(internal(&error)),
        }
    }

    /// `HOOK#<the provider's event id>-<hash>`; the hash tells tenants, types and objects apart.
    fn stream(&self) -> Result<StreamId, Problem> {
        let hash = derived_uuid("webhook", self.tenant, &self.name()).simple().to_string();
        StreamId::new("HOOK", &format!("{}-{}", self.event.id, &hash[..12])).map_err(|error| internal(&error))
    }
}
