//! `annals import retail`: a retailer's invoices, one CSV file a day, as commits of billing's log.

use std::collections::BTreeSet;

use billing::amount::{Amounts, Line};
use billing::decimal::Percent;
use futures_util::StreamExt;

use super::lines::{ANONYMOUS, Document, Files, read};
use super::posting::{Posted, Posting};
use super::progress::Progress;
use crate::cli::ImportRetail;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Documents that are posted at the same time.
const CONCURRENCY: usize = 8;

/// What became of all documents, in minor units.
#[derive(Default)]
struct Sums {
    new: usize,
    known: usize,
    invoices: (usize, i64),
    notes: (usize, i64),
    wrong: Vec<String>,
}

/// Prints what the files hold and what is in the log for it; exits 1 where a line was left out or a document differs.
pub(super) async fn run(session: &Session, options: &ImportRetail) -> Result<Answer, CouldNotTell> {
    let files = read(&options.folder, options.currency)?;
    let posting = &Posting::new(session, options.tenant.clone(), options.currency);
    tell_files(&files, options)?;
    let mut progress = Progress::new(files.documents.len());
    let mut sums = Sums::default();
    let mut posts = futures_util::stream::iter(&files.documents)
        .map(|document| async move { (document, posting.post(document).await) })
        .buffered(CONCURRENCY);
    while let Some((document, posted)) = posts.next().await {
        sums.add(document, posted?);
        progress.advance();
    }
    progress.end();
    tell_posted(&sums, posting, &progress);
    files.malformed.iter().for_each(|line| say(format_args!("left out: {line}")));
    sums.wrong.iter().for_each(|line| say(format_args!("not imported: {line}")));
    Ok(if files.malformed.is_empty() && sums.wrong.is_empty() { Answer::Yes } else { Answer::No })
}

impl Sums {
    fn add(&mut self, document: &Document, posted: Posted) {
        let minor = match posted {
            Posted::New(minor) => {
                self.new += 1;
                minor
            }
            Posted::Known(minor) => {
                self.known += 1;
                minor
            }
            Posted::Differs => {
                self.wrong.push(format!("{}: another document is in the log under this number; credit it by hand", document.number));
                return;
            }
            Posted::Neither => {
                self.wrong.push(format!("{}: a cancellation above zero", document.number));
                return;
            }
        };
        let kind = if minor < 0 { &mut self.notes } else { &mut self.invoices };
        *kind = (kind.0 + 1, kind.1.saturating_add(minor));
    }
}

/// The control totals: exact sums of quantity x unit price, of the lines that could be read.
fn tell_files(files: &Files, options: &ImportRetail) -> Result<(), CouldNotTell> {
    let sum = |lines: &[Line]| {
        let amounts = Amounts::of(lines, Percent::ZERO, options.currency);
        amounts.map(|amounts| amounts.net).map_err(|error| CouldNotTell::new(error, "nothing was imported"))
    };
    let all = lines(files.documents.iter());
    let cancelled = lines(files.documents.iter().filter(|document| document.is_cancellation()));
    let anonymous = lines(files.documents.iter().filter(|document| document.customer.as_str() == ANONYMOUS));
    let cancellations = files.documents.iter().filter(|document| document.is_cancellation()).count();
    let customers: BTreeSet<_> = files.documents.iter().map(|document| &document.customer).collect();
    let named = customers.iter().filter(|customer| customer.as_str() != ANONYMOUS).count();
    say(format_args!("{} files, {} lines", files.count, all.len() + files.malformed.len()));
    say(format_args!("{} distinct invoice numbers, {cancellations} of them cancellations", files.documents.len()));
    say(format_args!("sum of quantity x unit price {}, of which cancellations {}", sum(&all)?, sum(&cancelled)?));
    say(format_args!("{} lines without a customer, under {ANONYMOUS}; {named} distinct customers", anonymous.len()));
    Ok(())
}

fn lines<'d>(documents: impl Iterator<Item = &'d Document>) -> Vec<Line> {
    documents.flat_map(|document| document.lines.clone()).collect()
}

fn tell_posted(sums: &Sums, posting: &Posting, progress: &Progress) {
    let (invoices, notes) = (sums.invoices, sums.notes);
    say(format_args!("in the log: {} invoices {}", invoices.0, posting.shown(invoices.1)));
    say(format_args!("            {} credit notes {}", notes.0, posting.shown(notes.1)));
    say(format_args!("            together {}", posting.shown(invoices.1.saturating_add(notes.1))));
    say(format_args!("{} imported, {} were there before; {:.0} a second", sums.new, sums.known, progress.a_second()));
}
