//! What happens to everything there is, whoever does it; and what the laws and sights look at.

use super::steps::gate;
use super::versions::Versions;
use super::{Action, COMMITS, Record, Row, Run, State, Way, Who, Work};

impl State {
    pub(super) fn is_quiet(&self) -> bool {
        self.checkpoint == Some(self.shard.len()) && self.projector.is_none() && self.reconciler.is_none()
    }

    pub(super) fn run(&self, who: Who) -> Option<Run> {
        match who {
            Who::Projector => self.projector,
            Who::Reconciler => self.reconciler,
        }
    }

    pub(super) fn run_mut(&mut self, who: Who) -> &mut Option<Run> {
        match who {
            Who::Projector => &mut self.projector,
            Who::Reconciler => &mut self.reconciler,
        }
    }

    pub(super) fn faults_of_the_shard(&self, actions: &mut Vec<Action>) {
        let unread = self.projector.map_or(self.checkpoint.unwrap_or(0), |run| run.end);
        let last = self.shard.last().filter(|_| unread < self.shard.len()).map(|record| record.stream);
        actions.extend(
            last.filter(|&stream| self.heads[stream] < COMMITS[stream]).map(|stream| Action::Append { stream, out_of_order: true }),
        );
        if self.projector.is_none() {
            if self.next_to_lose().is_some() {
                actions.push(Action::LoseRecord);
            }
            if self.checkpoint.is_some_and(|checkpoint| checkpoint > 0) {
                actions.push(Action::ForgetCheckpoint);
            }
        }
    }

    pub(super) fn append(&mut self, stream: usize, out_of_order: bool) {
        self.heads[stream] += 1;
        let place = self.shard.len() - usize::from(out_of_order);
        self.shard.insert(place, Record { stream, version: self.heads[stream], lost: false });
        self.faults -= u8::from(out_of_order);
        self.walked = false;
        if let Some(walk) = &mut self.reconciler {
            walk.last = false;
        }
    }

    /// The mapping hands over the next records.
    pub(super) fn deliver(&mut self, end: usize) {
        let Some(begin) = self.checkpoint else { return };
        let mut works: [Option<Work>; 2] = [None; 2];
        for (place, record) in self.shard.iter().enumerate().take(end).skip(begin).filter(|(_, record)| !record.lost) {
            let new = Work { first: place, named: Versions::default(), way: Way::Stands };
            let work = works[record.stream].get_or_insert(new);
            work.named = work.named.with(record.version);
        }
        for (stream, work) in works.iter_mut().enumerate() {
            if let Some(work) = work {
                let row = self.cache[stream].unwrap_or(self.rows[stream]);
                work.way = gate(row, work.named);
            }
        }
        self.projector = Some(Run { end, last: false, works });
    }

    /// The reconciler compares the heads with the rows: a head is a record that says no more than that its stream has come this far.
    pub(super) fn walk(&mut self) {
        let last = self.is_quiet();
        self.early_walks -= u8::from(!last);
        let work = |stream: usize| {
            let head = Some(self.heads[stream]).filter(|head| *head > 0)?;
            let named = Versions::default().with(head);
            Some(Work { first: 0, named, way: gate(self.rows[stream], named) })
        };
        self.reconciler = Some(Run { end: 0, last, works: [work(0), work(1)] });
    }

    pub(super) fn end_walk(&mut self) {
        let Some(run) = self.reconciler.take() else { return };
        self.walked |= run.last && run.works.iter().flatten().all(|work| work.way == Way::Stands);
    }

    /// The stream has to come again. What was remembered may be what misled.
    pub(super) fn fail(&mut self, who: Who, stream: usize) -> Way {
        self.remember(who, stream, None);
        Way::Failed
    }

    pub(super) fn remember(&mut self, who: Who, stream: usize, row: Option<Row>) {
        if who == Who::Projector {
            self.cache[stream] = row;
        }
    }

    pub(super) fn crash(&mut self, who: Who) {
        self.faults -= 1;
        *self.run_mut(who) = None;
        if who == Who::Projector {
            self.cache = [None; 2];
        }
    }

    fn next_to_lose(&self) -> Option<usize> {
        let from = self.checkpoint.unwrap_or(0);
        (from..self.shard.len()).find(|&place| !self.shard[place].lost)
    }

    pub(super) fn lose_record(&mut self) {
        self.faults -= 1;
        if let Some(place) = self.next_to_lose() {
            self.shard[place].lost = true;
        }
    }

    pub(super) fn rows_are_folds(&self) -> bool {
        self.rows
            .iter()
            .all(|row| (1u8..).zip(row.folded).all(|(version, folded)| folded == if version <= row.version { version } else { 0 }))
    }

    pub(super) fn rows_never_went_back(&self) -> bool {
        (0..2).all(|stream| self.rows[stream].version >= self.newest[stream])
    }

    pub(super) fn behind_is_applied(&self) -> bool {
        let behind = self.shard.iter().take(self.checkpoint.unwrap_or(0)).filter(|record| !record.lost);
        behind.into_iter().all(|record| self.rows[record.stream].version >= record.version)
    }

    pub(super) fn all_is_applied(&self) -> bool {
        (0..2).all(|stream| self.rows[stream].version == self.heads[stream])
    }

    pub(super) fn all_is_published(&self) -> bool {
        (0..2).all(|stream| self.bus[stream] == Versions::between(0, self.heads[stream]))
    }

    pub(super) fn last_is_lost(&self) -> bool {
        self.shard.last().is_some_and(|record| record.lost)
    }

    fn works(&self) -> impl Iterator<Item = Work> {
        [self.projector, self.reconciler].into_iter().flatten().flat_map(|run| run.works).flatten()
    }

    pub(super) fn fills_a_gap(&self) -> bool {
        let lacks = |work: Work| matches!(work.way, Way::Halfway(row) if !work.named.has(row.version + 1));
        self.works().any(lacks)
    }

    pub(super) fn fails_in_part(&self) -> bool {
        let ways = self.projector.map(|run| run.works.map(|work| work.map(|work| work.way)));
        ways.is_some_and(|ways| ways.contains(&Some(Way::Failed)) && ways.contains(&Some(Way::Stands)))
    }

    pub(super) fn two_at_one_row(&self) -> bool {
        let (Some(one), Some(other)) = (self.projector, self.reconciler) else { return false };
        (0..2).any(|stream| {
            let ways = (one.works[stream].map(|work| work.way), other.works[stream].map(|work| work.way));
            matches!(ways, (Some(Way::Halfway(one)), Some(Way::Halfway(other))) if one == other)
        })
    }
}
