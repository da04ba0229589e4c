//! A server process for tests that play against it.
//!
//! Needs the server's program: `STERNA_SERVER`, or `sterna` beside the test's folder (`cargo build --workspace`
//! puts it there).

use super::library_dir;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use sterna::client::token::ConnectToken;

/// A server with three nodes in one process.
pub(crate) struct Server {
    process: Child,
    /// Passes on what it says of errors; whether one of its tasks has panicked.
    errors: Option<JoinHandle<bool>>,
    /// Where operators reach it.
    pub(crate) admin: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = program();
        let mut process = Command::new(&program)
            .args(["serve", "--nodes", "3", "--dev"])
            // Any free ports: tests run beside each other.
            .args(["--tcp-port", "0", "--quic-port", "0", "--peer-port", "0", "--admin", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let errors = std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).fold(false, |panicked, line| {
                eprintln!("{line}");
                panicked | line.contains("' panicked at ") | line.contains(") panicked at ")
            })
        });
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut said = |what: &str| {
            lines
                .by_ref()
                .map_while(Result::ok)
                .find_map(|line| Some(line.trim().strip_prefix(what)?.to_owned()))
                .unwrap_or_else(|| panic!("the server does not say `{what}` before it ends"))
        };
        let (admin, token) = (said("admin: http://"), said("token: "));
        // It goes on writing; somebody must read, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, errors: Some(errors), admin, token }
    }

    /// A connect token for this user.
    pub(crate) fn token_for(&self, user: &str) -> String {
        let token = super::run(Command::new(program()).args(["token", user, "--admin", &self.admin]));
        token.trim().to_owned()
    }

    /// The same, with the nodes in another order: the user goes to the one with this index first.
    pub(crate) fn token_for_node(&self, user: &str, index: usize) -> String {
        let mut token = ConnectToken::parse(&self.token_for(user)).expect("the server makes it well");
        for addresses in [&mut token.tcp, &mut token.quic] {
            let first = index % addresses.len();
            addresses.rotate_left(first);
        }
        token.encode()
    }

    /// Takes a node out: its users have to leave it.
    pub(crate) fn scale_in(&self, node: &str) {
        let options = ["--reason", "scale-in", "--deadline", "30s", "--admin", &self.admin];
        super::run(Command::new(program()).args(["drain", node]).args(options));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let panicked = self.errors.take().is_some_and(|errors| errors.join().unwrap_or(true));
        // A client gets over it, which is no reason not to look.
        assert!(!panicked || std::thread::panicking(), "a task of the server has panicked: see above");
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("STERNA_SERVER")
        .map_or_else(|| library_dir().parent().expect("deps has a parent").join("sterna"), PathBuf::from);
    assert!(path.exists(), "no server at {}: run `cargo build --workspace` first", path.display());
    path
}
