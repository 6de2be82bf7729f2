//! What the projector, the reconciler and the mapping do, and what each mutant does instead.

use super::versions::{Versions, subsets};
use super::{Action, How, Mutant, Projecting, Row, Run, State, Way, Who, Work};

impl Projecting {
    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn may_walk(&self, state: &State) -> bool {
        let lacking = (0..2).any(|stream| state.rows[stream].version < state.heads[stream]);
        let early = state.early_walks > 0 && lacking;
        state.reconciler.is_none() && (state.is_quiet() && !state.walked || early) && !self.has(Mutant::NoReconciler)
    }

    /// What may become of a run.
    pub(super) fn steps(&self, state: &State, who: Who, run: Run, actions: &mut Vec<Action>) {
        let wanted = [0, 1].map(|stream| run.works[stream].map_or(Versions::default(), |work| self.wanted(who, work)));
        if (0..2).any(|stream| run.works[stream].is_some_and(|work| self.publishes_from(work.way).is_some())) {
            let refused = subsets(wanted).filter(|refused| refused[0].count() + refused[1].count() <= state.faults);
            actions.extend(refused.map(|refused| Action::Publish { who, refused }));
        }
        for stream in (0..2).filter(|&stream| run.works[stream].is_some_and(|work| self.advances_from(work.way).is_some())) {
            actions.push(Action::Advance { who, stream, how: How::Answered });
            if state.faults > 0 {
                actions.extend([How::Unanswered, How::Fails].map(|how| Action::Advance { who, stream, how }));
            }
        }
        if run.has_ended() {
            actions.push(Action::End { who });
        }
        if state.faults > 0 {
            actions.push(Action::Crash { who });
        }
    }

    /// The row that a work which is to be published now began with.
    fn publishes_from(&self, way: Way) -> Option<Row> {
        match (way, self.has(Mutant::AdvancesFirst)) {
            (Way::Lacking(before), false) | (Way::Halfway(before), true) => Some(before),
            (Way::Lacking(_) | Way::Halfway(_) | Way::Stands | Way::Failed, _) => None,
        }
    }

    /// The row that a work whose row is to be written now began with.
    fn advances_from(&self, way: Way) -> Option<Row> {
        match (way, self.has(Mutant::AdvancesFirst)) {
            (Way::Halfway(before), false) | (Way::Lacking(before), true) => Some(before),
            (Way::Lacking(_) | Way::Halfway(_) | Way::Stands | Way::Failed, _) => None,
        }
    }

    /// What a work is to publish now: what its row lacks.
    fn wanted(&self, who: Who, work: Work) -> Versions {
        let Some(before) = self.publishes_from(work.way) else { return Versions::default() };
        let lacking = Versions::between(before.version, work.named.highest());
        if self.has(Mutant::PublishesDelivered) {
            return lacking.and(work.named);
        }
        let publishes = who == Who::Projector || !self.has(Mutant::WalkPublishesNothing);
        if publishes { lacking } else { Versions::default() }
    }

    /// One answer of the bus, which says of each entry whether it was accepted.
    pub(super) fn publish(&self, state: &mut State, who: Who, refused: [Versions; 2]) {
        let Some(mut run) = state.run(who) else { return };
        state.faults -= refused[0].count() + refused[1].count();
        for (stream, refused) in refused.into_iter().enumerate() {
            let Some(work) = run.works[stream].as_mut() else { continue };
            let Some(before) = self.publishes_from(work.way) else { continue };
            state.bus[stream] = state.bus[stream].or(self.wanted(who, *work).without(refused));
            work.way = match refused.count() > 0 && !self.has(Mutant::IgnoresFailedEntries) {
                true => state.fail(who, stream),
                false if self.has(Mutant::AdvancesFirst) => Way::Stands,
                false => Way::Halfway(before),
            };
        }
        *state.run_mut(who) = Some(run);
    }

    /// Writes a row where it is still older than what was folded.
    pub(super) fn advance(&self, state: &mut State, who: Who, stream: usize, how: How) {
        let Some(mut run) = state.run(who) else { return };
        let Some(work) = run.works[stream].as_mut() else { return };
        let Some(before) = self.advances_from(work.way) else { return };
        let row = self.folded(before, work.named);
        let is_forward = state.rows[stream].version < row.version || self.has(Mutant::NoCondition);
        if how != How::Fails && is_forward {
            state.rows[stream] = row;
            state.newest[stream] = state.newest[stream].max(row.version);
        }
        state.faults -= u8::from(how != How::Answered);
        work.way = match how {
            How::Unanswered | How::Fails => state.fail(who, stream),
            How::Answered => {
                let stored = state.rows[stream];
                state.remember(who, stream, Some(stored));
                match is_forward {
                    true if self.has(Mutant::AdvancesFirst) => Way::Halfway(before),
                    true => Way::Stands,
                    false => gate(stored, work.named),
                }
            }
        };
        *state.run_mut(who) = Some(run);
    }

    /// The row after what it lacks.
    fn folded(&self, before: Row, named: Versions) -> Row {
        let lacking = Versions::between(before.version, named.highest());
        let folds = if self.has(Mutant::FoldsOverGaps) { lacking.and(named) } else { lacking };
        let mut row = Row { version: named.highest(), ..before };
        for version in folds.each() {
            if let Some(free) = row.folded.iter_mut().find(|place| **place == 0) {
                *free = version;
            }
        }
        row
    }

    /// The batch has ended: the mapping goes on behind it, or at the first record that has to come again.
    pub(super) fn answer(&self, state: &mut State) {
        let Some(run) = state.projector.take() else { return };
        let failed = run.works.iter().flatten().filter(|work| work.way == Way::Failed).map(|work| work.first);
        let reported = if self.has(Mutant::HighestFailed) { failed.max() } else { failed.min() };
        let reported = reported.filter(|_| !self.has(Mutant::IgnoresPartialFailure));
        state.checkpoint = Some(reported.unwrap_or(run.end));
    }
}

/// The version gate: older records are skipped.
pub(super) fn gate(row: Row, named: Versions) -> Way {
    if row.version >= named.highest() { Way::Stands } else { Way::Lacking(row) }
}

impl Run {
    fn has_ended(self) -> bool {
        self.works.iter().flatten().all(|work| matches!(work.way, Way::Stands | Way::Failed))
    }
}
