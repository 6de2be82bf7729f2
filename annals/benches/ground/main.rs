//! What a command costs and how fast the pipeline is: `cargo bench -p annals`. Figures and ratios, nothing is asserted.
//! `-- cost`, `-- speed`, `-- flat`, `-- delay`, `-- pipeline`, `-- costs` and `-- projections` run one part; `-- backlog` and `-- rebuild` take minutes and run only when named.
//!
//! - cost: calls, WCU and RCU per append from ReturnConsumedCapacity, warm and cold, at stream lengths 10, 1,000 and 10,000
//! - bytes: what a commit takes beyond its payload
//! - speed: commands a second with projector and bus running, against bare inserts of the same items on the same store
//! - flat: the same from 1,000 to 100,000 commits in the table, and resident memory after them
//! - pipeline: a backlog from log to row and bus, against bare conditional puts of the same rows
//! - costs: each projection's per 1,000 commits, by batch size
//! - projections: the fold alone, and a rebuild against scanning and writing
//! - backlog: a million records, and what is in memory while they go
//! - rebuild: a projection from a million commits, and what is in memory meanwhile
//! - delay: from acknowledged to row visible, and to email written

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cost;
mod costs;
mod histories;
mod pipeline;
mod process;
mod projections;
mod speed;

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` must not run for minutes.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    match std::env::args().skip(1).find(|argument| !argument.starts_with("--")).as_deref() {
        Some("cost") => runtime.block_on(cost::run()),
        Some("speed") => runtime.block_on(speed::against_bare_inserts()),
        Some(speed::FLAT_OF) => {
            let size = std::env::args().next_back().and_then(|size| size.parse().ok()).expect("a number of commits");
            runtime.block_on(speed::flat_of(size));
        }
        Some("flat") => speed::flat(),
        Some("delay") => runtime.block_on(speed::delays()),
        Some("pipeline") => runtime.block_on(pipeline::against_bare_puts()),
        Some("costs") => runtime.block_on(costs::run()),
        Some("projections") => runtime.block_on(projections::run()),
        Some("backlog") => runtime.block_on(pipeline::backlog()),
        Some("rebuild") => runtime.block_on(pipeline::rebuild()),
        Some(other) => eprintln!("there is no part {other}: cost, speed, flat, delay, pipeline, costs, projections, backlog or rebuild"),
        // A process each: memory and caches of one part are not the next one's.
        None => ["cost", "speed", "flat", "delay", "pipeline", "costs", "projections"].iter().for_each(|part| {
            let program = std::env::current_exe().expect("a running program has a file");
            std::process::Command::new(program).arg(part).status().expect("the part runs");
        }),
    }
}
