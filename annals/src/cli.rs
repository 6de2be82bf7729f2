//! The command line: what can be asked, and how it is described.

pub mod audit;
pub mod develop;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::logs::LOGS;

/// Event-sourced billing on DynamoDB Streams, whole on this machine.
///
/// `annals` alone starts the system on a data directory: HTTP API, DynamoDB, streams, bus, queues, mail. An empty directory begins with a
/// year of a small company, so that there is something to ask; with --empty it does not. Every other command
/// asks the system that runs on that directory or, where none runs, starts one of its own for as long as it needs.
///
/// Exit codes: 0 yes or done, 1 no (there is something to look at), 2 could not tell.
#[derive(Debug, Parser)]
#[command(name = "annals", version, max_term_width = 110)]
pub struct Cli {
    /// The data directory.
    #[arg(long, global = true, default_value = ".annals", value_name = "DIR")]
    pub data: PathBuf,
    /// What to do; without it, `up`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `up`, where no command is given.
    #[command(flatten)]
    pub up: Up,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the system and keep it running until Ctrl-C.
    Up(Up),
    /// List the commits of a stream: version, time, actor, events.
    History(History),
    /// Show what was known of a stream, now or at an earlier version or time.
    Show(Show),
    /// Ask history anything, and prove the answer: revisions, as-of, who did what, whole periods, proofs; for audit and finance.
    Audit(audit::Audit),
    /// Check every stream (or one): versions without gaps, times in order, hashes that chain, rows not ahead of the log; and every
    /// ledger: each commit once with its hash, positions and days without gaps, every signed checkpoint's root.
    Verify(Verify),
    /// Find and mend what rows, bus and ledgers lack of the logs: failed batches, then every stream; exits 1 if something is still lacking.
    Reconcile(Reconcile),
    /// List the projections: revision, what is stored, what they lack of their logs, parked streams and why; exits 1 if there is any.
    Projections(Projections),
    /// Fold a projection again where its streams stand at an older revision or lack commits, while traffic goes on.
    Rebuild(Rebuild),
    /// Fold the log again and compare with what a projection has stored; exits 1 at the first difference.
    Diff(Diff),
    /// Try a parked stream again, as the code may have learnt to fold it; exits 1 if it is still parked.
    Unpark(Unpark),
    /// List sums over many streams, such as revenue-by-month; without a name, what there is.
    Totals(Totals),
    /// List the commits that make a total; exits 1 if they do not make it exactly.
    Explain(Explain),
    /// Destroy what opens everything sealed for a person, end their account, and certify what was erased and what remains; exits 1 without --yes.
    Erase(Erase),
    /// Print the API key of the demo organisation's owner: what to send as `authorization: Bearer <key>`.
    Key,
    /// Play the payment provider: post a signed webhook that an invoice was paid, or that paying failed.
    Pay(Pay),
    /// Do now what a schedule does every 5 minutes.
    Tick(Tick),
    /// Post every webhook body of a folder, validly signed, twice.
    ReplayWebhooks(ReplayWebhooks),
    /// Take in what another system has recorded.
    Import(Import),
    /// List the webhooks about customers or subscriptions that are not known here, and count all kept ones by type.
    Unmatched(Unmatched),
    /// Show how every service does: volume, failures, latency, what waits, alarms; exits 1 while an alarm is on.
    Status(Status),
    /// List the alarms that are on, and exit 1 if there is any; show their history; acknowledge one.
    Alarms(Alarms),
    /// Dead letters: list the queues, show their letters, send letters back to where they came from.
    Dlq(Dlq),
    /// List what there is in every service: functions, routes, events and who hears them, tables, queues.
    Catalog(develop::Catalog),
    /// Estimate what commands cost on AWS in a month: by function, table, bus, queues and logs; and what idling costs.
    Cost(Cost),
    /// Prove, derive from, explain and price the access-pattern matrices; for developers, in a checkout.
    Matrix(develop::Matrix),
    /// Derive, check and release the services' contracts; for developers, in a checkout.
    Contracts(develop::Contracts),
    /// Write the skeleton of something new, ready to be filled in; for developers, in a checkout.
    New(develop::New),
}

/// Options of `up`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Up {
    /// The port of the HTTP API on 127.0.0.1; 0 for any free one.
    #[arg(long, default_value_t = 7070, value_name = "PORT")]
    pub port: u16,
    /// The port of the DynamoDB endpoint on 127.0.0.1; 0 for any free one.
    #[arg(long, default_value_t = 7071, value_name = "PORT")]
    pub dynamodb_port: u16,
    /// Survive power cuts, not only kills: every write reaches the disk before it is answered.
    #[arg(long)]
    pub durable: bool,
    /// Run every function as processes of its own binary, as Lambda does. In a checkout they are built first; elsewhere they must be
    /// beside this program, or in DIR.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub lambda_processes: Option<Option<PathBuf>>,
    /// Start an empty data directory without the demo: a year of a small company, played into it.
    #[arg(long)]
    pub empty: bool,
}

impl Default for Up {
    fn default() -> Self {
        Self { port: 7070, dynamodb_port: 7071, durable: false, lambda_processes: None, empty: false }
    }
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// The stream, such as SUB#0190c9a2-....
    pub stream: String,
    /// Print the payload of every event as well.
    #[arg(long)]
    pub full: bool,
    /// Print JSON, one commit a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The stream, such as SUB#0190c9a2-....
    pub stream: String,
    /// As of this version (17), time (2026-01-31T09:30:00Z) or end of this UTC day (2026-01-31).
    #[arg(long, value_name = "VERSION|TIME")]
    pub as_of: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only this stream.
    pub stream: Option<String>,
}

