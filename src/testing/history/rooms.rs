//! What holds of rooms: one order of everything that is said in one, for all who hear it; members who are members
//! in the directory; and moves that change nothing.
//!
//! What somebody hears between entering a room and leaving it is a line of *things*: broadcasts, comings, goings,
//! changes of properties. Two members who hear the same thing hear the same thing after it: that is one order, with
//! nothing left out. A restart from a copy undoes what came after the copy was made, and begins a line anew; with
//! snapshots before everything that counts there is nothing to undo, and the line goes on.

use super::{Entry, History, Lineage, Verdict, Violation};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{CohortId, MemberId, SessionId};
use crate::protocol::room::wire::RoomRequest;
use crate::protocol::time::Time;
use crate::testing::PlayerId;
use std::collections::{BTreeMap, BTreeSet};

/// What a game has heard of its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomSeen {
    /// It is in one.
    Entered(CohortId, MemberId),
    /// The room was restarted.
    Refreshed(CohortId),
    /// Somebody came.
    Joined(MemberId),
    /// Somebody went.
    Left(MemberId, Status),
    /// It is in none any more.
    Exited(CohortId, Status),
    /// A property has changed; its value in short.
    Property(String, u64),
    /// The broadcast of this player, and its number.
    Heard(PlayerId, u64),
    /// The room is in this lineage.
    Lineage(Lineage),
    /// It has moved.
    Moved(CohortId),
}

/// What two members hear in the same order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Came(MemberId),
    Went(MemberId),
    Said(PlayerId, u64),
    Set(String, u64),
}

/// A line of things in one lineage of a room.
#[derive(Clone, Debug)]
struct Line {
    player: PlayerId,
    room: CohortId,
    me: MemberId,
    lineage: Option<Lineage>,
    things: Vec<Thing>,
    last_at: Time,
    /// What the player has said since.
    said: Vec<u64>,
}

#[derive(Default)]
struct Judge {
    durable: bool,
    session: BTreeMap<PlayerId, SessionId>,
    /// Entries of sessions that have ever named a room.
    bound: BTreeSet<(CohortId, CohortId)>,
    inside: BTreeMap<PlayerId, Line>,
    ended: Vec<Line>,
    before: BTreeMap<CohortId, u64>,
    asked: BTreeMap<(PlayerId, u64), Time>,
    answered: BTreeSet<(PlayerId, u64)>,
    /// Players whose session was restarted, and rooms that were.
    restarted: BTreeSet<PlayerId>,
    rooms_restarted: BTreeSet<CohortId>,
}

fn broken(promise: u8, at: Time, text: String) -> Verdict {
    Err(Violation { promise, at, text })
}

