//! Turns a matrix file into a proven [`Matrix`], or says everything that is wrong with it.

use crate::matrix::Matrix;
use crate::problem::{Errors, Problems};
use crate::{cost, projection, prove, resolve, source};

impl Matrix {
    /// Reads and proves the matrix in `text`; `file_name` is what errors call it.
    ///
    /// Every problem found is reported, with line, column and what to do; see [`crate::Problem`].
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Errors> {
        let mut problems = Problems::new(file_name, text);
        let file: source::File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                problems.push(&at, "syntax", error.message(), "see access-patterns/README.md for the form of a matrix");
                return Err(problems.into_errors());
            }
        };
        let mut matrix = resolve::matrix(file_name, &file, &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_errors());
        }
        projection::derive(&mut matrix);
        cost::capacities(&mut matrix);
        prove::matrix(&matrix, &mut problems);
        if problems.is_empty() { Ok(matrix) } else { Err(problems.into_errors()) }
    }
}