/// Options of `reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Only this service.
    #[arg(value_parser = LOGS.each_ref().map(|log| log.service))]
    pub service: Option<String>,
    /// Only say what is lacking.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON, one service a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `totals`.
#[derive(Debug, Args)]
pub struct Totals {
    /// The projection.
    pub projection: Option<String>,
    /// Whose.
    #[arg(long, default_value = "demo")]
    pub tenant: String,
    /// Print JSON, one total a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `projections`.
#[derive(Debug, Args)]
pub struct Projections {
    /// Print JSON, one projection a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// The projection, as `annals projections` lists it.
    pub projection: String,
    /// Only this stream.
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<String>,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The projection, as `annals projections` lists it.
    pub projection: String,
    /// Print the difference as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `unpark`.
#[derive(Debug, Args)]
pub struct Unpark {
    /// The projection, as `annals projections` lists it.
    pub projection: String,
    /// The stream, such as INV#0190c9a2-....
    pub stream: String,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The projection.
    pub projection: String,
    /// The total, as `annals totals` lists it: EUR/2026-11.
    pub total: String,
    /// Whose.
    #[arg(long, default_value = "demo")]
    pub tenant: String,
    /// Print JSON, one commit a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// The person: a customer's id, or the id of someone's account.
    pub person: annals_kit::CustomerId,
    /// The organisation that they belong to.
    #[arg(long, default_value = "demo")]
    pub tenant: annals_kit::Tenant,
    /// Erase; without it, say what would be erased and change nothing. There is no way back.
    #[arg(long)]
    pub yes: bool,
    /// Print the certificate as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// From where.
    #[command(subcommand)]
    pub command: ImportCommand,
}

/// What can be imported.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// A retailer's invoices, one CSV file a day: one invoice or credit note for each number. Run again, it goes on where it was stopped;
    /// exits 1 where a line was left out.
    Retail(ImportRetail),
}

/// Options of `import retail`.
#[derive(Debug, Args)]
pub struct ImportRetail {
    /// The folder; every *.csv in it is read: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country.
    pub folder: PathBuf,
    /// In which currency its prices are.
    #[arg(long, default_value = "GBP")]
    pub currency: annals_kit::Currency,
    /// Whose.
    #[arg(long, default_value = "demo")]
    pub tenant: annals_kit::Tenant,
}

/// Options of `pay`.
#[derive(Debug, Args)]
pub struct Pay {
    /// The invoice's id.
    pub invoice: uuid::Uuid,
    /// Say that the payment failed.
    #[arg(long)]
    pub fail: bool,
}

/// Options of `tick`.
#[derive(Debug, Args)]
pub struct Tick {
    /// The scheduled function.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(crate::system::contracts::scheduled()))]
    pub function: String,
}

/// Options of `replay-webhooks`.
#[derive(Debug, Args)]
pub struct ReplayWebhooks {
    /// The folder; every *.json in it is one body.
    pub folder: PathBuf,
}

/// Options of `cost`.
#[derive(Debug, Args)]
pub struct Cost {
    /// How many commands in the month, of all services together; 0 shows what idling costs.
    #[arg(long, default_value_t = 1_000_000, value_name = "NUMBER")]
    pub commands: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `unmatched`.
#[derive(Debug, Args)]
pub struct Unmatched {
    /// Print JSON, one webhook a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Only this service.
    pub service: Option<String>,
    /// Look again every second, in place, until Ctrl-C; on a terminal, while the system runs.
    #[arg(long)]
    pub watch: bool,
    /// Print JSON, on one line.
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
}

/// Options of `alarms`.
#[derive(Debug, Args)]
pub struct Alarms {
    /// List those that are off as well.
    #[arg(long)]
    pub all: bool,
    /// What to do instead of listing them.
    #[command(subcommand)]
    pub command: Option<AlarmsCommand>,
}

/// What can be done with alarms.
#[derive(Debug, Subcommand)]
pub enum AlarmsCommand {
    /// List everything that turned an alarm on or ended it, oldest first.
    History,
    /// End an alarm of something that does not become undone, such as log-tampered-billing. It stays in the history.
    Ack(Acknowledge),
}

/// Options of `alarms ack`.
#[derive(Debug, Args)]
pub struct Acknowledge {
    /// The alarm's name.
    pub name: String,
    /// What you found; it stays in the history.
    #[arg(long)]
    pub reason: String,
}

/// Options of `dlq`.
#[derive(Debug, Args)]
pub struct Dlq {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List the queues of dead letters: depth, age of the oldest, source; exits 1 if there is any letter.
    List {
        /// Print JSON, one queue a line.
        #[arg(long)]
        json: bool,
    },
    /// Show the letters of a queue: event, type, stream, attempts, error, age; never what they say of anyone.
    Show {
        /// The queue.
        queue: String,
        /// Print JSON, one letter a line.
        #[arg(long)]
        json: bool,
    },
    /// Send letters back to their source queue, and record who did it and why. Without --yes it only says what it would do, and exits 1.
    Redrive(Redrive),
}

/// Options of `dlq redrive`.
#[derive(Debug, Args)]
pub struct Redrive {
    /// The queue of dead letters.
    pub queue: String,
    /// Why; recorded for ever, so it must name no person.
    #[arg(long)]
    pub reason: String,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
    /// Only the letter with this message id; may be given several times.
    #[arg(long, value_name = "ID")]
    pub message: Vec<String>,
    /// Only letters of this event type, such as PAYMENT_RECEIVED.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    /// Who does it.
    #[arg(long, default_value = "operator")]
    pub actor: annals_kit::Actor,
}
