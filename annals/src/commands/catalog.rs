//! `annals catalog`: what there is in every service, and how it hangs together, as contracts and matrices say.

use std::sync::Arc;

use access_patterns::{Errors, Matrix};
use annals_contract::delivery::AUTHORIZER;
use annals_contract::{Access, Committed, Contract, Route};
use serde::Serialize;

use crate::cli::develop::Catalog as Options;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::system::contracts::committed;

/// One service.
#[derive(Debug, Serialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Its functions.
    pub functions: Vec<Function>,
    /// What it answers.
    pub routes: Vec<Answered>,
    /// What it tells.
    pub publishes: Vec<Published>,
    /// What it hears.
    pub consumes: Vec<Heard>,
    /// Its tables.
    pub tables: Vec<Stored>,
    /// Its queues, those of dead letters included.
    pub queues: Vec<Queue>,
}

/// A function, and what invokes it.
#[derive(Debug, Serialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Routes, queues, streams and schedules.
    pub invoked_by: Vec<String>,
}

/// A route.
#[derive(Debug, Serialize)]
pub struct Answered {
    /// Method and path.
    pub route: String,
    /// Its name.
    pub name: String,
    /// The function that answers.
    pub function: String,
    /// Who may ask.
    pub open_to: String,
}

/// A published event type.
#[derive(Debug, Serialize)]
pub struct Published {
    /// The event type.
    pub event: String,
    /// Its schema version.
    pub version: u32,
    /// Who hears it: `service/function`.
    pub heard_by: Vec<String>,
}

/// A consumed event type, and its way.
#[derive(Debug, Serialize)]
pub struct Heard {
    /// Who tells it.
    pub source: String,
    /// The event type.
    pub event: String,
    /// The rule that takes it off the bus.
    pub rule: String,
    /// The queue it waits in.
    pub queue: String,
    /// The function that reads the queue.
    pub function: String,
}

/// A table.
#[derive(Debug, Serialize)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Whether nothing in it can be changed.
    pub append_only: bool,
    /// Its indexes.
    pub indexes: Vec<String>,
    /// The functions on its stream.
    pub followed_by: Vec<String>,
}

/// A queue.
#[derive(Debug, Serialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// The function that reads it; none reads dead letters.
    pub read_by: Option<String>,
    /// Where its dead letters go.
    pub dead_letters: Option<String>,
}

/// Prints every service, or the one that is asked for.
pub(super) fn run(options: &Options) -> Result<Answer, CouldNotTell> {
    let broken = |errors: Errors| CouldNotTell::new(errors, "nothing was printed; next: annals contracts check");
    let services = services(committed().map_err(broken)?, &access_patterns::all());
    let asked = |service: &&Service| options.service.as_ref().is_none_or(|name| *name == service.name);
    let shown: Vec<_> = services.iter().filter(asked).collect();
    if shown.is_empty() {
        let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
        return Err(CouldNotTell::new("there is no such service", format!("nothing was printed; there are {}", names.join(", "))));
    }
    for service in shown {
        match options.json {
            true => say(serde_json::to_string(service).expect("a catalog is JSON by its types")),
            false => say(text(service)),
        }
    }
    Ok(Answer::Yes)
}

/// The services of these contracts and matrices.
pub fn services(contracts: &[Committed], matrices: &[Arc<Matrix>]) -> Vec<Service> {
    contracts.iter().map(|Committed { contract, .. }| service(contract, contracts, matrices)).collect()
}

fn service(contract: &Contract, contracts: &[Committed], matrices: &[Arc<Matrix>]) -> Service {
    let delivery = &contract.delivery;
    let tables = matrices.iter().filter(|matrix| matrix.service() == contract.service).flat_map(|matrix| matrix.tables());
    let queues = delivery.queues.iter().map(|(name, queue)| Queue {
        name: name.clone(),
        read_by: reader(contract, name),
        dead_letters: Some(queue.dead_letter_queue.clone()),
    });
    let letters = delivery.dead_letter_queues.keys().map(|name| Queue { name: name.clone(), read_by: None, dead_letters: None });
    Service {
        name: contract.service.clone(),
        description: contract.description.clone(),
        functions: delivery.functions.keys().map(|name| function(contract, name)).collect(),
        routes: contract.api.routes.iter().map(answered).collect(),
        publishes: contract
            .publishes
            .iter()
            .map(|(event, message)| Published {
                event: event.clone(),
                version: message.schema_version,
                heard_by: heard_by(contracts, &contract.service, event),
            })
            .collect(),
        consumes: heard(contract),
        tables: tables.map(|table| stored(contract, table)).collect(),
        queues: queues.chain(letters).collect(),
    }
}

