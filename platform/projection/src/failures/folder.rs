//! Failed batches in a folder, under the keys they would have in S3.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Answer, Failures};

/// Where handled batches are moved, inside the folder.
const HANDLED: &str = "handled";

/// A folder of failed batches. One that is not there holds none.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The batches under `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn keys(&self) -> std::io::Result<Vec<String>> {
        let (mut keys, mut folders) = (vec![], vec![self.path.clone()]);
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() && path != self.path.join(HANDLED) {
                    folders.push(path);
                } else if path.is_file() && !is_hidden(&path) {
                    keys.extend(path.strip_prefix(&self.path).ok().and_then(Path::to_str).map(str::to_owned));
                }
            }
        }
        // Keys end with the time.
        keys.sort_by(|a, b| name(a).cmp(name(b)));
        Ok(keys)
    }
}

fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// A file that is still being written.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

impl Failures for Folder {
    fn list(&self, most: usize) -> Answer<'_, Vec<String>> {
        Box::pin(async move { Ok(self.keys()?.into_iter().take(most).collect()) })
    }

    fn read<'a>(&'a self, key: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { Ok(std::fs::read(self.path.join(key))?) })
    }

    fn handled<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let to = self.path.join(HANDLED).join(key);
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            Ok(std::fs::rename(self.path.join(key), to)?)
        })
    }
}
