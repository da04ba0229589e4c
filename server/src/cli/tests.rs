use super::*;
use crate::admin::{MoveCounts, NodeStatus};
use crate::config::DrainReason;
use crate::pki::ClusterKeys;
use crate::test_tls::TempDir;
use crate::user_token::Verifier;
use clap::CommandFactory as _;
use sterna::client::token::ConnectToken;

const HANDLERS: Handlers = Handlers {
    serve: |plan| Err(CliError::Failed(format!("serve {} nodes", plan.config.nodes))),
    demo: |args| Err(CliError::Failed(format!("demo {} players", args.players))),
};

fn parse(line: &str) -> Cli {
    Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn rejected(line: &str) -> String {
    Cli::try_parse_from(line.split(' ')).expect_err(line).to_string()
}

fn planned(line: &str) -> Result<ServePlan, CliError> {
    match parse(line).command {
        Command::Serve(args) => plan(args),
        other => panic!("not serve: {other:?}"),
    }
}

fn answer(line: &str) -> Result<String, CliError> {
    let mut out = Vec::new();
    run(parse(line), &HANDLERS, &mut out).map(|()| String::from_utf8(out).unwrap())
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn the_command_line_wins_over_the_file() {
    let dir = TempDir::new();
    let file = dir.path().join("sterna.toml");
    std::fs::write(&file, "cluster = \"eu\"\nnodes = 2\ntcp_port = 1000\nlog = \"warn\"\napp_version = 3\n")
        .unwrap();
    let line = format!("sterna serve --config {} --nodes 4 --quic-port 0 --state-dir s", file.display());
    assert_eq!(planned(&line).unwrap().config.app_version, Some(3));
    assert_eq!(planned(&format!("{line} --app-version 4")).unwrap().config.app_version, Some(4));
    let plan = planned(&line).unwrap();
    assert_eq!((plan.config.cluster.as_str(), plan.config.nodes), ("eu", 4));
    assert_eq!((plan.config.tcp_port, plan.config.quic_port), (1000, 0));
    assert_eq!(plan.config.state_dir.as_deref(), Some(Path::new("s")));
    assert_eq!(plan.config.log, "warn");
}

#[test]
fn serve_needs_no_arguments() {
    let plan = planned("sterna serve").unwrap();
    assert_eq!(plan, ServePlan { config: Config::default(), dev: false, scale_in_every: None });
}

#[test]
fn what_the_command_line_changes_is_checked() {
    for (line, hint) in [
        ("sterna serve --nodes 0", "`nodes`"),
        ("sterna serve --admin 0.0.0.0:7990", "loopback"),
        ("sterna serve --tcp-port 7000 --peer-port 7000", "overlap"),
        ("sterna serve --scale-in-every 30s", "--nodes 2"),
        ("sterna serve --config /nowhere/x.toml", "/nowhere/x.toml"),
        ("sterna serve --log loud", "`log`"),
        ("sterna serve --app-version 0", "`app_version`"),
    ] {
        let error = planned(line).unwrap_err();
        assert!(error.to_string().contains(hint), "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn a_mistake_in_the_file_is_named_with_file_and_line() {
    let dir = TempDir::new();
    let file = dir.path().join("sterna.toml");
    std::fs::write(&file, "\nnods = 2\n").unwrap();
    let error = planned(&format!("sterna serve --config {}", file.display())).unwrap_err().to_string();
    assert!(error.contains("sterna.toml: line 2: there is no key `nods`"), "{error}");
}

#[test]
fn the_development_issuer_is_off_beside_a_backend() {
    let dir = TempDir::new();
    let file = dir.path().join("sterna.toml");
    std::fs::write(&file, "issuer_public_key = \"backend.pem\"\nstate_dir = \"s\"\n").unwrap();
    let error = planned(&format!("sterna serve --dev --config {}", file.display())).unwrap_err();
    assert!(matches!(error, CliError::Usage(_)), "{error}");
    let error = answer(&format!("sterna token anna --config {}", file.display())).unwrap_err();
    assert!(matches!(error, CliError::Usage(_)), "{error}");
}

#[test]
fn durations_are_written_as_people_write_them() {
    let plan = planned("sterna serve --nodes 2 --scale-in-every 1m30s").unwrap();
    assert_eq!(plan.scale_in_every, Some(Duration::from_secs(90)));
    assert!(rejected("sterna drain node-1 --deadline 60").contains("30s"));
    assert!(rejected("sterna status --watch --every 0s").contains("more than zero"));
    let Command::Drain(args) = parse("sterna drain node-1 --deadline 0s").command else {
        panic!("not drain")
    };
    assert_eq!(args.deadline, Some(Duration::ZERO), "now");
    assert!(rejected("sterna drain node-1 --deadline 500us").contains("1ms at the least"));
}

#[test]
fn a_drain_says_why() {
    let Command::Drain(args) = parse("sterna drain node-1 --deadline 60s --reason scale-in").command else {
        panic!("not drain")
    };
    assert_eq!((args.deadline, args.reason), (Some(Duration::from_secs(60)), DrainReason::ScaleIn));
    assert!(rejected("sterna drain node-1 --reason signal").contains("scale-in"));
    let drain = planned("sterna serve --drain-reason deploy --drain-any-version").unwrap().config.drain;
    assert_eq!((drain.reason, drain.any_version), (DrainReason::Deploy, true));
    rejected("sterna drain");
    rejected("sterna drain node-1 --all");
    rejected("sterna drain --all --dry-run");
}

#[test]
fn the_demo_has_the_documented_defaults() {
    let Command::Demo(args) = parse("sterna demo").command else { panic!("not demo") };
    let expected = DemoArgs {
        players: 100,
        rate: 50,
        transport: Transport::Both,
        nodes: 3,
        seconds: 6,
        classic: false,
        rtt: None,
        rooms: false,
        room_size: 8,
        json: false,
        sabotage: None,
    };
    assert_eq!(args, expected);
    let Command::Demo(args) = parse("sterna demo --transport udp --sabotage reorder").command else {
        panic!("not demo")
    };
    assert_eq!((args.transport, args.sabotage), (Transport::Udp, Some(Sabotage::Reorder)));
    let Command::Demo(args) = parse("sterna demo --classic --rtt 40ms").command else { panic!("not demo") };
    assert_eq!((args.classic, args.rtt), (true, Some(Duration::from_millis(40))));
    rejected("sterna demo --nodes 1");
    rejected("sterna demo --players 0");
}

#[test]
fn serve_and_demo_reach_their_handlers() {
    assert_eq!(answer("sterna serve --nodes 3").unwrap_err().to_string(), "serve 3 nodes");
    assert_eq!(answer("sterna demo --players 8").unwrap_err().to_string(), "demo 8 players");
}

#[test]
fn a_token_is_signed_with_the_state_directorys_keys() {
    let dir = TempDir::new();
    let keys = ClusterKeys::load_or_create(&dir.path().join("s"), "eu").unwrap();
    let file = dir.path().join("sterna.toml");
    let text =
        "cluster = \"eu\"\nnodes = 2\nhost = \"0.0.0.0\"\npublic_host = \"192.0.2.9\"\ntcp_port = 10\n";
    std::fs::write(&file, text).unwrap();
    let state = dir.path().join("s");
    let line = format!("sterna token anna --config {} --state-dir {}", file.display(), state.display());
    let token = ConnectToken::parse(&answer(&line).unwrap()).unwrap();
    let addresses = |ports: [u16; 2]| ports.map(|port| format!("192.0.2.9:{port}").parse().unwrap());
    assert_eq!((token.tcp, token.quic), (addresses([10, 11]).into(), addresses([7800, 7801]).into()));
    assert_eq!(Verifier::development(&keys).verify(&token.user_token).unwrap().id(), "anna");
}

#[test]
fn a_token_without_keys_or_ports_says_where_to_get_one() {
    let dir = TempDir::new();
    let file = dir.path().join("sterna.toml");
    std::fs::write(&file, "").unwrap();
    let error = answer(&format!("sterna token anna --config {}", file.display())).unwrap_err();
    assert!(matches!(&error, CliError::Usage(text) if text.contains("--admin")), "{error}");

    std::fs::write(&file, "tcp_port = 0\nstate_dir = \"s\"").unwrap();
    let error = answer(&format!("sterna token anna --config {}", file.display())).unwrap_err();
    assert!(matches!(&error, CliError::Usage(text) if text.contains("--admin")), "{error}");

    let error = answer(&format!("sterna token anna --state-dir {}", dir.path().display())).unwrap_err();
    assert!(matches!(&error, CliError::Failed(text) if text.contains("holds no keys")), "{error}");
    rejected("sterna token anna --admin 127.0.0.1:1 --state-dir s");
}

#[test]
fn a_user_or_life_out_of_range_is_a_usage_error() {
    let error = answer(&format!("sterna token {} --state-dir s", "x".repeat(129))).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert_eq!(answer("sterna token anna --life 500d --state-dir s").unwrap_err().exit_code(), 2);
    assert_eq!(answer("sterna token anna --life 10ms --state-dir s").unwrap_err().exit_code(), 2);
}

#[test]
fn nodes_are_shown_as_a_table() {
    let node = |name: &str, sessions| NodeStatus {
        name: name.into(),
        id: "00ff".into(),
        state: crate::admin::NodeState::Online,
        sessions,
        tcp: "127.0.0.1:7800".parse().unwrap(),
        quic: "127.0.0.1:9".parse().unwrap(),
        fenced: false,
        moves: MoveCounts::default(),
        drain: None,
    };
    let expected = "\
NODE     STATE   SESSIONS  TCP             QUIC         INCARNATION
node-1   online  7         127.0.0.1:7800  127.0.0.1:9  00ff
node-10  online  12345     127.0.0.1:7800  127.0.0.1:9  00ff
";
    assert_eq!(show::nodes(&[node("node-1", 7), node("node-10", 12345)], false), expected);
}
