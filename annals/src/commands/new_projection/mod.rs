//! `annals new projection`: writes a working skeleton into a work tree, to be filled in.
//!
//! - `name`: a projection's name, and how it is spelt in each place
//! - `tree`: what the work tree says of a service: its streams, matrix and files
//! - `edits`: the lines that existing files get; `plan`: all that is written, or nothing
//! - `templates/`: the files as they are written, with `@names@` in place of what differs

mod edits;
mod name;
mod plan;
mod tree;

use self::name::Name;
use self::plan::Plan;
use self::tree::{Service, Stream};
use crate::cli::develop::{Kind, NewProjection};
use crate::outcome::{Answer, CouldNotTell, say};

/// Writes the projection, its test and the lines that make them part of the service.
pub(super) fn run(options: &NewProjection) -> Result<Answer, CouldNotTell> {
    let name: Name = options.name.parse().map_err(|reason: String| refused(reason, "choose another name"))?;
    let service = Service::read(&options.root, &options.service)?;
    let stream = service.stream(options.stream.as_deref())?;
    let plan = Plan::of(&service, stream, &name, options.kind)?;
    let written = plan.carry_out(&options.root)?;
    written.iter().for_each(say);
    next(&service, stream, &name, options.kind);
    Ok(Answer::Yes)
}

/// What is wrong, and what to do, where nothing was written.
fn refused(what: impl std::fmt::Display, next: impl std::fmt::Display) -> CouldNotTell {
    CouldNotTell::new(what, format!("nothing was written; {next}"))
}

fn next(service: &Service, stream: &Stream, name: &Name, kind: Kind) {
    let (folder, snake) = (service.folder(), name.snake());
    let others: Vec<_> = service.streams.iter().filter(|other| other.code != stream.code).map(|other| other.code.as_str()).collect();
    let instead = if others.is_empty() { String::new() } else { format!(" (with --stream: {})", others.join(", ")) };
    say(format_args!("\n{name} reads {} streams{instead} and works as it is. Next:", stream.code));
    say(format_args!("  fill in the fold     {folder}/src/{snake}.rs, and its stories in {folder}/tests/it/{snake}.rs"));
    if kind == Kind::Rows {
        say(format_args!(
            "  its rows             access-patterns/{}.toml has their keys; after a change: cargo run -p access-patterns --example derive",
            service.name
        ));
    }
    say(format_args!("  test it              cargo test -p {} --test it {snake}", service.package()));
    say(format_args!(
        "  try it               cargo run, and annals reconcile for streams that do not move; docs/projections.md has the rest"
    ));
}
