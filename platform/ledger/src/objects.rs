//! Where tiles and checkpoints are kept, outside the database's trust domain: objects that are written once.
//!
//! | path | holds |
//! |---|---|
//! | `checkpoints/<size, 20 digits>` | the signed checkpoint of that size |
//! | `tile/<L>/<N>`, `tile/<L>/<N>.p/<W>` | hashes |
//! | `vkey` | the key that checks the signatures |

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use annals_log::BoxError;

/// The folder of checkpoints.
const CHECKPOINTS: &str = "checkpoints";
/// The object with the verifier key.
pub const VERIFIER_KEY: &str = "vkey";

/// An answer on its way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// How an insert ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The object is there, with these bytes, now or already.
    Same,
    /// The object is there with other bytes, and stays as it is.
    Other,
}

/// Objects that can be inserted and read, never changed: a directory here, S3 with Object Lock on AWS.
pub trait Objects: Send + Sync {
    /// Inserts an object if its path is free.
    fn insert<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> Answering<'a, Kept>;
    /// The object at this path.
    fn read<'a>(&'a self, path: &'a str) -> Answering<'a, Option<Vec<u8>>>;
    /// The sizes of trees that have a checkpoint, ascending.
    fn checkpoints(&self) -> Answering<'_, Vec<u64>>;
    /// The largest of them.
    fn newest_checkpoint(&self) -> Answering<'_, Option<u64>> {
        Box::pin(async move { Ok(self.checkpoints().await?.last().copied()) })
    }
}

/// The path of a checkpoint.
pub fn checkpoint_path(size: u64) -> String {
    format!("{CHECKPOINTS}/{size:020}")
}

/// Objects as files of a directory, readable by all, writable by no one once they are there.
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The objects below `root`, which is made when the first is inserted.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Written beside, then linked under its name, which fails where the name is taken: whole or not at all.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> std::io::Result<Kept> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let beside = folder.join(format!(".{}.{}", path.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
        // Left behind by a process of this number that was killed.
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)?;
        file.sync_all()?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        match linked {
            Ok(()) => Ok(Kept::Same),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(compare(&fs::read(path)?, bytes)),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn compare(kept: &[u8], bytes: &[u8]) -> Kept {
    if kept == bytes { Kept::Same } else { Kept::Other }
}

fn size_of(name: &str) -> Option<u64> {
    (name.len() == 20).then(|| name.parse().ok()).flatten()
}

/// The size of the checkpoint at this path, if there is one.
pub(crate) fn checkpoint_size(path: &str) -> Option<u64> {
    size_of(path.strip_prefix(CHECKPOINTS)?.strip_prefix('/')?)
}

impl Objects for Directory {
    fn insert<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> Answering<'a, Kept> {
        Box::pin(async move {
            let path = self.root.join(path);
            self.write_new(&path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
        })
    }

    fn read<'a>(&'a self, path: &'a str) -> Answering<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let path = self.root.join(path);
            match fs::read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                Err(error) => Err(format!("{}: {error}", path.display()).into()),
            }
        })
    }

    fn checkpoints(&self) -> Answering<'_, Vec<u64>> {
        Box::pin(async move {
            let entries = match fs::read_dir(self.root.join(CHECKPOINTS)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
                Err(error) => return Err(error.into()),
            };
            let mut sizes = vec![];
            for entry in entries {
                sizes.extend(entry?.file_name().to_str().and_then(size_of));
            }
            sizes.sort_unstable();
            Ok(sizes)
        })
    }
}

/// Objects in memory, for systems that are kept nowhere.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Objects for Memory {
    fn insert<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> Answering<'a, Kept> {
        Box::pin(async move {
            let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = objects.entry(path.to_owned()).or_insert_with(|| bytes.to_vec());
            Ok(compare(kept, bytes))
        })
    }

    fn read<'a>(&'a self, path: &'a str) -> Answering<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()) })
    }

    fn checkpoints(&self) -> Answering<'_, Vec<u64>> {
        Box::pin(async move {
            let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(objects.keys().filter_map(|path| checkpoint_size(path)).collect())
        })
    }
}
