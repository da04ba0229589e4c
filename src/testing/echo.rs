//! The game that the test cluster runs: echoes numbered messages, pushes by its timer, keeps user data. In
//! the user's data it also notes how far it is in both directions, so that after a crash it knows, and tells
//! the history, what it has gone on from.

use super::PlayerId;
use super::history::{Entry, History, Lineage, Restarted};
use crate::protocol::application::{Application, Context, Lost, RoomContext};
use crate::protocol::ids::{Epoch, MemberId, NodeId};
use crate::protocol::reasons::ReplyStatus;
use crate::protocol::room::{GameError, RoomGame};
use crate::protocol::sequence::Full;
use crate::protocol::snapshot::Origin;
use crate::protocol::wire::{Kind, Message, Value};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Version of the test game's messages.
pub const VER: u8 = 2;
/// Is echoed.
pub const ECHO: u16 = 1;
/// Begins to push by timer; the payload's second number is the pause in microseconds, zero to stop.
pub const PUSH_EVERY: u16 = 2;
/// Stores one value of each kind.
pub const STORE: u16 = 3;
/// Carries a downlink number, and what the ledger stood at.
pub const PUSH: u16 = 4;
/// Comes unreliably, and is answered in the same way.
pub const FLEETING: u16 = 5;
/// Stores so much that it is copied ahead of a baton.
pub const STORE_LARGE: u16 = 6;
/// Enters its payload into the ledger: user data that shows every message processed, and their order.
pub const BOOK: u16 = 7;
/// Calls the timer once; the payload's second number is when, in microseconds.
pub const REMIND: u16 = 8;
/// A push of the timer.
pub const TICK: u16 = 9;

/// More than travels with a baton.
const LARGE_BYTES: usize = crate::protocol::limits::COPY_AHEAD_BYTES + 1000;

/// Of a long value so many bytes are looked at.
const LOOKED_AT: usize = 64;

/// A float whose bits say more than its value: a NaN with a payload.
pub const ODD_FLOAT: u64 = 0xfff8_dead_beef_0001;

/// The application of one node.
#[derive(Debug)]
pub struct Echo {
    pub(super) node: NodeId,
    pub(super) history: Arc<Mutex<History>>,
    /// Whether it can go on from the state of a room's game that comes from elsewhere.
    pub(super) knows_games: bool,
}

/// The numbers that a payload begins with.
pub(super) fn number_at(payload: &[u8], index: usize) -> u64 {
    let bytes = payload.get(index * 8..index * 8 + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_be_bytes)
}

/// `sum` with these bytes folded in; tells their order (FNV-1a).
pub(super) fn digest(sum: u64, bytes: &[u8]) -> u64 {
    let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(sum ^ 0xcbf2_9ce4_8422_2325, fold)
}

fn player(context: &Context<'_>) -> PlayerId {
    PlayerId(context.user().parse().expect("the test cluster's users are numbers"))
}

fn counter(context: &Context<'_>, key: &str) -> u64 {
    match context.get(key) {
        Some(Value::Integer(value)) => *value as u64,
        _ => 0,
    }
}

fn count(context: &mut Context<'_>, key: &str, value: u64) {
    context.set(key, Value::Integer(value as i64)).expect("the limit is far off");
}

fn lineage(context: &Context<'_>) -> Lineage {
    Lineage(counter(context, "lineage"))
}

/// Stands for everything that is stored for the user (FNV-1a).
fn fingerprint(context: &Context<'_>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes.iter().step_by(bytes.len() / LOOKED_AT + 1) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ bytes.len() as u64).wrapping_mul(0x0100_0000_01b3);
    };
    for (key, value) in context.list() {
        take(key.as_bytes());
        match value {
            Value::Integer(value) => take(&value.to_be_bytes()),
            Value::Float(value) => take(&value.to_bits().to_be_bytes()),
            Value::Text(text) => take(text.as_bytes()),
            Value::Bytes(bytes) => take(bytes),
        }
    }
    hash
}

