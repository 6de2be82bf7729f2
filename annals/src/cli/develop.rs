//! The commands for who develops Annals: matrices, contracts, what there is, and new projections.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Options of `matrix`.
#[derive(Debug, Args)]
pub struct Matrix {
    /// The folder of the matrices.
    #[arg(long, global = true, default_value = "access-patterns", value_name = "DIR")]
    pub folder: PathBuf,
    /// What to do with them.
    #[command(subcommand)]
    pub command: MatrixCommand,
}

/// What can be done with the matrices.
#[derive(Debug, Subcommand)]
pub enum MatrixCommand {
    /// Prove them: line, column and what to do for everything that does not hold.
    Check,
    /// Write everything that follows from them.
    Derive,
    /// Say what a pattern reads, by which keys, and what it costs.
    Explain {
        /// The pattern's name.
        pattern: String,
    },
    /// Price every pattern and table.
    Cost,
}

/// Options of `catalog`.
#[derive(Debug, Args)]
pub struct Catalog {
    /// One service, such as billing; without it, all of them.
    pub service: Option<String>,
    /// Print JSON, one service a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `contracts`.
#[derive(Debug, Args)]
pub struct Contracts {
    /// The folder of the services.
    #[arg(long, global = true, default_value = "services", value_name = "DIR")]
    pub folder: PathBuf,
    /// What to do with their contracts.
    #[command(subcommand)]
    pub command: ContractsCommand,
}

/// What can be done with the contracts.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ContractsCommand {
    /// Write asyncapi.yaml and openapi.yaml of every service from its contract.rs.
    Derive,
    /// Check that the files are current, hold together and with the matrices, and keep what was released.
    Check,
    /// Keep the contracts as released: from now on consumers rely on them.
    Release,
}

/// Options of `new`.
#[derive(Debug, Args)]
pub struct New {
    /// What.
    #[command(subcommand)]
    pub command: NewCommand,
}

/// What can be new.
#[derive(Debug, Subcommand)]
pub enum NewCommand {
    /// A projection: its fold, its tests, and its lines in the projector and the matrix. It works as it is, and overwrites nothing.
    Projection(NewProjection),
}

/// Options of `new projection`.
#[derive(Debug, Args)]
pub struct NewProjection {
    /// The service, such as billing.
    pub service: String,
    /// Its name, such as revenue-by-country.
    pub name: String,
    /// What it makes of its streams.
    #[arg(long, value_enum, default_value_t = Kind::Totals)]
    pub kind: Kind,
    /// The type of the streams it reads, such as INV; without it, the one that most projections of the service read.
    #[arg(long, value_name = "TYPE")]
    pub stream: Option<String>,
    /// The work tree.
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub root: PathBuf,
}

/// What a projection makes of its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Sums and counts over many streams.
    Totals,
    /// Rows of each stream.
    Rows,
    /// A set of members, which streams join and leave.
    Set,
}
