//! Writes every file that follows from the matrices, also when the derived code does not compile yet: what `annals matrix derive` does.

use std::path::Path;
use std::process::ExitCode;

use access_patterns::disk;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match derive(&root) {
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

fn derive(root: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let named = disk::read(&root.join("access-patterns"))?;
    let matrices = named.into_iter().map(|(_, matrix)| matrix).collect::<Result<Vec<_>, _>>()?;
    Ok(disk::derive(root, matrices.iter())?)
}
