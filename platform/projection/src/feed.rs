//! The projector as the reconciler sees it: compares rows with the log's heads, and takes a head as a record that named it.

use std::sync::PoisonError;

use annals_lambda::causes;
use annals_log::{BoxError, StreamHead};

use crate::consumer::{Consumer, Finding, Found, Mode, ON_ITS_WAY, is_young, lacking};
use crate::projection::{AnyProjection, Stamped, gate_params};
use crate::projector::{Projector, some_at_a_time};
use crate::records::Delivered;

/// How a row stands to its stream.
enum Standing {
    Complete,
    Behind(Stamped),
}

impl Consumer for Projector {
    fn name(&self) -> &'static str {
        "rows"
    }

    /// Cost a stream: half an RCU where its row is up to date. Otherwise 1 RCU for a strong look, what the projector's own way costs
    /// (a Query of what is lacking, PutEvents, a PutItem), and 1 RCU to see that it has helped.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move {
            let mut looking = vec![];
            for head in heads {
                looking.push(self.look(head));
            }
            let mut found = some_at_a_time(looking).await;
            if mode == Mode::Mend {
                self.mend(heads, &mut found).await;
            }
            found
        })
    }
}

impl Projector {
    /// How one row stands; what looks behind is read again strongly.
    async fn look(&self, head: &StreamHead) -> Found {
        let Some(projection) = self.projection_of(&head.stream) else { return Found::NotRead };
        match self.glance(projection, head).await {
            Ok(Standing::Complete) => Found::Complete,
            Ok(Standing::Behind(row)) => behind(projection, head, &row),
            Err(error) => Found::Failed { reason: causes(&*error) },
        }
    }

    /// A stale row only looks older than it is: what looks complete is.
    async fn glance(&self, projection: &dyn AnyProjection, head: &StreamHead) -> Result<Standing, BoxError> {
        let stamp = self.deps.reads.get_item(projection.glance(), &gate_params(&head.stream)).await?;
        if is_complete(projection, head, &Stamped::of(stamp.unwrap_or_default())) {
            return Ok(Standing::Complete);
        }
        let standing = self.strong(projection, head).await?;
        if !is_young(head, self.deps.clock.now()) || matches!(standing, Standing::Complete) {
            return Ok(standing);
        }
        tokio::time::sleep(ON_ITS_WAY).await;
        self.strong(projection, head).await
    }

    async fn strong(&self, projection: &dyn AnyProjection, head: &StreamHead) -> Result<Standing, BoxError> {
        let item = self.deps.reads.get_item(projection.gate(), &gate_params(&head.stream)).await?;
        let row = Stamped::of(item.unwrap_or_default());
        Ok(if is_complete(projection, head, &row) { Standing::Complete } else { Standing::Behind(row) })
    }

    /// Takes in what is behind, and looks again: the row tells whether it has helped, not the way there. A parked stream is taken in too:
    /// the code may have learnt to read it since.
    async fn mend(&self, heads: &[StreamHead], found: &mut [Found]) {
        let open: Vec<usize> = (0..heads.len()).filter(|&i| matches!(found[i], Found::Lacks { .. } | Found::Parked { .. })).collect();
        let hints: Vec<Delivered> = open.iter().map(|&i| Delivered::hint(&heads[i])).collect();
        for hint in &hints {
            // What is remembered of a row may be what kept it behind.
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&hint.stream);
        }
        self.take_in(hints.iter().collect()).await;
        for i in open {
            let Some(projection) = self.projection_of(&heads[i].stream) else { continue };
            let before = std::mem::replace(&mut found[i], Found::NotRead);
            found[i] = match (self.strong(projection, &heads[i]).await, before) {
                (Ok(Standing::Complete), Found::Lacks { commits }) => Found::Mended { commits },
                (Ok(Standing::Complete), Found::Parked { version }) => Found::Mended { commits: lacking(version - 1, heads[i].version) },
                (Ok(Standing::Complete), other) => other,
                (Ok(Standing::Behind(row)), _) => match behind(projection, &heads[i], &row) {
                    Found::Lacks { .. } => Found::Failed { reason: "the row did not move: the function's log says why".into() },
                    parked => parked,
                },
                (Err(error), _) => Found::Failed { reason: causes(&*error) },
            };
        }
    }
}

/// Whether the row has everything up to the head: a stream may be parked beyond it. A row of a newer revision is another's to feed.
fn is_complete(projection: &dyn AnyProjection, head: &StreamHead, row: &Stamped) -> bool {
    row.revision > projection.revision() || row.revision == projection.revision() && row.version >= head.version.get()
}

fn behind(projection: &dyn AnyProjection, head: &StreamHead, row: &Stamped) -> Found {
    match row.parked {
        Some(version) => Found::Parked { version },
        None if row.revision < projection.revision() && row.version >= head.version.get() => Found::Lacks { commits: 0 },
        None => Found::Lacks { commits: lacking(row.version, head.version) },
    }
}
