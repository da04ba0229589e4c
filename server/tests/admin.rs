//! The operators' interface, from the outside: a server with a made-up [`Operator`], reached by the client,
//! by the command `sterna` and by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream};
use std::num::NonZeroU32;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::reasons::RefuseReason;
use sterna_server::admin::{
    self, AdminClient, ClientError, ClusterStatus, DryRunEntry, DryRunFuture, DryRunReport, DryRunResult,
    MoveCounts, NodeState, NodeStatus, Operator, OperatorError,
};
use sterna_server::moves::{MoveEntry, MoveResult};
use sterna_server::node::{DrainOrder, DryRunOrder};
use tokio::sync::oneshot;

const DRAIN_DEFAULT: Duration = Duration::from_secs(60);

/// Knows `node-1` and an odd name, and writes down what it is told.
#[derive(Default)]
struct Fake {
    orders: Mutex<Vec<String>>,
}

impl Fake {
    fn note(&self, node: &str, order: String) -> Result<(), OperatorError> {
        match node {
            "node-1" | "a/b c" => {
                self.orders.lock().unwrap().push(order);
                Ok(())
            }
            "gone" => Err(OperatorError::AlreadyOffline(node.into())),
            _ => Err(OperatorError::UnknownNode(node.into())),
        }
    }
}

impl Operator for Fake {
    fn nodes(&self) -> Vec<NodeStatus> {
        vec![NodeStatus {
            name: "node-1".into(),
            id: "00000000000000ff".into(),
            state: NodeState::Cordoned,
            sessions: 7,
            tcp: "127.0.0.1:7800".parse().unwrap(),
            quic: "[::1]:7800".parse().unwrap(),
            fenced: false,
            moves: MoveCounts { started: 4, done: 2, failed: 1, arrived: 9 },
            drain: None,
        }]
    }

    fn drain(&self, node: &str, order: DrainOrder) -> Result<(), OperatorError> {
        let DrainOrder { deadline, reason, any_version } = order;
        let versions = if any_version { " any version" } else { "" };
        self.note(node, format!("drain {node} {} {}{versions}", deadline.as_millis(), reason.label()))
    }

    fn dry_run(&self, node: &str, order: DryRunOrder) -> DryRunFuture {
        let DryRunOrder { limit, any_version } = order;
        let versions = if any_version { " any version" } else { "" };
        let noted = match node {
            "busy" => Err(OperatorError::DryRunUnderWay(node.into())),
            _ => self.note(node, format!("dry run {node} {}{versions}", limit.as_millis())),
        };
        let stays = DryRunEntry {
            result: DryRunResult::Stays,
            reason: Some("no_target".into()),
            ..DryRunEntry::untried("ann".into(), 1)
        };
        // With an odd name all is well.
        let cohorts = if node == "node-1" { vec![stays] } else { Vec::new() };
        let report = DryRunReport::new(node.into(), Duration::from_millis(70), cohorts);
        Box::pin(async { noted.map(|()| report) })
    }

    fn cordon(&self, node: &str, on: bool) -> Result<(), OperatorError> {
        self.note(node, format!("cordon {node} {on}"))
    }

    fn connect_token(&self, user: &str, life: Duration) -> Result<String, OperatorError> {
        match user {
            "nobody" => Err(OperatorError::NoIssuer),
            "" => Err(OperatorError::BadUser("a user id has 1 to 128 bytes".into())),
            "busy" => Err(OperatorError::Unavailable("it starts".into())),
            _ => Ok(format!("sterna1.{user}.{}", life.as_secs())),
        }
    }

    fn cluster(&self) -> ClusterStatus {
        let (cluster, engine) = ("dev".into(), "local".into());
        ClusterStatus { cluster, engine, nodes: self.nodes(), others: Vec::new() }
    }

    fn moves(&self, count: usize) -> Vec<MoveEntry> {
        let entry = MoveEntry {
            id: "1@2#1->3".into(),
            who: "ann".into(),
            from: "node-1".into(),
            to: "node-2".into(),
            began_unix_ms: 1_700_000_000_000,
            took_ms: Some(12),
            result: MoveResult::Failed,
            reason: Some("no_target".into()),
            freeze_us: None,
            added_delay_us: Some(1500),
            bytes: Some(512),
        };
        vec![entry; count.min(3)]
    }

