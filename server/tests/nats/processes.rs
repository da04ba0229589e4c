//! The program `sterna serve`, several times.

use crate::PATIENCE;
use crate::servers::Servers;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sterna");

/// One process, with one node.
pub(crate) struct Process {
    child: Child,
    admin: String,
    config: PathBuf,
}

/// What a process is started with.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    /// Where NATS is.
    pub(crate) urls: Vec<String>,
    pub(crate) replicas: usize,
    /// Where the cluster's keys are.
    pub(crate) keys: &'a Path,
    /// Where other nodes reach it; 0: anywhere.
    pub(crate) peer_port: u16,
    pub(crate) log: &'a str,
    /// The rest of its configuration.
    pub(crate) more: &'a str,
    /// Where its log goes.
    pub(crate) stderr: Stdio,
}

impl Process {
    /// Starts it, and waits until it takes players. Its node is `{name}-1`.
    pub(crate) async fn start(name: &str, servers: &Servers, keys: &Path, more: &str) -> Self {
        let log = std::env::var("STERNA_LOG").unwrap_or_else(|_| "warn".into());
        Self::launch(Launch {
            name,
            urls: servers.urls(),
            replicas: 1,
            keys,
            peer_port: 0,
            log: &log,
            more,
            stderr: Stdio::inherit(),
        })
        .await
    }

    /// The same, with more to choose.
    pub(crate) async fn launch(launch: Launch<'_>) -> Self {
        let Launch { name, urls, replicas, keys, peer_port, log, more, stderr } = launch;
        let config = keys.join(format!("{name}.toml"));
        let text = format!(
            "name = \"{name}\"\nstate_dir = {keys:?}\ntcp_port = 0\nquic_port = 0\npeer_port = {peer_port}\n\
             admin = \"127.0.0.1:0\"\nlog = {log:?}\n{more}\n\
             [engine]\nkind = \"nats\"\nreplicas = {replicas}\nurls = {urls:?}\n"
        );
        std::fs::write(&config, text).expect("a file can be written");
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--config", config.to_str().expect("a path in UTF-8")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the program was built");
        let stdout = child.stdout.take().expect("it is piped");
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let admin = lines.find_map(|line| line.strip_prefix("admin: http://").map(str::to_owned));
            std::thread::spawn(move || lines.for_each(drop)); // somebody has to read on
            admin
        });
        let admin =
            tokio::time::timeout(PATIENCE, reading).await.expect("it starts in time").expect("a thread");
        let admin = admin.unwrap_or_else(|| panic!("{name} ended"));
        Self { child, admin, config }
    }

    /// What it logs, if that is piped.
    pub(crate) fn log(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Where operators reach it.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.parse().expect("an address")
    }

    /// Runs another command of the program against it: what it prints.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--admin", &self.admin]).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
        let output = output.expect("the program was built");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to drain, or to make haste.
    pub(crate) fn tell(&self) {
        self.signal(Signal::SIGTERM);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it can be told");
    }

    /// Stands still until [`go_on`](Self::go_on).
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Tells it to drain, and waits for its end: whether it was a good one.
    pub(crate) async fn ends_well(&mut self) -> bool {
        self.tell();
        self.has_ended_well().await
    }

    /// Waits for its end: whether it was a good one.
    pub(crate) async fn has_ended_well(&mut self) -> bool {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.success();
            }
            assert!(tokio::time::Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_file(&self.config);
    }
}
