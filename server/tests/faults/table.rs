//! The matrix as text.

use crate::cluster::NODES;
use crate::matrix::{Cell, Fault, STEPS};
use crate::room_cells::Cell as RoomCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;
use sterna::client::config::Transport;

/// Prints how each cell ended, also when the test passes: not by `println`, which is shown of failures only.
pub(crate) fn print(outcomes: &[(Cell, &'static str)], took: Duration) {
    let mut text = format!("\n{} cells in {:.0} s\n", outcomes.len(), took.as_secs_f64());
    let _ = writeln!(
        text,
        "{:<7} {:<18} {:<7} {:<5} {:<12} {:<12} {:<12} {:<12} {:<12}",
        "node", "step", "when", "over", "crash", "0.8 fence", "1.5 takeover", "drop", "duplicate"
    );
    for step in STEPS {
        for (after, transport) in
            [(false, Transport::Tcp), (false, Transport::Udp), (true, Transport::Tcp), (true, Transport::Udp)]
        {
            let outcome = |fault| {
                let here = |cell: &Cell| {
                    (cell.step.by, cell.step.point) == (step.by, step.point)
                        && (cell.after, cell.transport, cell.fault) == (after, transport, fault)
                };
                outcomes.iter().find(|(cell, _)| here(cell)).map_or("-", |(_, outcome)| outcome)
            };
            let _ = write!(
                text,
                "{:<7} {:<18} {:<7} {:<5}",
                ["source", "target"][step.by],
                step.point,
                if after { "after" } else { "before" },
                over(transport)
            );
            for fault in Fault::ALL {
                let _ = write!(text, " {:<12}", outcome(fault));
            }
            text.push('\n');
        }
    }
    text += &rows(outcomes);
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The same of rooms.
pub(crate) fn print_rooms(outcomes: &[(RoomCell, &'static str)], took: Duration) {
    let mut text = format!("\n{} cells of rooms in {:.0} s\n", outcomes.len(), took.as_secs_f64());
    let _ = writeln!(
        text,
        "{:<13} {:<7} {:<7} {:<26} {:<7} {:<12} {:<12} {:<12} {:<12}",
        "what", "members", "node", "step", "when", "crash", "1.5 takeover", "drop", "duplicate"
    );
    let mut lines: Vec<(String, BTreeMap<Fault, &str>)> = Vec::new();
    for cell in RoomCell::all() {
        let found = outcomes.iter().find(|(played, _)| played.name() == cell.name());
        let Some((_, outcome)) = found else { continue };
        let what = format!("{:?}{}", cell.step.scene, if cell.lazy { ", lazy" } else { "" });
        let step = match cell.step.nth {
            1 => cell.step.point.to_owned(),
            nth => format!("{} ({nth})", cell.step.point),
        };
        let when = if cell.after { "after" } else { "before" };
        let (members, node) = (cell.members, NODES[cell.step.by]);
        let head = format!("{what:<13} {members:<7} {node:<7} {step:<26} {when:<7}");
        match lines.iter_mut().find(|(line, _)| *line == head) {
            Some((_, line)) => _ = line.insert(cell.fault, outcome),
            None => lines.push((head, BTreeMap::from([(cell.fault, *outcome)]))),
        }
    }
    for (mut line, outcomes) in lines {
        for fault in [Fault::Crash, Fault::LongPause, Fault::Drop, Fault::Twice] {
            let _ = write!(line, " {:<12}", outcomes.get(&fault).copied().unwrap_or("-"));
        }
        let _ = writeln!(text, "{line}");
    }
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

pub(crate) fn over(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "QUIC",
    }
}

/// One line of a row that is a test of its own.
pub(crate) fn print_row(row: &str, transport: Transport, outcome: &str) {
    let line = format!("{row:<50} | {:<4} | {outcome}\n", over(transport));
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// The rows of the design's fault table that are cells of the matrix.
fn rows(outcomes: &[(Cell, &'static str)]) -> String {
    let mut text = String::from("\nrow of the fault table | transport | outcomes (cells)\n");
    for (row, belongs) in ROWS {
        for transport in [Transport::Tcp, Transport::Udp] {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for (cell, outcome) in outcomes {
                if cell.transport == transport && belongs(cell) {
                    *counts.entry(outcome).or_default() += 1;
                }
            }
            let counts: Vec<String> =
                counts.iter().map(|(outcome, count)| format!("{outcome} ({count})")).collect();
            let _ = writeln!(text, "{row:<50} | {:<4} | {}", over(transport), counts.join(", "));
        }
    }
    text
}

type Row = (&'static str, fn(&Cell) -> bool);

const ROWS: [Row; 8] = [
    ("T refuses, or dies before the baton", |cell| {
        let before = ["engine admission", "Prepared", "client Attached", "Ready"].contains(&cell.step.point);
        cell.step.point == "Refused" || (before && cell.fault == Fault::Crash)
    }),
    ("baton lost, late or doubled", |cell| cell.step.point == "Baton" && cell.fault != Fault::Crash),
    ("T dies after the baton, before finalising", |cell| {
        let serves = ["client Switch", "BatonAck", "engine snapshot"].contains(&cell.step.point);
        let finalising = cell.step.point == "engine finalise" && !cell.after;
        cell.step.by == 1 && cell.fault == Fault::Crash && (serves || finalising)
    }),
    ("S dies before its CAS", |cell| {
        let before = ["client Offline", "Prepare", "Ahead", "client MoveTo"].contains(&cell.step.point);
        let claiming = cell.step.point == "engine claim" && !cell.after;
        cell.step.by == 0 && cell.fault == Fault::Crash && (before || claiming)
    }),
    ("S dies after its CAS, before T has the baton", |cell| {
        let claimed = cell.step.point == "engine claim" && cell.after;
        let passing = cell.step.point == "Baton" && !cell.after;
        cell.fault == Fault::Crash && (claimed || passing)
    }),
    ("S dies after T has the baton", |cell| {
        let passed = cell.step.point == "Baton" && cell.after;
        cell.fault == Fault::Crash && (passed || cell.step.point == "client Moved")
    }),
    ("CAS answer unknown", |cell| {
        let cas = ["engine claim", "engine finalise"].contains(&cell.step.point);
        cas && cell.fault == Fault::Drop
    }),
    ("a node is suspended past its lease", |cell| cell.fault == Fault::LongPause),
];
