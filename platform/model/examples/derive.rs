//! Writes what the models have shown into `docs/model.md`.

use std::path::Path;
use std::process::ExitCode;

use annals_model::parts;
use annals_model::report::{Found, renewed};

fn main() -> ExitCode {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model.md");
    match derive(&page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", page.display());
            ExitCode::FAILURE
        }
    }
}

fn derive(page: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(page)?;
    let found: Vec<Found> = parts().iter().map(|part| Found::of(&**part)).collect();
    let renewed = renewed(&text, &found).ok_or("the marks between which to write are gone")?;
    Ok(std::fs::write(page, renewed)?)
}
