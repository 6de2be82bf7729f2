//! A contract read back from its files.

use access_patterns::{Errors, Problem};

use crate::api::CommittedApi;
use crate::contract::Contract;
use crate::document::{self, Document};
use crate::yaml::{self, Places};

/// A contract as its files have it.
#[derive(Debug)]
pub struct Committed {
    /// What it says.
    pub contract: Contract,
    file: String,
    places: Places,
    api: Option<CommittedApi>,
}

impl Committed {
    /// Reads the contract in `text`, which is AsyncAPI; `file` is what problems call it.
    ///
    /// Whether it holds is another question: see [`crate::laws`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Errors> {
        let document: Document = yaml::read(file, text)?;
        let places = yaml::read(file, text)?;
        let mut missing = vec![];
        let contract = document::contract(document, &mut missing);
        let committed = Self { contract, file: file.into(), places, api: None };
        if missing.is_empty() {
            return Ok(committed);
        }
        Err(Errors(missing.iter().map(|(path, what)| committed.problem(path, "form", what.clone(), yaml::BY_HAND)).collect()))
    }

    /// Together with the API of the same service.
    pub fn with_api(mut self, api: CommittedApi) -> Self {
        self.contract.api = api.api.clone();
        Self { api: Some(api), ..self }
    }

    /// The API, where it was read.
    pub(crate) fn api(&self) -> Option<&CommittedApi> {
        self.api.as_ref()
    }

    /// Something wrong at `path`.
    pub(crate) fn problem<P: AsRef<str>>(
        &self,
        path: &[P],
        rule: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Problem {
        self.places.problem(&self.file, path, rule, what, next)
    }
}
