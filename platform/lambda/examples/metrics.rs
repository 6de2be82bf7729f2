//! Prints every metric as JSON: `cargo run -q -p annals-lambda --example metrics > infra/metrics.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(annals_lambda::metrics::definition::json().as_bytes())
}
