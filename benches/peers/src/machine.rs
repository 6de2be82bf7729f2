//! What the run was made on, and with which versions.

use std::process::Command;

use crate::contestant::castore_folder;
use crate::findings::Machine;

/// This machine, today.
pub fn this(seconds: u64) -> Machine {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let memory_kb: u64 = field(&file("/proc/meminfo"), "MemTotal").split(' ').next().and_then(|kb| kb.parse().ok()).unwrap_or_default();
    Machine {
        date: chrono::Utc::now().date_naive().to_string(),
        processor: field(&file("/proc/cpuinfo"), "model name"),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gb: memory_kb.div_ceil(1024 * 1024),
        kernel: format!("Linux {}", file("/proc/sys/kernel/osrelease").trim()),
        versions: versions(),
        seconds,
    }
}

fn versions() -> Vec<(String, String)> {
    let mut versions = vec![("Annals".to_owned(), said("git", &["rev-parse", "--short=12", "HEAD"]))];
    let lock = include_str!("../Cargo.lock");
    for name in ["cqrs-es", "dynamo-es", "event-store-adapter-rs", "aws-sdk-dynamodb", "dynoxide-rs"] {
        versions.push((name.to_owned(), locked(lock, name)));
    }
    for name in ["@castore/core", "@castore/event-storage-adapter-dynamodb", "@aws-sdk/client-dynamodb"] {
        let file = castore_folder().join("node_modules").join(name).join("package.json");
        let json: serde_json::Value = std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        versions.push((name.to_owned(), json["version"].as_str().unwrap_or("?").to_owned()));
    }
    versions.push(("Node".to_owned(), said("node", &["--version"])));
    versions.push(("rustc".to_owned(), said("rustc", &["--version"])));
    versions
}

/// The version of a package in a lock file.
fn locked(lock: &str, name: &str) -> String {
    let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or("?").to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
