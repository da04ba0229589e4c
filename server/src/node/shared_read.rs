//! One answer for all who wait for it: a crowd that asks the same at once asks the engine once.
//!
//! Whoever asks gets an answer that was begun after it had asked, as if it had asked alone: a take-over weighs only
//! leases that were read after it had read the record (rule d). So whoever comes while an answer is under way waits for
//! the next one, together with all others who have come meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// What many ask at once.
#[derive(Debug)]
pub(super) struct SharedRead<T> {
    /// How many have begun.
    begun: AtomicU64,
    /// The last one that has ended, and its number.
    last: Mutex<(u64, T)>,
}

impl<T: Clone> SharedRead<T> {
    /// `nothing`: what is never given to anybody.
    pub(super) fn new(nothing: T) -> Self {
        Self { begun: AtomicU64::new(0), last: Mutex::new((0, nothing)) }
    }

    /// What `read` gives, or what somebody else's has given that began after this was called.
    pub(super) async fn get(&self, read: impl AsyncFnOnce() -> T) -> T {
        let asked_after = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.0 > asked_after {
            return last.1.clone();
        }
        // Should this be given up on the way, those who wait begin one of their own.
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = read().await;
        *last = (number, answer.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Semaphore;

    /// Something to read that takes its time.
    struct Slow {
        shared: SharedRead<usize>,
        reads: AtomicUsize,
        may_end: Semaphore,
    }

    impl Slow {
        fn new() -> Self {
            Self { shared: SharedRead::new(0), reads: AtomicUsize::new(0), may_end: Semaphore::new(0) }
        }

        async fn get(&self) -> usize {
            self.shared
                .get(async || {
                    let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
                    self.may_end.acquire().await.expect("it is open").forget();
                    number
                })
                .await
        }
    }

    #[tokio::test]
    async fn a_crowd_asks_once_and_nobody_is_told_what_was_read_before_it_asked() {
        let slow = Slow::new();
        let mut first = Box::pin(slow.get());
        assert!(futures_util::poll!(&mut first).is_pending());
        // All of them come while the first answer is under way, which may be older than what they have read before.
        let mut crowd = Box::pin(join_all((0..5000).map(|_| slow.get())));
        assert!(futures_util::poll!(&mut crowd).is_pending());
        slow.may_end.add_permits(1);
        assert_eq!(first.await, 1);
        assert!(futures_util::poll!(&mut crowd).is_pending());
        slow.may_end.add_permits(1);
        assert!(crowd.await.into_iter().all(|number| number == 2), "one answer, of after they had asked");
        assert_eq!(slow.reads.load(Ordering::SeqCst), 2);
        slow.may_end.add_permits(1);
        assert_eq!(slow.get().await, 3, "whoever comes later asks anew");
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_the_others_to_ask_for_themselves() {
        let slow = Slow::new();
        let mut first = Box::pin(slow.get());
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(slow.get());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        slow.may_end.add_permits(1);
        assert_eq!(second.await, 2);
    }
}
