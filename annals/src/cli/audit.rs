//! `annals audit`: one subcommand a question.

use std::path::PathBuf;

use annals_audit::proving::Place;
use annals_audit::question::{Moment, Period};
use annals_kit::{Actor, CustomerId, Role, StreamId, Tenant};
use clap::{Args, Subcommand, ValueEnum};

use crate::logs::LOGS;

/// Options of `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// The question.
    #[command(subcommand)]
    pub question: AuditQuestion,
    /// Print JSON: one row a line, and last what the answer says and of which history it is.
    #[arg(long, global = true, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV; what the answer says goes to standard error.
    #[arg(long, global = true)]
    pub csv: bool,
    /// Write the answer into this folder, with a manifest, instead of printing its rows.
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The form of the file in --out.
    #[arg(long, global = true, value_enum, default_value_t = Form::Csv, requires = "out")]
    pub form: Form,
    /// Only what is this tenant's.
    #[arg(long, global = true)]
    pub tenant: Option<Tenant>,
    /// Only this service; may be given several times.
    #[arg(long, global = true, value_parser = LOGS.each_ref().map(|log| log.service))]
    pub service: Vec<String>,
    /// Who asks. It is noted, with the question, before it is answered: see `annals audit access`.
    #[arg(long = "as", global = true, default_value = "auditor", value_name = "ACTOR")]
    pub asker: Actor,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Comma-separated, safe to open in a spreadsheet.
    Csv,
    /// JSON Lines.
    Jsonl,
    /// Parquet: times and amounts are typed.
    Parquet,
}

/// What can be asked. PERIOD is 2026, 2026-Q1, 2026-01, 2026-01-31, two of them or two times with .. between, or always.
#[derive(Debug, Subcommand)]
pub enum AuditQuestion {
    /// Every revision of a stream: who, when, and each field that changed, from what to what.
    Revisions {
        /// The stream, such as 'INV#0190c9a2-...'.
        stream: StreamId,
    },
    /// What a stream was at a moment, and what was believed then.
    AsOf {
        /// The stream.
        stream: StreamId,
        /// A version (17), time (2026-01-31T09:30:00Z), day (2026-01-31: its end), position of the ledger (@120), or now.
        #[arg(default_value = "now")]
        moment: Moment,
    },
    /// Who changed a field of a stream, from what to what; exits 1 if nobody did.
    Field {
        /// The stream.
        stream: StreamId,
        /// The field, such as status.
        field: String,
    },
    /// Everything that an actor did, refused commands included; exits 1 if there is nothing.
    Actor {
        /// The actor.
        actor: Actor,
        /// When.
        #[arg(long = "in", default_value = "always", value_name = "PERIOD")]
        period: Period,
    },
    /// Everything under a correlation id, across services, as a tree: commits, events, rows, effects.
    Correlation {
        /// The id, as `annals history` prints it.
        correlation: uuid::Uuid,
    },
    /// The complete population of a period: how many, from where to where, what came late, under which root.
    Population {
        /// The period.
        period: Period,
    },
    /// The proof that a commit is in the ledger; a file for `annals-verify inclusion`.
    Inclusion {
        /// The commit: `INV#<id>@3`, or billing@120.
        commit: Place,
    },
    /// The proof that the ledger still begins with what an earlier checkpoint signed; a file for `annals-verify extension`.
    Extension {
        /// The service.
        #[arg(value_name = "SERVICE", value_parser = LOGS.each_ref().map(|log| log.service))]
        of: String,
        /// The earlier checkpoint, a file that was kept.
        old: PathBuf,
    },
    /// Whether folding the log again gives the live rows; exits 1 at the first difference.
    Replay {
        /// Only this projection.
        projection: Option<String>,
    },
    /// Who read or exported history; exits 1 if nobody did.
    Access {
        /// When.
        #[arg(long = "in", default_value = "always", value_name = "PERIOD")]
        period: Period,
    },
    /// Whether a notice was sent, its attempts and its outcome; exits 1 if it was not.
    Notice {
        /// Its stream, `NOTE#<id>`, or the id alone.
        notice: String,
    },
    /// The events of a day, or of another period, in order.
    Day {
        /// The day.
        day: Period,
    },
    /// Who had a role at a time: members, and keys; exits 1 if nobody had.
    Roles {
        /// owner, admin, member, finance or auditor.
        role: Role,
        /// A time (2026-01-31T09:30:00Z), day (2026-01-31: its end), or now.
        #[arg(default_value = "now")]
        moment: Moment,
    },
    /// Whether a person of --tenant was erased: the certificate, what it closed, and that history is what it was; exits 1 if not.
    Erasure {
        /// A customer, by the tenant's own id; or a member, by that of their account.
        person: CustomerId,
    },
    /// All that is held on a person of --tenant: what names them, what they did, the rows made of it; exits 1 if there is nothing.
    Person {
        /// A customer, by the tenant's own id; or a member, by that of their account.
        person: CustomerId,
    },
    /// Export all entries of a period with their commits and proof, for `annals-verify period`.
    Period {
        /// The service.
        #[arg(value_name = "SERVICE", value_parser = LOGS.each_ref().map(|log| log.service))]
        of: String,
        /// The period.
        period: Period,
    },
}
