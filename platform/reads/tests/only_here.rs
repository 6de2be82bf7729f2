//! No other code reads DynamoDB: sources that call a read operation of the SDK are named with file and line.

use std::path::{Path, PathBuf};

/// The read operations of the SDK, as code calls them or builds their inputs, and PartiQL that reads. With arguments they are
/// [`annals_reads::Reads`]' own.
const READS: [&str; 11] = [
    ".query()",
    ".get_item()",
    ".scan()",
    ".batch_get_item()",
    ".transact_get_items()",
    " QueryInput::",
    " GetItemInput::",
    " ScanInput::",
    " BatchGetItemInput::",
    " TransactGetItemsInput::",
    "\"SELECT ",
];
/// Where they may stand: here, in the local AWS, which answers them, and in what looks at whole tables to judge the others.
const MAY: [&str; 4] = ["platform/reads", "platform/local", "platform/harness", "platform/sim"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "tests", "benches"].contains(&name.as_str()) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines that call a read; a call may stand at the start of a line of its own.
fn calls(source: &str) -> Vec<(usize, &'static str)> {
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(at, line)| READS.into_iter().find(|call| line.contains(call)).map(|call| (at + 1, call)))
        .collect()
}

#[test]
fn no_other_code_reads_the_database() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut here = 0;
    let mut elsewhere = Vec::new();
    for file in files {
        let shown = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let found =
            calls(&std::fs::read_to_string(&file).unwrap_or_default()).into_iter().map(|(line, call)| format!("{shown}:{line}: {call}"));
        if MAY.iter().any(|may| shown.starts_with(may)) { here += found.count() } else { elsewhere.extend(found) }
    }
    assert!(here >= 4, "the search finds the calls that there are");
    assert!(elsewhere.is_empty(), "list the read in access-patterns/ and call it through annals_reads: {elsewhere:#?}");
}

#[test]
fn the_search_sees_calls_and_not_words() {
    let source = "// client.query() is not called\nlet a = client.query();\n    .scan()\nreads.get_item(\"get_invoice\", &params)\nlet b = ScanInput::builder();\n";
    assert_eq!(calls(source), [(2, ".query()"), (3, ".scan()"), (5, " ScanInput::")]);
}
