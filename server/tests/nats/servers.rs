//! Servers of NATS, as processes of their own: on free ports of loopback, with their data in a folder that goes with
//! the test.

use crate::PATIENCE;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::watch;

/// Where `scripts/install-tools.sh` puts the program.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../tools/nats/bin/nats-server");

/// Lines of a server that a failing test shows at most, the last ones.
const SHOWN_LINES_MAX: usize = 60;

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// The program. Where it is not installed these tests do not run, unless `STERNA_NEED_NATS` says that they must.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    let found = [PathBuf::from(INSTALLED)].into_iter().chain(in_path).find(|program| program.is_file());
    if found.is_none() {
        let needed = std::env::var_os("STERNA_NEED_NATS").is_some();
        assert!(!needed, "nats-server is not installed: scripts/install-tools.sh");
        eprintln!("skipped: nats-server is not installed");
    }
    found
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nats-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One server, or several that are one cluster.
pub(crate) struct Servers {
    program: PathBuf,
    running: Vec<Mutex<Option<Running>>>,
    addresses: Vec<Address>,
    folder: Folder,
    /// What they are started with besides.
    more: Vec<String>,
}

#[derive(Clone, Copy)]
struct Address {
    clients: u16,
    routes: u16,
}

struct Running {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    lines: watch::Receiver<usize>,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("it has stored something") {
        let entry = entry.expect("it can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("there is room");
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

impl Servers {
    /// Starts so many, and waits until they serve. `None`: the program is not installed.
    pub(crate) async fn start(count: usize) -> Option<Self> {
        Self::start_with(count, Folder::new(), &[]).await
    }

    /// The same, with their data in this folder, and with more arguments.
    pub(crate) async fn start_with(count: usize, folder: Folder, more: &[String]) -> Option<Self> {
        let program = program()?;
        let addresses = (0..count).map(|_| Address { clients: free_port(), routes: free_port() }).collect();
        let running = (0..count).map(|_| Mutex::new(None)).collect();
        let servers = Self { program, running, addresses, folder, more: more.to_vec() };
        for index in 0..count {
            servers.launch(index);
        }
        for index in 0..count {
            servers.until_logged(index, "Server is ready").await;
        }
        if count > 1 {
            servers.until_any_logged("JetStream cluster new metadata leader").await;
        }
        Some(servers)
    }

    fn launch(&self, index: usize) {
        let Address { clients, routes } = self.addresses[index];
        let mut command = Command::new(&self.program);
        command
            .args(["--addr", "127.0.0.1", "--port", &clients.to_string()])
            .args(["--name", &format!("nats-{}", index + 1), "--jetstream", "--store_dir"])
            .arg(self.folder.path().join(format!("{}", index + 1)))
            .args(&self.more);
        if self.addresses.len() > 1 {
            let all = self.addresses.iter().map(|address| format!("nats://127.0.0.1:{}", address.routes));
            command
                .args([
                    "--cluster_name",
                    "tests",
                    "--cluster",
                    &format!("nats://127.0.0.1:{routes}"),
                    "--routes",
                ])
                .arg(all.collect::<Vec<_>>().join(","));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (counter, lines) = watch::channel(0);
        let stderr = child.stderr.take().expect("it is piped");
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept: parking_lot::MutexGuard<'_, Vec<String>> = kept.lock();
                kept.push(line);
                counter.send_replace(kept.len());
            }
        });
        *self.running[index].lock() = Some(Running { child, log, lines });
    }

    async fn until_logged(&self, index: usize, wanted: &str) {
        let (log, mut lines) = {
            let running = self.running[index].lock();
            let running = running.as_ref().expect("it runs");
            (Arc::clone(&running.log), running.lines.clone())
        };
        let said = async {
            while !log.lock().iter().any(|line| line.contains(wanted)) {
                lines.changed().await.expect("it runs on");
            }
        };
        let said = tokio::time::timeout(PATIENCE, said).await;
        assert!(said.is_ok(), "nats-{} never said `{wanted}`:\n{}", index + 1, self.explain());
    }

    async fn until_any_logged(&self, wanted: &str) {
        let all = (0..self.running.len()).map(|index| Box::pin(self.until_logged(index, wanted)));
        futures_util::future::select_all(all).await;
    }

    /// Where they are, for `engine.urls`.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(|address| format!("nats://127.0.0.1:{}", address.clients)).collect()
    }

    fn signal(&self, index: usize, signal: Signal) {
        kill(self.pid(index), signal).expect("it can be told");
    }

    fn pid(&self, index: usize) -> Pid {
        let running = self.running[index].lock();
        Pid::from_raw(running.as_ref().expect("it runs").child.id() as i32)
    }

    /// `kill -9`.
    pub(crate) fn kill(&self, index: usize) {
        if let Some(mut running) = self.running[index].lock().take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// Starts one that was killed, with the data that it had, and waits until it serves.
    pub(crate) async fn start_again(&self, index: usize) {
        self.launch(index);
        self.until_logged(index, "Server is ready").await;
    }

    /// Puts what one that was killed has stored so far aside, to be put [back](Self::put_back) later.
    pub(crate) fn set_aside(&self, index: usize) {
        let folder = self.folder.path().join(format!("{}", index + 1));
        copy(&folder, &self.folder.path().join("aside"));
    }

    /// One that was killed has what it had then, and nothing since.
    pub(crate) fn put_back(&self, index: usize) {
        self.wipe(index);
        copy(&self.folder.path().join("aside"), &self.folder.path().join(format!("{}", index + 1)));
    }

    /// The data of one that was killed are gone.
    pub(crate) fn wipe(&self, index: usize) {
        let folder = self.folder.path().join(format!("{}", index + 1));
        std::fs::remove_dir_all(folder).expect("it has stored something");
    }

    /// Stands still until [`go_on`](Self::go_on).
    pub(crate) fn pause(&self, index: usize) {
        self.signal(index, Signal::SIGSTOP);
        // It goes on for a moment, until the kernel has stopped all of its threads, and says so.
        let pid = self.pid(index);
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("it is a child of this process");
        assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    }

    pub(crate) fn go_on(&self, index: usize) {
        self.signal(index, Signal::SIGCONT);
    }

    /// Tells its clients that it shuts down soon.
    pub(crate) fn lame_duck(&self, index: usize) {
        self.signal(index, Signal::SIGUSR2);
    }

    /// Which of them leads a stream, as this one says; `None`: it does not say.
    pub(crate) async fn leader(&self, stream: &str, asked: usize) -> Option<usize> {
        let client = async_nats::connect(&self.urls()[asked]).await.ok()?;
        let stream = async_nats::jetstream::new(client).get_stream(stream).await.ok()?;
        let name = stream.cached_info().cluster.as_ref()?.leader.clone()?;
        Some(name.strip_prefix("nats-")?.parse::<usize>().ok()? - 1)
    }

    /// Has one read its configuration again, and waits until it counts.
    pub(crate) async fn reload(&self, index: usize) {
        self.signal(index, Signal::SIGHUP);
        self.until_logged(index, "Reloaded server configuration").await;
    }

    /// What a failing test shows.
    pub(crate) fn explain(&self) -> String {
        let mut text = String::new();
        for (index, running) in self.running.iter().enumerate() {
            let _ = writeln!(text, "--- nats-{}", index + 1);
            let running = running.lock();
            let Some(running) = running.as_ref() else { continue };
            let log = running.log.lock();
            for line in log.iter().skip(log.len().saturating_sub(SHOWN_LINES_MAX)) {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.explain());
        }
        for index in 0..self.running.len() {
            self.kill(index);
        }
    }
}
