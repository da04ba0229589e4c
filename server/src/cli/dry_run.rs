//! `sterna drain --dry-run`: what stands in the way of a drain, in words.

use super::show::{json, table};
use super::{CliError, DrainArgs};
use crate::admin::{AdminClient, DryRunEntry, DryRunReport, DryRunResult};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use sterna::protocol::reasons::MoveFailure;

/// So many sessions and rooms that cannot be moved are listed; JSON has all of them.
const LISTED_MAX: usize = 20;

/// Asks for a dry run, and fails if not all sessions could be moved.
pub(super) fn run(node: &str, args: &DrainArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let report = AdminClient::new(args.admin).dry_run(node, args.deadline, args.any_version)?;
    let answer = if args.json { json(&report) } else { text(&report) };
    out.write_all(answer.as_bytes())?;
    if report.all_could_move() {
        return Ok(());
    }
    let stay = report.sessions - report.movable;
    Err(CliError::Failed(format!(
        "{}: not all could be moved now: {stay} of {}",
        report.node, report.sessions
    )))
}

fn text(report: &DryRunReport) -> String {
    let DryRunReport { node, took_ms, sessions, movable, unlinked, cohorts } = report;
    let took = humantime::format_duration(Duration::from_millis(*took_ms));
    let mut text = format!("{node}: {movable} of {sessions} sessions could be moved now; tried in {took}\n");
    if *unlinked > 0 {
        text += &format!(
            "{unlinked} of these have no link at the moment: a node takes them, their clients were not tried\n"
        );
    }
    let stay: Vec<_> = cohorts.iter().filter(|entry| entry.result != DryRunResult::Movable).collect();
    if stay.is_empty() {
        return text;
    }
    text += "\n";
    for (why, count) in grouped(&stay) {
        text += &format!("{count:>8}  {why}\n");
    }
    text += "\n";
    text += &table(
        ["WHO", "SESSIONS", "MOVABLE", "RESULT", "TARGET", "TRIED", "CLIENTS"],
        stay.iter().take(LISTED_MAX).map(row),
    );
    if stay.len() > LISTED_MAX {
        text += &format!("and {} more: --json has all of them\n", stay.len() - LISTED_MAX);
    }
    text
}

/// How many sessions stay for which reason.
fn grouped(stay: &[&DryRunEntry]) -> BTreeMap<String, u64> {
    let mut groups = BTreeMap::new();
    for entry in stay {
        *groups.entry(why(entry)).or_default() += entry.sessions - entry.movable;
    }
    groups
}

fn why(entry: &DryRunEntry) -> String {
    let label = entry.reason.as_deref().unwrap_or(entry.result.label());
    let known = MoveFailure::ALL.iter().find(|reason| Some(reason.label()) == entry.reason.as_deref());
    let words = match (known, entry.result) {
        (Some(reason), _) => reason.to_string(),
        (None, DryRunResult::Untried) => "there was no time left to try: allow more by --deadline".to_owned(),
        (None, DryRunResult::Overtaken) => {
            "something real came in between, like a move: try again".to_owned()
        }
        (None, DryRunResult::Stays | DryRunResult::Partly | DryRunResult::Movable) => {
            return label.to_owned();
        }
    };
    format!("{label}: {words}")
}

fn row(entry: &&DryRunEntry) -> [String; 7] {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let tried: Vec<_> = entry.tried.iter().map(|tried| format!("{}: {}", tried.node, tried.reason)).collect();
    [
        entry.who.clone(),
        entry.sessions.to_string(),
        entry.movable.to_string(),
        entry.reason.clone().unwrap_or_else(|| entry.result.label().to_owned()),
        entry.target.clone().unwrap_or_else(|| "-".into()),
        or_dash(tried.join(", ")),
        or_dash(entry.unreached.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::TriedTarget;

    fn entry(who: &str, sessions: u64, movable: u64) -> DryRunEntry {
        let target = (movable > 0).then(|| "node-2".to_owned());
        DryRunEntry {
            result: DryRunResult::Movable,
            movable,
            target,
            ..DryRunEntry::untried(who.into(), sessions)
        }
    }

    #[test]
    fn where_nothing_stands_in_the_way_two_lines_say_so() {
        let unlinked = DryRunEntry { unlinked: 1, ..entry("bob", 1, 1) };
        let cohorts = vec![entry("ann", 1, 1), unlinked];
        let report = DryRunReport::new("node-1".into(), Duration::from_millis(80), cohorts);
        assert!(report.all_could_move());
        let expected = "\
node-1: 2 of 2 sessions could be moved now; tried in 80ms
1 of these have no link at the moment: a node takes them, their clients were not tried
";
        assert_eq!(text(&report), expected);
    }

    #[test]
    fn what_stands_in_the_way_is_grouped_by_reason_and_listed() {
        let tried = |node: &str, reason: &str| TriedTarget { node: node.into(), reason: reason.into() };
        let stays = |who: &str, reason: MoveFailure| DryRunEntry {
            result: DryRunResult::Stays,
            reason: Some(reason.label().into()),
            ..entry(who, 1, 0)
        };
        let full = DryRunEntry {
            tried: vec![tried("node-2", "full"), tried("node-3", "silent")],
            ..stays("eve", MoveFailure::TargetRefused)
        };
        let partly = DryRunEntry {
            result: DryRunResult::Partly,
            reason: Some(MoveFailure::ClientCannotReach.label().into()),
            unreached: vec!["zoe".into()],
            ..entry("room 5 (4 members)", 4, 3)
        };
        let untried = DryRunEntry::untried("max".into(), 1);
        let cohorts =
            vec![entry("ann", 1, 1), untried, partly, full, stays("kim", MoveFailure::ClientCannotReach)];
        let report = DryRunReport::new("node-1".into(), Duration::from_secs(2), cohorts);
        assert!(!report.all_could_move());
        let expected = "\
node-1: 4 of 8 sessions could be moved now; tried in 2s

       2  client_cannot_reach: the client could not reach any target that was tried
       1  target_refused: every target that was tried refused
       1  untried: there was no time left to try: allow more by --deadline

WHO                 SESSIONS  MOVABLE  RESULT               TARGET  TRIED                         CLIENTS
kim                 1         0        client_cannot_reach  -       -                             -
eve                 1         0        target_refused       -       node-2: full, node-3: silent  -
room 5 (4 members)  4         3        client_cannot_reach  node-2  -                             zoe
max                 1         0        untried              -       -                             -
";
        assert_eq!(text(&report), expected);
    }
}
