//! Estimates what commands cost on AWS in a month: units from the matrices, invocations and sizes from `infra/usage.toml`, prices from
//! `infra/prices.toml`.
//!
//! Not here: what is stored, which grows with the months, and what leaves AWS.
//!
//! The matrices state an average load. N commands of all services together are so many seconds of it, and everything that the load reads and
//! writes is counted for as long. What happens without commands (schedules, polls, alarms, keys) is counted for a month.

use std::collections::BTreeMap;

use access_patterns::Matrix;
use annals_contract::{Committed, Contract};
use annals_kit::Timestamp;
use annals_local::schedule_expression::ScheduleExpression;
use serde::{Deserialize, Serialize};

/// The write that is a command, in every matrix.
const COMMAND: &str = "append_commit";
const DAYS: i64 = 30;
const MONTH_MINUTES: f64 = (DAYS * 24 * 60) as f64;
const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1e9;

/// What AWS charges: `infra/prices.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the file explains each")]
pub struct Prices {
    pub list: String,
    pub date: String,
    pub source: String,
    pub lambda_gigabyte_second_arm64: f64,
    pub lambda_gigabyte_second_x86_64: f64,
    pub lambda_million_requests: f64,
    pub dynamodb_million_reads: f64,
    pub dynamodb_million_writes: f64,
    pub bus_million_events: f64,
    pub schedule_million_invocations: f64,
    pub queue_million_requests: f64,
    pub log_gigabyte: f64,
    pub metric_month: f64,
    pub alarm_month: f64,
    pub api_million_requests: f64,
    pub key_month: f64,
    pub object_million_requests: f64,
}

/// What functions do: `infra/usage.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    /// When it was measured.
    date: String,
    log_bytes: f64,
    events_per_thousand: f64,
    idle_polls_per_minute: f64,
    requests_per_message: f64,
    metrics_per_service: f64,
    idle_objects_per_signing: f64,
    objects_per_signing: f64,
    trigger: BTreeMap<Trigger, Invoked>,
    #[serde(default)]
    function: BTreeMap<String, Invoked>,
}

/// What calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Trigger {
    Http,
    Queue,
    Stream,
    Schedule,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invoked {
    per_thousand: f64,
    milliseconds: f64,
    #[serde(default)]
    idle_reads: f64,
}

/// An estimate of a month.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// The commands.
    pub commands: u64,
    /// The price list, and of which day it is.
    pub prices: String,
    /// When usage was measured.
    pub usage: String,
    /// What costs how much, in the order of services.
    pub lines: Vec<Line>,
    /// All of it, in dollars.
    pub total: f64,
}

/// What one thing costs.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What it is: `Lambda`, `DynamoDB`, ...
    pub of: &'static str,
    /// The function, table, queue or service.
    pub name: String,
    /// How much of what, in words.
    pub amount: String,
    /// Dollars.
    pub dollars: f64,
}

/// The files that this program was built with cannot be read: a test reads them.
pub fn prices() -> Prices {
    toml::from_str(include_str!("../../infra/prices.toml")).expect("infra/prices.toml has the prices, as a test shows")
}

fn usage() -> Usage {
    toml::from_str(include_str!("../../infra/usage.toml")).expect("infra/usage.toml is usage, as a test shows")
}

/// What `commands` in a month cost.
pub fn estimate(commands: u64, contracts: &[Committed], matrices: &[std::sync::Arc<Matrix>]) -> Estimate {
    let (prices, usage) = (prices(), usage());
    // Seconds of the load that the matrices state.
    let all: f64 = matrices.iter().map(|matrix| rate(matrix)).sum();
    let seconds = commands as f64 / all;
    let mut lines = vec![];
    for Committed { contract, .. } in contracts {
        let Some(matrix) = matrices.iter().find(|matrix| matrix.service() == contract.service) else { continue };
        let service = Service { contract, matrix, commands: rate(matrix) * seconds, seconds, prices: &prices, usage: &usage };
        service.lines(&mut lines);
    }
    let total = lines.iter().map(|line| line.dollars).sum();
    Estimate { commands, prices: format!("{} of {}", prices.list, prices.date), usage: usage.date, lines, total }
}

