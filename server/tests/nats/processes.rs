//! The program `sterna serve`, several times.

use crate::PATIENCE;
use crate::servers::Servers;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sterna");

/// One process, with one node.
pub(crate) struct Process {
    child: Child,
    admin: String,
    config: PathBuf,
}

impl Process {
    /// Starts it, and waits until it takes players. Its node is `{name}-1`.
    pub(crate) async fn start(name: &str, servers: &Servers, keys: &Path, more: &str) -> Self {
        let config = keys.join(format!("{name}.toml"));
        let log = std::env::var("STERNA_LOG").unwrap_or_else(|_| "warn".into());
        let text = format!(
            "name = \"{name}\"\nstate_dir = {keys:?}\ntcp_port = 0\nquic_port = 0\npeer_port = 0\n\
             admin = \"127.0.0.1:0\"\nlog = {log:?}\n{more}\n[engine]\nkind = \"nats\"\nurls = {:?}\n",
            servers.urls()
        );
        std::fs::write(&config, text).expect("a file can be written");
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--config", config.to_str().expect("a path in UTF-8")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
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
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it can be told");
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
