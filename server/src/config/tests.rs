use super::*;
use std::time::Duration;
use sterna::protocol::limits;

fn fault(text: &str) -> ConfigError {
    Config::parse(text).expect_err("this configuration is wrong")
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = Config::parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.limits.message_bytes_max, limits::MESSAGE_BYTES_MAX);
    assert_eq!(config.times.take_over, limits::TAKE_OVER);
}

#[test]
fn every_key_can_be_set() {
    let config = Config::parse(
        r#"
        cluster = "eu-west"
        state_dir = "/var/lib/sterna"
        name = "blue"
        nodes = 3
        host = "::1"
        public_host = "203.0.113.7"
        peer_host = "10.0.0.7"
        tcp_port = 1000
        quic_port = 2000
        peer_port = 0
        public_tcp_port = 0
        public_quic_port = 31000
        admin = "[::1]:9000"
        issuer_public_key = "backend.pem"
        migrate_when_online = true
        same_user = "refuse"
        durability = "none"
        app_version = 12
        log = "warn,sterna_server=debug"
        [engine]
        kind = "nats"
        urls = ["nats://a:4222", "tls://b:4222"]
        replicas = 3
        credentials = "sterna.creds"
        user = "ann"
        password_file = "password"
        ca = "ca.pem"
        certificate = "own.pem"
        key = "own.key"
        snapshot_bytes_per_second = 1000000
        start_ms = 0
        [drain]
        reason = "deploy"
        any_version = true
        [limits]
        message_bytes_max = 2000
        sessions_max = 7
        user_data_bytes_max = 0
        replay_bytes_max = 2000000
        targets_max = 2
        arrivals_max = 9
        endpoint_per_second = 50
        [times]
        attach_ms = 1000
        resume_ms = 2000
        drain_ms = 3000
        ticket_ms = 4000
        baton_wait_ms = 300
        freeze_ms = 20
        lease_renew_ms = 100
        self_fence_ms = 500
        take_over_ms = 600
        "#,
    )
    .unwrap();
    assert_eq!(config.state_dir.as_deref(), Some(Path::new("/var/lib/sterna")));
    assert_eq!((config.same_user, config.durability), (SameUser::Refuse, Durability::None));
    let EngineConfig::Nats(nats) = &config.engine else { panic!("another engine") };
    assert_eq!((nats.urls.len(), nats.replicas, nats.snapshot_bytes_per_second), (2, 3, 1_000_000));
    assert_eq!(nats.start, Duration::ZERO);
    assert_eq!(
        (nats.ca.as_deref(), nats.key.as_deref()),
        (Some(Path::new("ca.pem")), Some(Path::new("own.key")))
    );
    assert_eq!(config.node_name(1), "blue-2");
    let public = config.public_host.as_ref().map(|host| host.resolve().unwrap()[0]);
    let peer = config.peer_public_address("[::1]:9".parse().unwrap(), public);
    assert_eq!(peer, "10.0.0.7:9".parse().unwrap());
    assert_eq!(config.app_version, Some(12));
    assert_eq!(config.drain, Drain { reason: DrainReason::Deploy, any_version: true });
    assert_eq!(config.limits.replay_bytes_max, 2_000_000);
    assert_eq!(config.times.self_fence, Duration::from_millis(500));
    assert_eq!(config.tcp_address(2), "[::1]:1002".parse().unwrap());
    assert_eq!(config.quic_address(0), "[::1]:2000".parse().unwrap());
    assert_eq!(config.peer_address(2).port(), 0, "0 stays any free port for every node");
    let tcp = config.public_tcp_address(1, config.tcp_address(1), public);
    let quic = config.public_quic_address(1, config.quic_address(1), public);
    assert_eq!((tcp, quic), ("203.0.113.7:1001".parse().unwrap(), "203.0.113.7:31001".parse().unwrap()));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/sterna.toml")), []).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/sterna.toml"), "{error}");
}