/// The commands a second that a matrix states.
fn rate(matrix: &Matrix) -> f64 {
    matrix.writes().iter().filter(|write| write.name() == COMMAND).map(|write| write.rate()[0]).sum()
}

struct Service<'a> {
    contract: &'a Contract,
    matrix: &'a Matrix,
    /// Its share of the commands.
    commands: f64,
    seconds: f64,
    prices: &'a Prices,
    usage: &'a Usage,
}

impl Service<'_> {
    fn lines(&self, lines: &mut Vec<Line>) {
        let delivery = &self.contract.delivery;
        let mut invocations = 0.0;
        for (name, function) in &delivery.functions {
            let called = self.invocations(name);
            let gigabyte_seconds = called * self.invoked(name).milliseconds / 1000.0 * f64::from(function.memory_mb) / 1024.0;
            let dollars =
                gigabyte_seconds * self.prices.lambda_gigabyte_second_arm64 + called / MILLION * self.prices.lambda_million_requests;
            lines.push(line("Lambda", name, format!("{called:.0} invocations, {gigabyte_seconds:.0} GB-s"), dollars));
            invocations += called;
        }
        lines.extend(self.matrix.tables().iter().map(|table| self.table(table.name())));
        lines.push(self.api());
        lines.push(self.bus());
        lines.extend(delivery.queues.keys().map(|queue| self.queue(queue)));
        lines.push(self.schedules());
        lines.push(self.objects());
        lines.push(self.logs(invocations));
        lines.push(self.watching());
        lines.extend(self.keys());
    }

    /// What calls a function, by the contract; HTTP where nothing else does.
    fn trigger(&self, name: &str) -> Trigger {
        let delivery = &self.contract.delivery;
        let stream = delivery.stream_mappings.values().any(|mapping| mapping.function == name);
        let queue = delivery.queue_mappings.values().any(|mapping| mapping.function == name);
        let schedule = delivery.schedules.values().any(|schedule| schedule.function == name);
        match (stream, queue, schedule) {
            (true, ..) => Trigger::Stream,
            (_, true, _) => Trigger::Queue,
            (.., true) => Trigger::Schedule,
            _ => Trigger::Http,
        }
    }

    fn invoked(&self, name: &str) -> Invoked {
        let own = self.usage.function.get(name);
        *own.unwrap_or_else(|| self.usage.trigger.get(&self.trigger(name)).expect("every trigger has its usage, as a test shows"))
    }

    fn invocations(&self, name: &str) -> f64 {
        self.invoked(name).per_thousand * self.commands / 1000.0 + self.runs(name)
    }

    /// How often schedules call a function in a month.
    fn runs(&self, name: &str) -> f64 {
        let schedules = self.contract.delivery.schedules.values().filter(|schedule| schedule.function == name);
        schedules.map(|schedule| runs_a_month(&schedule.expression, &schedule.timezone)).sum()
    }

    fn table(&self, table: &str) -> Line {
        let (reads, writes) = self.matrix.average_units(table);
        // What schedules read while nothing happens is put down to the log.
        let idle_reads = if table.ends_with("-log") { self.idle_reads() } else { 0.0 };
        let (reads, writes) = (reads * self.seconds + idle_reads, writes * self.seconds);
        let dollars = reads / MILLION * self.prices.dynamodb_million_reads + writes / MILLION * self.prices.dynamodb_million_writes;
        line("DynamoDB", table, format!("{reads:.0} read units, {writes:.0} write units"), dollars)
    }

    fn idle_reads(&self) -> f64 {
        self.contract.delivery.functions.keys().map(|name| self.runs(name) * self.invoked(name).idle_reads).sum()
    }

    fn api(&self) -> Line {
        let functions = self.contract.delivery.functions.keys();
        let requests: f64 = functions.filter(|name| self.trigger(name) == Trigger::Http).map(|name| self.invocations(name)).sum();
        line("HTTP API", &self.contract.service, format!("{requests:.0} requests"), requests / MILLION * self.prices.api_million_requests)
    }

    fn bus(&self) -> Line {
        let publishes = !self.contract.publishes.is_empty();
        let events = if publishes { self.commands * self.usage.events_per_thousand / 1000.0 } else { 0.0 };
        line("EventBridge", &self.contract.service, format!("{events:.0} events"), events / MILLION * self.prices.bus_million_events)
    }

    fn queue(&self, queue: &str) -> Line {
        let readers = self.contract.delivery.queue_mappings.values().filter(|mapping| mapping.queue == queue);
        let messages: f64 = readers.map(|mapping| self.invoked(&mapping.function).per_thousand * self.commands / 1000.0).sum();
        let requests = messages * self.usage.requests_per_message + self.usage.idle_polls_per_minute * MONTH_MINUTES;
        line(
            "SQS",
            queue,
            format!("{messages:.0} messages, {requests:.0} requests"),
            requests / MILLION * self.prices.queue_million_requests,
        )
    }

    fn schedules(&self) -> Line {
        let schedules = self.contract.delivery.schedules.values();
        let runs: f64 = schedules.map(|schedule| runs_a_month(&schedule.expression, &schedule.timezone)).sum();
        line("Scheduler", &self.contract.service, format!("{runs:.0} runs"), runs / MILLION * self.prices.schedule_million_invocations)
    }

    /// What the signer keeps in S3: at most once a run, and only where there is something new.
    fn objects(&self) -> Line {
        let runs = self.runs(&format!("{}-signer", self.contract.service));
        let requests = runs * self.usage.idle_objects_per_signing + runs.min(self.commands) * self.usage.objects_per_signing;
        line("S3", &self.contract.service, format!("{requests:.0} requests"), requests / MILLION * self.prices.object_million_requests)
    }

    fn logs(&self, invocations: f64) -> Line {
        let gigabytes = invocations * self.usage.log_bytes / GIGABYTE;
        line("Logs", &self.contract.service, format!("{gigabytes:.2} GB"), gigabytes * self.prices.log_gigabyte)
    }

    /// Alarms and metrics, as `infra/modules/alarms` makes them.
    fn watching(&self) -> Line {
        let delivery = &self.contract.delivery;
        let alarms = annals_lambda::metrics::definition::ALL.iter().filter(|definition| definition.alarm.is_some());
        let alarms: usize = alarms
            .map(|definition| match (definition.label, definition.metric) {
                (None, _) => 1,
                (Some("mapping"), _) => delivery.stream_mappings.len(),
                (Some("queue"), annals_lambda::Metric::DeadLetters) => delivery.dead_letter_queues.len(),
                (Some("queue"), _) => delivery.queues.len(),
                (Some(_), _) => delivery.functions.len(),
            })
            .sum();
        let metrics = if self.commands > 0.0 { self.usage.metrics_per_service } else { 0.0 };
        let dollars = alarms as f64 * self.prices.alarm_month + metrics * self.prices.metric_month;
        line("CloudWatch", &self.contract.service, format!("{alarms} alarms, {metrics:.0} metrics"), dollars)
    }

    /// The key of a service's vault; that of everything at rest is the platform's.
    fn keys(&self) -> Option<Line> {
        let vault = self.matrix.tables().iter().find(|table| table.name().ends_with("-vault"))?;
        Some(line("KMS", vault.name(), "1 key".to_owned(), self.prices.key_month))
    }
}

