//! Lines of text with a word before a value, and hashes in base64: what every proof's file is made of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tlog_tiles::Hash;

use crate::finding::Finding;

/// No proof has more hashes: a tree has at most 2^63 leaves, and a consistency proof twice its height.
const MOST_HASHES: usize = 128;

/// The text before the first empty line, and the checkpoint after it.
pub(crate) fn halves(bytes: &[u8]) -> Result<(&str, &[u8]), Finding> {
    let at = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or_else(|| bad("it has no empty line before a checkpoint"))?;
    let text = std::str::from_utf8(&bytes[..at]).map_err(|_| bad("it is not text"))?;
    Ok((text, &bytes[at + 2..]))
}

pub(crate) fn bad(what: &str) -> Finding {
    Finding::new("proof-format", what)
}

/// The number after `word` and a space: decimal, in the one spelling there is.
pub(crate) fn number(line: Option<&str>, word: &str) -> Result<u64, Finding> {
    let digits = line.and_then(|line| line.strip_prefix(word)?.strip_prefix(' '));
    let number = digits.and_then(|digits| digits.parse::<u64>().ok().filter(|number| number.to_string() == digits));
    number.ok_or_else(|| bad(&format!("`{word} <number>` is expected")))
}

/// The hashes on these lines, one a line.
pub(crate) fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, Finding> {
    let mut hashes = vec![];
    for line in lines {
        let bytes = STANDARD.decode(line).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        hashes.push(Hash(bytes.ok_or_else(|| bad("a line is not a SHA-256 hash in base64"))?));
        if hashes.len() > MOST_HASHES {
            return Err(bad("it has more hashes than any proof"));
        }
    }
    Ok(hashes)
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// So many bytes in base64, at most 32: nothing is allocated.
pub(crate) fn array_from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    // As long as the decoder estimates, which is more than it needs.
    let mut bytes = [0; 36];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}