    fn ready(&self) -> Result<(), OperatorError> {
        match self.orders.lock().unwrap().last() {
            Some(order) if order == "cordon node-1 true" => {
                Err(OperatorError::Unavailable("cordoned".into()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn metrics(&self) -> String {
        "# EOF\n".into()
    }

    fn endpoint(&self, user_token: &str) -> Result<String, OperatorError> {
        match user_token {
            "eyJ" => Ok("sterna1.around-eyJ".into()),
            _ => Err(OperatorError::BadToken(RefuseReason::TokenForeign)),
        }
    }
}

/// Which side of the HTTP interface.
#[derive(Clone, Copy)]
enum Side {
    Admin,
    Public,
    /// The same, and one request in a second is answered.
    Limited,
    Metrics,
}

/// A server on a thread of its own, stopped at the end of the test.
struct Server {
    address: SocketAddr,
    fake: Arc<Fake>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Server {
    fn start() -> Self {
        Self::start_side(Side::Admin)
    }

    fn start_side(side: Side) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(admin::bind("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Arc::new(Fake::default());
        let operator = fake.clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let shutdown = async { stopped.await.unwrap() };
            match side {
                Side::Admin => runtime.block_on(admin::serve(listener, operator, DRAIN_DEFAULT, shutdown)),
                Side::Public => {
                    runtime.block_on(admin::serve_public(listener, operator, NonZeroU32::MAX, shutdown))
                }
                Side::Limited => {
                    runtime.block_on(admin::serve_public(listener, operator, NonZeroU32::MIN, shutdown))
                }
                Side::Metrics => runtime.block_on(admin::serve_metrics(listener, operator, shutdown)),
            }
        });
        Self { address, fake, stop: Some(stop), thread: Some(thread) }
    }

    fn client(&self) -> AdminClient {
        AdminClient::new(self.address)
    }

    fn orders(&self) -> Vec<String> {
        self.fake.orders.lock().unwrap().clone()
    }

    /// Sends a request by hand; the answer's status and body.
    fn send(&self, start: &str, headers: &[&str], body: &str) -> (u16, String) {
        let answer = self.send_and_see_all(start, headers, body);
        let status = answer.split(' ').nth(1).expect("a status line").parse().unwrap();
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }

    /// Sends a request by hand; all of the answer.
    fn send_and_see_all(&self, start: &str, headers: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        write!(
            stream,
            "{start} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn host(&self) -> String {
        format!("Host: {}", self.address)
    }

    /// Runs the command `sterna` against this server.
    fn sterna(&self, args: &[&str]) -> Output {
        let address = self.address.to_string();
        let output =
            Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).args(["--admin", &address]).output();
        output.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Refused(refusal)) => refusal.error,
        other => panic!("not refused: {other:?}"),
    }
}

const JSON: &str = "Content-Type: application/json";

#[test]
fn an_operator_sees_the_nodes() {
    let server = Server::start();
    assert_eq!(server.client().nodes().unwrap(), server.fake.nodes());
}

#[test]
fn an_operators_orders_reach_the_nodes() {
    let server = Server::start();
    let client = server.client();
    client.drain("node-1", Some(Duration::from_millis(2500)), OfflineReason::ScaleIn, false).unwrap();
    client.drain("node-1", None, OfflineReason::Deploy, true).unwrap();
    client.drain("node-1", Some(Duration::ZERO), OfflineReason::Operator, false).unwrap();
    client.cordon("node-1", true).unwrap();
    client.cordon("a/b c", false).unwrap();
    let expected = [
        "drain node-1 2500 scale_in",
        "drain node-1 60000 deploy any version",
        "drain node-1 0 operator",
        "cordon node-1 true",
        "cordon a/b c false",
    ];
    assert_eq!(server.orders(), expected);
    assert_eq!(client.token("anna", Duration::from_secs(90)).unwrap(), "sterna1.anna.90");
}

#[test]
fn a_refused_order_says_why() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(refused(client.drain("x", None, OfflineReason::Operator, false)), "unknown_node");
    assert_eq!(refused(client.drain("gone", None, OfflineReason::Operator, false)), "already_offline");
    assert_eq!(
        refused(client.drain("node-1", Some(Duration::MAX), OfflineReason::Operator, false)),
        "bad_request"
    );
    assert_eq!(refused(client.token("nobody", Duration::from_secs(1))), "no_issuer");
    assert_eq!(refused(client.token("", Duration::from_secs(1))), "bad_user");
    assert_eq!(refused(client.token("busy", Duration::from_secs(1))), "unavailable");
    assert_eq!(refused(client.token("anna", Duration::ZERO)), "bad_request");
    assert_eq!(server.orders(), [""; 0]);
}

#[test]
fn requests_by_hand_are_answered() {
    let server = Server::start();
    let host = server.host();
    assert_eq!(server.send("GET /healthz", &[&host], ""), (200, r#"{"status":"ok"}"#.into()));
    assert_eq!(server.send("POST /v1/admin/nodes/node-1/drain", &[&host, JSON], "{}").0, 200);
    assert_eq!(server.send("POST /v1/admin/nodes/node-1/uncordon", &["Host: localhost"], "").0, 200);
    assert_eq!(server.orders(), ["drain node-1 60000 operator", "cordon node-1 false"]);
}

#[test]
fn malformed_requests_are_refused_in_json() {
    let server = Server::start();
    let host = server.host();
    let drain = "POST /v1/admin/nodes/node-1/drain";
    let large = format!("{{\"reason\": \"{}\"}}", "x".repeat(20_000));
    for (start, headers, body, status) in [
        ("GET /nowhere", vec![host.as_str()], "", 404),
        ("GET /v1/admin/nodes/node-1/drain", vec![&host], "", 405),
        (drain, vec![&host, JSON], "{", 400),
        (drain, vec![&host, JSON], r#"{"deadline": 1}"#, 422),
        (drain, vec![&host, JSON], r#"{"reason": "whim"}"#, 400),
        (drain, vec![&host, JSON], large.as_str(), 413),
        // Without this type a web page could send it as a form.
        (drain, vec![&host, "Content-Type: text/plain"], "{}", 415),
    ] {
        let (got, answer) = server.send(start, &headers, body);
        assert_eq!(got, status, "{start} {body}: {answer}");
        let refusal: Result<admin::Refusal, _> = serde_json::from_str(&answer);
        assert!(refusal.is_ok_and(|refusal| !refusal.message.is_empty()), "{start}: {answer}");
    }
    assert_eq!(server.orders(), [""; 0]);
}

#[test]
fn the_public_side_gives_tokens_and_nothing_else() {
    let server = Server::start_side(Side::Public);
    // Behind a load balancer it is asked for by a name.
    let host = "Host: play.example";
    let ask = |headers: &[&str], body: &str| server.send("POST /v1/endpoint", headers, body);
    assert_eq!(
        ask(&[host], r#"{"user": "ann"}"#),
        (200, r#"{"token":"sterna1.ann.3600"}"#.into()),
        "the development issuer"
    );
    assert_eq!(
        ask(&[host, "Authorization: Bearer eyJ"], ""),
        (200, r#"{"token":"sterna1.around-eyJ"}"#.into()),
        "the game's own"
    );
    for (headers, body, status, word) in [
        (vec![host, "Authorization: Bearer forged"], "", 401, "bad_token"),
        (vec![host, "Authorization: Basic eyJ"], "", 400, "bad_request"),
        (vec![host], "", 400, "bad_request"),
        (vec![host], r#"{"user": "ann", "life_s": 9}"#, 400, "bad_request"),
        (vec![host], r#"{"user": "nobody"}"#, 403, "no_issuer"),
        (vec![host], r#"{"user": ""}"#, 400, "bad_user"),
    ] {
        let (got, answer) = ask(&headers, body);
        let refusal: admin::Refusal = serde_json::from_str(&answer).unwrap();
        assert_eq!((got, refusal.error.as_str()), (status, word), "{headers:?} {body}: {answer}");
    }
    for start in ["GET /metrics", "GET /v1/admin/nodes", "GET /v1/admin/moves", "POST /v1/admin/token"] {
        assert_eq!(server.send(start, &[host], "").0, 404, "{start}");
    }
    let metrics = Server::start_side(Side::Metrics);
    assert_eq!(metrics.send("GET /metrics", &[host], ""), (200, "# EOF\n".into()));
    assert_eq!(metrics.send("GET /healthz", &[host], "").0, 404);
    assert_eq!(metrics.send("POST /v1/endpoint", &[host], r#"{"user": "ann"}"#).0, 404);
}

#[test]
fn who_asks_for_too_many_tokens_is_told_when_to_come_back() {
    let server = Server::start_side(Side::Limited);
    let host = "Host: play.example";
    let ask = || server.send_and_see_all("POST /v1/endpoint", &[host], r#"{"user": "ann"}"#);
    assert!(ask().starts_with("HTTP/1.1 200 "));
    // On a machine that does something else for a second another one is answered.
    let refused = std::iter::repeat_with(ask).take(100).find(|answer| !answer.starts_with("HTTP/1.1 200 "));
    let refused = refused.expect("there is a limit");
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{refused}");
    let body = refused.split("\r\n\r\n").nth(1).expect("a body");
    let refusal: admin::Refusal = serde_json::from_str(body).unwrap();
    assert_eq!(refusal.error, "too_many");
    for _ in 0..10 {
        assert_eq!(server.send("GET /healthz", &[host], "").0, 200, "probes are not limited");
    }
}

#[test]
fn a_probe_hears_whether_new_users_are_let_in() {
    for side in [Side::Admin, Side::Public] {
        let server = Server::start_side(side);
        let host = server.host();
        assert_eq!(server.send("GET /readyz", &[&host], ""), (200, r#"{"status":"ready"}"#.into()));
        server.fake.cordon("node-1", true).unwrap();
        assert_eq!(server.send("GET /readyz", &[&host], "").0, 503);
        assert_eq!(server.send("GET /healthz", &[&host], "").0, 200);
    }
}

#[test]
fn the_log_of_moves_and_the_cluster_are_listed() {
    let server = Server::start();
    let client = server.client();
    assert_eq!(client.moves(2).unwrap(), server.fake.moves(2));
    assert_eq!(client.cluster().unwrap(), server.fake.cluster());
    let host = server.host();
    for query in ["last=0", "last=1001", "last=x", "first=1"] {
        assert_eq!(server.send(&format!("GET /v1/admin/moves?{query}"), &[&host], "").0, 400, "{query}");
    }
    let table = String::from_utf8(server.sterna(&["moves", "--last", "1"]).stdout).unwrap();
    let expected = "\
WHO  FROM    TO      RESULT  REASON     TOOK   FREEZE  ADDED DELAY  BYTES
ann  node-1  node-2  failed  no_target  12 ms  -       1.500 ms     512
";
    assert_eq!(table, expected);
    let status = String::from_utf8(server.sterna(&["status"]).stdout).unwrap();
    assert!(status.contains("node-1  cordoned  7         2          9         1       -"), "{status}");
    let json = server.sterna(&["status", "--json"]);
    assert_eq!(serde_json::from_slice::<ClusterStatus>(&json.stdout).unwrap(), server.fake.cluster());
}

#[test]
fn a_watched_status_is_shown_again_until_nobody_reads_it() {
    let server = Server::start();
    let address = server.address.to_string();
    let mut watching = Command::new(env!("CARGO_BIN_EXE_sterna"))
        .args(["status", "--watch", "--every", "10ms", "--json", "--admin", &address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let line = lines.next().unwrap().unwrap();
        assert_eq!(serde_json::from_str::<ClusterStatus>(&line).unwrap(), server.fake.cluster());
    }
    drop(lines);
    assert!(watching.wait().unwrap().success());
}

#[test]
fn web_pages_are_kept_out() {
    let server = Server::start();
    let host = server.host();
    let cordon = "POST /v1/admin/nodes/node-1/cordon";
    for headers in [
        vec![host.as_str(), "Origin: https://evil.example"],
        vec![&host, "Origin: null"],
        vec!["Host: evil.example"],
        vec!["Host: evil.example:7990"],
        vec!["Host: 127.0.0.1.evil.example"],
    ] {
        assert_eq!(server.send(cordon, &headers, "").0, 403, "{headers:?}");
        assert_eq!(server.send("GET /v1/admin/nodes", &headers, "").0, 403, "{headers:?}");
    }
    assert_eq!(server.send("GET http://evil.example/v1/admin/nodes", &[&host], "").0, 403);
    assert_eq!(server.orders(), [""; 0]);
}

#[test]
fn another_address_than_loopback_is_not_listened_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(admin::bind("0.0.0.0:0".parse().unwrap())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("0.0.0.0:0")).unwrap();
    let served = admin::serve(listener, Arc::new(Fake::default()), DRAIN_DEFAULT, std::future::pending());
    assert_eq!(runtime.block_on(served).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

/// An address where nobody listens: TCPMUX, which no test and no system of today serves.
fn vacant() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

#[test]
fn a_server_that_does_not_run_is_named() {
    let address = vacant();
    let error = AdminClient::new(address).nodes().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("sterna serve"), "{text}");
}

#[test]
fn another_program_at_the_address_is_recognised() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello").unwrap();
    });
    let error = AdminClient::new(address).nodes().unwrap_err();
    assert!(matches!(error, ClientError::Garbled { status: 200, .. }), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn the_command_does_what_the_client_does() {
    let server = Server::start();
    let nodes = server.sterna(&["nodes"]);
    assert!(nodes.status.success());
    let table = String::from_utf8(nodes.stdout).unwrap();
    assert!(table.contains("node-1  cordoned  7"), "{table}");

    let json = server.sterna(&["nodes", "--json"]);
    let nodes: Vec<NodeStatus> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(nodes, server.fake.nodes());

    assert!(server.sterna(&["drain", "node-1", "--deadline", "5s", "--reason", "scale-in"]).status.success());
    assert!(server.sterna(&["drain", "--all", "--any-version"]).status.success());
    assert!(server.sterna(&["cordon", "node-1"]).status.success());
    assert!(server.sterna(&["uncordon", "node-1"]).status.success());
    let orders = [
        "drain node-1 5000 scale_in",
        "drain node-1 60000 operator any version",
        "cordon node-1 true",
        "cordon node-1 false",
    ];
    assert_eq!(server.orders(), orders);
    assert_eq!(server.sterna(&["token", "anna", "--life", "2m"]).stdout, b"sterna1.anna.120\n");
}

#[test]
fn a_dry_run_is_asked_for_and_its_answer_shown() {
    let server = Server::start();
    let client = server.client();
    let report = client.dry_run("node-1", Some(Duration::from_secs(2)), true).unwrap();
    assert_eq!((report.sessions, report.movable, report.all_could_move()), (1, 0, false));
    assert_eq!(refused(client.dry_run("busy", None, false)), "dry_run_under_way");
    assert_eq!(refused(client.dry_run("gone", None, false)), "already_offline");
    assert_eq!(refused(client.dry_run("node-1", Some(Duration::ZERO), false)), "bad_request");

    let stays = server.sterna(&["drain", "node-1", "--dry-run"]);
    assert_eq!(stays.status.code(), Some(1));
    let told = String::from_utf8(stays.stdout).unwrap();
    assert!(told.starts_with("node-1: 0 of 1 sessions could be moved now; tried in 70ms"), "{told}");
    assert!(told.contains("1  no_target: there is no other node that is online"), "{told}");
    let said = String::from_utf8(stays.stderr).unwrap();
    assert_eq!(said, "sterna: node-1: not all could be moved now: 1 of 1\n");
    let json = server.sterna(&["drain", "node-1", "--dry-run", "--json", "--deadline", "3s"]);
    assert_eq!(json.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<DryRunReport>(&json.stdout).unwrap(), report);
    assert!(server.sterna(&["drain", "a/b c", "--dry-run"]).status.success());
    let expected = [
        "dry run node-1 2000 any version",
        "dry run node-1 60000",
        "dry run node-1 3000",
        "dry run a/b c 60000",
    ];
    assert_eq!(server.orders(), expected);
    for misused in
        [["drain", "node-1", "--json"].as_slice(), &["drain", "node-1", "--dry-run", "--reason", "deploy"]]
    {
        assert_eq!(server.sterna(misused).status.code(), Some(2), "{misused:?}");
    }
}

#[test]
fn the_command_ends_with_1_when_refused_and_2_when_misused() {
    let server = Server::start();
    let refused = server.sterna(&["drain", "nowhere"]);
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(text, "sterna: there is no node `nowhere` here: `sterna nodes` lists them\n");

    let sterna = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap();
    assert_eq!(sterna(&["nodes", "--admin", &vacant().to_string()]).status.code(), Some(1));
    assert_eq!(sterna(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(sterna(&["serve", "--nodes", "0"]).status.code(), Some(2));
    let output = sterna(&["serve", "--config", "/nowhere/sterna.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("sterna: cannot read /nowhere/sterna.toml") && text.lines().count() == 1,
        "{text}"
    );
}
