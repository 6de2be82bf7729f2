//! A contract read back from its file.

use access_patterns::{Errors, Problem};

use crate::contract::Contract;
use crate::document::{self, Document};
use crate::yaml::Places;

/// A contract as a file has it.
#[derive(Debug)]
pub struct Committed {
    /// What it says.
    pub contract: Contract,
    file: String,
    places: Places,
}

impl Committed {
    /// Reads the contract in `text`; `file` is what problems call it.
    ///
    /// Whether it holds is another question: see [`crate::laws`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Errors> {
        let unreadable = |error: serde_saphyr::Error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
            let what = error.without_snippet().to_string();
            let next = "mend it in the service's contract.rs and run annals contracts derive; docs/contracts.md has the form";
            Errors(vec![Problem { file: file.into(), line, column, rule: "form", what, next: next.into() }])
        };
        let document: Document = serde_saphyr::from_str(text).map_err(unreadable)?;
        let places = Places::of(text).map_err(unreadable)?;
        let mut missing = vec![];
        let contract = document::contract(document, &mut missing);
        let committed = Self { contract, file: file.into(), places };
        if missing.is_empty() {
            return Ok(committed);
        }
        let next = "run annals contracts derive, and let no other hand write the file";
        Err(Errors(missing.iter().map(|(path, what)| committed.problem(path, "form", what.clone(), next)).collect()))
    }

    /// Something wrong at `path`.
    pub(crate) fn problem<P: AsRef<str>>(
        &self,
        path: &[P],
        rule: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Problem {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let (line, column) = self.places.find(&path);
        Problem { file: self.file.clone(), line, column, rule, what: what.into(), next: next.into() }
    }
}
