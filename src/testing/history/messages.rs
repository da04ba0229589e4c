//! Promises 2 and 7: every reliable message once and in order, in both directions, but for what a crash took,
//! which is told.
//!
//! A restart from a copy begins a new *lineage* of a session: what was processed and sent after the copy was
//! made is undone there. Within a lineage, and on the way from one to the next, nothing may be missing.

use super::{Entry, History, Lineage, Restarted, Verdict, Violation};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::Epoch;
use crate::protocol::time::Time;
use crate::testing::PlayerId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// One player's messages in one lineage.
#[derive(Default)]
struct Line {
    /// The first uplink message that is not processed.
    up_next: u64,
    /// The highest that was processed in this lineage itself.
    processed: Option<u64>,
    /// Number of the first downlink message of this lineage itself.
    down_first: u64,
    /// Which request each downlink message answers.
    pushed: Vec<Option<u64>>,
}

impl Line {
    fn down_end(&self) -> u64 {
        self.down_first + self.pushed.len() as u64
    }
}

/// One player.
#[derive(Default)]
struct Traffic {
    durable: bool,
    sent: u64,
    /// Uplink messages that are about rooms: the game's server side never sees them.
    aside: BTreeSet<u64>,
    lines: BTreeMap<Lineage, Line>,
    /// Which lineage goes on.
    newest: Lineage,
    /// What the client receives, and the next number.
    receives: (Lineage, u64),
    /// The newest lineage when a take-over was last told: one telling speaks of all restarts before it.
    told: Lineage,
    /// Uplink that left out messages.
    jumps: Vec<(Time, Range<u64>)>,
    /// Uplink that was told to be gone.
    lost: Vec<(Time, Range<u64>)>,
    requests: BTreeMap<u64, u64>,
    answered: BTreeSet<u64>,
    caught_up: (Epoch, BTreeSet<u64>),
    caught: (u64, BTreeSet<u64>),
}

/// What the judge is looking at.
struct Seen {
    at: Time,
    player: PlayerId,
}

impl Seen {
    fn broken(&self, promise: u8, text: String) -> Verdict {
        Err(Violation { promise, at: self.at, text: format!("{:?}: {text}", self.player) })
    }
}

impl Traffic {
    fn take(&mut self, entry: &Entry, seen: &Seen) -> Verdict {
        match entry {
            Entry::Sent(_, number) => self.sent = number + 1,
            Entry::SentAside(_, number) => {
                self.sent = number + 1;
                self.aside.insert(*number);
            }
            Entry::Requested(_, request, number) => {
                self.requests.insert(*request, *number);
            }
            Entry::Processed(_, _, _, lineage, number) => self.processed(*lineage, *number, seen)?,
            Entry::Pushed(_, _, _, lineage, answers, number) => {
                self.pushed(*lineage, *answers, *number, seen)?;
            }
            Entry::Received(_, lineage, number) => self.received(*lineage, *number, seen)?,
            Entry::Answered(_, request, Status::Ok) => self.answered(*request, seen)?,
            Entry::CaughtUp(_, _, epoch, number) => self.caught_up(*epoch, *number, seen)?,
            Entry::Caught(_, stay, number) => self.caught(*stay, *number, seen)?,
            Entry::Restarted(restarted) => self.restarted(restarted, seen)?,
            Entry::Told(_, event) => self.told(event, seen),
            Entry::GameTold(_, lineage, lost) if !lost.is_empty() => {
                self.game_told(*lineage, lost, seen);
            }
            _ => {}
        }
        Ok(())
    }

    fn restarted(&mut self, restarted: &Restarted, seen: &Seen) -> Verdict {
        let Restarted { lineage, parent, pushed, up_next, .. } = *restarted;
        let known = self.lines.entry(parent).or_default();
        if up_next > known.up_next || pushed > known.down_end() {
            return seen.broken(7, format!("the copy at {up_next}/{pushed} is ahead of what it was made of"));
        }
        self.lines.insert(lineage, Line { up_next, down_first: pushed, ..Line::default() });
        self.newest = lineage;
        Ok(())
    }

