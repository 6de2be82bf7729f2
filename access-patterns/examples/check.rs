//! Proves the matrix files of this folder, or those named, and says what is wrong with them and where.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use access_patterns::Matrix;

fn main() -> ExitCode {
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let files = if named.is_empty() { committed() } else { named };
    let mut sound = true;
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("error: {} cannot be read: {error}", path.display());
                return ExitCode::from(2);
            }
        };
        let started = Instant::now();
        match Matrix::parse(&name, &text) {
            Ok(matrix) => println!(
                "{name}: {} reads, {} writes, proven in {:.1?}",
                matrix.patterns().count() + matrix.scans().count(),
                matrix.writes().len(),
                started.elapsed()
            ),
            Err(errors) => {
                println!("{errors}");
                sound = false;
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn committed() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        folder.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name != "Cargo.toml"));
    files.sort();
    files
}
