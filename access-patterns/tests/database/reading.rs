//! Generates a world for every matrix and checks every law of every pattern in it.

use std::fmt;
use std::sync::Arc;

use access_patterns::{Matrix, Operation, Params};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::endpoint::{Database, is_elsewhere};
use crate::laws;
use crate::world::{self, TypedItem};
use crate::writing;

/// One world, a question for each pattern, and items that come while a list is read.
#[derive(Clone)]
pub struct Case {
    pub puts: Vec<TypedItem>,
    pub asked: Vec<(String, Params)>,
    pub more: Vec<TypedItem>,
}

/// A line an item and a line a question: a failing case is read by people.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.puts.iter().try_for_each(|item| writeln!(f, "put {item:?}"))?;
        self.asked.iter().try_for_each(|(name, params)| writeln!(f, "ask {name} {params:?}"))?;
        self.more.iter().try_for_each(|item| writeln!(f, "then put {item:?}"))
    }
}

/// Worlds of a matrix, with `asks` questions for each pattern.
pub fn cases(matrix: &Matrix, most: usize, asks: usize) -> BoxedStrategy<Case> {
    let patterns = matrix.patterns().chain(matrix.scans()).flat_map(|pattern| std::iter::repeat_n(pattern, asks));
    let questions: Vec<BoxedStrategy<(String, Params)>> = patterns
        .map(|pattern| {
            let name = pattern.name().to_owned();
            world::params(matrix, pattern).prop_map(move |params| (name.clone(), params)).boxed()
        })
        .collect();
    (world::world(matrix, most), questions, world::world(matrix, 8)).prop_map(|(puts, asked, more)| Case { puts, asked, more }).boxed()
}

/// Every law of every question; the error says which pattern broke which.
pub async fn every_law_holds(db: &Database, case: &Case) -> Result<(), String> {
    let mut puts = Vec::new();
    for item in &case.puts {
        writing::put(db, item, &mut puts).await?;
    }
    for (name, params) in &case.asked {
        let pattern = db.matrix.pattern(name).unwrap();
        laws::hold(db, pattern, params, &puts).await.map_err(|broken| format!("{name} with {params:?}: {broken}"))?;
    }
    for (name, params) in &case.asked {
        let pattern = db.matrix.pattern(name).unwrap();
        let typed = pattern.entity().and_then(|name| db.matrix.entity(name)).is_some_and(|entity| entity.raw().is_none());
        if typed && pattern.operation() == Operation::Query {
            let survived = laws::paging_survives_inserts(db, pattern, params, &mut puts, &case.more).await;
            survived.map_err(|broken| format!("{name} with {params:?}: {broken}"))?;
        }
    }
    Ok(())
}

pub fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn check(matrix: &Arc<Matrix>, cases_run: u32) {
    let cases_run = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases_run);
    let config = Config { cases: cases_run, source_file: Some(file!()), max_shrink_iters: 400, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases(matrix, 50, 2), |case| {
        in_runtime(async {
            let db = Database::open(matrix).await;
            let held = every_law_holds(&db, &case).await;
            db.close().await;
            held.map_err(TestCaseError::fail)
        })
    });
    if let Err(broken) = outcome {
        panic!("{}: {broken}", matrix.service());
    }
}

/// Law: every pattern of every matrix answers what looking at every item would, in every order and page size, at the stated cost.
#[test]
fn every_pattern_answers_as_brute_force_does() {
    let cases = if is_elsewhere() { 4 } else { 16 };
    std::thread::scope(|scope| {
        let checks: Vec<_> = crate::matrices().into_iter().map(|matrix| scope.spawn(move || check(&matrix, cases))).collect();
        checks.into_iter().for_each(|check| check.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    });
}
