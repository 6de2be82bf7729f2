//! What a command costs and how fast the pipeline is: `cargo bench -p annals`. Figures and ratios, nothing is asserted.
//!
//! - cost: calls, WCU and RCU per append from ReturnConsumedCapacity, warm and cold, at stream lengths 10, 1,000 and 10,000
//! - bytes: what a commit takes beyond its payload
//! - speed: commands a second with projector and bus running, against bare inserts of the same items on the same store
//! - flat: the same from 1,000 to 100,000 commits in the table, and resident memory after them
//! - delay: from acknowledged to row visible, and to email written

mod cost;
mod speed;

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` must not run for minutes.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    if wanted("cost") {
        runtime.block_on(cost::run());
    }
    if wanted("speed") {
        runtime.block_on(speed::run());
    }
}
