//! The program `sterna` as operators run it: what it prints, how it fails, how it ends.

use crate::PATIENCE;
use crate::player::Player;
use crate::strangers::free_port;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;
use sterna::client::config::Transport;
use sterna::client::event::Event;
use sterna::client::token::ConnectToken;
use sterna::client::{Config, Status};
use sterna::protocol::reasons::OfflineReason;
use sterna_server::builtin::ECHO;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sterna");

/// Any free port for everything.
const FREE_PORTS: [&str; 10] =
    ["--tcp-port", "0", "--quic-port", "0", "--peer-port", "0", "--admin", "127.0.0.1:0", "--log", "warn"];

fn sterna(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().expect("the program was built")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A configuration file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sterna-e2e-{name}-{}.toml", std::process::id()));
        std::fs::write(&path, text).expect("a file can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `sterna serve`, and what it said at its start.
struct Server {
    process: Child,
    admin: String,
    token: Option<ConnectToken>,
    said: Vec<String>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .arg("serve")
            .args(FREE_PORTS)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut said = Vec::new();
        let dev = arguments.contains(&"--dev");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let last = if dev { "token: " } else { "admin: " };
        while !said.last().is_some_and(|line: &String| line.starts_with(last)) {
            said.push(lines.next().expect("it says all before it ends").expect("lines of text"));
        }
        std::thread::spawn(move || lines.for_each(drop)); // somebody has to read on
        let after = |word: &str| said.iter().find_map(|line| line.strip_prefix(word)).map(str::to_owned);
        let admin = after("admin: http://").expect("it says where operators reach it");
        let token = after("token: ").map(|token| ConnectToken::parse(&token).expect("a token"));
        Self { process, admin, token, said }
    }

    fn token(&self) -> &ConnectToken {
        self.token.as_ref().expect("started with --dev")
    }

    /// Runs another command against it.
    fn ask(&self, arguments: &[&str]) -> Output {
        sterna(&[arguments, &["--admin", &self.admin]].concat())
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(kill.expect("there is a `kill`").success());
    }

    /// Waits for its end: the exit code, and what it said to stderr.
    fn wait(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        let mut text = String::new();
        let mut stderr = self.process.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut text).expect("text");
        (status.code(), text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_unknown_key_in_the_configuration_is_named_with_its_line() {
    let file = File::new("unknown-key", "nodes = 2\n\n[limits]\nsession_max = 5\n");
    let output = sterna(&["serve", "--config", file.path()]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in [file.path(), "line 4", "`session_max`", "sessions_max"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    let output = sterna(&["serve", "--config", "/nowhere/at/all.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nowhere/at/all.toml"));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = taken.local_addr().unwrap().port().to_string();
    let taken_udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = taken_udp.local_addr().unwrap().port().to_string();
    let admin = format!("127.0.0.1:{tcp}");
    let cases = [
        ("--tcp-port", &tcp, &tcp),
        ("--quic-port", &udp, &udp),
        ("--peer-port", &tcp, &tcp),
        ("--admin", &admin, &tcp),
    ];
    for (option, value, port) in cases {
        let mut arguments = vec!["serve"];
        // The option is given once: the free ports without it.
        for pair in FREE_PORTS.chunks(2).filter(|pair| pair[0] != option) {
            arguments.extend(pair);
        }
        arguments.extend([option, value.as_str()]);
        let output = sterna(&arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{option}: {text}");
        assert!(text.contains(port.as_str()), "{option}: {text}");
        assert!(text.contains("stop the"), "{option}: {text}");
    }
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_listens() {
    for arguments in [
        ["--scale-in-every", "2s", "--nodes", "1"],
        ["--tcp-port", "7000", "--peer-port", "7000"],
        ["--admin", "0.0.0.0:7990", "--nodes", "1"],
    ] {
        let output = sterna(&[&["serve"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_drain_and_issue() {
    let server = Server::start(&["--nodes", "3", "--dev"]);
    assert_eq!(server.said.iter().filter(|line| line.starts_with("node-")).count(), 3);
    assert_ne!(server.admin.parse::<SocketAddr>().unwrap().port(), 0);
    assert_eq!((server.token().tcp.len(), server.token().quic.len()), (3, 3));
    let mut player = Player::join(Config::default(), server.token()).await;
    player.say(10);
    let first = player.node.clone();

    let table = String::from_utf8(server.ask(&["nodes"]).stdout).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    let row = |name: &str| {
        let table = String::from_utf8(server.ask(&["nodes"]).stdout).unwrap();
        let row = table.lines().find(|line| line.starts_with(name)).expect("it is listed");
        row.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row(&first), [first.as_str(), "online", "1"]);

    let token = server.ask(&["token", "bob"]);
    assert!(token.status.success(), "{}", stderr(&token));
    let token = ConnectToken::parse(String::from_utf8(token.stdout).unwrap().trim()).unwrap();
    let mut bob = Player::join(Config { transport: Transport::Udp, ..Config::default() }, &token).await;
    bob.ask(ECHO, b"x").await;
    bob.client.disconnect().unwrap();
    bob.until_disconnected().await;

    let drain = server.ask(&["drain", &first, "--deadline", "30s", "--reason", "deploy"]);
    assert!(drain.status.success(), "{}", stderr(&drain));
    assert_eq!(row(&first)[1], "offline");
    let again = server.ask(&["drain", &first]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("offline already"), "{}", stderr(&again));
    let unknown = server.ask(&["drain", "node-9"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("node-9"), "{}", stderr(&unknown));
    player.until_offline().await;
    player.client.send_migrate().unwrap();
    player.until_migrated().await;
    player.say(10);
    player.hear_all().await;
    crate::eventually("the drained node has exited", || row(&first)[1] == "exited").await;

    let cordoned = player.node.clone();
    assert!(server.ask(&["cordon", &cordoned]).status.success());
    crate::eventually("it is cordoned", || row(&cordoned)[1] == "cordoned").await;
    assert!(server.ask(&["uncordon", &cordoned]).status.success());
    crate::eventually("it is online", || row(&cordoned)[1] == "online").await;
}

#[test]
fn a_command_without_a_server_says_so() {
    let nobody = format!("127.0.0.1:{}", free_port());
    for command in [vec!["nodes"], vec!["drain", "node-1"], vec!["token", "ann"]] {
        let output = sterna(&[command.as_slice(), &["--admin", &nobody]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(stderr(&output).contains(&nobody), "{}", stderr(&output));
    }
}

#[cfg(unix)]
#[test]
fn an_idle_server_ends_at_once_when_it_is_told_to() {
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&["--nodes", "3"]);
        let began = Instant::now();
        server.signal(signal);
        let (code, text) = server.wait();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("draining"), "{text}");
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_end_lets_its_players_finish() {
    let file = File::new("drain", "[times]\ndrain_ms = 60000\n");
    let server = Server::start(&["--dev", "--config", file.path()]);
    let mut player = Player::join(Config::default(), server.token()).await;
    server.signal("-TERM");
    player.until_offline().await;
    player.say(100);
    player.hear_all().await;
    player.client.disconnect().unwrap();
    assert_eq!(player.until_disconnected().await.0, Status::Ok);
    let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    assert_eq!(code, Some(0), "{text}");
}

/// As after a signal, whoever has asked for it, and in whatever way.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_when_operators_have_drained_all_its_nodes() {
    for one_by_one in [true, false] {
        let server = Server::start(&["--dev", "--nodes", "2"]);
        let mut player = Player::join(Config::default(), server.token()).await;
        if one_by_one {
            let first = player.node.clone();
            assert!(server.ask(&["drain", &first]).status.success());
            player.until_offline().await;
            player.client.send_migrate().unwrap();
            player.until_migrated().await;
            assert!(server.ask(&["drain", &player.node]).status.success());
        } else {
            let output = server.ask(&["drain", "--all"]);
            assert!(output.status.success(), "{}", stderr(&output));
        }
        player.until_offline().await;
        player.say(20);
        player.hear_all().await;
        player.client.disconnect().unwrap();
        assert_eq!(player.until_disconnected().await.0, Status::Ok);
        let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("all nodes have been drained"), "{text}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn players_are_told_why_a_signal_ends_the_server() {
    let file = File::new("reason", "[drain]\nreason = \"operator\"\n");
    for (arguments, told) in [
        (vec!["--dev"], OfflineReason::ScaleIn),
        (vec!["--dev", "--config", file.path()], OfflineReason::Operator),
        (vec!["--dev", "--config", file.path(), "--drain-reason", "deploy"], OfflineReason::Deploy),
    ] {
        let server = Server::start(&arguments);
        let mut player = Player::join(Config::default(), server.token()).await;
        server.signal("-TERM");
        let (event, _) = player.until(|event| matches!(event, Event::Offline { .. })).await;
        assert!(matches!(event, Event::Offline { reason, .. } if reason == told), "{arguments:?}: {event:?}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_players_stay_tells_them_and_ends_at_the_deadline() {
    let file = File::new("deadline", "[times]\ndrain_ms = 700\n");
    let server = Server::start(&["--dev", "--nodes", "2", "--config", file.path()]);
    let mut players = Vec::new();
    for transport in crate::BOTH {
        let token = ConnectToken::parse(&user_token(&server, &format!("{transport:?}"))).unwrap();
        players.push(Player::join(Config { transport, ..Config::default() }, &token).await);
    }
    server.signal("-TERM");
    for player in &mut players {
        assert_eq!(player.until_disconnected().await.0, Status::NodeStopped);
    }
    let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    for told in ["no other node is online", "no node took 2 of the sessions: they were ended"] {
        assert!(text.contains(told), "operators are not told `{told}`: {text}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn that_sessions_were_lost_at_the_end_can_be_read_in_the_figures() {
    let file = File::new("last-figures", "metrics = \"127.0.0.1:0\"\n[times]\ndrain_ms = 700\n");
    let mut server = Server::start(&["--dev", "--config", file.path()]);
    let metrics = server.said.iter().find_map(|line| line.strip_prefix("metrics: http://"));
    let metrics: SocketAddr = metrics.expect("it says where they are").parse().expect("an address");
    let mut player = Player::join(Config::default(), server.token()).await;
    server.signal("-TERM");
    assert_eq!(player.until_disconnected().await.0, Status::NodeStopped);
    let ended = tokio::task::spawn_blocking(move || {
        let mut stderr = BufReader::new(server.process.stderr.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains("waiting for somebody to read the last figures") {
            assert_ne!(stderr.read_line(&mut said).expect("text"), 0, "it has ended: {said}");
        }
        server.process.stderr = Some(stderr.into_inner());
        let mut stream = TcpStream::connect(metrics).expect("it still listens");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let lost = r#"sterna_sessions_ended_total{node="node-1",reason="node_stopped"} 1"#;
        assert!(answer.lines().any(|line| line == lost), "{answer}");
        server.wait()
    });
    let (code, text) = ended.await.unwrap();
    assert_eq!(code, Some(1), "{text}");
}

fn user_token(server: &Server, user: &str) -> String {
    String::from_utf8(server.ask(&["token", user]).stdout).unwrap().trim().to_owned()
}

/// There is nowhere to go: whoever is left is told, as at the deadline.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_makes_the_drain_as_short_as_can_be() {
    let file = File::new("twice", "[times]\ndrain_ms = 600000\n");
    let server = Server::start(&["--dev", "--config", file.path()]);
    let mut player = Player::join(Config::default(), server.token()).await;
    server.signal("-TERM");
    player.until_offline().await;
    player.say(20);
    player.hear_all().await;
    server.signal("-INT");
    player.until_offline().await; // the new deadline
    assert_eq!(player.until_disconnected().await.0, Status::NodeStopped);
    let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("moving everybody now"), "{text}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_third_signal_ends_a_server_that_still_drains() {
    let server = Server::start(&["--dev"]);
    let mut player = Player::join(Config::default(), server.token()).await;
    for signal in ["-TERM", "-INT"] {
        server.signal(signal);
        player.until_offline().await;
    }
    server.signal("-TERM");
    let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("players were still there"), "{text}");
}

/// Kubernetes and systemd wait as long as the configuration says, and no longer.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_shortens_a_drain_that_was_to_take_longer() {
    let file = File::new("shorter", "[times]\ndrain_ms = 700\n");
    let server = Server::start(&["--dev", "--config", file.path()]);
    let mut player = Player::join(Config::default(), server.token()).await;
    let drain = server.ask(&["drain", "node-1", "--deadline", "1h"]);
    assert!(drain.status.success(), "{}", stderr(&drain));
    player.until_offline().await;
    server.signal("-TERM");
    assert_eq!(player.until_disconnected().await.0, Status::NodeStopped);
    let (code, text) = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
}

/// A name server that does not answer, for one, may make a start long.
#[cfg(unix)]
#[test]
fn a_signal_at_the_start_ends_the_process() {
    // Nobody answers there, and nobody says so either: the accept queue of this listener fills up.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let state = std::env::temp_dir().join(format!("sterna-e2e-start-{}", std::process::id()));
    let text = format!(
        "state_dir = \"{}\"\n[engine]\nkind = \"nats\"\nurls = [\"nats://{}\"]\n",
        state.display(),
        silent.local_addr().unwrap()
    );
    let file = File::new("start", &text);
    let mut process = Command::new(PROGRAM)
        .args(["serve", "--config", file.path()])
        .args(FREE_PORTS)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    // It has got as far as to connect.
    let _asked = silent.accept().unwrap();
    let told = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(told.expect("there is a `kill`").success());
    let status = process.wait().expect("it can be waited for");
    let mut said = String::new();
    process.stderr.take().expect("it is piped").read_to_string(&mut said).expect("text");
    std::fs::remove_dir_all(state).expect("it has made its keys");
    assert!(said.contains("told to stop before it had started") || status.code() == Some(1), "{said}");
    assert!(status.code().is_some(), "a signal has killed it: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_programs_by_its_exit_code() {
    let server = Server::start(&["--nodes", "2", "--dev"]);
    let mut player = Player::join(Config::default(), server.token()).await;
    let node = player.node.clone();
    let try_out = || server.ask(&["drain", &node, "--dry-run"]);
    let output = try_out();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(text.starts_with(&format!("{node}: 1 of 1 sessions could be moved now")), "{text}");
    let other = if node == "node-1" { "node-2" } else { "node-1" };
    assert!(server.ask(&["cordon", other]).status.success());
    let output = try_out();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("1  no_target"), "{text}");
    player.say(20);
    player.hear_all().await;
    assert_eq!(player.rest(), []);
    assert!(server.ask(&["uncordon", other]).status.success());
    // What is asked for now need not be over before the players are gone.
    assert!(server.ask(&["drain", &node, "--deadline", "10m"]).status.success());
    player.until_offline().await;
    assert!(server.ask(&["drain", &node, "--deadline", "0s"]).status.success());
    player.until_migrated().await;
    assert_eq!(player.node, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_scales_in_all_the_time_moves_its_players_again_and_again() {
    let server = Server::start(&["--dev", "--nodes", "2", "--scale-in-every", "200ms"]);
    let mut player = Player::join(Config::default(), server.token()).await;
    for _ in 0..4 {
        player.say(20);
        player.until_offline().await;
        player.client.send_migrate().unwrap();
        player.until_migrated().await;
    }
    player.say(20);
    player.hear_all().await;
}
