//! Makes a plan that fails smaller, as long as it fails in the same way: fewer kinds of faults, a shorter window of them, fewer stories, less time.

use crate::plan::Plan;
use crate::run::run;

/// The smallest plan found that still violates `invariant`, and how many runs it took, of at most `most`.
pub fn shrink(plan: &Plan, invariant: u8, most: u32) -> (Plan, u32) {
    let mut shrinking = Shrinking { plan: plan.clone(), invariant, runs: 0, most };
    shrinking.faults();
    shrinking.window();
    shrinking.stories();
    shrinking.time();
    (shrinking.plan, shrinking.runs)
}

struct Shrinking {
    plan: Plan,
    invariant: u8,
    runs: u32,
    most: u32,
}

impl Shrinking {
    /// Takes a smaller plan if it fails too; whether it does.
    fn take(&mut self, smaller: Plan) -> bool {
        if self.runs >= self.most || smaller == self.plan {
            return false;
        }
        self.runs += 1;
        let fails = run(&smaller, false).violations.iter().any(|violation| violation.invariant == self.invariant);
        if fails {
            self.plan = smaller;
        }
        fails
    }

    /// Halves first, then one by one.
    fn faults(&mut self) {
        let all: Vec<_> = self.plan.faults.iter().copied().collect();
        let (first, second) = all.split_at(all.len() / 2);
        for half in [first, second] {
            let mut smaller = self.plan.clone();
            smaller.faults.retain(|fault| !half.contains(fault));
            if self.take(smaller) {
                break;
            }
        }
        for fault in self.plan.faults.clone() {
            let mut smaller = self.plan.clone();
            smaller.faults.remove(&fault);
            self.take(smaller);
        }
    }

    fn window(&mut self) {
        loop {
            let (from, until) = self.plan.window;
            let middle = from + (until - from) / 2;
            let later = Plan { window: (middle, until), ..self.plan.clone() };
            let earlier = Plan { window: (from, middle), ..self.plan.clone() };
            if until - from < 4 || !(self.take(earlier) || self.take(later)) {
                return;
            }
        }
    }

    /// Halves first, then quarters, down to each by itself.
    fn stories(&mut self) {
        let all: Vec<u64> = self.plan.stories().chain(self.plan.stories_after_a_restore()).collect();
        let mut size = all.len();
        while size > 1 {
            size = size.div_ceil(2);
            for part in all.chunks(size) {
                let mut smaller = self.plan.clone();
                smaller.without.extend(part);
                self.take(smaller);
            }
        }
    }

    fn time(&mut self) {
        loop {
            let seconds = self.plan.seconds * 2 / 3;
            let (from, until) = self.plan.window;
            let smaller = Plan { seconds, window: (from.min(seconds), until.min(seconds)), ..self.plan.clone() };
            if seconds < 10 || !self.take(smaller) {
                return;
            }
        }
    }
}
