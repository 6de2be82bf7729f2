//! Takes in what the payment provider tells about invoices, their refunds and credit notes, and subscriptions.

use annals_answers::{command_problem, internal, read_problem};
use annals_kit::ids::derived_uuid;
use annals_kit::{CustomerId, StreamId};
use annals_lambda::http::Problem;
use annals_log::{ExecuteError, Expect, LoadError, Outcome};
use annals_reads::{PageRequest, Params};
use billing::invoice::{
    CreditInvoice, CreditReason, InvoiceEvent, InvoiceIssued, InvoiceRefusal, Most, RecordNotice, RecordRefund, VoidCredit,
};
use billing::rows::SubscriptionRow;
use billing::subscription::{FollowProvider, FollowRefusal};
use billing::webhook::Disposition;
use uuid::Uuid;

use crate::create_subscription::provider_subscription;
use crate::delivery::{Delivery, Taken};
use crate::deps::WebhookDeps;
use crate::stripe::{InvoiceNotice, OfInvoice, ProviderCreditNote, ProviderInvoice, ProviderRefund, ProviderSubscription};

impl Delivery<'_> {
    /// Records what happened to an invoice, or keeps the webhook where no invoice takes it in.
    pub(crate) async fn record(&self, deps: &WebhookDeps, notice: InvoiceNotice) -> Result<Taken, Problem> {
        let (invoice, issue) = match self.find_invoice(deps, &notice.invoice).await? {
            Ok(found) => found,
            Err(reason) => return self.keep(deps, Disposition::Unmatched, &reason).await,
        };
        let expect = if issue.is_some() { Expect::New } else { Expect::Existing };
        let command = RecordNotice { issue, happened: notice.happened, notice: self.notice()? };
        let stream = StreamId::of("INV", invoice);
        let outcome = deps.billing.invoices.execute(&self.request("notice", None), &stream, expect, &command).await;
        self.taken_by_invoice(deps, &stream, outcome).await
    }

    /// What an invoice did with it; where it takes nothing, the webhook is kept.
    async fn taken_by_invoice(
        &self,
        deps: &WebhookDeps,
        stream: &StreamId,
        outcome: Result<Outcome<InvoiceEvent>, ExecuteError<InvoiceRefusal>>,
    ) -> Result<Taken, Problem> {
        let refusal = match outcome {
            Ok(outcome) => return Ok(self.taken(deps, stream, &outcome)),
            Err(ExecuteError::Refused(refusal)) => refusal,
            Err(ExecuteError::NotFound) => return self.keep(deps, Disposition::Unmatched, "the invoice is not known").await,
            Err(error) => return Err(command_problem(error, "invoice", |_| Problem::internal())),
        };
        let disposition = match refusal {
            InvoiceRefusal::AlreadyPaid
            | InvoiceRefusal::AlreadyVoided
            | InvoiceRefusal::AlreadyUncollectible
            | InvoiceRefusal::OldAttempt
            | InvoiceRefusal::OldCredit
            | InvoiceRefusal::NoMoney => Disposition::Superseded,
            InvoiceRefusal::Unknown
            | InvoiceRefusal::NegativeAmount
            | InvoiceRefusal::EmptyPeriod
            | InvoiceRefusal::OtherCurrency
            | InvoiceRefusal::NoAmount
            | InvoiceRefusal::MoreThanCharged { .. }
            | InvoiceRefusal::NotOwed { .. }
            | InvoiceRefusal::NotDue { .. } => Disposition::Unmatched,
        };
        self.keep(deps, disposition, &refusal.to_string()).await
    }

    /// Records what the provider has paid back.
    pub(crate) async fn refund(&self, deps: &WebhookDeps, refund: ProviderRefund) -> Result<Taken, Problem> {
        let Some(stream) = self.known_invoice(deps, &refund.invoice).await? else { return self.wait(deps, &refund.invoice).await };
        let refund_id = derived_uuid("refund of provider", self.tenant, &self.name());
        let command = RecordRefund { refund_id, refunded: refund.refunded, notice: self.notice()? };
        let outcome = deps.billing.invoices.execute(&self.request("refund", None), &stream, Expect::Existing, &command).await;
        self.taken_by_invoice(deps, &stream, outcome).await
    }

    /// Records a credit note of the provider's, or its end.
    pub(crate) async fn credit(&self, deps: &WebhookDeps, note: ProviderCreditNote) -> Result<Taken, Problem> {
        let Some(stream) = self.known_invoice(deps, &note.invoice).await? else { return self.wait(deps, &note.invoice).await };
        let request = self.request("credit", None);
        let credit = CreditInvoice {
            credit_note_id: derived_uuid("credit note of provider", self.tenant, note.id.as_str()),
            amount: note.total,
            tax: note.tax,
            lines: vec![],
            days: None,
            reason: CreditReason::Provider,
            most: Most::All,
            notice: Some(self.notice()?),
        };
        let outcome = match note.is_void {
            false => deps.billing.invoices.execute(&request, &stream, Expect::Existing, &credit).await,
            true => {
                let command = VoidCredit { credit, notice: self.notice()? };
                deps.billing.invoices.execute(&request, &stream, Expect::Existing, &command).await
            }
        };
        self.taken_by_invoice(deps, &stream, outcome).await
    }

    /// The stream of an invoice that was issued here or told of.
    ///
    /// Cost: one strong Query of the invoice's stream.
    async fn known_invoice(&self, deps: &WebhookDeps, of: &OfInvoice) -> Result<Option<StreamId>, Problem> {
        let id = match (&of.ours, &of.invoice) {
            (Some(ours), _) => *ours,
            (None, Some(invoice)) => derived_uuid("invoice of provider", self.tenant, invoice.as_str()),
            (None, None) => return Ok(None),
        };
        let stream = StreamId::of("INV", id);
        let loaded = deps.billing.invoices.load(&stream).await.map_err(unloaded)?;
        let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *self.tenant);
        Ok(Some(stream).filter(|_| theirs && loaded.state.issued.is_some()))
    }

    /// Keeps what is about an invoice that is not known; where its customer is, the invoice may only be late, and the provider is to ask again.
    async fn wait(&self, deps: &WebhookDeps, of: &OfInvoice) -> Result<Taken, Problem> {
        let kept = self.keep(deps, Disposition::Unmatched, "the invoice is not known").await?;
        let customer = of.customer.as_ref().and_then(|id| id.as_str().parse::<CustomerId>().ok()).filter(|_| of.invoice.is_some());
        let Some(customer) = customer else { return Ok(kept) };
        match self.subscriptions_of(deps, &customer).await?.is_empty() {
            true => Ok(kept),
            false => Err(Problem::new(409, "invoice-not-known-yet", "the invoice is not known yet; send this again after it")),
        }
    }

    /// Takes in how a subscription stands at the provider.
    pub(crate) async fn follow(&self, deps: &WebhookDeps, told: ProviderSubscription) -> Result<Taken, Problem> {
        let stream = StreamId::of("SUB", provider_subscription(self.tenant, &told.id));
        let command = FollowProvider { stands: told.stands, notice: self.notice()? };
        match deps.billing.subscriptions.execute(&self.request("follow", None), &stream, Expect::Existing, &command).await {
            Ok(outcome) => Ok(self.taken(deps, &stream, &outcome)),
            Err(ExecuteError::Refused(refusal @ (FollowRefusal::Older | FollowRefusal::Ended))) => {
                self.keep(deps, Disposition::Superseded, &refusal.to_string()).await
            }
            Err(ExecuteError::Refused(FollowRefusal::Unknown) | ExecuteError::NotFound) => {
                self.keep(deps, Disposition::Unmatched, &format!("the subscription {} is not known", told.id)).await
            }
            Err(error) => Err(command_problem(error, "subscription", |_| Problem::internal())),
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
            tax: provider.tax,
            lines: vec![],
            number: None,
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
    async fn find_subscription(&self, deps: &WebhookDeps, provider: &ProviderInvoice) -> Result<Option<(Uuid, CustomerId)>, Problem> {
        if let Some(id) = &provider.subscription {
            let id = provider_subscription(self.tenant, id);
            let loaded = deps.billing.subscriptions.load(&StreamId::of("SUB", id)).await.map_err(unloaded)?;
            let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *self.tenant);
            return Ok(loaded.state.agreement.filter(|_| theirs).map(|agreement| (id, agreement.began.customer_id)));
        }
        let Some(customer) = provider.customer.as_ref().and_then(|id| id.as_str().parse::<CustomerId>().ok()) else {
            return Ok(None);
        };
        Ok(match self.subscriptions_of(deps, &customer).await?.as_slice() {
            [only] => Some((only.id, customer)),
            _ => None,
        })
    }

    /// A customer's subscriptions, two at most.
    ///
    /// Cost: one eventual Query of GSI1.
    async fn subscriptions_of(&self, deps: &WebhookDeps, customer: &CustomerId) -> Result<Vec<SubscriptionRow>, Problem> {
        let params = Params::new().text("customer_id", customer.as_str());
        let page = PageRequest { limit: 2, token: None };
        let found = deps.billing.reads.page::<SubscriptionRow>("list_subscriptions_by_customer", self.tenant.as_str(), &params, page).await;
        Ok(found.map_err(|error| read_problem(error, "customer"))?.items)
    }
}

fn unloaded(error: LoadError) -> Problem {
    match error {
        LoadError::Read(error) => read_problem(error, "stream"),
        LoadError::Fold(error) => internal(&error),
    }
}
