//! The judgement of one case, by what its players saw and its nodes wrote down: promises 1, 2, 4 and 7 of DESIGN
//! section 3.

use crate::history::{Deed, History, How, Line, Seen, What};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Messages of a player before its first number: it asks for pushes.
const BEFORE_NUMBERS: u64 = 1;

/// What may happen to players in a case. Nothing may be lost, doubled or out of order in any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    /// Links may break.
    pub(crate) reconnects: bool,
    pub(crate) moves: bool,
    /// Moves may fail, if they say why.
    pub(crate) failed_moves: bool,
    /// Sessions may be taken over, with nothing lost.
    pub(crate) take_overs: bool,
    /// Take-overs may lose messages, if they say which.
    pub(crate) losses: bool,
    /// A node was stopped at any moment, so that each of its threads may have been about to count a message. It ends that
    /// when it wakes, long after others have taken over, and nobody sees what comes of it.
    pub(crate) sleeps: bool,
}

/// Nobody notices anything.
pub(crate) const NOTHING: Allowed = Allowed {
    reconnects: false,
    moves: false,
    failed_moves: false,
    take_overs: false,
    losses: false,
    sleeps: false,
};
/// Sessions are moved, and no link breaks. A move may have to be asked for again.
pub(crate) const MOVES: Allowed = Allowed { moves: true, failed_moves: true, ..NOTHING };
/// Play stands still, and goes on where it was.
pub(crate) const A_PAUSE: Allowed = Allowed { reconnects: true, ..NOTHING };
/// Sessions of nodes that are gone are taken over.
pub(crate) const TAKE_OVERS: Allowed = Allowed { take_overs: true, ..A_PAUSE };
/// The same of a node that wakes again.
pub(crate) const TAKE_OVERS_ASLEEP: Allowed = Allowed { sleeps: true, ..TAKE_OVERS };
/// Take-overs with lazy snapshots.
pub(crate) const LOSSES: Allowed = Allowed { losses: true, ..TAKE_OVERS };

/// What all players of a case saw, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// In both directions.
    pub(crate) messages: u64,
    pub(crate) lost: u64,
    /// Lost, and said to be.
    pub(crate) told_lost: u64,
    pub(crate) doubled: u64,
    pub(crate) reordered: u64,
    /// The longest time without a message from the node.
    pub(crate) longest_pause: Duration,
    /// What must not have happened.
    pub(crate) wrongs: Vec<String>,
}

