//! Writes every file that follows from the matrices, also when the derived code does not compile yet: what `annals matrix derive` does.

use std::path::Path;
use std::process::ExitCode;

use access_patterns::{all, disk};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let matrices = all();
    match disk::derive(&root, matrices.iter().map(|matrix| &**matrix)) {
        Ok(written) => {
            written.iter().for_each(|path| println!("{path}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
