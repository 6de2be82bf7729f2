//! The simulator as a process: the same plan gives the same trace, byte for byte, in others. What would make it fail: the order of a hash map, the
//! machine's clock or randomness, a thread, anything read from the environment. And whoever reads it may stop.

use std::process::{Command, Stdio};

fn replay(layer: &str, seed: &str) -> Vec<u8> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sim")).args(["replay", "--trace", "--seconds", "15", "--layer", layer, "--seed", seed]).output();
    let output = output.expect("the simulator starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout).lines().rev().take(3).collect::<String>());
    output.stdout
}

#[test]
fn a_seed_gives_the_same_trace_in_another_process_and_another_seed_another() {
    for layer in ["ports", "sdk"] {
        let first = replay(layer, "7");
        assert!(first.iter().filter(|byte| **byte == b'\n').count() > 100);
        assert!(first == replay(layer, "7"), "{layer}");
        assert!(first != replay(layer, "8"), "{layer}");
    }
}

#[test]
fn a_run_goes_on_when_nobody_reads_it_any_more() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_sim"));
    let run = run.args(["replay", "--trace", "--seconds", "15", "--seed", "7"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = run.spawn().expect("the simulator starts");
    drop(run.stdout.take());
    let ended = run.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
