//! The functions of `subscriptions-log`: the one on its stream, and the one that finds what the stream has lost.

use annals_lambda::Host;
use annals_projection::{Projector, ProjectorDeps, Reconciliation};

use crate::account_balances::AccountBalances;
use crate::active_customers::ActiveCustomers;
use crate::credit_notes::CreditNotes;
use crate::ledger;
use crate::mrr_movements::MrrMovements;
use crate::open_invoices::OpenInvoices;
use crate::payments::Payments;
use crate::receivables_by_customer::ReceivablesByCustomer;
use crate::revenue_by_month::RevenueByMonth;
use crate::rows::{Invoices, Plans, Subscriptions, Webhooks};

/// The name of the service, and of its log.
const SERVICE: &str = "billing";
pub(crate) const LOG: &str = "subscriptions-log";

/// Billing's projector on `host`, publishing to the bus of this name.
pub fn projector(host: &Host, bus: &str) -> Projector {
    let deps = ProjectorDeps::new(host, SERVICE, LOG, access_patterns::billing(), bus);
    Projector::new(deps)
        .with::<Subscriptions>()
        .with::<Invoices>()
        .with::<Plans>()
        .with::<Webhooks>()
        .with_rows::<Payments>()
        .with_rows::<CreditNotes>()
        .with_rows::<OpenInvoices>()
        .with_totals::<RevenueByMonth>()
        .with_totals::<MrrMovements>()
        .with_totals::<ReceivablesByCustomer>()
        .with_totals::<ActiveCustomers>()
        .with_totals::<AccountBalances>()
}

/// Billing's reconciler on `host`: it feeds the projector and the ledger, as the stream does.
pub fn reconciler(host: &Host, bus: &str) -> Reconciliation {
    let projector = projector(host, bus);
    let followers = projector.followers().to_vec();
    let reconciliation = Reconciliation::new(host, SERVICE, LOG, access_patterns::billing()).feeding(projector);
    followers.into_iter().fold(reconciliation, Reconciliation::feeding).feeding(ledger::feed(host))
}
