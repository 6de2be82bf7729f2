//! What a service asks of another's API: the client that is generated for it, and the laws that it is held to.

use std::path::PathBuf;

use annals_contract::{Contract, Errors, disk, laws};

use crate::fixture::{hearer, parsed, seller, whole};

/// A hearer that asks these of the seller.
fn asking(operations: &[&str]) -> Contract {
    let mut contract = hearer();
    contract.ask("billing", operations);
    contract
}

fn check(asker: &Contract) -> Result<(), Errors> {
    laws::check(&[whole(&seller()), whole(asker)], &access_patterns::all())
}

#[test]
fn a_client_has_a_method_for_each_operation_and_types_for_what_is_sent_and_answered() {
    let clients = disk::clients(&PathBuf::from("services"), &[seller(), asking(&["ticket-holder", "sell-ticket"])]).unwrap();
    let [(path, text)] = clients.as_slice() else { panic!("{clients:?}") };
    assert_eq!(path, &PathBuf::from("services/notifications/src/billing_api.rs"));
    assert!(*text == include_str!("billing_api.txt"), "{text}");
}

#[test]
fn a_client_is_written_where_it_is_not_as_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let contracts = [seller(), asking(&["ticket-holder"])];
    let client = folder.path().join("notifications/src/billing_api.rs");
    assert!(disk::derive(folder.path(), &contracts).unwrap().contains(&client));
    assert_eq!(disk::derive(folder.path(), &contracts).unwrap(), Vec::<PathBuf>::new());
    // The asker by itself finds what it asks in the other's file.
    std::fs::write(&client, "stale").unwrap();
    assert_eq!(disk::derive(folder.path(), &contracts[1..]).unwrap(), [client]);
}

#[test]
fn what_is_asked_is_in_the_text_of_the_contract() {
    let contract = asking(&["ticket-holder"]);
    assert_eq!(whole(&contract).contract, contract);
    check(&contract).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn what_cannot_be_asked_is_told_with_rule_place_and_advice() {
    let mut of_nobody = hearer();
    of_nobody.ask("museum", &["ticket-holder"]);
    let mut of_itself = hearer();
    of_itself.ask("notifications", &["ticket-holder"]);
    let mut seller_with_search = seller();
    let search = annals_contract::Route::get("/v1/tickets", "search-tickets", "Finds tickets.").function("read-tickets");
    let search = search.admits_services(&["notifications"]).needs_query::<String>("voucher", "Bought with it.");
    seller_with_search.route(search.answers::<String>(200, "One.", serde_json::json!("T")));
    let cases = [
        (seller(), of_nobody, "unknown", "museum"),
        (seller(), of_itself, "unknown", "notifications"),
        (seller(), asking(&["tear-ticket"]), "unknown", "tear-ticket"),
        (seller(), asking(&["sell-ticket"]), "not-admitted", "sell-ticket"),
        (seller_with_search, asking(&["search-tickets"]), "not-for-clients", "voucher"),
    ];
    for (seller, asker, rule, named) in cases {
        let Err(errors) = laws::check(&[whole(&seller), whole(&asker)], &access_patterns::all()) else { panic!("{named} breaks no law") };
        let found = errors.0.iter().find(|problem| problem.rule == rule).unwrap_or_else(|| panic!("{named} should break {rule}: {errors}"));
        assert!(found.what.contains(named) && found.line > 3, "{found}");
    }
}

#[test]
fn what_is_asked_is_not_held_to_an_api_that_was_not_read() {
    let contracts = [parsed("seller.yaml", &seller().to_yaml()), whole(&asking(&["tear-ticket"]))];
    laws::check(&contracts, &access_patterns::all()).unwrap_or_else(|errors| panic!("{errors}"));
}