impl Echo {
    /// Sends the next numbered message, if there is room.
    fn push(
        &self,
        context: &mut Context<'_>,
        bytes: usize,
        answers: Option<u64>,
        send: impl FnOnce(&mut Context<'_>, &[u8]) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let number = counter(context, "pushed");
        let lineage = lineage(context);
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(lineage.0.to_be_bytes());
        payload.extend(counter(context, "ledger").to_be_bytes());
        payload.resize(bytes.max(24), 0);
        send(context, &payload)?;
        count(context, "pushed", number + 1);
        let entry = Entry::Pushed(player(context), self.node, context.session(), lineage, answers, number);
        self.history.lock().push(entry);
        Ok(())
    }

    /// What comes unreliably is answered unreliably.
    fn fleeting(&self, context: &mut Context<'_>, message: &Message<'_>) {
        let (number, epoch) = (number_at(message.payload, 0), Epoch(number_at(message.payload, 1)));
        let (player, session) = (player(context), context.session());
        let (answer, stay) = {
            let mut history = self.history.lock();
            history.push(Entry::CaughtUp(player, session, epoch, number));
            (history.next_fleeting(), history.stay(self.node, session))
        };
        let mut payload = answer.to_be_bytes().to_vec();
        payload.extend(stay.to_be_bytes());
        // Whether there is room for it does not matter: it may be lost.
        let _ = context.send_unreliable(VER, FLEETING, &payload);
    }

    fn store(context: &mut Context<'_>) {
        let values = [
            ("integer", Value::Integer(i64::MIN)),
            ("float", Value::Float(f64::from_bits(ODD_FLOAT))),
            ("text", Value::Text("zażółć \u{1f426}".into())),
            ("bytes", Value::Bytes((0..=255).collect())),
        ];
        for (key, value) in values {
            context.set(key, value).expect("the limit is far off");
        }
    }

    fn store_large(context: &mut Context<'_>) {
        let fill = counter(context, "pushed") as u8;
        context.set("large", Value::Bytes(vec![fill; LARGE_BYTES])).expect("the limit is far off");
    }

    /// What becomes of the data depends on all that was entered before.
    fn book(context: &mut Context<'_>, entry: &[u8]) {
        let sum = digest(counter(context, "ledger"), entry);
        count(context, "ledger", sum);
        let key = format!("page {}", sum >> 8 & 7);
        let value = match sum & 3 {
            0 => return drop(context.delete(&key)),
            1 => Value::Float(f64::from_bits(sum)),
            2 => Value::Text(format!("{sum:x}")),
            _ => Value::Bytes(entry.to_vec()),
        };
        context.set(&key, value).expect("the limit is far off");
    }

    fn arm(context: &mut Context<'_>) {
        match counter(context, "push_every_us") {
            0 => {}
            pause => context.set_timer(Duration::from_micros(pause)),
        }
    }

    /// Notes what is stored now: a move must not change it.
    fn note(&self, context: &Context<'_>) {
        self.history.lock().kept(context.session(), fingerprint(context));
    }
}

impl Application for Echo {
    fn connected(&self, context: &mut Context<'_>) {
        self.history.lock().begin_stay(self.node, context.session());
        self.note(context);
    }

    fn message(&self, context: &mut Context<'_>, message: &Message<'_>) {
        if message.cmd == FLEETING {
            return self.fleeting(context, message);
        }
        let number = number_at(message.payload, 0);
        count(context, "up_next", number + 1);
        let entry = Entry::Processed(player(context), self.node, context.session(), lineage(context), number);
        self.history.lock().push(entry);
        match message.cmd {
            PUSH_EVERY => {
                count(context, "push_every_us", number_at(message.payload, 1));
                Self::arm(context);
            }
            REMIND => context.set_timer(Duration::from_micros(number_at(message.payload, 1))),
            STORE => Self::store(context),
            STORE_LARGE => Self::store_large(context),
            BOOK => Self::book(context, message.payload),
            _ => {}
        }
        let answers = match message.kind {
            Kind::Request(request) => Some(request),
            Kind::Plain | Kind::Reply(..) => None,
        };
        let answered = self.push(context, message.payload.len(), answers, |context, payload| match answers {
            Some(_) => context.reply(message, ReplyStatus::Ok, payload),
            None => context.send(VER, PUSH, payload),
        });
        answered.expect("within `message` there is always room for one answer");
        self.note(context);
    }

    fn timer(&self, context: &mut Context<'_>) {
        // A client that does not read stops the pushes, not the timer.
        let _ = self.push(context, 64, None, |context, payload| context.send(VER, TICK, payload));
        Self::arm(context);
        self.note(context);
    }

    fn moved_in(&self, context: &mut Context<'_>) {
        let mut history = self.history.lock();
        history.begin_stay(self.node, context.session());
        history.arrived(context.session(), self.node, fingerprint(context));
    }

    fn room_created(&self, room: &mut RoomContext<'_>) {
        self.begin_room(room);
    }

    fn room_joined(&self, room: &mut RoomContext<'_>, member: MemberId) {
        self.greet_member(room, member);
    }

    fn room_timer(&self, room: &mut RoomContext<'_>) {
        self.tick_room(room);
    }

    fn room_moved_in(&self, room: &mut RoomContext<'_>) {
        self.note_arrival(room);
    }

    fn room_took_over(&self, room: &mut RoomContext<'_>, _: Origin) {
        self.note_restart(room);
    }

    fn restore_room(&self, snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        if !self.knows_games {
            return Err(GameError { reason: "it was not taught to".into() });
        }
        Self::wake_tally(snapshot)
    }

    fn lost(&self, context: &mut Context<'_>, lost: &Lost) {
        let entry = Entry::GameTold(player(context), lineage(context), lost.uplink.clone());
        self.history.lock().push(entry);
        // It has taken note of that, and whoever goes on from here has, too.
        if !lost.uplink.is_empty() {
            count(context, "up_next", lost.uplink.end);
            self.note(context);
        }
    }

    fn took_over(&self, context: &mut Context<'_>, _: Origin) {
        let session = context.session();
        let fingerprint = fingerprint(context);
        let new = {
            let mut history = self.history.lock();
            history.begin_stay(self.node, session);
            let new = history.next_lineage();
            let restarted = Restarted {
                player: player(context),
                node: self.node,
                lineage: new,
                parent: lineage(context),
                pushed: counter(context, "pushed"),
                up_next: counter(context, "up_next"),
                known: history.was_kept(session, fingerprint),
            };
            history.push(Entry::Restarted(restarted));
            new
        };
        count(context, "lineage", new.0);
        self.note(context);
    }
}
