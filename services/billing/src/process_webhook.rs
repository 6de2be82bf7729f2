//! `POST /v1/webhooks/stripe`: takes in what the payment provider tells, in its signature scheme.
//!
//! Each body leaves exactly one commit: a payment or a failure on its invoice or, where no invoice takes it in, a kept webhook with type
//! and digest, its body sealed. All are answered 200, or the provider would send them for days.

use std::sync::Arc;

use annals_contract::{Access, Route};
use annals_kit::ids::derived_uuid;
use annals_kit::{Actor, CommandId, ProviderId, StreamId, Tenant};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, LoadError, Outcome, Request, Seal};
use annals_reads::{PageRequest, Params};
use annals_vault::{FieldSeal, KeyError};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::invoice::{InvoiceIssued, InvoiceRefusal, Notice, RecordNotice};
use billing::rows::SubscriptionRow;
use billing::webhook::{Disposition, KeepWebhook, WebhookKept};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::answer::{internal, note_refusal, problem, read_problem};
use crate::create_subscription::provider_subscription;
use crate::deps::{SERVICE, WebhookDeps};
use crate::signature;
use crate::stripe::{InvoiceNotice, ProviderInvoice, StripeEvent};

const FUNCTION: &str = "process-webhook";
const BODY_LIMIT: usize = 256 * 1024;
/// Room for the hash behind the provider's id in a stream's id.
const LONGEST_EVENT_ID: usize = 60;
const LONGEST_TYPE: usize = 80;

/// What became of an event.
#[derive(Serialize, JsonSchema)]
struct TakenIn {
    /// `recorded` or `known` on its invoice; otherwise why it was kept: `unmatched`, `not-understood` or `superseded`.
    outcome: &'static str,
    /// Where it is recorded.
    stream: String,
    version: Option<u64>,
}

