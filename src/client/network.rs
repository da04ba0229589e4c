//! The one background thread of the process: a single-threaded tokio runtime that all clients share. It
//! starts with the first client and ends, joined, with the last.

use crate::client::status::{Error, Status};
use crate::sys;
use crate::transport::Endpoints;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// How long the thread waits for links to say goodbye before it ends.
const GOODBYE_MAX: Duration = Duration::from_millis(500);

/// The running thread; dropping the last reference ends and joins it.
#[derive(Debug)]
pub(super) struct Network {
    handle: Handle,
    endpoints: Arc<Endpoints>,
    links: TaskTracker,
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

static NETWORK: Mutex<Weak<Network>> = Mutex::new(Weak::new());

impl Network {
    /// The thread that runs, or a new one.
    pub(super) fn acquire() -> Result<Arc<Self>, Error> {
        let mut current = NETWORK.lock();
        if let Some(network) = current.upgrade() {
            return Ok(network);
        }
        let network = Arc::new(Self::start()?);
        *current = Arc::downgrade(&network);
        Ok(network)
    }

    fn start() -> Result<Self, Error> {
        let system = |error: std::io::Error| Error::new(Status::System, format!("network thread: {error}"));
        let links = TaskTracker::new();
        let (stop, stopped) = watch::channel(false);
        let start = Arc::new(Start::default());
        let (started, tracked) = (start.clone(), links.clone());
        let thread = std::thread::Builder::new()
            .name("sterna-net".into())
            .spawn(move || run(&started, stopped, &tracked))
            .map_err(system)?;
        let handle = start.wait().map_err(system)?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { handle, endpoints: Arc::new(Endpoints::default()), links, stop, thread })
    }

    pub(super) fn endpoints(&self) -> Arc<Endpoints> {
        self.endpoints.clone()
    }

    /// Runs a task that is waited for when the thread ends.
    pub(super) fn spawn_link(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.links.spawn_on(task, &self.handle);
    }

    /// Runs a task that ends with the thread.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}

/// How the thread tells that it runs. Plain locks, because a channel, like the runtime itself, leaves
/// something behind for each thread that it meets, and the game's threads are not ours.
#[derive(Debug, Default)]
struct Start {
    outcome: Mutex<Option<std::io::Result<Handle>>>,
    told: Condvar,
}

impl Start {
    fn tell(&self, outcome: std::io::Result<Handle>) {
        *self.outcome.lock() = Some(outcome);
        self.told.notify_one();
    }

    fn wait(&self) -> std::io::Result<Handle> {
        let mut outcome = self.outcome.lock();
        loop {
            match outcome.take() {
                Some(outcome) => return outcome,
                None => self.told.wait(&mut outcome),
            }
        }
    }
}

/// The thread's body.
fn run(start: &Start, mut stopped: watch::Receiver<bool>, links: &TaskTracker) {
    IS_NETWORK_THREAD.set(true);
    // All of the library's writes to sockets happen on this thread.
    let runtime =
        sys::block_sigpipe_on_this_thread().and_then(|()| Builder::new_current_thread().enable_all().build());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return start.tell(Err(error)),
    };
    start.tell(Ok(runtime.handle().clone()));
    runtime.block_on(async {
        // An error means that the sender is gone, which ends the thread as well.
        let _ = stopped.wait_for(|stop| *stop).await;
        links.close();
        let _ = tokio::time::timeout(GOODBYE_MAX, links.wait()).await;
    });
}

thread_local! {
    static IS_NETWORK_THREAD: Cell<bool> = const { Cell::new(false) };
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let Some(thread) = self.thread.lock().take() else { return };
        // The last client never ends on the network thread: tasks hold no client. Were it otherwise, the
        // thread could not wait for itself.
        if !IS_NETWORK_THREAD.get() {
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_hangs_up_cannot_end_the_game_by_a_signal() {
        let network = Network::acquire().unwrap();
        let (answer, answered) = std::sync::mpsc::channel();
        network.spawn(async move {
            let status = std::fs::read_to_string("/proc/thread-self/status");
            answer.send(status).expect("the test waits for it");
        });
        let status = answered.recv().unwrap().unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
        assert_ne!(blocked & 1 << (libc::SIGPIPE - 1), 0, "SIGPIPE is not blocked: {blocked:x}");
    }
}
