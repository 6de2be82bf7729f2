//! `annals new projection` on a copy of what it reads: what it writes, and that it writes nothing where it refuses. `.ci/guide` builds it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use annals::cli::Cli;
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use clap::Parser;

/// A work tree with the files that the command reads.
struct Tree(tempfile::TempDir);

type Files = BTreeMap<String, String>;

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()).for_each(|name| copy(&from.join(&name), &to.join(name)));
    } else {
        fs::copy(from, to).unwrap();
    }
}

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for part in ["projectors", "domain", "access-patterns/derived", "platform/reads/src/generated"] {
            copy(&workspace.join(part), &tree.path(part));
        }
        for service in ["billing", "identity", "notifications"] {
            let matrix = format!("access-patterns/{service}.toml");
            copy(&workspace.join(&matrix), &tree.path(&matrix));
        }
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has {from}");
        fs::write(self.path(path), text.replace(from, to)).unwrap();
    }

    fn files(&self) -> Files {
        fn below(folder: &Path, root: &Path, files: &mut Files) {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => below(&path, root, files),
                    false => {
                        drop(files.insert(
                            path.strip_prefix(root).unwrap().to_str().unwrap().into(),
                            fs::read_to_string(&path).unwrap_or_default(),
                        ))
                    }
                }
            }
        }
        let mut files = Files::new();
        below(self.0.path(), self.0.path(), &mut files);
        files
    }

    async fn new_projection(&self, arguments: &[&str]) -> Result<Answer, CouldNotTell> {
        let root = self.0.path().to_str().unwrap();
        let line = [&["annals", "new", "projection", "--root", root], arguments].concat();
        commands::run(Cli::try_parse_from(line).unwrap()).await
    }

    /// It refuses, says this, and leaves every file as it is.
    async fn refuses(&self, arguments: &[&str], says: &[&str]) {
        let before = self.files();
        let CouldNotTell { what, next } = self.new_projection(arguments).await.expect_err(&format!("{arguments:?}"));
        assert!(next.starts_with("nothing was written; "), "{next}");
        says.iter().for_each(|said| assert!(format!("{what}; {next}").contains(said), "`{said}` in: {what}; {next}"));
        assert_eq!(self.files(), before, "{arguments:?}");
    }
}

/// The files that are new or other.
fn changed(before: &Files, after: &Files) -> Vec<String> {
    let is_other = |(path, text): &(&String, &String)| before.get(*path) != Some(text);
    after.iter().filter(is_other).map(|(path, _)| path.clone()).collect()
}

/// Whether `after` only adds lines to `before`.
fn only_adds(before: &str, after: &str) -> bool {
    let mut lines = after.lines();
    before.lines().all(|line| lines.any(|other| other == line))
}

#[tokio::test]
async fn totals_are_a_file_a_test_and_their_lines_in_the_projector() {
    let tree = Tree::new();
    let before = tree.files();
    assert_eq!(tree.new_projection(&["billing", "sums-of-a-test"]).await.unwrap(), Answer::Yes);
    let after = tree.files();
    let (old, new): (Vec<String>, Vec<String>) = changed(&before, &after).into_iter().partition(|path| before.contains_key(path));
    assert_eq!(
        old,
        ["handler.rs", "lib.rs"]
            .map(|file| format!("projectors/billing/src/{file}"))
            .into_iter()
            .chain(["projectors/billing/tests/it/main.rs".into()])
            .collect::<Vec<_>>()
    );
    assert_eq!(new, ["src", "tests/it"].map(|folder| format!("projectors/billing/{folder}/sums_of_a_test.rs")));
    assert!(old.iter().all(|path| only_adds(&before[path], &after[path])));
    let handler = &after["projectors/billing/src/handler.rs"];
    assert!(handler.contains("\nuse crate::sums_of_a_test::SumsOfATest;\n"), "{handler}");
    assert!(handler.contains("\n        .with_totals::<SumsOfATest>()\n}"), "{handler}");
    let lib = &after["projectors/billing/src/lib.rs"];
    assert!(lib.contains("//! - [`sums_of_a_test`]: sums of a test\n//! - [`handler`]"), "{lib}");
    let projection = &after["projectors/billing/src/sums_of_a_test.rs"];
    for line in ["impl Totals for SumsOfATest {", "const NAME: &'static str = \"sums-of-a-test\";", "type Event = InvoiceEvent;"] {
        assert!(projection.contains(line), "{projection}");
    }
    let holes = new.iter().find(|path| after[*path].contains('@'));
    assert_eq!(holes, None, "every @name@ is filled in");
}

#[tokio::test]
async fn rows_also_get_keys_a_read_and_a_write_in_the_matrix_and_what_follows_from_it() {
    let tree = Tree::new();
    let before = tree.files();
    assert_eq!(tree.new_projection(&["billing", "rows-of-a-test", "--kind", "rows", "--stream", "SUB"]).await.unwrap(), Answer::Yes);
    let after = tree.files();
    let matrix = "access-patterns/billing.toml";
    assert!(only_adds(&before[matrix], &after[matrix]));
    assert!(after["projectors/billing/src/handler.rs"].contains("\n        .with_rows::<RowsOfATest>()\n        .with_totals"));
    assert!(after["projectors/billing/src/rows_of_a_test.rs"].contains("use billing::subscription::SubscriptionEvent;"));
    let parsed = access_patterns::Matrix::parse("billing.toml", &after[matrix]).unwrap();
    assert!(parsed.entity("RowsOfATest").is_some() && parsed.pattern("list_rows_of_a_test").is_some());
    for file in parsed.derive() {
        assert_eq!(after[&file.path], file.content, "{} is derived", file.path);
    }
    tree.refuses(&["billing", "rows-of-a-test", "--kind", "rows"], &["has a projection rows-of-a-test already"]).await;
}