fn function(contract: &Contract, name: &str) -> Function {
    let delivery = &contract.delivery;
    let routes = contract.api.routes.iter().filter(|route| route.function == name).map(Route::key);
    let queues =
        delivery.queue_mappings.values().filter(|mapping| mapping.function == name).map(|mapping| format!("queue {}", mapping.queue));
    let streams =
        delivery.stream_mappings.values().filter(|mapping| mapping.function == name).map(|mapping| format!("stream of {}", mapping.table));
    let schedules = delivery.schedules.values().filter(|schedule| schedule.function == name).map(|schedule| schedule.expression.clone());
    let asked = (name == AUTHORIZER).then(|| "every route that is not for anybody".to_owned());
    Function { name: name.to_owned(), invoked_by: routes.chain(queues).chain(streams).chain(schedules).chain(asked).collect() }
}

fn answered(route: &Route) -> Answered {
    let open_to = match &route.access {
        Access::Public => "anybody".to_owned(),
        Access::ProviderSigned => "whoever signs as the provider".to_owned(),
        Access::SignedIn => "whoever is signed in".to_owned(),
        Access::Roles(roles) => roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "),
        Access::Services(services) => services.iter().map(|service| format!("service {service}")).collect::<Vec<_>>().join(", "),
        Access::ThisMachine => "this machine".to_owned(),
    };
    Answered { route: route.key(), name: route.name.clone(), function: route.function.clone(), open_to }
}

fn heard(contract: &Contract) -> Vec<Heard> {
    let rules = contract.delivery.rules.iter();
    let way = |(name, rule): (&String, &annals_contract::Rule)| Heard {
        source: rule.source.clone(),
        event: rule.event.clone(),
        rule: name.clone(),
        queue: rule.target.queue.clone(),
        function: reader(contract, &rule.target.queue).unwrap_or_default(),
    };
    rules.map(way).collect()
}

/// Who hears an event, in all contracts.
fn heard_by(contracts: &[Committed], source: &str, event: &str) -> Vec<String> {
    let of = |contract: &Contract| heard(contract).into_iter().map(|heard| (contract.service.clone(), heard)).collect::<Vec<_>>();
    let all = contracts.iter().flat_map(|committed| of(&committed.contract));
    let its = all.filter(|(_, heard)| heard.source == source && heard.event == event);
    its.map(|(service, heard)| format!("{service}/{}", heard.function)).collect()
}

fn reader(contract: &Contract, queue: &str) -> Option<String> {
    contract.delivery.queue_mappings.values().find(|mapping| mapping.queue == queue).map(|mapping| mapping.function.clone())
}

fn stored(contract: &Contract, table: &access_patterns::Table) -> Stored {
    let mappings = contract.delivery.stream_mappings.values().filter(|mapping| mapping.table == table.name());
    Stored {
        name: table.name().to_owned(),
        append_only: table.append_only(),
        indexes: table.indexes().iter().map(|index| index.name().to_owned()).collect(),
        followed_by: mappings.map(|mapping| mapping.function.clone()).collect(),
    }
}

/// A service for people: a heading for each kind, one line for each thing.
fn text(service: &Service) -> String {
    let mut lines = vec![format!("{}: {}", service.name, service.description)];
    let mut part = |heading: &str, entries: Vec<(String, String)>| {
        if entries.is_empty() {
            return;
        }
        lines.push(format!("  {heading}"));
        let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        lines.extend(entries.iter().map(|(name, what)| format!("    {name:width$}  {what}").trim_end().to_owned()));
    };
    let to = |functions: &[String]| if functions.is_empty() { String::new() } else { format!("-> {}", functions.join(", ")) };
    part("functions", service.functions.iter().map(|one| (one.name.clone(), one.invoked_by.join("; "))).collect());
    part("routes", service.routes.iter().map(|one| (one.route.clone(), format!("-> {}; {}", one.function, one.open_to))).collect());
    part("publishes", service.publishes.iter().map(|one| (format!("{} v{}", one.event, one.version), to(&one.heard_by))).collect());
    part(
        "consumes",
        service
            .consumes
            .iter()
            .map(|one| (format!("{} {}", one.source, one.event), format!("rule {} -> queue {} -> {}", one.rule, one.queue, one.function)))
            .collect(),
    );
    part("tables", service.tables.iter().map(|one| (one.name.clone(), table_text(one))).collect());
    part("queues", service.queues.iter().map(|one| (one.name.clone(), queue_text(one))).collect());
    lines.join("\n")
}

fn table_text(table: &Stored) -> String {
    let only = if table.append_only { "append only" } else { "rows" };
    let indexes = if table.indexes.is_empty() { String::new() } else { format!("; {}", table.indexes.join(", ")) };
    let followed = if table.followed_by.is_empty() { String::new() } else { format!("; -> {}", table.followed_by.join(", ")) };
    format!("{only}{indexes}{followed}")
}

fn queue_text(queue: &Queue) -> String {
    match (&queue.read_by, &queue.dead_letters) {
        (Some(function), Some(letters)) => format!("-> {function}; dead letters to {letters}"),
        (None, _) => "dead letters".into(),
        (Some(function), None) => format!("-> {function}"),
    }
}