fn line(of: &'static str, name: &str, amount: String, dollars: f64) -> Line {
    Line { of, name: name.to_owned(), amount, dollars }
}

/// How often a schedule fires in a month of 30 days.
fn runs_a_month(expression: &str, zone: &str) -> f64 {
    let began = Timestamp::from_seconds(1_767_225_600).expect("2026-01-01 is a time");
    let ends = Timestamp::from_seconds(1_767_225_600 + DAYS * 86_400).expect("30 days later is a time");
    // The laws of contracts have read it.
    let Ok(schedule) = ScheduleExpression::read(expression, zone) else { return 0.0 };
    let times = std::iter::successors(schedule.first(began), |last| schedule.next(*last, *last));
    times.take_while(|time| *time < ends).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::contracts::committed;

    fn of(commands: u64) -> Estimate {
        estimate(commands, committed().unwrap(), &access_patterns::all())
    }

    fn dollars(estimate: &Estimate, of: &str, name: &str) -> f64 {
        estimate.lines.iter().filter(|line| line.of == of && line.name == name).map(|line| line.dollars).sum()
    }

    #[test]
    fn every_function_and_table_has_its_line() {
        let estimate = of(1_000_000);
        for Committed { contract, .. } in committed().unwrap() {
            for name in contract.delivery.functions.keys() {
                assert_eq!(estimate.lines.iter().filter(|line| line.of == "Lambda" && line.name == *name).count(), 1, "{name}");
            }
        }
        for table in access_patterns::all().iter().flat_map(|matrix| matrix.tables()) {
            assert!(estimate.lines.iter().any(|line| line.of == "DynamoDB" && line.name == table.name()), "{}", table.name());
        }
        let sum: f64 = estimate.lines.iter().map(|line| line.dollars).sum();
        assert!((sum - estimate.total).abs() < 1e-9);
    }

    /// A million commands cost at least a write unit each, in the logs.
    #[test]
    fn a_commit_is_a_write_unit_at_least() {
        let estimate = of(1_000_000);
        let logs = dollars(&estimate, "DynamoDB", "subscriptions-log") + dollars(&estimate, "DynamoDB", "notifications-log");
        assert!(logs > prices().dynamodb_million_writes, "{logs}");
    }

    /// Once every signer has something to sign each time that it runs.
    #[test]
    fn each_further_ten_million_cost_the_same() {
        let [idle, one, two, three] = [0, 10_000_000, 20_000_000, 30_000_000].map(|commands| of(commands).total);
        assert!(((three - two) - (two - one)).abs() < 1e-6, "{one} {two} {three}");
        assert!(idle > 0.0 && one > idle);
    }

    #[test]
    fn idling_writes_nothing_and_publishes_nothing() {
        let idle = of(0);
        assert!(idle.lines.iter().filter(|line| line.of == "DynamoDB").all(|line| line.amount.ends_with(" 0 write units")));
        assert!(idle.lines.iter().filter(|line| line.of == "EventBridge").all(|line| line.dollars == 0.0));
    }

    #[test]
    fn schedules_are_counted_by_their_expressions() {
        assert_eq!(runs_a_month("rate(5 minutes)", "UTC"), 8640.0);
        assert_eq!(runs_a_month("cron(0 6 * * ? *)", "UTC"), 30.0);
    }

    /// The tables' prices are those of the matrices: one list, said in two places that a test holds together.
    #[test]
    fn the_price_list_is_that_of_the_matrices() {
        let prices = prices();
        for matrix in access_patterns::all() {
            assert_eq!(matrix.prices(), prices.list);
            let costs = matrix.table_costs();
            for cost in costs {
                let (reads, writes) = matrix.average_units(&cost.table);
                let month = 730.0 * 3600.0 / MILLION;
                let here = month * (reads * prices.dynamodb_million_reads + writes * prices.dynamodb_million_writes);
                assert!((here - cost.on_demand).abs() < 1e-6, "{}: {here} and {}", cost.table, cost.on_demand);
            }
        }
    }

    #[test]
    fn usage_names_functions_that_there_are() {
        let known: Vec<_> = committed().unwrap().iter().flat_map(|committed| committed.contract.delivery.functions.keys()).collect();
        let usage = usage();
        assert!(usage.function.keys().all(|name| known.contains(&name)), "infra/usage.toml: {:?}", usage.function.keys());
        assert_eq!(usage.trigger.len(), 4);
    }
}
