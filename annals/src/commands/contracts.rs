//! `annals contracts`: writes the services' contracts from their Rust descriptions, checks them, keeps what is released.

use std::path::Path;

use annals_contract::{Committed, Errors, disk, laws};

use crate::cli::develop::{Contracts as Options, ContractsCommand};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::system::api;
use crate::system::contracts::described;

/// Runs one of the contract commands on the services of a folder.
pub(super) fn run(options: &Options) -> Result<Answer, CouldNotTell> {
    let folder = &options.folder;
    if !folder.is_dir() {
        return Err(CouldNotTell::new(
            format!("{} is no folder", folder.display()),
            "nothing was written; name the folder of the services with --folder",
        ));
    }
    match options.command {
        ContractsCommand::Derive => derive(folder),
        ContractsCommand::Check => check(folder),
        ContractsCommand::Release => match check(folder)? {
            Answer::Yes => release(folder),
            Answer::No => Ok(Answer::No),
        },
    }
}

fn derive(folder: &Path) -> Result<Answer, CouldNotTell> {
    let unwritten = |error| CouldNotTell::new(error, "make the folder writable");
    let mut written = disk::derive(folder, &described()).map_err(unwritten)?;
    let own = folder.join("..").join(api::FILE);
    if disk::write(&own, &api::text()).map_err(unwritten)? {
        written.push(own);
    }
    written.iter().for_each(|path| say(path.display()));
    Ok(Answer::Yes)
}

fn release(folder: &Path) -> Result<Answer, CouldNotTell> {
    let written = disk::release(folder, &described()).map_err(|error| CouldNotTell::new(error, "make the folder writable"))?;
    written.iter().for_each(|path| say(path.display()));
    Ok(Answer::Yes)
}

/// Files current, laws held, releases kept; says everything that is not so.
fn check(folder: &Path) -> Result<Answer, CouldNotTell> {
    let unreadable = |error| CouldNotTell::new(error, "nothing was written; make the file readable");
    let (mut contracts, mut no) = (vec![], false);
    for contract in described() {
        let service = &contract.service;
        let texts = disk::texts(folder, service).map_err(unreadable)?;
        let files = ["asyncapi.yaml", "openapi.yaml"].into_iter().zip(texts).zip([contract.to_yaml(), contract.to_openapi()]);
        for ((file, _), _) in files.filter(|((_, text), derived)| text.as_ref() != Some(derived)) {
            say(format_args!("no: {service}'s {file} is not what its contract.rs says; next: annals contracts derive"));
            no = true;
        }
        match disk::committed(folder, service).map_err(unreadable)? {
            Some(Ok(committed)) => contracts.push(committed),
            Some(Err(errors)) => no |= refused(&errors),
            None => {}
        }
    }
    for (path, text) in disk::clients(folder, &described()).map_err(unreadable)? {
        if disk::read(&path).map_err(unreadable)? != Some(text) {
            say(format_args!("no: {} is not what the contracts say; next: annals contracts derive", path.display()));
            no = true;
        }
    }
    if disk::read(&folder.join("..").join(api::FILE)).map_err(unreadable)?.as_deref() != Some(api::text().as_str()) {
        say(format_args!("no: {} is not what api.rs says; next: annals contracts derive", api::FILE));
        no = true;
    }
    if no {
        return Ok(Answer::No);
    }
    if let Err(errors) = laws::check(&contracts, &access_patterns::all()) {
        no |= refused(&errors);
    }
    for committed in &contracts {
        match disk::released(folder, &committed.contract.service).map_err(unreadable)? {
            Some(Ok(released)) => no |= laws::check_release(committed, &released).is_err_and(|errors| refused(&errors)),
            Some(Err(errors)) => no |= refused(&errors),
            None => {}
        }
    }
    if no {
        return Ok(Answer::No);
    }
    contracts.iter().for_each(holds);
    Ok(Answer::Yes)
}

fn refused(errors: &Errors) -> bool {
    say(errors);
    true
}

fn holds(committed: &Committed) {
    let contract = &committed.contract;
    say(format_args!(
        "yes: {} holds: {} functions, {} routes, publishes {}, consumes {}, {} schedules",
        contract.service,
        contract.delivery.functions.len(),
        contract.api.routes.len(),
        contract.publishes.len(),
        contract.consumes.len(),
        contract.delivery.schedules.len()
    ));
}