#[tokio::test]
async fn a_set_reads_the_streams_it_is_told_to() {
    let tree = Tree::new();
    assert_eq!(tree.new_projection(&["billing", "set-of-a-test", "--kind", "set", "--stream", "HOOK"]).await.unwrap(), Answer::Yes);
    let projection = tree.text("projectors/billing/src/set_of_a_test.rs");
    assert!(
        projection.contains("totals.join(")
            && projection.contains("\"HOOK\"")
            && projection.contains("use billing::webhook::WebhookEvent;")
    );
    assert!(tree.text("projectors/billing/tests/it/set_of_a_test.rs").contains("event(\"WEBHOOK_KEPT\")"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_is_written() {
    let tree = Tree::new();
    tree.refuses(&["billing", "Revenue"], &["`Revenue` is not a projection's name", "such as revenue-by-country"]).await;
    tree.refuses(&["billing", "match"], &["a word of Rust"]).await;
    tree.refuses(&["billing", "revenue-by-month"], &["has a projection revenue-by-month already"]).await;
    tree.refuses(&["billing", "fixture"], &["projectors/billing/tests/it/fixture.rs is there already"]).await;
    tree.refuses(&["billing", "totals"], &["Totals in code"]).await;
    tree.refuses(&["billing", "total", "--kind", "rows"], &["Total in code"]).await;
    tree.refuses(&["booking", "sums-of-a-test"], &["no service `booking`", "billing, identity, notifications"]).await;
    tree.refuses(&["billing", "sums-of-a-test", "--stream", "ACC"], &["no streams of type `ACC`", "INV, PLAN, SUB, HOOK"]).await;
    tree.refuses(&["notifications", "emails-by-month"], &["lacks", "Stamp, Contribution, Total", "billing.toml"]).await;
    fs::remove_dir_all(tree.path("domain")).unwrap();
    tree.refuses(&["billing", "sums-of-a-test"], &["no work tree of Annals", "--root"]).await;
}

#[tokio::test]
async fn a_file_without_the_place_for_a_line_is_named_with_the_line() {
    let src = "projectors/billing/src";
    for (path, from, to, says) in [
        ("lib.rs", "pub mod ", "mod ", "pub mod sums_of_a_test;"),
        ("handler.rs", "use crate::", "use super::", "use crate::sums_of_a_test::SumsOfATest;"),
        ("handler.rs", "        .with", "        .and", ".with_rows::<SumsOfATest>()"),
        ("../tests/it/main.rs", "mod ", "pub mod ", "mod sums_of_a_test;"),
        ("../../../access-patterns/billing.toml", "[entity.Stamp]", "[ entity.Stamp ]", "[entity.SumsOfATest]"),
        ("../../../access-patterns/billing.toml", "[write]", "[ write ]", "follow_with_sums_of_a_test = "),
    ] {
        let tree = Tree::new();
        tree.replace(&format!("{src}/{path}"), from, to);
        tree.refuses(&["billing", "sums-of-a-test", "--kind", "rows"], &[path.trim_start_matches("../"), says]).await;
    }
}

#[tokio::test]
async fn what_stands_on_nothing_is_refused() {
    let tree = Tree::new();
    tree.replace("projectors/billing/Cargo.toml", "proptest.workspace = true\n", "");
    tree.refuses(&["billing", "sums-of-a-test"], &["Cargo.toml lacks proptest"]).await;

    let tree = Tree::new();
    fs::remove_file(tree.path("domain/billing/tests/golden/INVOICE_VOIDED-1.json")).unwrap();
    tree.refuses(&["billing", "sums-of-a-test"], &["no stored INVOICE_VOIDED"]).await;

    // Rows of that name were written under other keys.
    let tree = Tree::new();
    assert_eq!(tree.new_projection(&["billing", "rows-of-a-test", "--kind", "rows"]).await.unwrap(), Answer::Yes);
    let lock = tree.text("access-patterns/derived/billing/lock.json").replace("ROWS-OF-A-TEST#", "ROWS#");
    let tree = Tree::new();
    fs::write(tree.path("access-patterns/derived/billing/lock.json"), lock).unwrap();
    tree.refuses(&["billing", "rows-of-a-test", "--kind", "rows"], &["keys of RowsOfATest in subscriptions are spelt otherwise"]).await;
}

#[tokio::test]
async fn what_a_failing_write_leaves_behind_is_taken_back() {
    let tree = Tree::new();
    // The second of the new files cannot be created, though nothing seems to be there.
    symlink("nowhere", tree.path("projectors/billing/tests/it/sums_of_a_test.rs")).unwrap();
    tree.refuses(&["billing", "sums-of-a-test"], &["projectors/billing/tests/it/sums_of_a_test.rs: "]).await;
    // One of the changed files cannot be written.
    let tree = Tree::new();
    fs::remove_file(tree.path("access-patterns/derived/billing/patterns.md")).unwrap();
    fs::create_dir(tree.path("access-patterns/derived/billing/patterns.md")).unwrap();
    tree.refuses(&["billing", "sums-of-a-test", "--kind", "rows"], &["patterns.md: "]).await;
}

#[tokio::test]
async fn where_no_streams_are_read_most_it_asks_which() {
    let tree = Tree::new();
    for file in fs::read_dir(tree.path("projectors/billing/src")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let text = fs::read_to_string(&file).unwrap().replace("const STREAM_TYPE", "const TYPE");
        fs::write(file, text).unwrap();
    }
    tree.refuses(&["billing", "sums-of-a-test"], &["--stream: INV, PLAN, SUB, HOOK"]).await;
}
