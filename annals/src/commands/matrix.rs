//! `annals matrix`: proves the access-pattern matrices, writes what follows from them, explains a pattern, prices all.

use std::path::Path;

use access_patterns::{Matrix, disk};

use crate::cli::develop::{Matrix as Options, MatrixCommand};
use crate::outcome::{Answer, CouldNotTell, say};

/// Runs one of the matrix commands on the files of a folder.
pub(super) fn run(options: &Options) -> Result<Answer, CouldNotTell> {
    let read = disk::read(&options.folder)
        .map_err(|error| CouldNotTell::new(error, "nothing was written; name the folder of the matrices with --folder"))?;
    let mut matrices = vec![];
    for (name, matrix) in read {
        match matrix {
            Ok(matrix) => matrices.push(matrix),
            Err(errors) => {
                say(&errors);
                say(format_args!("no: {name} does not hold"));
                return Ok(Answer::No);
            }
        }
    }
    match &options.command {
        MatrixCommand::Check => check(&matrices),
        MatrixCommand::Derive => derive(&options.folder, &matrices)?,
        MatrixCommand::Explain { pattern } => return Ok(explain(&matrices, pattern)),
        MatrixCommand::Cost => matrices.iter().for_each(|matrix| say(matrix.cost_report())),
    }
    Ok(Answer::Yes)
}

fn check(matrices: &[Matrix]) {
    for matrix in matrices {
        let reads = matrix.patterns().count() + matrix.scans().count();
        say(format_args!(
            "yes: {} holds: {} tables, {reads} reads, {} writes",
            matrix.file(),
            matrix.tables().len(),
            matrix.writes().len()
        ));
    }
}

fn derive(folder: &Path, matrices: &[Matrix]) -> Result<(), CouldNotTell> {
    let root = folder.join("..");
    let written = disk::derive(&root, matrices.iter()).map_err(|error| CouldNotTell::new(error, "see access-patterns/README.md"))?;
    written.iter().for_each(say);
    Ok(())
}

fn explain(matrices: &[Matrix], pattern: &str) -> Answer {
    let explained: Vec<_> = matrices.iter().filter_map(|matrix| Some((matrix, matrix.explain(pattern)?))).collect();
    for (matrix, text) in &explained {
        say(format_args!("{}, {text}", matrix.service()));
    }
    if explained.is_empty() {
        let names: Vec<_> =
            matrices.iter().flat_map(|matrix| matrix.patterns().chain(matrix.scans())).map(|pattern| pattern.name()).collect();
        say(format_args!("no: there is no pattern {pattern}; there are {}", names.join(", ")));
        return Answer::No;
    }
    Answer::Yes
}