/// The route.
pub(crate) fn route() -> Route {
    let event = json!({ "id": "evt_1", "type": "customer.created", "created": 1_769_851_800, "data": { "object": { "id": "cus_1" } } });
    let kept = json!({ "outcome": "not-understood", "stream": "HOOK#evt_1-0123456789ab", "version": 1 });
    Route::post("/v1/webhooks/stripe", FUNCTION, "Takes in what the payment provider tells.")
        .open_to(Access::ProviderSigned)
        .needs_header("Stripe-Signature", "`t=<seconds>,v1=<HMAC-SHA256 of time and body in hex>`, at most five minutes old.")
        .body::<StripeEvent>(event)
        .answers::<TakenIn>(200, "The event was taken in, now or before.", kept)
        .refuses(400, &["bad-signature"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 200 to every validly signed event.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &WebhookDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(process(&event.payload, deps));
    Ok(measured(&*deps.billing.metrics, &*deps.billing.clock, SERVICE, FUNCTION, work).await)
}

async fn process(event: &ApiGatewayV2httpRequest, deps: &WebhookDeps) -> Result<Response, Problem> {
    let body = http::body(event, BODY_LIMIT)?;
    check_signature(event, &body, deps).await?;
    let delivery = Delivery::parse(&body, &deps.settings.tenant)?;
    let (outcome, stream, version) = match delivery.event.invoice_notice() {
        None => delivery.keep(deps, Disposition::NotUnderstood, "billing does not use this type").await?,
        Some(Err(reason)) => delivery.keep(deps, Disposition::NotUnderstood, &reason).await?,
        Some(Ok(notice)) => delivery.record(deps, notice).await?,
    };
    tracing::info!(outcome, stream, provider_event = %delivery.event.id, "webhook");
    Ok(http::json(200, &TakenIn { outcome, stream, version }))
}

async fn check_signature(event: &ApiGatewayV2httpRequest, body: &[u8], deps: &WebhookDeps) -> Result<(), Problem> {
    let header = http::header(event, "stripe-signature");
    let Err(error) = signature::check(header, body, &deps.settings.secret, deps.billing.clock.now()) else { return Ok(()) };
    deps.billing.access.refused(&deps.settings.tenant, &actor("stripe-unverified"), FUNCTION, "bad-signature").await;
    Err(Problem::new(400, "bad-signature", error.to_string()))
}

fn actor(name: &str) -> Actor {
    name.parse().expect("the names of our own actors are tokens")
}

/// A validly signed event, and the ids that it always gives.
struct Delivery<'a> {
    event: StripeEvent,
    body: &'a [u8],
    tenant: &'a Tenant,
    digest: String,
}

type Taken = (&'static str, String, Option<u64>);

impl<'a> Delivery<'a> {
    fn parse(body: &'a [u8], tenant: &'a Tenant) -> Result<Self, Problem> {
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
    fn name(&self) -> String {
        format!("{}/{}/{}", self.event.id, self.event.event_type, self.event.object_id())
    }

    fn request(&self, purpose: &str, seal: Option<Arc<dyn Seal>>) -> Request {
        let command = CommandId::derived(self.tenant, &format!("stripe/{purpose}/{}/{}", self.name(), self.digest));
        Request { seal, ..Request::new(self.tenant, actor("stripe"), command, self.digest.as_bytes()) }
    }

    /// Records what happened to an invoice, or keeps the webhook where no invoice takes it in.
    async fn record(&self, deps: &WebhookDeps, notice: InvoiceNotice) -> Result<Taken, Problem> {
        let (invoice, issue) = match self.find_invoice(deps, &notice.invoice).await? {
            Ok(found) => found,
            Err(reason) => return self.keep(deps, Disposition::Unmatched, &reason).await,
        };
        let at = self.event.at().ok_or_else(Problem::internal)?;
        let expect = if issue.is_some() { Expect::New } else { Expect::Existing };
        let command = RecordNotice {
            issue,
            happened: notice.happened,
            notice: Notice { event: self.event.id.clone(), event_type: self.event.event_type.clone(), at },
        };
        let stream = StreamId::of("INV", invoice);
        match deps.billing.invoices.execute(&self.request("notice", None), &stream, expect, &command).await {
            Ok(Outcome::Committed { version, repeated, .. }) => {
                if !repeated {
                    deps.billing.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
                }
                Ok(("recorded", stream.to_string(), Some(version.get())))
            }
            Ok(Outcome::Unchanged { version }) => Ok(("known", stream.to_string(), version.map(|version| version.get()))),
            Err(annals_log::ExecuteError::Refused(refusal)) => {
                let disposition = match refusal {
                    InvoiceRefusal::AlreadyPaid
                    | InvoiceRefusal::AlreadyVoided
                    | InvoiceRefusal::AlreadyUncollectible
                    | InvoiceRefusal::OldAttempt
                    | InvoiceRefusal::NoMoney => Disposition::Superseded,
                    InvoiceRefusal::Unknown
                    | InvoiceRefusal::NegativeAmount
                    | InvoiceRefusal::EmptyPeriod
                    | InvoiceRefusal::OtherCurrency
                    | InvoiceRefusal::NotDue { .. } => Disposition::Unmatched,
                };
                self.keep(deps, disposition, &refusal.to_string()).await
            }
            Err(annals_log::ExecuteError::NotFound) => self.keep(deps, Disposition::Unmatched, "the invoice is not known").await,
            Err(error) => Err(problem(error, "invoice", |_| Problem::internal())),
        }
    }

    /// The invoice a notice is about, and what to issue where the provider issued it and we do not know it yet; or why there is none.
    async fn find_invoice(
        &self,
        deps: &WebhookDeps,
        provider: &ProviderInvoice,
    ) -> Result<Result<(Uuid, Option<InvoiceIssued>), String>, Problem> {
        if let Some(ours) = provider.ours {
            return Ok(Ok((ours, None)));
        }
        let Some((subscription_id, customer_id)) = self.find_subscription(deps, provider).await? else {
            return Ok(Err(match (&provider.subscription, &provider.customer) {
                (Some(subscription), _) => format!("the subscription {subscription} is not known"),
                (None, Some(customer)) => format!("the customer {customer} is not known, or has several subscriptions"),
                (None, None) => "it names neither subscription nor customer".into(),
            }));
        };
        let invoice_id = derived_uuid("invoice of provider", self.tenant, provider.id.as_str());
        let issue = InvoiceIssued {
            invoice_id,
            subscription_id,
            customer_id,
            amount: provider.due,
            issued_on: provider.issued_on,
            period_start: provider.period_start,
            period_end: provider.period_end,
            provider_invoice: Some(provider.id.clone()),
        };
        Ok(Ok((invoice_id, Some(issue))))
    }

    /// By the provider's subscription id, whose stream can be named; otherwise the customer's only subscription.
    ///
    /// Cost: one strong Query of the subscription's stream, or one eventual Query of GSI1.
    async fn find_subscription(
        &self,
        deps: &WebhookDeps,
        provider: &ProviderInvoice,
    ) -> Result<Option<(Uuid, annals_kit::CustomerId)>, Problem> {
        if let Some(id) = &provider.subscription {
            let id = provider_subscription(self.tenant, id);
            let loaded = deps.billing.subscriptions.load(&StreamId::of("SUB", id)).await.map_err(|error| match error {
                LoadError::Read(error) => read_problem(error, "subscription"),
                LoadError::Fold(error) => internal(&error),
            })?;
            let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *self.tenant);
            return Ok(loaded.state.terms.filter(|_| theirs).map(|terms| (id, terms.customer_id)));
        }
        let Some(customer) = provider.customer.as_ref().and_then(|id| id.as_str().parse::<annals_kit::CustomerId>().ok()) else {
            return Ok(None);
        };
        let params = Params::new().text("customer_id", customer.as_str());
        let page = PageRequest { limit: 2, token: None };
        let found = deps.billing.reads.page::<SubscriptionRow>("list_subscriptions_by_customer", self.tenant.as_str(), &params, page).await;
        let found = found.map_err(|error| read_problem(error, "customer"))?;
        Ok(match (found.items.as_slice(), found.next) {
            ([only], None) => Some((only.id, customer)),
            _ => None,
        })
    }

    /// Keeps the webhook with type and digest, its body sealed for the customer that it names.
    async fn keep(&self, deps: &WebhookDeps, disposition: Disposition, reason: &str) -> Result<Taken, Problem> {
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
                let problem = problem(error, "webhook", |never| match never {});
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
