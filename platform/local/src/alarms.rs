//! Keeps alarms until someone has seen them, restarts included.

use annals_kit::Timestamp;

use crate::host_store::HostStore;

/// Something a person must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What it is, in a word or two of kebab-case.
    pub name: String,
    /// When it was raised.
    pub at: Timestamp,
    /// What happened, without personal data.
    pub detail: String,
}

/// Raises an alarm. What cannot be stored is still logged.
pub(crate) fn raise(host: &HostStore, at: Timestamp, name: &str, detail: &str) {
    tracing::error!(alarm = name, detail, "alarm");
    let stored = host.write(|transaction| {
        transaction.execute("INSERT INTO alarms (name, at, detail) VALUES (?1, ?2, ?3)", (name, at.micros(), detail)).map(drop)
    });
    if let Err(error) = stored {
        tracing::error!(alarm = name, %error, "the alarm could not be stored");
    }
}

/// Every alarm, oldest first.
pub(crate) fn list(host: &HostStore) -> rusqlite::Result<Vec<Alarm>> {
    host.read(|connection| {
        connection
            .prepare_cached("SELECT name, at, detail FROM alarms ORDER BY id")?
            .query_map([], |row| {
                let at = Timestamp::from_micros(row.get(1)?).unwrap_or_else(|| Timestamp::new(Default::default()));
                Ok(Alarm { name: row.get(0)?, at, detail: row.get(2)? })
            })?
            .collect()
    })
}
