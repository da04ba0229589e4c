//! How other threads tell a link's task that there is something to send.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

/// Makes a link's task ask its handler again for what is to be sent.
///
/// Cheap, callable from any thread, and usable before the link runs: a wake-up is never lost, and any
/// number of them before the task's next turn count as one.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A wake-up has been asked for and not yet been taken up.
    pending: AtomicBool,
    /// The task, once it has had its first turn.
    task: Mutex<Option<std::task::Waker>>,
}

impl Waker {
    /// Makes the link's task call `fill`, `next_datagram` and `closing` again.
    pub fn wake(&self) {
        if self.0.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(task) = &*self.0.task.lock() {
            task.wake_by_ref();
        }
    }

    /// Begins a turn of the task: from here on, a `wake` brings another turn.
    ///
    /// The task is registered before the flag is taken down. A `wake` before that is served by this very
    /// turn, a later one finds the task.
    pub(super) fn begin_turn(&self, cx: &Context<'_>) {
        let mut task = self.0.task.lock();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        drop(task);
        self.0.pending.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn many_wakes_before_a_turn_count_as_one() {
        let count = Arc::new(Count::default());
        let task = std::task::Waker::from(count.clone());
        let waker = Waker::default();
        waker.wake(); // before the first turn, which serves it
        waker.begin_turn(&Context::from_waker(&task));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        waker.wake();
        waker.clone().wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        waker.begin_turn(&Context::from_waker(&task));
        waker.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }
}
