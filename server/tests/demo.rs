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

/// Keys under `rooms`, in the order in which they are printed.
const ROOM_KEYS: [&str; 17] = [
    "rooms",
    "members",
    "moved",
    "members_moved",
    "ids_unchanged",
    "broadcasts_sent",
    "broadcasts_heard",
    "order_equal",
    "lost",
    "duplicated",
    "reordered",
    "joins_and_leaves_seen",
    "properties_intact",
    "state_intact",
    "added_delay_ms",
    "unmoved_delay_ms",
    "freeze_us",
];

fn assert_rooms_kept(json: &Value) {
    let rooms = &json["rooms"];
    let keys: Vec<_> = rooms.as_object().expect("there are rooms").keys().map(String::as_str).collect();
    assert!(ROOM_KEYS.iter().all(|key| keys.contains(key)) && keys.len() == ROOM_KEYS.len(), "{keys:?}");
    for key in ["ids_unchanged", "properties_intact", "state_intact"] {
        assert_eq!(rooms[key], true, "{key} in {rooms}");
    }
    for key in ["lost", "duplicated", "reordered", "joins_and_leaves_seen"] {
        assert_eq!(rooms[key], 0, "{key} in {rooms}");
    }
    assert_eq!(rooms["order_equal"], rooms["rooms"], "{rooms}");
}

#[test]
fn rooms_move_as_one_and_everybody_hears_the_same() {
    // Nine rooms on three nodes: on each node the last of three is left to the server.
    let arguments = ["--rooms", "--room-size", "4", "--players", "36", "--rate", "20", "--seconds", "4"];
    let (output, json) = demo_json(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_full_figures(&json);
    assert_rooms_kept(&json);
    let rooms = &json["rooms"];
    assert_eq!((&rooms["rooms"], &rooms["members"]), (&9.into(), &36.into()));
    assert_eq!(
        (&rooms["moved"], &rooms["members_moved"], &json["moved"]),
        (&3.into(), &12.into(), &12.into())
    );
    assert_eq!(json["tcp"]["moved"], json["udp"]["moved"]);
    let sent = rooms["broadcasts_sent"].as_u64().expect("a number");
    assert!(sent >= 36 * 60, "{rooms}");
    assert_eq!(rooms["broadcasts_heard"], 4 * sent);
    // Half of the drain's time, after which the server moved the third room of the node.
    assert!(json["drain_ms"].as_f64() >= Some(1400.0), "{json}");
    for name in ["added_delay_ms", "unmoved_delay_ms", "freeze_us"] {
        assert_spread(&rooms[name], name);
    }
}

#[test]
fn a_last_room_may_be_smaller_and_is_spoken_of() {
    let output = demo(&["--rooms", "--players", "7", "--room-size", "4", "--rate", "10", "--seconds", "2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in
        ["7 players sit in 2 rooms of 4, the last of 3", "rooms where all heard one order", "node exited"]
    {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

fn assert_noticed_in_rooms(sabotage: &str, shown_by: [&str; 2], wrong: impl Fn(&Value) -> bool) {
    let arguments = ["--rooms", "--room-size", "4", "--players", "8", "--rate", "40", "--seconds", "3"];
    let (output, json) = demo_json(&[&arguments[..], &["--sabotage", sabotage]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(json["ok"], false);
    assert!(wrong(&json), "{json}");
    let said = stderr(&output);
    assert!(shown_by.iter().all(|shown_by| said.contains(shown_by)), "{said}");
}

#[test]
fn a_lost_broadcast_is_noticed() {
    assert_noticed_in_rooms("drop", ["1 broadcasts lost", "1 messages to players lost"], |json| {
        json["rooms"]["lost"] == 1 && json["rooms"]["order_equal"] == 1 && json["lost_down"] == 1
    });
}

#[test]
fn a_duplicated_broadcast_is_noticed() {
    assert_noticed_in_rooms("duplicate", ["1 broadcasts duplicated", "to players duplicated"], |json| {
        json["rooms"]["duplicated"] == 1 && json["rooms"]["order_equal"] == 1 && json["duplicated_down"] == 1
    });
}

#[test]
fn a_reordered_broadcast_is_noticed() {
    assert_noticed_in_rooms("reorder", ["1 broadcasts reordered", "heard different orders"], |json| {
        json["rooms"]["reordered"] == 1 && json["rooms"]["order_equal"] == 1 && json["reordered_down"] == 1
    });
}

#[test]
fn a_changed_state_of_a_room_is_noticed() {
    assert_noticed_in_rooms("corrupt", ["state of a room had changed", "user data changed"], |json| {
        json["rooms"]["state_intact"] == false && json["user_data_intact"] == false
    });
}
