//! The end of the demonstration: a table or JSON, and the verdict.

use super::figures::{Figures, Ratio, Spread, Summary};
use super::judge::Case;
use super::log::{Arrival, Log};
use super::rooms::figures::RoomFigures;
use crate::cli::{CliError, DemoArgs};
use std::fmt::Write as _;
use std::io::Write as _;

/// Prints the figures. `Err` names every promise that was broken.
pub(super) fn finish(args: &DemoArgs, case: &Case<'_>) -> Result<(), CliError> {
    let summary = Summary::of(case);
    let text = if args.json {
        serde_json::to_string_pretty(&summary).expect("names and numbers serialise") + "\n"
    } else {
        table(&summary, case.drained.players)
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    let mut broken = case.broken_promises();
    if broken.is_empty() {
        return Ok(());
    }
    broken.extend(case.logs.iter().find_map(trouble));
    Err(CliError::Failed(format!("broken: {}", broken.join("; "))))
}

/// What a player who did not play to the end has to say.
fn trouble(log: &Log) -> Option<String> {
    let (player, moves, failed) = (log.player, log.moves, log.failed);
    let transport = log.transport;
    let text = log.trouble.as_ref()?;
    let last_us = log.arrivals.last().map_or(0, Arrival::at_us);
    let moved_us = log.moved_us.unwrap_or(0);
    Some(format!(
        "player {player} ({transport:?}, {moves} moves, {failed} failed, last moved at {moved_us} us, last \
         message at {last_us} us): {text}"
    ))
}

type Cell = fn(&Figures) -> String;

const ROWS: [(&str, Cell); 25] = [
    ("players", |of| of.players.to_string()),
    ("moved", |of| of.moved.to_string()),
    ("failed moves", |of| of.failed.to_string()),
    ("messages sent to the node", |of| of.sent_up.to_string()),
    ("  not taken, queue full", |of| of.refused.to_string()),
    ("  lost", |of| of.lost_up.to_string()),
    ("  duplicated", |of| of.duplicated_up.to_string()),
    ("  reordered", |of| of.reordered_up.to_string()),
    ("messages sent to players", |of| of.sent_down.to_string()),
    ("  lost", |of| of.lost_down.to_string()),
    ("  duplicated", |of| of.duplicated_down.to_string()),
    ("  reordered", |of| of.reordered_down.to_string()),
    ("user data intact", |of| yes_or_no(of.user_data_intact)),
    ("echo before, ms *", |of| spread(&of.echo_ms.before, 2)),
    ("echo during, ms *", |of| spread(&of.echo_ms.during, 2)),
    ("echo after, ms *", |of| spread(&of.echo_ms.after, 2)),
    ("added delay of players who moved, ms *", |of| spread(&of.added_delay_ms, 2)),
    ("  who moved the classic way, ms *", |of| spread(&of.classic_delay_ms, 2)),
    ("  who were forced to move, ms *", |of| spread(&of.forced_delay_ms, 2)),
    ("  who did not move, ms *", |of| spread(&of.unmoved_delay_ms, 2)),
    ("seamless by forced, p99 **", |of| ratio(of.seamless_to_forced.as_ref())),
    ("freeze time, us *", |of| spread(&of.freeze_us, 0)),
    ("time until the node was empty, ms", |of| format!("{:.0}", of.drain_ms)),
    ("node exited", |of| yes_or_no(of.node_exited)),
    ("ok", |of| yes_or_no(of.ok)),
];

type RoomCell = fn(&RoomFigures) -> String;

/// Rooms are not of one transport: they have one column.
const ROOM_ROWS: [(&str, RoomCell); 11] = [
    ("rooms", |of| of.rooms.to_string()),
    ("rooms moved", |of| of.moved.to_string()),
    ("  members moved with them", |of| of.members_moved.to_string()),
    ("  ids unchanged", |of| yes_or_no(of.ids_unchanged)),
    ("broadcasts to rooms", |of| of.broadcasts_sent.to_string()),
    ("  heard, by all members together", |of| of.broadcasts_heard.to_string()),
    ("  rooms where all heard one order", |of| of.order_equal.to_string()),
    ("  lost / duplicated / reordered", |of| format!("{} / {} / {}", of.lost, of.duplicated, of.reordered)),
    ("joins and leaves seen", |of| of.joins_and_leaves_seen.to_string()),
    ("properties of rooms intact", |of| yes_or_no(of.properties_intact)),
    ("application's state of rooms intact", |of| yes_or_no(of.state_intact)),
];

fn table(summary: &Summary, on_the_node: usize) -> String {
    let columns = [&summary.all, &summary.tcp, &summary.udp];
    let mut rows = vec![["", "all", "TCP", "UDP"].map(str::to_owned)];
    // What nobody did in this run has no row.
    let some = ROWS.iter().map(|(name, cell)| (name, columns.map(cell)));
    let some = some.filter(|(_, cells)| cells.iter().any(|cell| cell != NOTHING));
    rows.extend(some.map(|(name, [all, tcp, udp])| [(*name).to_owned(), all, tcp, udp]));
    if let Some(rooms) = &summary.rooms {
        let of_rooms = ROOM_ROWS
            .iter()
            .map(|(name, cell)| [(*name).to_owned(), cell(rooms), String::new(), String::new()]);
        let at = rows.iter().position(|row| row[0] == "user data intact").unwrap_or(rows.len());
        rows.splice(at..at, of_rooms);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    let mut text = String::from("\n");
    for [name, all, tcp, udp] in &rows {
        let [name_width, all_width, tcp_width, udp_width] = widths;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:name_width$}  {all:>all_width$}  {tcp:>tcp_width$}  {udp:>udp_width$}");
    }
    let _ = writeln!(text, "\n* p50 / p99 / max. {on_the_node} players were on the node that was scaled in.");
    if summary.all.seamless_to_forced.is_some() {
        let _ = writeln!(
            text,
            "** What a seamless move adds by what a forced one adds; after the stroke as the rows above have it, \n   \
             before it less what players see who do not move. To be below 0.05."
        );
    }
    text
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "NO" }.to_owned()
}

const NOTHING: &str = "-";

fn ratio(ratio: Option<&Ratio>) -> String {
    let both = |ratio: &Ratio| format!("{:.3} / {:.3}", ratio.p99_above_unmoved, ratio.p99);
    ratio.map_or(NOTHING.to_owned(), both)
}

fn spread(spread: &Spread, digits: usize) -> String {
    if spread.max.is_none() {
        return NOTHING.to_owned();
    }
    let number = |value: Option<f64>| value.map_or(NOTHING.to_owned(), |value| format!("{value:.digits$}"));
    format!("{} / {} / {}", number(spread.p50), number(spread.p99), number(spread.max))
}
