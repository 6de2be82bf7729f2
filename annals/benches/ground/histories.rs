//! Histories of which projections cost what: a thousand commits each, by the commands that make them.

use annals_kit::{Aggregate, Clock, Command, CommandId, EventId, Generation, Money, Role, StreamId, Timestamp, Version};
use annals_lambda::machine::MachineClock;
use annals_log::{Expect, Log, Request, Streams};
use billing::invoice::{CreditInvoice, CreditReason, Happened, InvoiceIssued, IssueInvoice, Most, Notice, RecordNotice};
use billing::plan::Interval;
use billing::price_book::{DraftPlan, Price};
use billing::webhook::{Disposition, KeepWebhook, WebhookKept};
use chrono::TimeDelta;
use identity::api_key::{ApiKeyCreated, CreateApiKey};
use identity::contact::{ContactSet, SetContact};
use identity::email::EmailHash;
use identity::invitation::{Invite, MemberInvited};
use identity::organisation::{Found, OrganisationCreated};
use identity::user::{Address, CreateUser, UserCreated};
use notifications::email::{EmailSent, Finish, Intend};
use notifications::note::Kind;
use uuid::Uuid;

/// Commits of a history.
pub(crate) const COMMITS: u64 = 1_000;
const HALF: u64 = COMMITS / 2;
/// As long as an address that is sealed, in base64.
const SEALED: &str = "c2VhbGVkIGZvciBhIHBlcnNvbiwgd2l0aCBhIG5vbmNlIGFuZCBhIHRhZyB0aGF0IHRha2Ugcm9vbQ";

/// Invoices of as many customers: half of the commits issue one, then half pay it.
pub(crate) async fn paid_invoices(log: Log) {
    issued(&log).await;
    let paid = |number: u64| RecordNotice { issue: None, happened: Happened::Paid(amount()), notice: notice("invoice.paid", number) };
    each(&log, HALF, Expect::Existing, |_, number| paid(number)).await;
}

/// The same invoices, credited by half instead of paid.
pub(crate) async fn credited_invoices(log: Log) {
    issued(&log).await;
    let credit = |number: u64| CreditInvoice {
        credit_note_id: uuid(number, "credit note"),
        amount: Money::new(2450, amount().currency()).expect("an amount"),
        tax: None,
        lines: vec![],
        days: None,
        reason: CreditReason::Goodwill,
        most: Most::All,
        notice: None,
    };
    each(&log, HALF, Expect::Existing, |_, number| credit(number)).await;
}

async fn issued(log: &Log) {
    let day = "2026-11-01".parse().expect("a day");
    let issue = |id: Uuid, number: u64| {
        IssueInvoice(InvoiceIssued {
            invoice_id: id,
            subscription_id: id,
            customer_id: format!("customer-{number}").parse().expect("a customer"),
            amount: amount(),
            tax: None,
            lines: vec![],
            number: None,
            issued_on: day,
            period_start: day,
            period_end: "2026-12-01".parse().expect("a day"),
            provider_invoice: None,
        })
    };
    each(log, HALF, Expect::New, issue).await;
}

/// Plans, each drafted.
pub(crate) async fn plans(log: Log) {
    let draft = |id: Uuid, number: u64| DraftPlan {
        plan_id: id,
        plan: format!("plan-{number}").parse().expect("a name"),
        prices: vec![Price { interval: Interval::Month, price: amount() }],
        trial_days: 14,
    };
    each(&log, COMMITS, Expect::New, draft).await;
}

/// Webhooks that were kept.
pub(crate) async fn webhooks(log: Log) {
    let keep = |number: u64| {
        KeepWebhook(WebhookKept {
            provider_event: format!("evt_{number}").parse().expect("an id"),
            provider_type: "invoice.paid".into(),
            provider_customer: None,
            disposition: Disposition::Unmatched,
            reason: "no invoice of this id".into(),
            digest: "0".repeat(64),
            body: None,
        })
    };
    each(&log, COMMITS, Expect::New, |_, number| keep(number)).await;
}