/// Judges a case. Everybody has fallen silent, and heard what was to be heard.
pub(crate) fn judge(began: Instant, histories: &[History], lines: &[Line], allowed: Allowed) -> Verdict {
    let mut verdict = Verdict::default();
    let mut late = 0;
    for history in histories {
        let mut of_session: Vec<&Line> =
            lines.iter().filter(|line| line.session == history.session).collect();
        if allowed.sleeps {
            late += take_out_late(&mut of_session);
        }
        let who = |wrong: String| format!("{} over {:?}: {wrong}", history.user, history.transport);
        verdict.add(Ears::listen(history, allowed));
        verdict.wrongs.extend(happenings(history, allowed).into_iter().map(who));
        verdict.wrongs.extend(served_by_one(&of_session).into_iter().map(who));
        verdict.wrongs.extend(counted_in_order(history, &of_session, allowed).into_iter().map(who));
        verdict.longest_pause = verdict.longest_pause.max(longest_pause(began, history));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if late > threads {
        verdict.wrongs.push(format!(
            "{late} messages were counted by {threads} threads of a node that woke (promise 1)"
        ));
    }
    for (count, what) in
        [(verdict.lost, "lost"), (verdict.doubled, "doubled"), (verdict.reordered, "out of order")]
    {
        if count > 0 {
            verdict.wrongs.push(format!("{count} messages were {what} (promise 2)"));
        }
    }
    verdict
}

impl Verdict {
    fn add(&mut self, ears: Ears<'_>) {
        let numbers = [&ears.numbers, &ears.pushes];
        self.messages += ears.history.sent + numbers.iter().map(|tally| tally.heard).sum::<u64>();
        self.lost += ears.numbers.lost(ears.history.sent) + ears.pushes.lost(0);
        self.told_lost += ears.gone;
        self.doubled += numbers.iter().map(|tally| tally.doubled).sum::<u64>();
        self.reordered += numbers.iter().map(|tally| tally.reordered).sum::<u64>();
        let who = |wrong| format!("{} over {:?}: {wrong}", ears.history.user, ears.history.transport);
        self.wrongs.extend(ears.wrongs.into_iter().map(who));
    }
}

/// Numbers that should come as 0, 1, 2, and so on.
#[derive(Clone, Debug, Default)]
struct Tally {
    heard: u64,
    next: u64,
    missing: BTreeSet<u64>,
    doubled: u64,
    reordered: u64,
}

impl Tally {
    fn count(&mut self, number: u64) {
        self.heard += 1;
        if number >= self.next {
            self.missing.extend(self.next..number);
            self.next = number + 1;
        } else if self.missing.remove(&number) {
            self.reordered += 1;
        } else {
            self.doubled += 1;
        }
    }

    /// A take-over has undone everything from this number on: it comes again.
    fn rewind(&mut self, to: u64) {
        if to < self.next {
            self.missing.retain(|number| *number < to);
            self.next = to;
        }
    }

    /// How many of the first `sent` have not come.
    fn lost(&self, sent: u64) -> u64 {
        self.missing.len() as u64 + sent.saturating_sub(self.next)
    }
}

/// Follows the numbers of both directions.
struct Ears<'a> {
    history: &'a History,
    numbers: Tally,
    pushes: Tally,
    /// How many of its messages the player was told are gone.
    gone: u64,
    /// After a take-over that may lose something, until the first number that tells of it.
    told: Option<Told>,
    may_rewind_pushes: bool,
    wrongs: Vec<String>,
}

/// A take-over of which no number has told yet.
struct Told {
    /// How many messages were gone before it.
    gone_before: u64,
    /// The number that comes first behind those that are gone now, if any are.
    next: Option<u64>,
}

impl<'a> Ears<'a> {
    fn listen(history: &'a History, allowed: Allowed) -> Self {
        let mut ears = Ears {
            history,
            numbers: Tally::default(),
            pushes: Tally::default(),
            gone: 0,
            told: None,
            may_rewind_pushes: false,
            wrongs: Vec::new(),
        };
        for Seen { what, .. } in &history.seen {
            match what {
                What::Counted { number, count } => ears.on_number(*number, *count),
                What::Pushed(number) => {
                    if std::mem::take(&mut ears.may_rewind_pushes) {
                        ears.pushes.rewind(*number);
                    }
                    ears.pushes.count(*number);
                }
                What::Served { how: How::TookOver { lost }, .. } if allowed.losses => {
                    let gone_before = ears.gone;
                    let [from, to] = [lost.start, lost.end].map(|index| index.saturating_sub(BEFORE_NUMBERS));
                    ears.gone += to - from;
                    let next = (!lost.is_empty()).then_some(to);
                    ears.told = Some(Told { gone_before, next });
                    ears.may_rewind_pushes = true;
                }
                What::Served { .. }
                | What::Offline
                | What::Reconnecting(_)
                | What::MoveFailed(_)
                | What::Ended(_) => {}
            }
        }
        ears
    }

    fn on_number(&mut self, number: u64, count: u64) {
        if let Some(told) = &self.told {
            // What the crashed node had still to send may come first.
            if number == self.numbers.next && count + told.gone_before == number && told.next.is_some() {
                return self.numbers.count(number);
            }
            if told.next.is_some_and(|next| next != number) {
                let said = told.next;
                self.wrongs.push(format!("{number} follows what is lost, and not {said:?} as was said"));
            }
            // Those between have been counted by the crashed node, and are gone as was said.
            if told.next.is_some_and(|next| next == number) && number > self.numbers.next {
                self.numbers.next = number;
            }
            self.numbers.rewind(number);
            self.told = None;
        }
        self.numbers.count(number);
        if count + self.gone != number {
            let gone = self.gone;
            self.wrongs.push(format!(
                "number {number} was counted as {count}, with {gone} said to be lost (promises 3 and 7)"
            ));
        }
    }
}

