//! A player's part in a room: is in it, or out of it, as is wanted, asks again until that is so, talks, and keeps
//! everything that is heard.

use crate::game::VERSION;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use sterna::client::room::{Audience, RoomEvent};
use sterna::client::{Client, Status};
use sterna::protocol::ids::CohortId;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};

/// To the room: a number, one more each time.
const SAY: u16 = 9;

/// Before something is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Longer than anything takes.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To be alone.
    #[default]
    Alone,
    /// To own a new room of so many.
    Own(u32),
    /// To be in this room.
    In(CohortId),
}

#[derive(Debug, Default)]
pub(crate) struct Member {
    pub(crate) wish: Wish,
    /// The room that it is in.
    pub(crate) room: Option<CohortId>,
    /// Between two messages to the room; `None`: it is silent.
    pub(crate) says_every: Option<Duration>,
    /// How many numbers it has said to the room.
    pub(crate) said: u64,
    /// Who said which number, in order, for each generation of its session.
    pub(crate) heard: Vec<Vec<(String, u64)>>,
    /// How its memberships ended.
    pub(crate) exits: Vec<Status>,
    /// Who was said to have left, and why.
    pub(crate) left: Vec<(String, Status)>,
    /// How what it asked for was refused.
    pub(crate) refusals: Vec<Status>,
    /// How often the room was said to have moved.
    pub(crate) moves: u32,
    asked: Option<u64>,
    ask_at: Option<Instant>,
    say_at: Option<Instant>,
    /// It owns the room, and its node goes offline.
    migrates: bool,
    /// Who is in the room, as far as it was told.
    pub(crate) others: usize,
}

impl Member {
    /// One frame of the game.
    pub(crate) fn play(&mut self, client: &Client, now: Instant) {
        if self.asked.is_none() && self.ask_at.is_none_or(|at| at <= now) {
            self.ask(client);
        }
        let Some(every) = self.says_every else { return };
        // Whoever is about to leave says nothing more, so that it is known what is still heard.
        if self.wants_in() && self.room.is_some() && self.say_at.is_none_or(|at| at <= now) {
            self.say_at = Some(now + every);
            self.say(client);
        }
    }

    /// Says the next number; a queue that is full is tried again later.
    pub(crate) fn say(&mut self, client: &Client) -> bool {
        let number = self.said.to_be_bytes();
        let taken = client.send_to_room(Audience::All, VERSION, SAY, &number).is_ok();
        self.said += u64::from(taken);
        taken
    }

    fn wants_in(&self) -> bool {
        self.wish != Wish::Alone
    }

    fn ask(&mut self, client: &Client) {
        let request = match (&self.wish, self.room) {
            (Wish::Alone, Some(_)) => RoomRequest::Leave,
            (Wish::Own(members_max), None) => {
                let options = RoomOptions { members_max: *members_max, ..RoomOptions::default() };
                RoomRequest::Create { options }
            }
            (Wish::In(room), None) => RoomRequest::Join { room: *room },
            (Wish::Own(_) | Wish::In(_), Some(_)) if self.migrates => RoomRequest::Migrate,
            (Wish::Alone, None) | (Wish::Own(_) | Wish::In(_), Some(_)) => return,
        };
        self.asked = client.ask_of_rooms(&request, Some(ANSWER_MAX)).ok();
        self.migrates &= self.asked.is_none() || request != RoomRequest::Migrate;
        self.ask_at = Some(Instant::now() + ASK_AGAIN_AFTER);
    }

    /// The room's node goes offline: who owns the room moves it.
    pub(crate) fn on_offline(&mut self) {
        self.migrates = matches!(self.wish, Wish::Own(_));
    }

    pub(crate) fn on_take_over(&mut self) {
        self.heard.resize(self.heard.len().max(1) + 1, Vec::new());
    }

    /// What has come; true: a message, which is not worth a line of history.
    pub(crate) fn on_event(&mut self, event: RoomEvent, bytes: &[u8]) -> bool {
        let user = || String::from_utf8_lossy(bytes).into_owned();
        match event {
            RoomEvent::Message { cmd: SAY, .. } => {
                let (user, number) = event.split(bytes);
                let number = number.try_into().map(u64::from_be_bytes).expect("a number");
                let user = String::from_utf8_lossy(user).into_owned();
                if self.heard.is_empty() {
                    self.heard.push(Vec::new());
                }
                self.heard.last_mut().expect("there is one").push((user, number));
                return true;
            }
            RoomEvent::Entered { room, .. } => self.room = Some(room),
            RoomEvent::Exited { status, .. } => {
                self.room = None;
                self.exits.push(status);
            }
            RoomEvent::MemberLeft { status, .. } => {
                self.others = self.others.saturating_sub(1); // some were there already
                self.left.push((user(), status));
            }
            RoomEvent::Result { request, status, .. } => {
                if self.asked == Some(request) {
                    self.asked = None;
                }
                if status != Status::Ok {
                    self.refusals.push(status);
                }
                // Else it has moved, or has been taken over to where there is no reason to. (`Offline` may have come
                // before this answer, and once more.)
                self.migrates |= status == Status::RoomMoveFailed;
            }
            RoomEvent::MemberJoined { .. } => self.others += 1,
            RoomEvent::Migrated { .. } => self.moves += 1,
            RoomEvent::Message { .. }
            | RoomEvent::OwnerChanged { .. }
            | RoomEvent::Property { .. }
            | RoomEvent::Sync { .. }
            | RoomEvent::Refreshed { .. } => {}
        }
        false
    }

    /// Whether everything is as it is wanted.
    pub(crate) fn is_content(&self) -> bool {
        self.wants_in() == self.room.is_some() && self.asked.is_none() && !self.migrates
    }

    /// Whether it has heard this number of this user.
    pub(crate) fn has_heard(&self, user: &str, number: u64) -> bool {
        self.heard.iter().flatten().rev().any(|(from, heard)| from == user && *heard == number)
    }

    pub(crate) fn tell(&self) -> String {
        let mut text = String::new();
        let heard: usize = self.heard.iter().map(Vec::len).sum();
        let Self { wish, room, said, exits, left, refusals, asked, .. } = self;
        let _ = writeln!(
            text,
            "wants {wish:?}, in {room:?}, said {said}, heard {heard}, exits {exits:?}, left {left:?}, refusals {refusals:?}, waits for {asked:?}"
        );
        text
    }
}
