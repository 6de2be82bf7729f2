//! What an exported file holds: the question, its parameters, of which history, how many rows, and the file's SHA-256.

use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{Column, Told};
use crate::question::Question;

/// The manifest of one file. It names tenant, asker and time by what the caller knows.
pub struct Manifest<'a> {
    /// The question.
    pub question: &'a Question,
    /// What it came to.
    pub told: &'a Told,
    /// The file's name.
    pub file: &'a str,
    /// Its form, such as `csv`.
    pub format: &'a str,
    /// Its digest.
    pub digest: FileDigest,
    /// Who asked, and whose entries were read: everyone's where there is none.
    pub asked_by: &'a str,
    /// Whose entries were read; `None` for everyone's.
    pub tenant: Option<&'a str>,
}

/// A file's SHA-256 and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// In hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
}

impl Manifest<'_> {
    /// The manifest as JSON.
    pub fn to_json(&self) -> Value {
        let column = |column: &Column| json!({ "name": column.name, "kind": format!("{:?}", column.kind).to_lowercase() });
        let columns: Vec<_> = self.question.columns().iter().map(column).collect();
        json!({
            "format": "annals-export/1",
            "question": self.question.name(),
            "parameters": self.question.parameters(),
            "tenant": self.tenant,
            "asked_by": self.asked_by,
            "file": { "name": self.file, "form": self.format, "rows": self.told.rows, "sha256": self.digest.sha256, "bytes": self.digest.bytes },
            "columns": columns,
            "told": self.told.to_json(),
        })
    }
}

/// Writes on, and takes the digest of what passes.
pub struct Hashing<W> {
    to: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    /// Nothing has passed yet.
    pub fn new(to: W) -> Self {
        Self { to, digest: Sha256::new(), bytes: 0 }
    }

    /// What it wrote to, and the digest.
    pub fn finish(self) -> (W, FileDigest) {
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (self.to, FileDigest { sha256, bytes: self.bytes })
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
