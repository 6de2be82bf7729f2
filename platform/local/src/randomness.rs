//! Draws ids and keys from an injected source, so that a seed repeats a run.

use std::sync::Mutex;
use std::time::Duration;

/// Where random bytes come from. Only a `main` uses the operating system's.
pub trait Randomness: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The same bytes for the same seed (SplitMix64). For tests: whoever knows the seed knows every key.
pub struct Seeded(Mutex<u64>);

impl Seeded {
    /// A source that repeats for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A random UUID (version 4), the form of request, message and event ids on AWS.
pub(crate) fn uuid(randomness: &dyn Randomness) -> String {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The wait before a retry: evenly between half and all of `first` doubled per retry, up to `longest`.
pub(crate) fn jittered(randomness: &dyn Randomness, first: Duration, retries: u32, longest: Duration) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(retries.min(16))).min(longest);
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes);
    let half = whole / 2;
    let span = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).saturating_add(1);
    half + Duration::from_micros(u64::from_le_bytes(bytes) % span)
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).expect("four bits are a hexadecimal digit"));
        }
        text
    })
}
