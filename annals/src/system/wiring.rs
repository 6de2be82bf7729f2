//! Wires the local account: routes, rules, targets, queues, mappings, retries and timeouts as the contracts say.

use std::time::Duration;

use annals_contract::delivery::AUTHORIZER;
use annals_contract::{Api, Committed, Delivery};
use annals_local::{Config, Function, Queue, QueueMapping, Route, Rule, Schedule, StreamMapping, Target};

/// Streams, rules, queues and routes of every contract, and the routes of this machine.
pub(super) fn connect(config: &mut Config, contracts: &[Committed], machine: &Api) {
    config.routes = routes(contracts, machine);
    for Committed { contract, .. } in contracts {
        let delivery = &contract.delivery;
        config.stream_mappings.extend(stream_mappings(delivery));
        config.rules.extend(rules(delivery));
        config.queues.extend(queues(delivery));
        config.queue_mappings.extend(queue_mappings(delivery));
        config.schedules.extend(schedules(delivery));
    }
}

/// The handlers as functions of the account: as many, with the timeouts, as the contracts say. What is wrong, otherwise.
pub(super) fn functions(mut handlers: Vec<Function>, contracts: &[Committed]) -> Result<Vec<Function>, String> {
    let described = contracts.iter().flat_map(|committed| &committed.contract.delivery.functions);
    let mut functions = vec![];
    for (name, function) in described {
        let Some(place) = handlers.iter().position(|handler| handler.name == *name) else {
            return Err(format!("the contract's function {name} has no handler: add it to annals/src/system/handlers.rs"));
        };
        functions.push(as_described(handlers.swap_remove(place), function));
    }
    match handlers.first() {
        Some(handler) => Err(format!("the handler {0} is in no contract: add `contract.function(\"{0}\", ...)`", handler.name)),
        None => Ok(functions),
    }
}

/// A function with the timeout and the concurrency of its contract.
pub(super) fn as_described(function: Function, described: &annals_contract::Function) -> Function {
    let function = function.with_timeout(seconds(described.timeout_seconds));
    match described.reserved_concurrency {
        Some(most) => function.with_concurrency(most as usize),
        None => function,
    }
}

/// Every route there is.
pub(super) fn routes(contracts: &[Committed], machine: &Api) -> Vec<Route> {
    let apis = std::iter::once(machine).chain(contracts.iter().map(|committed| &committed.contract.api));
    apis.flat_map(|api| &api.routes).map(route).collect()
}

fn route(described: &annals_contract::Route) -> Route {
    let route = Route::new(described.method.as_str(), &described.path, &described.function);
    if described.access.is_authorized() { route.behind(AUTHORIZER) } else { route }
}

fn stream_mappings(delivery: &Delivery) -> impl Iterator<Item = StreamMapping> {
    delivery.stream_mappings.iter().map(|(name, mapping)| StreamMapping {
        batch_size: mapping.batch_size as usize,
        window: seconds(mapping.window_seconds),
        max_retries: Some(mapping.max_retries),
        max_record_age: Some(seconds(mapping.max_record_age_seconds)),
        bisect: mapping.bisect,
        parallelization_factor: mapping.parallelization_factor as usize,
        filters: mapping.filters.clone(),
        ..StreamMapping::new(name, &mapping.table, &mapping.function)
    })
}

fn rules(delivery: &Delivery) -> impl Iterator<Item = Rule> {
    delivery.rules.iter().map(|(name, rule)| {
        let target = Target {
            max_attempts: rule.target.max_attempts,
            max_age_seconds: rule.target.max_age_seconds,
            ..Target::new(&rule.target.queue, Some(&rule.target.dead_letter_queue))
        };
        Rule { name: name.clone(), bus: delivery.bus.clone(), pattern: rule.pattern.clone(), targets: vec![target] }
    })
}

fn queues(delivery: &Delivery) -> impl Iterator<Item = Queue> {
    let queues = delivery.queues.iter().map(|(name, queue)| Queue {
        visibility_timeout: seconds(queue.visibility_timeout_seconds),
        max_receive_count: queue.max_receives,
        retention: seconds(queue.retention_seconds),
        ..Queue::new(name, Some(&queue.dead_letter_queue))
    });
    let letters = delivery.dead_letter_queues.iter();
    queues.chain(letters.map(|(name, queue)| Queue { retention: seconds(queue.retention_seconds), ..Queue::new(name, None) }))
}

fn queue_mappings(delivery: &Delivery) -> impl Iterator<Item = QueueMapping> {
    delivery.queue_mappings.iter().map(|(name, mapping)| QueueMapping {
        batch_size: mapping.batch_size as usize,
        backoff: seconds(mapping.backoff_seconds),
        pollers: mapping.concurrency as usize,
        ..QueueMapping::new(name, &mapping.queue, &mapping.function)
    })
}

fn schedules(delivery: &Delivery) -> impl Iterator<Item = Schedule> {
    delivery.schedules.iter().map(|(name, schedule)| Schedule {
        time_zone: schedule.timezone.clone(),
        input: schedule.input.clone(),
        max_attempts: schedule.max_attempts,
        max_age_seconds: schedule.max_age_seconds,
        ..Schedule::new(name, &schedule.expression, &schedule.function, Some(&schedule.dead_letter_queue))
    })
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::system::contracts::committed;

    fn handler(name: &str) -> Function {
        Function::new(name, |_, _| async { Ok(Value::Null) })
    }

    /// A handler for every function of the contracts.
    fn all() -> Vec<Function> {
        committed().unwrap().iter().flat_map(|committed| committed.contract.delivery.functions.keys()).map(|name| handler(name)).collect()
    }

    #[test]
    fn functions_take_their_timeouts_from_the_contracts() {
        let functions = functions(all(), committed().unwrap()).unwrap();
        assert_eq!(functions.len(), all().len());
        let send_email = functions.iter().find(|function| function.name == "send-email").unwrap();
        assert_eq!(send_email.timeout, Duration::from_secs(10));
    }

    #[test]
    fn a_function_without_a_handler_and_a_handler_without_a_function_are_named() {
        let lacking = all().into_iter().filter(|handler| handler.name != "send-email").collect();
        let refused = functions(lacking, committed().unwrap()).err().unwrap();
        assert!(refused.starts_with("the contract's function send-email has no handler"), "{refused}");
        let more = all().into_iter().chain([handler("send-fax")]).collect();
        let refused = functions(more, committed().unwrap()).err().unwrap();
        assert!(refused.starts_with("the handler send-fax is in no contract"), "{refused}");
    }
}
