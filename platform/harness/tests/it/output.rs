//! What a process prints: log lines with function and request id, counts apart from them.

use std::io;
use std::sync::{Arc, Mutex};

use annals_harness::Stage;
use annals_lambda::Metric;
use serde_json::Value;

use crate::{misbehaving, told};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn lines_are_logged_with_their_request_before_it_is_answered() {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone()).finish();
    // Of the whole program: other tests log as well, under the name of another function.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let printing = Stage::of("printing", env!("CARGO_BIN_EXE_misbehaving")).variable("NEEDED", "yes");
    let harness = printing.open().await;
    let mut ids = vec![];
    for _ in 0..20 {
        ids.push(harness.invoke(told("print")).await.unwrap()["request_id"].as_str().unwrap().to_owned());
        assert_eq!(harness.counted(Metric::EffectDone), 2 * ids.len() as u64, "counts are there when the answer is");
    }
    harness.invoke(told("exit")).await.unwrap_err();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = lines.iter().filter(|line| line["fields"]["function"] == "printing").map(Value::to_string).collect::<String>();
    let of = |message: &str, level: &str| -> Vec<String> {
        let of = |line: &&Value| line["fields"]["message"] == message && line["level"] == level && line["fields"]["function"] == "printing";
        lines.iter().filter(of).map(|line| line["fields"]["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("a plain line", "INFO"), ids);
    for message in ["START", "END"] {
        assert_eq!(of(message, "DEBUG")[..20], ids);
    }
    assert_eq!(of("REPORT", "INFO")[..20], ids);
    let report = lines.iter().find(|line| line["fields"]["message"] == "REPORT" && line["fields"]["function"] == "printing").unwrap();
    assert!(report["fields"]["init_ms"].as_f64().unwrap() > 0.0 && report["fields"]["max_memory_mb"].as_u64().unwrap() > 0, "{report}");
    // A line without an end goes on with the next; the last comes when the process ends.
    assert_eq!(of("{\"level\":\"WARN\",\"fields\":{}}", "WARN").len(), 1);
    assert_eq!(text.matches("a line without an end").count(), 20);
    assert!(!text.contains("CloudWatchMetrics"), "counts are no log lines");
}

#[tokio::test]
async fn what_an_event_has_counted_is_told_whatever_becomes_of_it() {
    let harness = misbehaving().open().await;
    for (told_to, events) in [("answer", 1), ("fail", 2), ("panic", 3)] {
        assert_eq!(harness.invoke(told(told_to)).await.is_ok(), told_to == "answer");
        assert_eq!(harness.counted(Metric::CommandCommitted), events, "{told_to}");
    }
}
