//! How far a deployment is that two revisions of the code take batches in: `rebuilding` and `recounting`.

/// Where the new code takes batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deployed {
    Nowhere,
    /// The next batch may go to either.
    Here,
    Everywhere,
}

impl Deployed {
    /// Those of the old and the new revision that may get the next batch.
    pub(crate) fn revisions<R>(self, [old, new]: [R; 2]) -> impl Iterator<Item = R> {
        let old = (self != Self::Everywhere).then_some(old);
        old.into_iter().chain((self != Self::Nowhere).then_some(new))
    }

    pub(crate) fn further(self) -> Self {
        match self {
            Self::Nowhere => Self::Here,
            Self::Here | Self::Everywhere => Self::Everywhere,
        }
    }
}
