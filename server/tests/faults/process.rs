//! A node's process as the test sees it.

use crate::said::{Arm, Order, Said};
use crate::{PATIENCE, node};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::ids::NodeId;
use tokio::sync::watch;

/// The test that is a node, or a player, if the environment says so.
pub(crate) const ENTRY: &str = "a_process_of_its_own";

/// How often a stopped process is told to go on, until it says that it does: it may not have stopped yet.
const CONTINUE_EVERY: Duration = Duration::from_millis(20);

/// Lines of a process that a failing test shows at most, the last ones.
const SHOWN_LINES_MAX: usize = 400;

pub(crate) struct Process {
    pub(crate) name: String,
    child: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    said: Arc<Mutex<Vec<Said>>>,
    /// How much it has said.
    count: watch::Receiver<usize>,
    /// Everything that it printed.
    log: Arc<Mutex<Vec<String>>>,
}

/// Where a node is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) id: NodeId,
    pub(crate) tcp: SocketAddr,
    pub(crate) quic: SocketAddr,
}

impl Process {
    pub(crate) fn start(name: &str, config: &str, engine: SocketAddr) -> Self {
        let program = std::env::current_exe().expect("it is known");
        let mut child = Command::new(program)
            .args(["--exact", ENTRY, "--nocapture", "--test-threads=1"])
            .env(node::NAME, name)
            .env(node::CONFIG, config)
            .env(node::ENGINE, engine.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the test program starts itself");
        let stdin = child.stdin.take().expect("it is piped");
        let (said, log) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let (counter, count) = watch::channel(0);
        let stdout = child.stdout.take().expect("it is piped");
        let heard = Arc::clone(&said);
        follow(stdout, Arc::clone(&log), move |line| {
            if let Some(new) = Said::heard(line) {
                let mut said: parking_lot::MutexGuard<'_, Vec<Said>> = heard.lock();
                said.push(new);
                let _ = counter.send(said.len());
            }
        });
        follow(child.stderr.take().expect("it is piped"), Arc::clone(&log), |_| {});
        Self {
            name: name.to_owned(),
            child: Mutex::new(child),
            stdin: Mutex::new(Some(stdin)),
            said,
            count,
            log,
        }
    }

    pub(crate) fn order(&self, order: &Order) {
        let line = serde_json::to_string(order).expect("plain data") + "\n";
        if let Some(stdin) = &mut *self.stdin.lock() {
            // One that has crashed is told in vain.
            let _ = stdin.write_all(line.as_bytes());
        }
    }

    /// The test does not need it any more.
    pub(crate) fn leave(&self) {
        self.stdin.lock().take();
    }

    pub(crate) fn arm(&self, arms: Vec<Arm>) {
        self.order(&Order::Arm(arms));
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said.lock().clone()
    }

    pub(crate) fn has_said(&self, wanted: impl Fn(&Said) -> bool) -> bool {
        self.said.lock().iter().any(wanted)
    }

    /// Waits until it says something.
    pub(crate) async fn until_said<R>(
        &self,
        what: &str,
        wanted: impl Fn(&Said) -> Option<R>,
    ) -> Result<R, String> {
        let mut count = self.count.clone();
        let found = async {
            loop {
                count.borrow_and_update();
                if let Some(found) = self.said.lock().iter().find_map(&wanted) {
                    return Some(found);
                }
                count.changed().await.ok()?;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, found).await;
        waited.ok().flatten().ok_or_else(|| format!("{} did not come to this: {what}", self.name))
    }

    pub(crate) async fn until_online(&self) -> Result<Addresses, String> {
        self.until_said("online", |said| match said {
            Said::Online { id, tcp, quic } => Some(Addresses { id: NodeId(*id), tcp: *tcp, quic: *quic }),
            _ => None,
        })
        .await
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.lock().id() as i32);
        let _ = kill(pid, signal); // it may have ended
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Stands still until [`go_on`](Self::go_on).
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Ends a pause that was ordered from outside.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Ends a pause at a failpoint.
    pub(crate) async fn until_continued(&self) -> Result<(), String> {
        let going_on = self.until_said("it goes on", |said| (*said == Said::Continued).then_some(()));
        let push = async {
            loop {
                self.go_on();
                tokio::time::sleep(CONTINUE_EVERY).await;
            }
        };
        tokio::select! {
            gone_on = going_on => gone_on,
            never = push => never,
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().try_wait().expect("it can be waited for")
    }

    /// Everything that it printed, for a failing test.
    pub(crate) fn log(&self) -> String {
        let log = self.log.lock();
        let mut text = format!("--- {} ({:?})\n", self.name, self.ended());
        for line in log.iter().skip(log.len().saturating_sub(SHOWN_LINES_MAX)) {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Reads lines on a thread of their own, until there are none.
fn follow(
    from: impl Read + Send + 'static,
    log: Arc<Mutex<Vec<String>>>,
    hear: impl Fn(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            hear(&line);
            if !line.contains("Handled") {
                log.lock().push(line);
            }
        }
    });
}
