//! Does many runs side by side: each is one thread's from its beginning to its end, and is the same whatever the others do.

use std::sync::{Mutex, PoisonError};

/// Does each piece of `work` on one of so many threads, in the order in which they come free, and hands over what it came to, one at a time.
/// Each piece is asked for when a thread is free for it.
pub fn side_by_side<T: Send, R: Send>(
    threads: usize,
    work: impl Iterator<Item = T> + Send,
    run: impl Fn(T) -> R + Sync,
    done: impl FnMut(R) + Send,
) {
    let (work, done) = (Mutex::new(work), Mutex::new(done));
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    let one_after_the_other = || {
        while let Some(piece) = next() {
            let came_to = run(piece);
            done.lock().unwrap_or_else(PoisonError::into_inner)(came_to);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(one_after_the_other);
        }
        one_after_the_other();
    });
}

/// As many threads as this machine does at once.
pub fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_piece_is_done_once_on_however_many_threads() {
        for threads in [1, 3, 64] {
            let mut done = vec![];
            super::side_by_side(threads, 0..50, |piece| piece * 2, |came_to| done.push(came_to));
            assert_eq!(done.len(), 50, "{threads} threads");
            assert_eq!(done.into_iter().collect::<BTreeSet<_>>(), (0..50).map(|piece| piece * 2).collect());
        }
    }
}
