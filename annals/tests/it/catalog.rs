//! `annals catalog` names everything that contracts and matrices have, and how it hangs together.

use annals::commands::catalog::{Service, services};
use annals::system::contracts::committed;

fn all() -> Vec<Service> {
    services(committed().unwrap(), &access_patterns::all())
}

#[test]
fn everything_of_a_contract_is_in_the_catalog() {
    for (service, committed) in all().iter().zip(committed().unwrap()) {
        let (contract, delivery) = (&committed.contract, &committed.contract.delivery);
        assert_eq!(service.name, contract.service);
        assert_eq!(service.functions.len(), delivery.functions.len());
        assert_eq!(service.routes.len(), contract.api.routes.len());
        assert_eq!(service.publishes.len(), contract.publishes.len());
        assert_eq!(service.consumes.len(), contract.consumes.len());
        assert_eq!(service.queues.len(), delivery.queues.len() + delivery.dead_letter_queues.len());
        assert!(service.tables.iter().any(|table| table.append_only && table.followed_by.len() == 2), "{:?}", service.tables);
        let idle: Vec<_> = service.functions.iter().filter(|function| function.invoked_by.is_empty()).collect();
        assert!(idle.is_empty(), "nothing invokes {idle:?}");
    }
}

#[test]
fn who_hears_an_event_is_told_across_services() {
    let all = all();
    let billing = all.iter().find(|service| service.name == "billing").unwrap();
    let heard_by = |event: &str| &billing.publishes.iter().find(|published| published.event == event).unwrap().heard_by;
    assert_eq!(*heard_by("PAYMENT_RECEIVED"), ["notifications/send-email", "notifications/send-push", "notifications/add-to-inbox"]);
    assert_eq!(*heard_by("DUNNING_STARTED"), ["billing/follow-dunning"]);
    let webhook = billing.routes.iter().find(|route| route.name == "process-webhook").unwrap();
    assert_eq!((webhook.function.as_str(), webhook.open_to.as_str()), ("process-webhook", "whoever signs as the provider"));
}