impl Judge {
    fn take(&mut self, at: Time, entry: &Entry) -> Verdict {
        match entry {
            Entry::Told(player, Event::Connected { session }) => {
                self.session.insert(*player, *session);
                self.end(*player);
            }
            Entry::Told(player, Event::Disconnected { .. }) | Entry::Vanished(player) => self.end(*player),
            Entry::Recorded(session, Some(record)) => {
                self.bound.extend(record.room.map(|room| (*session, room)));
            }
            Entry::RoomSaid(player, number) => {
                if let Some(line) = self.inside.get_mut(player) {
                    line.said.push(*number);
                }
            }
            Entry::RoomFroze(room, seen) => drop(self.before.insert(*room, *seen)),
            Entry::RoomArrived(room, node, seen) if self.before.get(room) != Some(seen) => {
                return broken(3, at, format!("{room} has changed on its way to {node}"));
            }
            Entry::RoomRestarted(room, _) => drop(self.rooms_restarted.insert(*room)),
            Entry::Restarted(restarted) => drop(self.restarted.insert(restarted.player)),
            Entry::RoomAsked(player, request, _) => drop(self.asked.insert((*player, *request), at)),
            Entry::RoomAnswered(player, request, _) => {
                let known = self.asked.contains_key(&(*player, *request));
                if !known || !self.answered.insert((*player, *request)) {
                    return broken(
                        2,
                        at,
                        format!("{player:?}: request {request} was answered once too often"),
                    );
                }
            }
            Entry::Room(player, seen) => self.seen(at, *player, seen)?,
            Entry::ServedTwice(text) => return broken(1, at, text.clone()),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, player: PlayerId) {
        self.ended.extend(self.inside.remove(&player));
    }

    fn seen(&mut self, at: Time, player: PlayerId, seen: &RoomSeen) -> Verdict {
        if let RoomSeen::Entered(room, me) = seen {
            return self.entered(at, player, *room, *me);
        }
        let Some(line) = self.inside.get_mut(&player) else {
            return match seen {
                // A room that could not be joined after all.
                RoomSeen::Exited(..) => Ok(()),
                _ => broken(2, at, format!("{player:?} hears {seen:?}, and is in no room")),
            };
        };
        line.last_at = at;
        match seen {
            RoomSeen::Entered(..) => {}
            RoomSeen::Joined(member) => line.things.push(Thing::Came(*member)),
            RoomSeen::Left(member, _) => line.things.push(Thing::Went(*member)),
            RoomSeen::Property(key, value) => line.things.push(Thing::Set(key.clone(), *value)),
            RoomSeen::Heard(who, number) => line.things.push(Thing::Said(*who, *number)),
            RoomSeen::Lineage(lineage) => line.lineage = Some(*lineage),
            RoomSeen::Moved(room) if *room != line.room => {
                return broken(3, at, format!("{player:?} moved with {room}, but is in {}", line.room));
            }
            RoomSeen::Moved(_) => {}
            RoomSeen::Refreshed(_) if self.durable => {}
            RoomSeen::Refreshed(_) => {
                // What the client has worked out by itself is in nobody's order.
                while let Some(Thing::Came(_) | Thing::Went(_)) = line.things.last() {
                    line.things.pop();
                }
                let next = Line { things: Vec::new(), said: Vec::new(), lineage: None, ..line.clone() };
                let before = std::mem::replace(line, next);
                self.ended.push(before);
            }
            RoomSeen::Exited(room, status) => {
                if *room != line.room {
                    return broken(2, at, format!("{player:?} leaves {room}, but was in {}", line.room));
                }
                if matches!(status, Status::Ok | Status::Kicked | Status::TooSlow) {
                    let me = line.me;
                    line.things.push(Thing::Went(me));
                }
                self.end(player);
            }
        }
        Ok(())
    }

    fn entered(&mut self, at: Time, player: PlayerId, room: CohortId, me: MemberId) -> Verdict {
        if let Some(line) = self.inside.get(&player) {
            return broken(2, at, format!("{player:?} enters {room}, and is in {}", line.room));
        }
        let session = self.session.get(&player).copied().unwrap_or_default();
        if !self.bound.contains(&(session.into(), room)) {
            return broken(
                1,
                at,
                format!("{player:?} was told to be in {room}, which the directory never said"),
            );
        }
        let things = vec![Thing::Came(me)];
        let line = Line { player, room, me, lineage: None, things, last_at: at, said: Vec::new() };
        self.inside.insert(player, line);
        Ok(())
    }

    /// One order for all.
    fn judge_order(&self) -> Verdict {
        let mut after: BTreeMap<(CohortId, Lineage), Order<'_>> = BTreeMap::new();
        for line in self.ended.iter().chain(self.inside.values()) {
            let lineage = if self.durable { Some(Lineage(0)) } else { line.lineage };
            let Some(lineage) = lineage else { continue };
            after.entry((line.room, lineage)).or_default().take(line)?;
        }
        Ok(())
    }
}

/// The order of things in one lineage of a room, as far as it is known.
#[derive(Default)]
struct Order<'a> {
    next: BTreeMap<&'a Thing, (&'a Thing, PlayerId)>,
    previous: BTreeMap<&'a Thing, (&'a Thing, PlayerId)>,
}

