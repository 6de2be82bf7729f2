//! Writes docs/benchmarks.md and its charts from what a run has found.
//!
//! - [`words`]: what is not measured; [`goals`]: what was set out to reach, and where Annals is not first
//! - [`tables`]: figures as tables; [`chart`]: as SVG

mod chart;
mod goals;
mod tables;
mod words;

use std::path::Path;

use crate::contestant::Contestant;
use crate::findings::{Findings, LENGTHS, Speed, Transport, Work, median};
use crate::report::chart::Line;

/// Writes the page and the charts into docs/.
pub fn write(findings: &Findings) -> Result<(), String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let charts = docs.join("benchmarks");
    let failed = |error: std::io::Error| format!("the report could not be written: {error}");
    std::fs::create_dir_all(&charts).map_err(failed)?;
    for (name, svg) in draw(findings) {
        std::fs::write(charts.join(name), svg).map_err(failed)?;
    }
    std::fs::write(docs.join("benchmarks.md"), page(findings)).map_err(failed)?;
    println!("docs/benchmarks.md is written");
    Ok(())
}

fn page(findings: &Findings) -> String {
    let machine = &findings.machine;
    let versions: Vec<String> = machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let about = format!(
        "Run on {}, in {} s, on {} ({} processors, {} GB, {}), built with optimisation. {}.",
        machine.date,
        machine.seconds,
        machine.processor,
        machine.processors,
        machine.memory_gb,
        machine.kernel,
        versions.join(", ")
    );
    let parts = [
        "# Annals and other event stores for DynamoDB".to_owned(),
        words::INTRODUCTION.to_owned(),
        about,
        "## What was to be reached".to_owned(),
        goals::table(findings),
        "## What each guarantees".to_owned(),
        words::GUARANTEES.to_owned(),
        "## How each was used".to_owned(),
        words::USE.to_owned(),
        "## What it costs".to_owned(),
        tables::costs(findings),
        "![write capacity units of a command](benchmarks/wcu.svg)\n\n![read capacity units of a cold append](benchmarks/rcu.svg)"
            .to_owned(),
        "## What becomes of commands under races and lost answers".to_owned(),
        tables::safety(findings),
        "## How fast it is".to_owned(),
        tables::speeds(findings),
        "![appends a second, cold](benchmarks/append.svg)\n\n![loads a second](benchmarks/load.svg)".to_owned(),
        "## Work on everything".to_owned(),
        tables::whole(findings),
        "## Memory".to_owned(),
        tables::memory(findings),
        "## Where Annals is not first".to_owned(),
        goals::not_first(findings),
    ];
    let text: Vec<&str> = parts.iter().map(|part| part.trim_end()).collect();
    "<!-- Written by `cargo run --release` in benches/peers: change it there. -->\n".to_owned() + &text.join("\n\n") + "\n"
}

fn draw(findings: &Findings) -> Vec<(&'static str, String)> {
    let mut wcu = vec![];
    for one in findings.steady.iter().filter(|one| one.failed.is_none()) {
        wcu.push((format!("{}, {} event(s)", one.contestant.name(), one.notes), one.contestant, one.spent.wcu));
    }
    let rcu: Vec<Line> = Contestant::ALL
        .into_iter()
        .map(|contestant| {
            let of = |length| {
                let mut costs =
                    findings.costs.iter().filter(|one| (one.contestant, one.work, one.length) == (contestant, Work::OneCold, length));
                costs.find(|one| one.failed.is_none()).map(|one| one.spent.rcu)
            };
            Line { contestant, dashed: false, values: LENGTHS.map(of) }
        })
        .collect();
    vec![
        ("wcu.svg", chart::bars("Write capacity units of a command, snapshots included", &wcu)),
        ("rcu.svg", chart::lines("Read capacity units of a cold append", "RCU", &rcu)),
        (
            "append.svg",
            chart::lines(
                "Appends of one event a second, cold, in process; dashed: over loopback",
                "a second",
                &rates(findings, Work::OneCold),
            ),
        ),
        (
            "load.svg",
            chart::lines("Loads of a stream's state a second, in process; dashed: over loopback", "a second", &rates(findings, Work::Load)),
        ),
    ]
}

fn rates(findings: &Findings, work: Work) -> Vec<Line> {
    let mut lines = vec![];
    for transport in [Transport::InProcess, Transport::Loopback] {
        for contestant in Contestant::ALL {
            let values = LENGTHS.map(|length| speed(findings, transport, work, length, contestant).and_then(rate));
            let shown = transport == Transport::InProcess || matches!(contestant, Contestant::Annals | Contestant::Castore);
            if shown && values.iter().any(Option::is_some) {
                lines.push(Line { contestant, dashed: transport == Transport::Loopback, values });
            }
        }
    }
    lines
}

/// What was measured of one thing.
fn speed(findings: &Findings, transport: Transport, work: Work, length: u64, contestant: Contestant) -> Option<&Speed> {
    let wanted = (transport, work, length, contestant);
    findings.speeds.iter().find(|one| (one.transport, one.work, one.length, one.contestant) == wanted)
}

/// Operations a second, where it worked.
fn rate(speed: &Speed) -> Option<f64> {
    if speed.failed.is_some() { None } else { median(&speed.rates).filter(|rate| *rate > 0.0) }
}