#[test]
fn a_syntax_error_names_its_line() {
    let error = fault("cluster = \"a\"\nnodes = = 3\n");
    assert!(matches!(error, ConfigError::Syntax { line: 2, .. }), "{error:?}");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let ConfigError::UnknownKey { line, key, known } = fault("cluster = \"a\"\n\nnode = 3\n") else {
        panic!("another error")
    };
    assert_eq!((line, key.as_str()), (3, "node"));
    assert!(known.contains("`nodes`"), "{known}");

    let ConfigError::UnknownKey { line, key, known } = fault("[times]\nattach = 3\n") else {
        panic!("another error")
    };
    assert_eq!((line, key.as_str()), (2, "attach"));
    assert!(known.contains("`attach_ms`"), "{known}");

    let error = fault("\n[limts]\nsessions_max = 1\n");
    assert!(matches!(&error, ConfigError::UnknownKey { line: 2, key, .. } if key == "limts"), "{error:?}");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_line() {
    let ConfigError::BadValue { line, key, .. } =
        fault("cluster = \"a\"\n[limits]\nsessions_max = \"many\"\n")
    else {
        panic!("another error")
    };
    assert_eq!((line, key.as_str()), (3, "limits.sessions_max"));
    let error = fault("[drain]\nreason = \"boredom\"").to_string();
    assert!(error.contains("drain.reason") && error.contains("`scale-in`"), "{error}");
    let error = fault("durability = \"eternal\"").to_string();
    assert!(error.contains("durability") && error.contains("`lazy`"), "{error}");
}

#[test]
fn a_number_out_of_range_is_named_with_what_is_allowed() {
    let error = fault("\nnodes = 0\n");
    assert!(
        matches!(error, ConfigError::OutOfRange { line: Some(2), key: "nodes", value: 0, min: 1, max: 64 }),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "line 2: `nodes` is 0: allowed is 1 to 64");
    assert!(matches!(fault("tcp_port = 70000"), ConfigError::OutOfRange { key: "tcp_port", .. }));
    assert!(matches!(fault("quic_port = -1"), ConfigError::OutOfRange { value: -1, .. }));
    let too_large = format!("[limits]\nmessage_bytes_max = {}", limits::CREDIT_BYTES);
    assert!(matches!(fault(&too_large), ConfigError::OutOfRange { line: Some(2), .. }));
    assert!(matches!(fault("[times]\nfreeze_ms = 5000"), ConfigError::OutOfRange { .. }));
    assert!(matches!(fault("[limits]\nendpoint_per_second = 0"), ConfigError::OutOfRange { .. }));
    assert!(matches!(fault("app_version = 0"), ConfigError::OutOfRange { key: "app_version", .. }));
}

#[test]
fn the_last_nodes_port_has_to_exist() {
    assert!(Config::parse("nodes = 3\nquic_port = 65533").is_ok());
    assert!(matches!(
        fault("nodes = 3\nquic_port = 65534"),
        ConfigError::OutOfRange { key: "quic_port", .. }
    ));
}

#[test]
fn fields_set_by_hand_are_checked_too() {
    let error = Config { nodes: 100, ..Config::default() }.validate().unwrap_err();
    assert!(matches!(error, ConfigError::OutOfRange { line: None, key: "nodes", .. }), "{error:?}");
}

#[test]
fn a_node_fences_itself_before_others_take_over() {
    let error = fault("[times]\nself_fence_ms = 15000\ntake_over_ms = 15000\n");
    assert!(matches!(error, ConfigError::Relation { lesser: "times.self_fence_ms", .. }), "{error:?}");
    let error = fault("[times]\nlease_renew_ms = 4000\n");
    assert!(matches!(error, ConfigError::Relation { lesser: "times.lease_renew_ms", .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("4000") && text.contains("times.self_fence_ms"), "{text}");
}

#[test]
fn the_times_of_a_move_nest() {
    let lesser = |text: &str| match fault(text) {
        ConfigError::Relation { lesser, .. } => lesser,
        other => panic!("another error: {other:?}"),
    };
    assert_eq!(lesser("[times]\nfreeze_ms = 500"), "times.freeze_ms");
    assert_eq!(lesser("[times]\nattach_ms = 500\nticket_ms = 500"), "times.baton_wait_ms");
    assert_eq!(lesser("[times]\nattach_ms = 1000\nticket_ms = 1000"), "times.attach_ms");
}

#[test]
fn the_admin_interface_stays_on_loopback() {
    let error = fault("admin = \"0.0.0.0:7990\"");
    assert!(matches!(error, ConfigError::AdminNotLoopback(_)), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn clients_need_an_address_they_can_connect_to() {
    assert!(matches!(fault("host = \"0.0.0.0\""), ConfigError::NoPublicHost(_)));
    assert!(Config::parse("host = \"0.0.0.0\"\npublic_host = \"192.0.2.1\"").is_ok());
    assert!(Config::parse("host = \"0.0.0.0\"\npublic_host = \"game.example\"").is_ok());
    let any = fault("host = \"0.0.0.0\"\npublic_host = \"0.0.0.0\"");
    assert!(matches!(any, ConfigError::NoPublicHost(_)), "{any:?}");
}

#[test]
fn what_clients_are_told_is_checked() {
    let error = fault("nodes = 2\npublic_host = \"game.example:7800\"\n");
    assert!(
        matches!(&error, ConfigError::BadValue { line: 2, key, .. } if key == "public_host"),
        "{error:?}"
    );
    assert!(error.to_string().contains("public_tcp_port"), "{error}");
    let error = fault("public_host = \"203.0.113\"").to_string();
    assert!(error.contains("host name like"), "{error}");
    assert!(matches!(
        fault("nodes = 3\npublic_quic_port = 65534"),
        ConfigError::OutOfRange { key: "public_quic_port", .. }
    ));
    assert!(Config::parse("nodes = 3\npublic_tcp_port = 65533").is_ok());
}

#[test]
fn ports_that_overlap_are_named() {
    let error = fault("nodes = 3\ntcp_port = 7000\npeer_port = 7002");
    assert!(matches!(error, ConfigError::PortsOverlap { port: 7002, .. }), "{error:?}");
    assert!(matches!(fault("peer_port = 7990"), ConfigError::PortsOverlap { second: "admin", .. }));
    assert!(Config::parse("nodes = 2\ntcp_port = 7000\npeer_port = 7002").is_ok());
}

#[test]
fn a_cluster_name_fits_into_a_host_name() {
    for name in ["", "Dev", "a.b", "-a", "a-", &"x".repeat(41)] {
        let error = fault(&format!("cluster = \"{name}\""));
        assert!(matches!(error, ConfigError::BadText { key: "cluster", .. }), "{name}: {error:?}");
    }
    assert!(Config::parse("cluster = \"eu-1\"").is_ok());
}

#[test]
fn a_log_filter_is_checked() {
    for log in ["", "verbose", "inof", "info,=debug", "sterna=loud", "info,,"] {
        let error = fault(&format!("log = \"{log}\""));
        assert!(matches!(error, ConfigError::BadText { key: "log", .. }), "{log}: {error:?}");
    }
    assert!(Config::parse("log = \"off\"").is_ok());
}

#[test]
fn the_example_shows_every_key_with_its_default() {
    let example = include_str!("../../sterna.example.toml");
    assert_eq!(Config::parse(example).unwrap(), Config::default());
    for table in ["", "[drain]\n", "[limits]\n", "[times]\n"] {
        let ConfigError::UnknownKey { known, .. } = fault(&format!("{table}no_such_key = 1")) else {
            panic!("another error")
        };
        for key in known.split('`').skip(1).step_by(2) {
            let shown = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")) || line == format!("[{key}]")
            };
            assert!(example.lines().any(shown), "`{key}` is not in the example");
        }
    }
}

#[test]
fn what_only_nats_needs_is_refused_without_it() {
    let error = fault("[engine]\nreplicas = 3\n");
    assert!(matches!(error, ConfigError::OnlyWithNats("engine.replicas")), "{error}");
}

#[test]
fn nodes_of_several_processes_need_a_folder_of_keys() {
    assert!(matches!(fault("[engine]\nkind = \"nats\"\n"), ConfigError::NoSharedKeys));
}

#[test]
fn addresses_of_nats_and_its_certificates_are_checked() {
    let nats = |text: &str| fault(&format!("state_dir = \"keys\"\n[engine]\nkind = \"nats\"\n{text}"));
    for text in [
        "urls = []",
        "urls = [\"ws://a:1\"]",
        "urls = [\"nats://\"]",
        "key = \"own.key\"",
        "certificate = \"own.pem\"",
        "user = \"ann\"",
        "password_file = \"password\"",
        "urls = [\"nats://ann:secret@a:1\"]",
    ] {
        let error = nats(text);
        assert!(matches!(error, ConfigError::BadText { .. }), "{text}: {error}");
    }
    assert!(!nats("urls = [\"nats://ann:secret@a:1\"]").to_string().contains("secret"));
    assert!(matches!(nats("replicas = 6"), ConfigError::OutOfRange { key: "engine.replicas", .. }));
    assert!(matches!(nats("start_ms = 600001"), ConfigError::OutOfRange { key: "engine.start_ms", .. }));
}
