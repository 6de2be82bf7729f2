//! A set of versions of one stream, in a byte.

/// Versions of one stream, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Versions(u8);

impl Versions {
    /// Those above one and up to another.
    pub(super) fn between(above: u8, upto: u8) -> Self {
        (above + 1..=upto).fold(Self::default(), Self::with)
    }

    pub(super) fn with(self, version: u8) -> Self {
        Self(self.0 | 1 << (version - 1))
    }

    pub(super) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(super) fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    pub(super) fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(super) fn has(self, version: u8) -> bool {
        self.each().any(|one| one == version)
    }

    pub(super) fn count(self) -> u8 {
        self.each().fold(0, |count, _| count + 1)
    }

    pub(super) fn highest(self) -> u8 {
        self.each().last().unwrap_or(0)
    }

    pub(super) fn each(self) -> impl Iterator<Item = u8> {
        (1..=8).filter(move |version| self.0 & 1 << (version - 1) != 0)
    }
}

/// All that may be taken out of two sets.
pub(super) fn subsets(of: [Versions; 2]) -> impl Iterator<Item = [Versions; 2]> {
    let of_one = |all: Versions| (0..=all.0).map(Versions).filter(move |some| some.without(all) == Versions::default());
    of_one(of[0]).flat_map(move |first| of_one(of[1]).map(move |second| [first, second]))
}
