//! Writes every file that follows from the matrices, or says what cannot change in place.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut breaches = Vec::new();
    for matrix in access_patterns::all() {
        // A service without a lock yet has nothing to keep.
        let lock = std::fs::read_to_string(root.join(matrix.lock_path())).unwrap_or_default();
        let lock = serde_json::from_str(&lock).unwrap_or_default();
        breaches.extend(matrix.breaches(&lock).into_iter().map(|breach| format!("{}: {breach}", matrix.file())));
    }
    if !breaches.is_empty() {
        eprintln!("error: this cannot change in place; nothing was written\n  {}", breaches.join("\n  "));
        return ExitCode::FAILURE;
    }
    for file in access_patterns::all().iter().flat_map(|matrix| matrix.derive()) {
        let path = root.join(&file.path);
        let folder = path.parent().expect("a derived file is in a folder");
        if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &file.content)) {
            eprintln!("error: {} could not be written: {error}", file.path);
            return ExitCode::FAILURE;
        }
        println!("{}", file.path);
    }
    ExitCode::SUCCESS
}
