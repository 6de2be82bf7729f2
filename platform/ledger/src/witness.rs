//! Shows checkpoints to a witness: somebody else's server that remembers the tree and takes only what extends it (C2SP tlog-witness).
//!
//! A rollback or a fork is refused by whoever remembers more than we do. The witness's cosignatures are kept under `cosignatures/<size>`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_lambda::Web;
use annals_log::BoxError;
use bytes::Bytes;

use crate::objects::Objects;
use crate::proofs::{ProofError, Proofs};

/// A witness.
pub struct Witness {
    web: Arc<dyn Web>,
    /// Where it takes checkpoints.
    url: String,
    /// The size that it has taken last, as far as is known.
    taken: AtomicU64,
}

/// A witness did not take a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It gives no answer, or says that it does not know this ledger: try again; more than five minutes are an alarm.
    #[error("the witness does not take the checkpoint")]
    Unreached {
        /// What it said.
        source: BoxError,
    },
    /// It has seen another tree: an alarm.
    #[error("the witness has seen another tree: {what}")]
    Disagrees {
        /// What it has seen.
        what: String,
    },
    /// There is no proof to show.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Witness {
    /// The witness whose submission prefix is `prefix`.
    pub fn new(web: Arc<dyn Web>, prefix: &str) -> Self {
        Self { web, url: format!("{}/add-checkpoint", prefix.trim_end_matches('/')), taken: AtomicU64::new(0) }
    }

    /// Shows it the newest checkpoint, unless it has it already; and keeps its cosignatures.
    ///
    /// Cost: one request, two where it is not known what the witness has seen; about ten objects.
    pub async fn show(&self, proofs: &Proofs<'_>, objects: &dyn Objects) -> Result<(), WitnessError> {
        let size = proofs.head().size;
        let mut old = self.taken.load(Ordering::Relaxed);
        if old == size && old > 0 {
            return Ok(());
        }
        // It says itself from which size it wants to be shown.
        for _ in 0..2 {
            if old > size {
                return Err(WitnessError::Disagrees { what: format!("{old} entries, and only {size} are signed") });
            }
            let answer = self.ask(proofs.extension_from(old).await?.to_bytes()).await?;
            match answer.status().as_u16() {
                200 => {
                    self.taken.store(size, Ordering::Relaxed);
                    let kept = objects.insert(&format!("cosignatures/{size:020}"), answer.body()).await;
                    // Another instance may have been first: a cosignature has the time in it, and one is enough.
                    return kept.map(|_| ()).map_err(|source| WitnessError::Unreached { source });
                }
                409 => match std::str::from_utf8(answer.body()).ok().and_then(|text| text.trim().parse().ok()) {
                    Some(seen) if seen != old => old = seen,
                    _ => return Err(WitnessError::Disagrees { what: format!("another root of {old} entries") }),
                },
                422 => return Err(WitnessError::Disagrees { what: format!("{old} entries that ours does not begin with") }),
                status => return Err(WitnessError::Unreached { source: format!("it answers {status}").into() }),
            }
        }
        Err(WitnessError::Unreached { source: "somebody else shows it checkpoints at the same time".into() })
    }

    async fn ask(&self, body: Vec<u8>) -> Result<http::Response<Bytes>, WitnessError> {
        let request =
            http::Request::post(&self.url).body(Bytes::from(body)).map_err(|error| WitnessError::Unreached { source: error.into() })?;
        self.web.call(request).await.map_err(|source| WitnessError::Unreached { source })
    }
}
