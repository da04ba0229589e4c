//! `sterna demo`, as it is typed: what it prints, and that its judge notices every kind of broken promise.

use serde_json::Value;
use std::process::{Command, Output};

/// Keys of every object of figures, in the order in which they are printed.
const KEYS: [&str; 23] = [
    "ok",
    "players",
    "moved",
    "moved_classic",
    "moved_forced",
    "failed",
    "sent_up",
    "sent_down",
    "lost_up",
    "lost_down",
    "duplicated_up",
    "duplicated_down",
    "reordered_up",
    "reordered_down",
    "user_data_intact",
    "echo_ms",
    "added_delay_ms",
    "classic_delay_ms",
    "forced_delay_ms",
    "unmoved_delay_ms",
    "freeze_us",
    "drain_ms",
    "node_exited",
];

fn demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sterna"));
    command.arg("demo").args(arguments).output().expect("the program starts")
}

fn demo_json(arguments: &[&str]) -> (Output, Value) {
    let output = demo(&[arguments, &["--json"]].concat());
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (output, json)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_spread(spread: &Value, name: &str) {
    for key in ["p50", "p99", "max"] {
        assert!(spread[key].is_number(), "{name}.{key} is {}", spread[key]);
    }
    assert!(spread["p50"].as_f64() <= spread["p99"].as_f64(), "{name}: {spread}");
    assert!(spread["p99"].as_f64() <= spread["max"].as_f64(), "{name}: {spread}");
}

fn assert_promises_kept(figures: &Value) {
    for key in KEYS {
        assert!(!figures[key].is_null(), "no {key} in {figures}");
    }
    for key in ["ok", "user_data_intact", "node_exited"] {
        assert_eq!(figures[key], true, "{key} in {figures}");
    }
    for key in KEYS.iter().filter(|key| {
        key.starts_with("lost") || key.starts_with("duplicated") || key.starts_with("reordered")
    }) {
        assert_eq!(figures[key], 0, "{key} in {figures}");
    }
}

fn assert_full_figures(figures: &Value) {
    assert_promises_kept(figures);
    for window in ["before", "during", "after"] {
        assert_spread(&figures["echo_ms"][window], window);
    }
    for name in ["added_delay_ms", "unmoved_delay_ms", "freeze_us"] {
        assert_spread(&figures[name], name);
    }
    assert!(figures["drain_ms"].as_f64() > Some(0.0), "{figures}");
}

#[test]
fn it_keeps_every_promise_and_prints_every_figure_of_both_transports() {
    let (output, json) = demo_json(&["--players", "12", "--rate", "20", "--seconds", "4"]);
    assert!(output.status.success(), "{}", stderr(&output));
    // 12 players on 3 nodes by fours: one of each kind (transport, interface) on every node.
    for (figures, players, moved) in [(&json, 12, 4), (&json["tcp"], 6, 2), (&json["udp"], 6, 2)] {
        assert_full_figures(figures);
        assert_eq!(figures["players"], players);
        assert_eq!(figures["moved"], moved);
        // 20 a second for 4 seconds, less what a busy machine delays beyond the end.
        assert!(figures["sent_up"].as_u64() >= Some(players * 60), "{figures}");
        // An echo for each, and as many pushes.
        assert!(figures["sent_down"].as_u64() >= Some(2 * players * 60), "{figures}");
    }
}

#[test]
fn classic_and_forced_moves_lose_nothing_and_are_compared() {
    let arguments = ["--players", "36", "--rate", "50", "--seconds", "4", "--classic"];
    let (output, json) = demo_json(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    for (figures, share) in [(&json, 4), (&json["tcp"], 2), (&json["udp"], 2)] {
        assert_full_figures(figures);
        assert_eq!(figures["moved"], 3 * share);
        assert_eq!(figures["moved_classic"], share);
        assert_eq!(figures["moved_forced"], share);
        for name in ["classic_delay_ms", "forced_delay_ms"] {
            assert_spread(&figures[name], name);
            // Players are 40 ms away. A new link takes some round trips; a seamless move waits for none of them.
            assert!(figures[name]["p50"].as_f64() > figures["added_delay_ms"]["p50"].as_f64(), "{figures}");
        }
        assert!(figures["seamless_to_forced"]["p99"].is_number(), "{figures}");
    }
}

#[test]
fn it_plays_on_one_transport_alone() {
    for (transport, other) in [("tcp", "udp"), ("udp", "tcp")] {
        let arguments =
            ["--players", "4", "--rate", "10", "--seconds", "2", "--nodes", "2", "--transport", transport];
        let (output, json) = demo_json(&arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_promises_kept(&json);
        assert_eq!(json["players"], 4);
        assert_eq!(json[transport]["moved"], json["moved"]);
        assert_eq!(json[other]["players"], 0);
        assert!(json[other]["added_delay_ms"]["max"].is_null(), "{json}");
    }
}

#[test]
fn it_tells_how_it_goes_and_ends_with_a_table() {
    let output = demo(&["--players", "4", "--rate", "10", "--seconds", "2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["is scaled in, with 4 players on it", "node exited", "user data intact", "freeze time"] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

fn assert_noticed(sabotage: &str, promise: &str, shown_by: &str, wrong: impl Fn(&Value) -> bool) {
    let arguments = ["--players", "4", "--rate", "20", "--seconds", "2", "--sabotage", sabotage];
    let (output, json) = demo_json(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(json["ok"], false);
    assert!(wrong(&json), "{json}");
    let said = stderr(&output);
    assert!(said.contains(promise) && said.contains(shown_by), "{said}");
}

#[test]
fn a_lost_message_is_noticed() {
    assert_noticed("drop", "promise 2", "to players lost", |json| json["lost_down"] == 1);
}

#[test]
fn a_duplicated_message_is_noticed() {
    assert_noticed("duplicate", "promise 2", "to players duplicated", |json| json["duplicated_down"] == 1);
}

#[test]
fn a_reordered_message_is_noticed() {
    assert_noticed("reorder", "promise 2", "to players reordered", |json| json["reordered_down"] == 1);
}

#[test]
fn changed_user_data_is_noticed() {
    assert_noticed("corrupt", "promise 3", "user data changed", |json| json["user_data_intact"] == false);
}
