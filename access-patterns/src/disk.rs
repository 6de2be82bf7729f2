//! Reads matrices from a folder, and writes what follows from them: the one part of this crate that touches files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::matrix::Matrix;
use crate::problem::Errors;

/// Why files could not be read, proven or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder has no matrix.
    #[error("{folder} has no matrix: no *.toml but Cargo.toml")]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// Something cannot change in place; nothing was written.
    #[error("this cannot change in place; nothing was written\n  {}", .0.join("\n  "))]
    Breaches(Vec<String>),
}

/// A file's name, and its matrix or what is wrong with it.
pub type Named = (String, Result<Matrix, Errors>);

/// The matrices in `folder`, in the order of their files' names.
pub fn read(folder: &Path) -> Result<Vec<Named>, DiskError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DiskError::File { path, source }
    };
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed(folder))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|extension| extension == "toml") && path.file_name().is_some_and(|name| name != "Cargo.toml")
    });
    paths.sort();
    if paths.is_empty() {
        return Err(DiskError::Empty { folder: folder.to_owned() });
    }
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            Ok((name.clone(), Matrix::parse(&name, &text)))
        })
        .collect()
}

/// Writes every file that follows from `matrices` below `root`, the workspace; their paths. Nothing where a lock is breached.
pub fn derive<'m>(root: &Path, matrices: impl Iterator<Item = &'m Matrix> + Clone) -> Result<Vec<String>, DiskError> {
    let breaches: Vec<String> = matrices.clone().flat_map(|matrix| breaches(root, matrix)).collect();
    if !breaches.is_empty() {
        return Err(DiskError::Breaches(breaches));
    }
    let mut written = Vec::new();
    for file in matrices.flat_map(Matrix::derive) {
        let path = root.join(&file.path);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, &file.content)).map_err(|source| DiskError::File { path, source })?;
        written.push(file.path);
    }
    Ok(written)
}

fn breaches(root: &Path, matrix: &Matrix) -> Vec<String> {
    // A service without a lock yet has nothing to keep.
    let lock = fs::read_to_string(root.join(matrix.lock_path())).unwrap_or_default();
    let lock = serde_json::from_str(&lock).unwrap_or_default();
    matrix.breaches(&lock).into_iter().map(|breach| format!("{}: {breach}", matrix.file())).collect()
}
