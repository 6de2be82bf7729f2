//! One stored event of each type and version, for ever: what was written can be read, and is still written so.

use std::collections::BTreeSet;
use std::path::PathBuf;

use annals_kit::{Event, Schema, StoredEvent};
use notifications::devices::DeviceEvent;
use notifications::note::NoteEvent;
use notifications::preferences::PreferencesEvent;

const SCHEMAS: [&[Schema]; 3] = [DeviceEvent::SCHEMAS, NoteEvent::SCHEMAS, PreferencesEvent::SCHEMAS];

fn files() -> Vec<(String, StoredEvent)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

/// What reading the stored event and writing it again gives.
fn again(stored: &StoredEvent) -> StoredEvent {
    fn of<E: Event>(stored: &StoredEvent) -> Option<StoredEvent> {
        E::SCHEMAS.iter().any(|schema| schema.event_type == stored.event_type).then(|| StoredEvent::encode(&stored.decode::<E>().unwrap()))
    }
    of::<NoteEvent>(stored).or_else(|| of::<DeviceEvent>(stored)).or_else(|| of::<PreferencesEvent>(stored)).unwrap()
}

#[test]
fn every_stored_event_is_read_and_those_of_today_are_written_so() {
    for (name, stored) in files() {
        let written = again(&stored);
        assert_eq!(name, format!("{}-{}", stored.event_type, stored.schema), "{name} holds another event");
        if written.schema == stored.schema {
            assert_eq!(written, stored, "{name}");
        }
    }
}

#[test]
fn there_is_a_file_for_every_type_and_version() {
    let kept: BTreeSet<(String, u32)> = files().into_iter().map(|(_, stored)| (stored.event_type, stored.schema)).collect();
    let versions = |schema: &Schema| (1..=schema.version()).map(|version| (schema.event_type.to_owned(), version)).collect::<Vec<_>>();
    assert_eq!(kept, SCHEMAS.into_iter().flatten().flat_map(versions).collect());
}
