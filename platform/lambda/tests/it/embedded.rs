//! Embedded metric format: one document an invocation, as the specification has it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use annals_kit::{Clock, Timestamp};
use annals_lambda::metrics::EmbeddedMetrics;
use annals_lambda::{Metric, Metrics};
use chrono::TimeDelta;
use serde_json::Value;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600).unwrap()
    }
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn documents(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn metrics() -> (EmbeddedMetrics<Still, Output>, Output) {
    let output = Output::default();
    (EmbeddedMetrics::to(output.clone(), Still), output)
}

/// Panics unless CloudWatch extracts every metric of the document. Source: "Specification: Embedded metric format".
fn check(document: &Value) {
    let text = |value: &Value, most: usize| value.as_str().is_some_and(|text| (1..=most).contains(&text.len()));
    assert!(document["_aws"]["Timestamp"].is_u64());
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        assert!(text(&directive["Namespace"], 1024));
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for dimension in sets.iter().flat_map(|set| set.as_array().unwrap()) {
            assert!(text(&document[dimension.as_str().unwrap()], 1024), "{dimension} is a text member of the root");
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            assert!(text(&metric["Name"], 1024) && ["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()));
            match &document[metric["Name"].as_str().unwrap()] {
                Value::Number(_) => {}
                Value::Array(values) => assert!((1..=100).contains(&values.len()) && values.iter().all(Value::is_number)),
                other => panic!("{metric} is neither a number nor numbers: {other}"),
            }
        }
    }
}

#[test]
fn an_invocation_is_one_document_with_its_counts_times_and_dimension_sets() {
    let (metrics, output) = metrics();
    metrics.count("billing", Metric::CommandCommitted, 1, "create-subscription");
    metrics.count("billing", Metric::CommandCommitted, 1, "create-subscription");
    metrics.time("billing", Metric::CommandDuration, TimeDelta::microseconds(12_345), "create-subscription");
    metrics.count("billing", Metric::RowWritten, 3, "");
    [4_000, 5_500, -1].into_iter().for_each(|micros| metrics.time("billing", Metric::AppendToRow, TimeDelta::microseconds(micros), ""));
    metrics.count("billing", Metric::LogTampered, 1, "MODIFY of PK=SUB#1 SK=00000000000000000001");
    assert_eq!(output.text(), "", "nothing before the end of the invocation");
    metrics.flush();
    metrics.flush();
    assert_eq!(output.text(), include_str!("../golden/invocation.jsonl"));
    output.documents().iter().for_each(check);
}

#[test]
fn no_member_holds_more_than_100_values_and_none_is_lost() {
    let (metrics, output) = metrics();
    (0..250).for_each(|millis| metrics.time("billing", Metric::AppendToRow, TimeDelta::milliseconds(millis), ""));
    metrics.flush();
    let documents = output.documents();
    documents.iter().for_each(check);
    let values: Vec<f64> =
        documents.iter().flat_map(|one| one["AppendToRow"].as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(values, (0..250).map(f64::from).collect::<Vec<_>>());
    assert_eq!(documents.len(), 3);
}

#[test]
fn every_printed_metric_can_be_extracted_and_others_are_not_printed() {
    let (metrics, output) = metrics();
    for definition in &annals_lambda::metrics::definition::ALL {
        metrics.count("billing", definition.metric, 1, "somewhere");
    }
    metrics.flush();
    let documents = output.documents();
    documents.iter().for_each(check);
    let extracted: usize =
        documents[0]["_aws"]["CloudWatchMetrics"].as_array().unwrap().iter().map(|one| one["Metrics"].as_array().unwrap().len()).sum();
    let printed = annals_lambda::metrics::definition::ALL.iter().filter(|definition| definition.is_printed()).count();
    assert_eq!((documents.len(), extracted), (1, printed));
    assert_eq!(documents[0].get("IteratorAge"), None);
}