/// What happened to a player that must not happen in this case.
fn happenings(history: &History, allowed: Allowed) -> Vec<String> {
    let mut wrongs = Vec::new();
    let mut last_epoch = 0;
    for Seen { what, .. } in &history.seen {
        let may = match what {
            What::Counted { .. } | What::Pushed(_) | What::Offline => true,
            What::Reconnecting(_) => allowed.reconnects,
            What::MoveFailed(_) => allowed.failed_moves,
            What::Ended(_) => false,
            What::Served { how: How::Connected, .. } => last_epoch == 0,
            What::Served { how: How::Resumed, .. } => allowed.reconnects,
            What::Served { how: How::Moved, .. } => allowed.moves || allowed.reconnects,
            What::Served { how: How::TookOver { lost }, .. } => {
                allowed.take_overs && (lost.is_empty() || allowed.losses)
            }
        };
        if !may {
            wrongs.push(format!("{what:?} must not happen here"));
        }
        if let What::Served { epoch, .. } = what {
            if *epoch < last_epoch {
                wrongs.push(format!("served at epoch {epoch} after {last_epoch} (promise 1)"));
            }
            last_epoch = *epoch;
        }
    }
    wrongs
}

/// Promise 1, as the nodes' logs show it: when another node begins to count a session's messages, the session has moved
/// there or was taken over, and each such beginning entitles to one turn.
fn served_by_one(lines: &[&Line]) -> Option<String> {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    let mut last = None;
    let mut first = None;
    for line in lines {
        let node = line.node.as_str();
        match line.deed {
            Deed::Began => *begun.entry(node).or_default() += 1,
            Deed::Counted(_) if last != Some(node) => {
                last = Some(node);
                first.get_or_insert(node);
                *turns.entry(node).or_default() += 1;
            }
            Deed::Counted(_) => {}
        }
    }
    let entitled =
        |node: &str| begun.get(node).copied().unwrap_or_default() + usize::from(first == Some(node));
    let (node, turns) = turns.into_iter().find(|(node, turns)| *turns > entitled(node))?;
    let may = entitled(node);
    Some(format!("{node} served {turns} times while others did between, and may {may} times (promise 1)"))
}

/// Takes out the message that a node was about to count when it was stopped: the next one of its own, which it counts
/// after others have gone on. Gives how many those are.
fn take_out_late(lines: &mut Vec<&Line>) -> usize {
    let mut own: BTreeMap<&str, u64> = BTreeMap::new();
    let mut last = None;
    let before = lines.len();
    lines.retain(|line| {
        let node = line.node.as_str();
        match line.deed {
            Deed::Began => _ = own.remove(node),
            Deed::Counted(count) => {
                let is_next = own.get(node).is_some_and(|own| own + 1 == count);
                own.insert(node, count);
                if is_next && last.is_some_and(|last| last != node) {
                    own.remove(node); // one, and no more
                    return false;
                }
                last = Some(node);
            }
        }
        true
    });
    before - lines.len()
}

/// The application has counted each message once, in order. Only what a crashed node had not stored yet may be counted
/// again by who takes over.
fn counted_in_order(history: &History, lines: &[&Line], allowed: Allowed) -> Option<String> {
    let mut next = 0;
    let mut last = None;
    for line in lines {
        let Deed::Counted(count) = line.deed else { continue };
        let node = line.node.as_str();
        let again = allowed.take_overs && last.is_some_and(|last| last != node) && count < next;
        if count != next && !again {
            return Some(format!("{node} counted {count}, and {next} was to come (promise 2)"));
        }
        next = count + 1;
        last = Some(node);
    }
    if next == history.sent || allowed.losses {
        return None;
    }
    Some(format!("{next} of {} messages were counted at last (promise 2)", history.sent))
}

fn longest_pause(began: Instant, history: &History) -> Duration {
    let message =
        |seen: &&Seen| matches!(seen.what, What::Counted { .. } | What::Pushed(_)) && seen.at >= began;
    let times: Vec<Instant> = history.seen.iter().filter(message).map(|seen| seen.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
