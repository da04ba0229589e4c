//! Answers as tables, or as JSON.

use super::{CliError, StatusArgs};
use crate::admin::{AdminClient, ClusterStatus, DrainStatus, NodeStatus};
use crate::moves::MoveEntry;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

/// Takes the cursor home and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

pub(super) fn nodes(nodes: &[NodeStatus], as_json: bool) -> String {
    if as_json {
        return json(nodes);
    }
    let rows = nodes.iter().map(|node| {
        let (tcp, quic) = (node.tcp.to_string(), node.quic.to_string());
        [node.name.clone(), node.state.to_string(), node.sessions.to_string(), tcp, quic, node.id.clone()]
    });
    table(["NODE", "STATE", "SESSIONS", "TCP", "QUIC", "INCARNATION"], rows)
}

pub(super) fn moves(moves: &[MoveEntry], as_json: bool) -> String {
    if as_json {
        return json(moves);
    }
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let rows = moves.iter().map(|entry| {
        [
            entry.who.clone(),
            entry.from.clone(),
            entry.to.clone(),
            entry.result.label().to_owned(),
            or_dash(entry.reason.clone()),
            or_dash(entry.took_ms.map(|ms| format!("{ms} ms"))),
            or_dash(entry.freeze_us.map(millis)),
            or_dash(entry.added_delay_us.map(millis)),
            or_dash(entry.bytes.map(|bytes| bytes.to_string())),
        ]
    });
    let heads = ["WHO", "FROM", "TO", "RESULT", "REASON", "TOOK", "FREEZE", "ADDED DELAY", "BYTES"];
    table(heads, rows)
}

/// `sterna status`. With `--watch` a server that does not answer is waited for: it may be restarting.
pub(super) fn status(args: &StatusArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let client = AdminClient::new(args.admin);
    if !args.watch {
        let cluster = client.cluster()?;
        let text = if args.json { json(&cluster) } else { cluster_table(&cluster) };
        return Ok(out.write_all(text.as_bytes())?);
    }
    let clear = if io::stdout().is_terminal() && !args.json { CLEAR } else { "" };
    loop {
        let text = match client.cluster() {
            Ok(cluster) if args.json => {
                format!("{}\n", serde_json::to_string(&cluster).expect("it serialises"))
            }
            Ok(cluster) => format!("{clear}{}\n", cluster_table(&cluster)),
            Err(error) if args.json => return Err(error.into()),
            Err(error) => format!("{clear}{error}\n\n"),
        };
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Who has read it has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
        std::thread::sleep(args.every);
    }
}

pub(super) fn cluster_table(cluster: &ClusterStatus) -> String {
    let own = cluster.nodes.iter().map(|node| {
        let moves = node.moves;
        let fenced = if node.fenced { " (fenced)" } else { "" };
        [
            node.name.clone(),
            format!("{}{fenced}", node.state),
            node.sessions.to_string(),
            moves.done.to_string(),
            moves.arrived.to_string(),
            moves.failed.to_string(),
            node.drain.map_or_else(|| "-".into(), drain),
        ]
    });
    let others = cluster.others.iter().map(|node| {
        let unknown = || "-".to_owned();
        let sessions = node.sessions.to_string();
        [node.name.clone(), node.state.to_string(), sessions, unknown(), unknown(), unknown(), unknown()]
    });
    let heads = ["NODE", "STATE", "SESSIONS", "MOVED OUT", "MOVED IN", "FAILED", "DRAIN"];
    format!("cluster {}, engine {}\n\n{}", cluster.cluster, cluster.engine, table(heads, own.chain(others)))
}

fn drain(drain: DrainStatus) -> String {
    let seconds = |ms: u64| humantime::format_duration(Duration::from_secs(ms.div_ceil(1000))).to_string();
    let estimate =
        drain.estimate_ms.map_or_else(String::new, |ms| format!(", done in about {}", seconds(ms)));
    format!(
        "{} of {} left{estimate}, deadline in {}",
        drain.sessions_left,
        drain.sessions_at_start,
        seconds(drain.left_ms)
    )
}

fn millis(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("names and numbers serialise"))
}

pub(super) fn table<const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let rows: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    rows.iter().fold(String::new(), |mut text, row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{MoveCounts, NodeState, OtherNode};

    #[test]
    fn the_status_shows_every_node_with_what_it_does() {
        let address = "127.0.0.1:7800".parse().unwrap();
        let node = NodeStatus {
            name: "node-1".into(),
            id: "00ff".into(),
            state: NodeState::Offline,
            sessions: 12,
            tcp: address,
            quic: address,
            fenced: false,
            moves: MoveCounts { started: 90, done: 88, failed: 1, arrived: 0 },
            drain: Some(DrainStatus {
                sessions_at_start: 100,
                sessions_left: 12,
                left_ms: 30_000,
                estimate_ms: Some(3_200),
            }),
        };
        let (name, id) = ("blue-1".to_owned(), "0abc".to_owned());
        let state = NodeState::Online;
        let other = OtherNode { name, id, state, sessions: 40, tcp: address, quic: address };
        let (cluster, engine) = ("dev".to_owned(), "nats".to_owned());
        let fenced = NodeStatus {
            name: "node-2".into(),
            state: NodeState::Online,
            fenced: true,
            drain: None,
            ..node.clone()
        };
        let text =
            cluster_table(&ClusterStatus { cluster, engine, nodes: vec![node, fenced], others: vec![other] });
        let expected = "\
cluster dev, engine nats

NODE    STATE            SESSIONS  MOVED OUT  MOVED IN  FAILED  DRAIN
node-1  offline          12        88         0         1       12 of 100 left, done in about 4s, deadline in 30s
node-2  online (fenced)  12        88         0         1       -
blue-1  online           40        -          -         -       -
";
        assert_eq!(text, expected);
    }
}