    fn processed(&mut self, lineage: Lineage, number: u64, seen: &Seen) -> Verdict {
        if number >= self.sent {
            return seen.broken(2, format!("uplink message {number} was processed, but never sent"));
        }
        let line = self.lines.entry(lineage).or_default();
        let expected = std::mem::replace(&mut line.up_next, number + 1);
        line.processed = Some(number);
        if number < expected {
            return seen.broken(2, format!("uplink message {number} was processed twice"));
        }
        match self.missing(expected..number).next() {
            Some(missing) => {
                seen.broken(7, format!("uplink {missing}..{number} is lost, and the game was not told"))
            }
            None => Ok(()),
        }
    }

    /// The application goes on behind what it was told to be gone.
    fn game_told(&mut self, lineage: Lineage, lost: &Range<u64>, seen: &Seen) {
        let expected = self.lines.entry(lineage).or_default().up_next;
        if expected < lost.end && self.missing(expected..lost.end).all(|number| lost.contains(&number)) {
            self.lines.entry(lineage).or_default().up_next = lost.end;
            self.jumps.push((seen.at, lost.clone()));
        }
    }

    /// Of these uplink messages those that the game's server side is meant to see.
    fn missing(&self, numbers: Range<u64>) -> impl Iterator<Item = u64> {
        numbers.filter(|number| !self.aside.contains(number))
    }

    fn pushed(&mut self, lineage: Lineage, answers: Option<u64>, number: u64, seen: &Seen) -> Verdict {
        let line = self.lines.entry(lineage).or_default();
        let expected = line.down_end();
        if number != expected {
            return seen.broken(3, format!("downlink message {number} was sent instead of {expected}"));
        }
        line.pushed.push(answers);
        Ok(())
    }

    /// Whether this downlink message is an answer that is dropped, since an earlier owner gave it too.
    fn is_dropped(&self, lineage: Lineage, number: u64) -> bool {
        let line = &self.lines[&lineage];
        let answers = number.checked_sub(line.down_first).and_then(|index| line.pushed.get(index as usize));
        answers.copied().flatten().is_some_and(|request| self.answered.contains(&request))
    }

    fn received(&mut self, lineage: Lineage, number: u64, seen: &Seen) -> Verdict {
        let Some(line) = self.lines.get(&lineage) else {
            return seen.broken(2, format!("message {number} of {lineage:?} was received, but never sent"));
        };
        if number >= line.down_end() {
            return seen.broken(2, format!("downlink message {number} was received, but never sent"));
        }
        let (before, mut next) = self.receives;
        if lineage < before {
            return seen.broken(1, format!("message {number} of {lineage:?} came after one of {before:?}"));
        }
        if lineage > before {
            if self.told < lineage {
                return seen.broken(7, format!("goes on in {lineage:?}, and was not told of a take-over"));
            }
            self.all_of_the_copy(before, next, line.down_first, seen)?;
            if self.durable && line.down_first < next {
                return seen.broken(7, format!("downlink from {} on was undone", line.down_first));
            }
            next = line.down_first;
        }
        if number < next {
            return seen.broken(2, format!("downlink message {number} of {lineage:?} was received twice"));
        }
        if let Some(missing) = (next..number).find(|missing| !self.is_dropped(lineage, *missing)) {
            return seen.broken(2, format!("downlink message {missing} of {lineage:?} was left out"));
        }
        self.receives = (lineage, number + 1);
        Ok(())
    }

    /// What the copy held of an earlier lineage, up to `end`, the client got before anything newer.
    fn all_of_the_copy(&self, before: Lineage, next: u64, end: u64, seen: &Seen) -> Verdict {
        match (next..end).find(|missing| !self.is_dropped(before, *missing)) {
            Some(missing) => {
                seen.broken(2, format!("the copy held downlink message {missing}, which is gone"))
            }
            None => Ok(()),
        }
    }

    fn answered(&mut self, request: u64, seen: &Seen) -> Verdict {
        if !self.requests.contains_key(&request) || !self.answered.insert(request) {
            return seen.broken(2, format!("request {request} was answered once too often"));
        }
        Ok(())
    }

    fn told(&mut self, event: &Event, seen: &Seen) {
        if let Event::TookOver { lost_from, lost_to, .. } = event {
            self.told = self.newest;
            if lost_from < lost_to {
                self.lost.push((seen.at, *lost_from..*lost_to));
            }
        }
    }

    fn caught_up(&mut self, epoch: Epoch, number: u64, seen: &Seen) -> Verdict {
        if epoch < self.caught_up.0 || !self.caught_up.1.insert(number) {
            return seen
                .broken(2, format!("unreliable message {number} of epoch {epoch} came too late or twice"));
        }
        self.caught_up.0 = epoch;
        Ok(())
    }

