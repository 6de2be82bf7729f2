//! The year that a new data directory begins with: whole or not there, told of, and as sound as any other history.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Up, annals, run};

/// Starts the program on a directory as somebody does who has just come: without `--empty`.
fn start(directory: &Path) -> Command {
    let mut command = annals(directory);
    command.args(["--port", "0", "--dynamodb-port", "0"]);
    command
}

fn said(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(directory, arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_year_that_was_killed_half_way_is_played_anew_and_is_whole_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let unfinished = folder.path().join("data.year-unfinished");
    let mut first = start(&directory).stdout(Stdio::null()).spawn().unwrap();
    while !unfinished.join("outbox").is_dir() {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it had told anybody anything");
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!directory.exists(), "half a year is in nobody's place");

    let mut second = start(&directory).stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(second.stdout.take().unwrap()));
    let told: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.trim().starts_with("API")).collect();
    let told = told.join("\n");
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(told.contains("playing a year of a small company") && told.contains("Nobody in it exists"), "{told}");
    assert!(told.contains("200 customers"), "{told}");
    assert!(!unfinished.exists(), "{told}");

    let (code, verified) = said(&directory, &["verify"]);
    assert_eq!(code, 0, "{verified}");
    assert!(verified.contains("yes: "), "{verified}");
    let (code, alarms) = said(&directory, &["alarms"]);
    assert_eq!(code, 0, "nothing waited longer in the year's time than it may: {alarms}");
    let (_, status) = said(&directory, &["status"]);
    assert!(status.contains("ALARMS          none"), "{status}");
    let (code, lacking) = said(&directory, &["projections"]);
    assert_eq!(code, 0, "every row and total has seen its log: {lacking}");
    let (_, movements) = said(&directory, &["totals", "mrr-movements"]);
    for kind in ["new", "expansion", "contraction", "churn"] {
        assert!(movements.contains(kind), "{kind}: {movements}");
    }
    // Once there is anything, nothing is played.
    let third = Up::start_with(&mut annals(&directory), &[]);
    third.kill();
}

#[test]
fn a_directory_that_cannot_be_replaced_is_found_out_before_anything_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let stays = folder.path().join("stays");
    std::fs::create_dir(&stays).unwrap();
    let output = start(Path::new(".")).current_dir(&stays).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(". is empty, but cannot be replaced") && said.contains("--empty starts without it"), "{said}");
    assert!(stays.is_dir() && std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing is left of it");
}
