//! Draws everything that is left to chance from one seed, by what it is about: the same question has the same answer in every run.

/// Where chance comes from.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chance of this seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5eed))
    }

    /// A number for this question, spread evenly over all of `u64`.
    pub fn number(self, question: &[&str], times: u64) -> u64 {
        let hash = question.iter().fold(self.0, |hash, part| {
            let hash =
                part.bytes().fold(hash ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            mix(hash)
        });
        mix(hash ^ times.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`, which is not 0.
    pub fn below(self, end: u64, question: &[&str], times: u64) -> u64 {
        self.number(question, times) % end
    }

    /// Another chance, for something that asks many questions of its own.
    pub fn of(self, what: &str, number: u64) -> Self {
        Self(self.number(&[what], number))
    }
}

/// The next numbers of a chance, one after the other.
#[derive(Clone, Debug)]
pub struct Draws {
    chance: Chance,
    drawn: u64,
}

impl Draws {
    /// The draws of this chance, from the first.
    pub fn new(chance: Chance) -> Self {
        Self { chance, drawn: 0 }
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        self.chance.below(end, &["draw"], self.drawn)
    }

    /// Whether the one case of `of` is drawn.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// SplitMix64's last step.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
