//! Billing's routes, each described beside the code that answers it, and who may ask.

use annals_contract::{Contract, Route};
use annals_kit::Role;

use crate::{adjust_invoice, change_subscription, create_subscription, generate_invoice, manage_price_book, process_webhook, read};

/// Who changes what customers owe.
pub(crate) const WRITERS: [Role; 3] = [Role::Owner, Role::Admin, Role::Finance];
/// Who sees subscriptions.
pub(crate) const READERS: [Role; 5] = Role::ALL;
/// Who sees money.
pub(crate) const MONEY_READERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];

/// Adds them to the contract.
pub(crate) fn describe(contract: &mut Contract) {
    let commands = [create_subscription::route(), generate_invoice::route(), process_webhook::route()];
    let adjustments = change_subscription::routes().into_iter().chain(adjust_invoice::routes()).chain(manage_price_book::routes());
    let routes: Vec<Route> = commands.into_iter().chain(adjustments).chain(read::routes()).collect();
    routes.into_iter().for_each(|route| {
        contract.route(route);
    });
}
