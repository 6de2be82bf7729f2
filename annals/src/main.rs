//! The program `annals`: the system on this machine, and the audit and finance command line.

use std::process::ExitCode;

use annals::cli::Cli;
use clap::Parser;

/// Requests and items are many small allocations that live briefly: a third more commands a second than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    annals_lambda::machine::log_to_stderr("warn");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => annals::outcome::exit(runtime.block_on(annals::commands::run(cli))),
        Err(error) => {
            eprintln!("error: no threads to run on ({error})");
            ExitCode::from(2)
        }
    }
}
