//! One stored event of each type and version, for ever: what was written can be read, and is still written so.

use std::collections::BTreeSet;
use std::path::PathBuf;

use annals_kit::{Event, StoredEvent};
use notifications::email::EmailEvent;

fn files() -> Vec<(String, StoredEvent)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

#[test]
fn every_stored_event_is_read_and_those_of_today_are_written_so() {
    for (name, stored) in files() {
        let written = StoredEvent::encode(&stored.decode::<EmailEvent>().unwrap());
        assert_eq!(name, format!("{}-{}", stored.event_type, stored.schema), "{name} holds another event");
        if written.schema == stored.schema {
            assert_eq!(written, stored, "{name}");
        }
    }
}

#[test]
fn there_is_a_file_for_every_type_and_version() {
    let kept: BTreeSet<(String, u32)> = files().into_iter().map(|(_, stored)| (stored.event_type, stored.schema)).collect();
    let versions =
        EmailEvent::SCHEMAS.iter().flat_map(|schema| (1..=schema.version()).map(|version| (schema.event_type.to_owned(), version)));
    assert_eq!(kept, versions.collect());
}
