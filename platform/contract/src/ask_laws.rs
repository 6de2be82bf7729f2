//! What holds for what a service asks of others' APIs. What does not is told with place and advice.

use access_patterns::Problem;

use crate::client_code;
use crate::committed::Committed;
use crate::route::Access;

/// Every operation that is asked exists, admits whoever asks it, and can be asked by a generated client.
pub(crate) fn check(asker: &Committed, contracts: &[Committed]) -> Vec<Problem> {
    let service = &asker.contract.service;
    let mut problems = vec![];
    for (api, operations) in &asker.contract.delivery.asks {
        let mut add = |rule, what: String, next: &str| problems.push(asker.problem(&["x-delivery", "asks", api], rule, what, next));
        let asked = contracts.iter().find(|other| other.contract.service == *api && api != service);
        let Some(asked) = asked else {
            add("unknown", format!("there is no other service {api}"), "name a service that has a contract");
            continue;
        };
        // Nothing to hold it to where only the events of the other were read.
        if asked.api().is_none() {
            continue;
        }
        for operation in operations {
            let Some(route) = asked.contract.api.named(operation) else {
                add("unknown", format!("{api} has no operation {operation}"), "ask what is in its openapi.yaml");
                continue;
            };
            if !matches!(&route.access, Access::Public)
                && !matches!(&route.access, Access::Services(services) if services.contains(service))
            {
                add(
                    "not-admitted",
                    format!("{operation} of {api} does not admit {service}"),
                    "have it admitted there, with `admits_services`",
                );
            }
            if let Some(obstacle) = client_code::obstacle(route) {
                let next = "a generated client fills in the path and a body, and reads one answer: give the services such a route";
                add("not-for-clients", format!("{operation} of {api} cannot be asked by a client: {obstacle}"), next);
            }
        }
    }
    problems
}