    fn caught(&mut self, stay: u64, number: u64, seen: &Seen) -> Verdict {
        if stay < self.caught.0 || !self.caught.1.insert(number) {
            return seen
                .broken(2, format!("unreliable message {number} of an earlier owner, or a second time"));
        }
        self.caught.0 = stay;
        Ok(())
    }

    /// Promise 7: what was left out is exactly what was told. The client may have been told first.
    fn judge_losses(&self, player: PlayerId) -> Verdict {
        let mut told = self.lost.clone();
        for (at, jump) in &self.jumps {
            let seen = Seen { at: *at, player };
            let Some(index) = told.iter().position(|(_, lost)| lost == jump) else {
                return seen.broken(7, format!("uplink messages {jump:?} are lost, and nobody was told"));
            };
            told.remove(index);
        }
        for (at, lost) in told {
            // A lineage that ended before it got so far leaves nothing out.
            let went_on = |line: &Line| line.processed.is_some_and(|number| number >= lost.start);
            if self.missing(lost.clone()).next().is_none() {
                continue;
            }
            let after_a_copy = self.lines.iter().filter(|(lineage, _)| **lineage > Lineage(0));
            if after_a_copy.map(|(_, line)| line).all(went_on) {
                let seen = Seen { at, player };
                return seen.broken(7, format!("{lost:?} was told to be lost, and was not"));
            }
        }
        Ok(())
    }

    /// A loss that is still to be told can only be one at the very end.
    fn judge_rest(&self, seen: &Seen) -> Verdict {
        let line = self.lines.get(&self.newest);
        let up_next = line.map_or(0, |line| line.up_next);
        let is_told = |number: &u64| self.lost.iter().any(|(_, lost)| lost.contains(number));
        if let Some(number) = self.missing(up_next..self.sent).find(|number| !is_told(number)) {
            return seen.broken(2, format!("uplink messages {number}..{} never arrived", self.sent));
        }
        let (lineage, next) = self.receives;
        let (first, end) = line.map_or((0, 0), |line| (line.down_first, line.down_end()));
        let next = if lineage == self.newest {
            next
        } else {
            self.all_of_the_copy(lineage, next, first, seen)?;
            first
        };
        if let Some(missing) = (next..end).find(|missing| !self.is_dropped(self.newest, *missing)) {
            return seen.broken(2, format!("downlink message {missing} of {end} never arrived"));
        }
        let is_lost = |number: &u64| self.lost.iter().any(|(_, lost)| lost.contains(number));
        let unanswered = self
            .requests
            .iter()
            .find(|(request, number)| !self.answered.contains(request) && !is_lost(number));
        match unanswered {
            Some((request, _)) => seen.broken(2, format!("request {request} was never answered")),
            None => Ok(()),
        }
    }
}

impl History {
    /// Promises 2 and 7. `at_rest`: of these players nothing is on its way any more.
    pub fn judge_messages(&self, at_rest: Option<&[PlayerId]>) -> Verdict {
        let mut players: BTreeMap<PlayerId, Traffic> = BTreeMap::new();
        let mut end = Time::default();
        for (at, entry) in self.timed() {
            end = at;
            let player = match entry {
                Entry::Sent(player, ..)
                | Entry::SentAside(player, ..)
                | Entry::Requested(player, ..)
                | Entry::Processed(player, ..)
                | Entry::Pushed(player, ..)
                | Entry::Received(player, ..)
                | Entry::Answered(player, ..)
                | Entry::CaughtUp(player, ..)
                | Entry::Caught(player, ..)
                | Entry::Restarted(Restarted { player, .. })
                | Entry::GameTold(player, ..)
                | Entry::Told(player, _) => *player,
                _ => continue,
            };
            let traffic = players
                .entry(player)
                .or_insert_with(|| Traffic { durable: self.durable, ..Traffic::default() });
            traffic.take(entry, &Seen { at, player })?;
        }
        for (player, traffic) in &players {
            traffic.judge_losses(*player)?;
            if self.durable
                && let Some((at, lost)) = traffic.lost.first()
            {
                let seen = Seen { at: *at, player: *player };
                return seen.broken(7, format!("{lost:?} is lost although it was stored before it counted"));
            }
            if at_rest.is_some_and(|playing| playing.contains(player)) {
                traffic.judge_rest(&Seen { at: end, player: *player })?;
            }
        }
        Ok(())
    }
}
