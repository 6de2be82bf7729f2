//! What panics in a run is found, wherever it happens: in a task that nobody waits for as well.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// A run is one thread's.
    static PANICKED: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// Does `work`; what it gives, unless it panics itself, and every panic of this thread on the way.
pub fn watched<R>(work: impl FnOnce() -> R) -> (Option<R>, Vec<String>) {
    static WATCHES: Once = Once::new();
    WATCHES.call_once(|| {
        let shows = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.with_borrow_mut(|panicked| panicked.push(panic.to_string().replace('\n', " ")));
            shows(panic);
        }));
    });
    PANICKED.take();
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    (done, PANICKED.take())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_in_a_task_that_nobody_waits_for_is_seen() {
        let (done, panicked) = super::watched(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing");
            runtime.block_on(async {
                drop(tokio::spawn(async { panic!("in a corner") }));
                tokio::task::yield_now().await;
                7
            })
        });
        assert_eq!(done, Some(7));
        assert!(matches!(&panicked[..], [one] if one.contains("in a corner")), "{panicked:?}");
    }
}