impl<'a> Order<'a> {
    fn take(&mut self, line: &'a Line) -> Verdict {
        let (who, room) = (line.player, line.room);
        let mut heard = BTreeSet::new();
        if let Some(twice) = line.things.iter().find(|thing| !heard.insert(*thing)) {
            return broken(2, line.last_at, format!("{who:?} heard {twice:?} of {room} twice"));
        }
        for pair in line.things.windows(2) {
            let (one, two) = (&pair[0], &pair[1]);
            for (known, from, to, word) in
                [(&mut self.next, one, two, "after"), (&mut self.previous, two, one, "before")]
            {
                let (found, other) = *known.entry(from).or_insert((to, who));
                if found != to {
                    let text =
                        format!("{who:?} heard {to:?} {word} {from:?} in {room}, but {other:?} {found:?}");
                    return broken(2, line.last_at, text);
                }
            }
        }
        Ok(())
    }
}

impl History {
    fn judge_of_rooms(&self) -> Result<Judge, Violation> {
        let mut judge = Judge { durable: self.durable, ..Judge::default() };
        for (at, entry) in self.timed() {
            judge.take(at, entry)?;
        }
        judge.judge_order()?;
        Ok(judge)
    }

    /// What holds of rooms at any moment.
    pub fn judge_rooms(&self) -> Verdict {
        self.judge_of_rooms().map(drop)
    }

    /// The same when nothing is on its way any more: whoever was told to be in a room is in it, and the other way
    /// round; everybody in it has heard the same last thing; every request is answered.
    pub fn judge_rooms_at_rest(
        &self,
        playing: &[PlayerId],
        members: &[(PlayerId, CohortId, MemberId)],
    ) -> Verdict {
        let judge = self.judge_of_rooms()?;
        let at = self.now;
        let mut last: BTreeMap<CohortId, (PlayerId, Option<&Thing>)> = BTreeMap::new();
        for player in playing {
            let inside = judge.inside.get(player).map(|line| (line.room, line.me));
            let of_player = members.iter().filter(|(who, ..)| who == player);
            let held: Vec<_> = of_player.map(|(_, room, member)| (*room, *member)).collect();
            if held != inside.into_iter().collect::<Vec<_>>() {
                return broken(7, at, format!("{player:?} was told to be in {inside:?}, and is in {held:?}"));
            }
            let Some(line) = judge.inside.get(player) else { continue };
            let (other, heard) = *last.entry(line.room).or_insert((*player, line.things.last()));
            let comparable = heard.is_some() && line.things.last().is_some();
            if comparable && heard != line.things.last() {
                let text = format!(
                    "{player:?} heard {:?} last in {}, and {other:?} {heard:?}",
                    line.things.last(),
                    line.room
                );
                return broken(2, at, text);
            }
            let unhurt = self.durable
                || !(judge.restarted.contains(player) || judge.rooms_restarted.contains(&line.room));
            let said = |number: &&u64| line.things.contains(&Thing::Said(*player, **number));
            if unhurt && let Some(unheard) = line.said.iter().find(|number| !said(number)) {
                return broken(2, at, format!("what {player:?} said, {unheard}, was never heard"));
            }
        }
        let unanswered = judge.asked.iter().find(|(key, _)| {
            let counts = playing.contains(&key.0) && (self.durable || !judge.restarted.contains(&key.0));
            counts && !judge.answered.contains(key)
        });
        match unanswered {
            Some(((player, request), asked_at)) => {
                broken(5, *asked_at, format!("{player:?}: request {request} about rooms was never answered"))
            }
            None => Ok(()),
        }
    }

    /// How often the player heard something like this of rooms.
    pub fn heard(&self, player: PlayerId, like: impl Fn(&RoomSeen) -> bool) -> usize {
        let heard = |entry: &&Entry| matches!(entry, Entry::Room(who, seen) if *who == player && like(seen));
        self.entries.iter().filter(heard).count()
    }

    /// Whether a player has ever asked this of rooms.
    pub fn has_asked(&self, player: PlayerId, like: impl Fn(&RoomRequest) -> bool) -> bool {
        self.entries.iter().any(
            |entry| matches!(entry, Entry::RoomAsked(who, _, request) if *who == player && like(request)),
        )
    }
}