/// People, each with an account whose address is known to be theirs.
pub(crate) async fn users(log: Log) {
    let create = |id: Uuid, number: u64| CreateUser {
        created: UserCreated {
            user_id: id,
            organisation_id: id.to_string().parse().expect("a tenant"),
            email: SEALED.into(),
            email_hash: EmailHash::new(u128::from(number).to_be_bytes()),
            name: SEALED.into(),
        },
        address: Address::Verified,
    };
    each(&log, COMMITS, Expect::New, create).await;
}

/// Organisations, each with its owner.
pub(crate) async fn organisations(log: Log) {
    let found = |id: Uuid, number: u64| Found {
        created: OrganisationCreated { organisation_id: id.to_string().parse().expect("a tenant"), name: format!("Organisation {number}") },
        owner: uuid(number, "owner"),
    };
    each(&log, COMMITS, Expect::New, found).await;
}

/// Invitations of one organisation.
pub(crate) async fn invitations(log: Log) {
    let invite = |id: Uuid| Invite {
        made: MemberInvited {
            invitation_id: id,
            organisation_id: "demo".parse().expect("a tenant"),
            role: Role::Member,
            email: SEALED.into(),
        },
        by: Role::Owner,
    };
    each(&log, COMMITS, Expect::New, |id, _| invite(id)).await;
}

/// Keys of one organisation, each of another person.
pub(crate) async fn api_keys(log: Log) {
    let create = |id: Uuid, number: u64| CreateApiKey {
        created: ApiKeyCreated {
            key_id: id,
            organisation_id: "demo".parse().expect("a tenant"),
            user_id: uuid(number, "owner"),
            name: format!("key {number}"),
            role: Role::Member,
        },
        by: Role::Owner,
    };
    each(&log, COMMITS, Expect::New, create).await;
}

/// Customers, each with a way to reach them.
pub(crate) async fn contacts(log: Log) {
    let set = |number: u64| {
        let customer_id = format!("customer-{number}").parse().expect("a customer");
        SetContact(ContactSet { customer_id, email: SEALED.into(), name: Some(SEALED.into()) })
    };
    each(&log, COMMITS, Expect::New, |_, number| set(number)).await;
}

/// Emails: half of the commits intend one, then half say that it was sent.
pub(crate) async fn emails(log: Log) {
    let about = |number: u64| EventId {
        generation: Generation::default(),
        stream: StreamId::of("INV", uuid(number, "invoice")),
        version: Version::FIRST,
        index: 0,
    };
    let intend = |id: Uuid, number: u64| Intend {
        notification_id: id,
        kind: Kind::Receipt,
        customer_id: format!("customer-{number}").parse().expect("a customer"),
        about: about(number),
        lease_until: now().plus(TimeDelta::minutes(2)),
    };
    each(&log, HALF, Expect::New, intend).await;
    let sent = |id: Uuid| Finish::Sent(EmailSent { notification_id: id, message_id: format!("<{id}@mail>") });
    each(&log, HALF, Expect::Existing, |id, _| sent(id)).await;
}

/// Carries out a command on each of so many streams, one after the other.
async fn each<C: Command>(log: &Log, streams: u64, expect: Expect, command: impl Fn(Uuid, u64) -> C)
where
    C::Refusal: std::fmt::Debug,
{
    let on = Streams::<C::Aggregate>::new(log.clone());
    for number in 0..streams {
        let id = uuid(number, C::Aggregate::STREAM_TYPE);
        let named = CommandId(uuid(number, std::any::type_name::<C>()));
        let request = Request::new(&"demo".parse().expect("a tenant"), "bench".parse().expect("an actor"), named, b"");
        on.execute(&request, &StreamId::of(C::Aggregate::STREAM_TYPE, id), expect, &command(id, number)).await.expect("a commit");
    }
}

fn amount() -> Money {
    Money::new(4900, "EUR".parse().expect("a currency")).expect("an amount")
}

fn notice(of: &str, number: u64) -> Notice {
    Notice { event: format!("evt_{number}").parse().expect("an id"), event_type: of.into(), at: now() }
}

fn now() -> Timestamp {
    MachineClock.now()
}

/// The id of this number among the things of a kind.
fn uuid(number: u64, kind: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind} {number}").as_bytes())
}
