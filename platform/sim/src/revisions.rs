//! The projections of billing as they are, and as a later release has them: every one a revision further.

use std::marker::PhantomData;

use annals_kit::{Aggregate, Recorded, StreamId};
use annals_lambda::Host;
use annals_projection::{CannotFold, Contributions, NewRow, Projection, Projector, ProjectorDeps, Rows, Totals};
use billing_projectors::account_balances::AccountBalances;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::credit_notes::CreditNotes;
use billing_projectors::mrr_movements::MrrMovements;
use billing_projectors::open_invoices::OpenInvoices;
use billing_projectors::payments::Payments;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;
use billing_projectors::rows::{Invoices, Plans, Subscriptions, Webhooks};
use serde::{Deserialize, Serialize};

/// The bus.
pub const BUS: &str = "annals";

/// A projection one revision further.
pub struct Next<P>(PhantomData<fn() -> P>);

impl<P: Projection> Projection for Next<P> {
    const NAME: &'static str = P::NAME;
    const STREAM_TYPE: &'static str = P::STREAM_TYPE;
    const REVISION: u32 = P::REVISION + 1;
    const ENTITY: &'static str = P::ENTITY;
    const GATE: &'static str = P::GATE;
    const GLANCE: &'static str = P::GLANCE;
    type Event = P::Event;
    type Row = P::Row;

    fn fold(stream: &StreamId, row: Option<P::Row>, event: &P::Event, recorded: Recorded) -> Option<P::Row> {
        P::fold(stream, row, event, recorded)
    }
}

impl<P: Rows> Rows for Next<P> {
    const NAME: &'static str = P::NAME;
    const STREAM_TYPE: &'static str = P::STREAM_TYPE;
    const REVISION: u32 = P::REVISION + 1;
    type Event = P::Event;
    type State = P::State;

    fn fold(stream: &StreamId, state: &mut P::State, event: &P::Event, recorded: Recorded) -> Result<(), CannotFold> {
        P::fold(stream, state, event, recorded)
    }

    fn rows(stream: &StreamId, state: &P::State) -> Vec<NewRow> {
        P::rows(stream, state)
    }
}

impl<P: Totals> Totals for Next<P> {
    const NAME: &'static str = P::NAME;
    const STREAM_TYPE: &'static str = P::STREAM_TYPE;
    const REVISION: u32 = P::REVISION + 1;
    type Event = P::Event;
    type State = P::State;

    fn fold(
        stream: &StreamId,
        state: &mut P::State,
        event: &P::Event,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        P::fold(stream, state, event, recorded, totals)
    }
}

/// Billing's projector of a release: the first is the product's own.
pub fn billing(host: &Host, release: u32) -> Projector {
    if release == 0 {
        return billing_projectors::projector(host, BUS);
    }
    let deps = ProjectorDeps::new(host, "billing", "subscriptions-log", access_patterns::billing(), BUS);
    Projector::new(deps)
        .with::<Next<Subscriptions>>()
        .with::<Next<Invoices>>()
        .with::<Next<Plans>>()
        .with::<Next<Webhooks>>()
        .with_rows::<Next<Payments>>()
        .with_rows::<Next<CreditNotes>>()
        .with_rows::<Next<OpenInvoices>>()
        .with_totals::<Next<RevenueByMonth>>()
        .with_totals::<Next<MrrMovements>>()
        .with_totals::<Next<ReceivablesByCustomer>>()
        .with_totals::<Next<ActiveCustomers>>()
        .with_totals::<Next<AccountBalances>>()
}

/// An aggregate as a later release folds it: it counts its commits' events too, which the snapshots of before did not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counting<A> {
    /// How many events it has taken in.
    #[serde(default)]
    pub events: u64,
    /// What it was before.
    #[serde(flatten)]
    pub state: A,
}

impl<A: Aggregate> Aggregate for Counting<A> {
    const STREAM_TYPE: &'static str = A::STREAM_TYPE;
    const FOLD_REVISION: u32 = A::FOLD_REVISION + 1;
    type Event = A::Event;

    fn evolve(&mut self, event: &A::Event, recorded: Recorded) {
        self.events += 1;
        self.state.evolve(event, recorded);
    }
}
