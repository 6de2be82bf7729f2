//! Keeps what providers would carry out of the house, mail and pushes, as files in a folder: once a name.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::config::Durability;
use crate::engine::lock;

/// What was kept: the file's name without its extension, and its content.
pub(crate) type Kept = (String, Vec<u8>);

/// Where it goes.
pub(crate) enum Outbox {
    /// Kept for tests to read.
    Memory(Mutex<Vec<(PathBuf, Vec<u8>)>>),
    /// A folder.
    Folder { path: PathBuf, durability: Durability },
}

impl Outbox {
    /// Keeps `content` in a file of this name, unless there is one.
    pub fn keep(&self, file: &str, content: Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::Memory(kept) => {
                let (mut kept, file) = (lock(kept), PathBuf::from(file));
                if kept.iter().all(|(other, _)| *other != file) {
                    kept.push((file, content));
                }
                Ok(())
            }
            Self::Folder { path, durability } => write_once(path, *durability, file, &content),
        }
    }

    /// The files of this extension, oldest first in memory, by name in a folder.
    pub fn list(&self, extension: &str) -> std::io::Result<Vec<Kept>> {
        match self {
            Self::Memory(kept) => {
                let kept = lock(kept);
                let with_name = kept.iter().filter_map(|(file, content)| Some((name(file, extension)?, content.clone())));
                Ok(with_name.collect())
            }
            Self::Folder { path, .. } => read_folder(path, extension),
        }
    }
}

/// The name of a file that has this extension, without it.
fn name(file: &Path, extension: &str) -> Option<String> {
    let has_it = file.extension().is_some_and(|other| other == extension);
    has_it.then(|| file.file_stem().unwrap_or_default().to_string_lossy().into_owned())
}

fn write_once(folder: &Path, durability: Durability, file: &str, content: &[u8]) -> std::io::Result<()> {
    let target = folder.join(file);
    if target.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Renaming is atomic: whoever looks into the folder sees whole files only.
    let unfinished = folder.join(format!(".{file}.unfinished"));
    let mut written = File::create(&unfinished)?;
    written.write_all(content)?;
    if durability == Durability::Power {
        written.sync_all()?;
    }
    fs::rename(&unfinished, &target)?;
    if durability == Durability::Power {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read_folder(folder: &Path, extension: &str) -> std::io::Result<Vec<Kept>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut kept = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = name(&path, extension) {
            kept.push((name, fs::read(&path)?));
        }
    }
    kept.sort();
    Ok(kept)
}
