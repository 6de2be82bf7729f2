//! Repeats a read that was throttled or lost: the one place where reads are repeated, as the clients' own retry is off.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::error::ReadError;

/// Attempts in all, the first included.
const ATTEMPTS: u32 = 5;
/// The longest pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Pauses between attempts: full jitter, so that readers that were throttled together do not come back together.
#[derive(Debug)]
pub(crate) struct Jitter {
    state: AtomicU64,
}

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    pub(crate) fn of_this_process() -> Self {
        // The SDK draws its own pauses from there too: a simulation seeds both at once.
        Self::seeded(fastrand::u64(..))
    }

    fn pause(&self, attempt: u32) -> Duration {
        let longest = FIRST_PAUSE * 2u32.pow(attempt);
        longest.mul_f64((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// Waits before another attempt, from 0; `None` when there have been enough.
    pub(crate) async fn wait(&self, attempt: u32) -> Option<()> {
        if attempt + 1 == ATTEMPTS {
            return None;
        }
        tokio::time::sleep(self.pause(attempt)).await;
        Some(())
    }

    /// SplitMix64: each call, from any task, takes the next number.
    fn next(&self) -> u64 {
        let mut z = self.state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Runs `attempt` until it answers, fails for good, or has been tried [`ATTEMPTS`] times.
pub(crate) async fn with_retry<T, E, R, F>(jitter: &Jitter, mut attempt: impl FnMut() -> F) -> Result<T, ReadError>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut tried = 0;
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let kind = Kind::of(&error);
        tried += 1;
        if kind == Kind::Final || tried == ATTEMPTS {
            return Err(match kind {
                Kind::Throttled => ReadError::Busy { source: Box::new(error) },
                Kind::Transient | Kind::Final => ReadError::Failed { source: Box::new(error) },
            });
        }
        tokio::time::sleep(jitter.pause(tried - 1)).await;
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Throttled,
    Transient,
    Final,
}

impl Kind {
    fn of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        match error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Self::Transient,
            _ => match error.code() {
                Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => Self::Throttled,
                Some("InternalServerError" | "ServiceUnavailable") => Self::Transient,
                _ => Self::Final,
            },
        }
    }
}
