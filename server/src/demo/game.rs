//! The application of the demonstration: echoes, pushes, and reports what it saw.
//!
//! All that it has to remember is user data, so that it survives the move: the number of its next message,
//! and when the next push is due. What it saw goes to the [`History`], which takes no part in the game.
//!
//! Numbers are 8 bytes, big-endian. `--sabotage` breaks a promise here, behind the library's back.

use super::belongings;
use super::history::{History, Seen};
use super::rooms::table;
use crate::cli::Sabotage;
use parking_lot::MutexGuard;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sterna::protocol::application::{Application, Context, RoomContext};
use sterna::protocol::ids::MemberId;
use sterna::protocol::reasons::ReplyStatus;
use sterna::protocol::room::{GameError, RoomGame};
use sterna::protocol::sequence::Full;
use sterna::protocol::snapshot::Origin;
use sterna::protocol::wire::{Message, Value};

/// Version of the message format.
pub(super) const VERSION: u8 = 2;
/// To the node: a number, to be echoed.
pub(super) const UP: u16 = 1;
/// To the player: the number of this message, and the number that is echoed.
pub(super) const ECHO: u16 = 2;
/// To the player: the number of this message.
pub(super) const PUSH: u16 = 3;
/// To the node: period and first delay of pushes, in microseconds.
pub(super) const PLAY: u16 = 4;
/// Request: no pushes any more; the reply is the last message.
pub(super) const LEAVE: u16 = 5;
/// Request: the player's belongings.
pub(super) const BELONGINGS: u16 = 6;

const SENT: &str = "game.sent";
const PERIOD_US: &str = "game.period_us";
const DUE_US: &str = "game.due_us";

/// Which number the saboteur waits for: late enough that play is under way, early enough for a slow rate.
const SABOTAGED_NUMBER: u64 = 3;

/// How soon a push that did not fit is tried again.
const PUSH_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The application.
pub(super) struct Game {
    history: Arc<History>,
    sabotage: Option<Sabotage>,
    sabotaged: AtomicBool,
}

impl Game {
    pub(super) fn new(history: Arc<History>, sabotage: Option<Sabotage>) -> Self {
        Self { history, sabotage, sabotaged: AtomicBool::new(false) }
    }

    fn seen(&self, session: &Context<'_>) -> Option<MutexGuard<'_, Seen>> {
        Some(self.history.seen(self.history.player(session.user())?))
    }

    /// Whether this promise is to be broken now; once.
    fn sabotages(&self, promise: Sabotage) -> bool {
        self.sabotage == Some(promise) && !self.sabotaged.swap(true, Ordering::Relaxed)
    }

    fn on_up(&self, session: &mut Context<'_>, payload: &[u8]) {
        let Some(number) = number(payload) else { return };
        let Some(mut seen) = self.seen(session) else { return };
        seen.up.count(number);
        // There is always room for one answer.
        if number == SABOTAGED_NUMBER && self.sabotages(Sabotage::Drop) {
            advance(session, &mut seen);
        } else if number == SABOTAGED_NUMBER && self.sabotages(Sabotage::Duplicate) {
            let _ = echo(session, sent(session), number);
            let _ = echo(session, sent(session), number);
            advance(session, &mut seen);
        } else if number == SABOTAGED_NUMBER && self.sabotages(Sabotage::Reorder) {
            let earlier = sent(session);
            let _ = echo(session, earlier + 1, number);
            let _ = session.send(VERSION, PUSH, &earlier.to_be_bytes());
            advance(session, &mut seen);
            advance(session, &mut seen);
        } else if echo(session, sent(session), number).is_ok() {
            advance(session, &mut seen);
        }
    }

    fn on_play(&self, session: &mut Context<'_>, payload: &[u8]) {
        let (Some(period_us), Some(delay_us)) =
            (payload.get(..8).and_then(number), payload.get(8..).and_then(number))
        else {
            return;
        };
        set_number(session, PERIOD_US, period_us);
        set_number(session, DUE_US, self.history.micros() + delay_us);
        session.set_timer(Duration::from_micros(delay_us));
    }

    fn leave(&self, session: &mut Context<'_>, request: &Message<'_>) {
        session.delete(PERIOD_US);
        let _ = session.reply(request, ReplyStatus::Ok, &sent(session).to_be_bytes());
    }
}

impl Application for Game {
    fn connected(&self, session: &mut Context<'_>) {
        let Some(player) = self.history.player(session.user()) else { return };
        let given = belongings::give(session, player);
        let mut seen = self.history.seen(player);
        seen.session = Some(session.session());
        seen.damaged += u64::from(given.is_err());
    }

    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        match (message.ver, message.cmd) {
            (VERSION, UP) => self.on_up(session, message.payload),
            (VERSION, PLAY) => self.on_play(session, message.payload),
            (VERSION, LEAVE) => self.leave(session, message),
            (VERSION, BELONGINGS) => {
                let _ = session.reply(message, ReplyStatus::Ok, &belongings::found(session));
            }
            _ => {
                let _ = session.reply(message, ReplyStatus::BadRequest, b"no such command");
            }
        }
    }

    fn timer(&self, session: &mut Context<'_>) {
        let Some(period_us) = get_number(session, PERIOD_US).filter(|period| *period > 0) else { return };
        let Some(mut due_us) = get_number(session, DUE_US) else { return };
        let Some(mut seen) = self.seen(session) else { return };
        let now_us = self.history.micros();
        // Due times lie on a grid, so that pushes keep their rate however late a timer is.
        while due_us <= now_us {
            if session.send(VERSION, PUSH, &sent(session).to_be_bytes()).is_err() {
                session.set_timer(PUSH_AGAIN_AFTER);
                return;
            }
            advance(session, &mut seen);
            due_us += period_us;
            set_number(session, DUE_US, due_us);
        }
        session.set_timer(Duration::from_micros(due_us - now_us));
    }

    fn moved_in(&self, session: &mut Context<'_>) {
        let Some(player) = self.history.player(session.user()) else { return };
        if self.sabotages(Sabotage::Corrupt)
            && let Some(Value::Bytes(mut bytes)) = session.get(belongings::BYTES_KEY).cloned()
            && let Some(byte) = bytes.first_mut()
        {
            *byte ^= 1;
            let _ = session.set(belongings::BYTES_KEY, Value::Bytes(bytes));
        }
        let intact = belongings::found(session) == belongings::expected(player);
        let mut seen = self.history.seen(player);
        seen.arrivals += 1;
        seen.damaged += u64::from(!intact);
        seen.renamed += u64::from(seen.session != Some(session.session()));
    }

    fn room_created(&self, room: &mut RoomContext<'_>) {
        table::set(&self.history, room);
    }

    fn room_joined(&self, room: &mut RoomContext<'_>, member: MemberId) {
        table::seat(&self.history, room, member);
    }

    fn room_timer(&self, room: &mut RoomContext<'_>) {
        table::tick(&self.history, room);
    }

    fn room_moved_in(&self, room: &mut RoomContext<'_>) {
        let damages = self.sabotage == Some(Sabotage::Corrupt);
        table::check(&self.history, room, damages);
    }

    fn room_took_over(&self, room: &mut RoomContext<'_>, _: Origin) {
        table::took_over(&self.history, room.id());
    }

    fn restore_room(&self, snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        table::restore(snapshot)
    }

    fn took_over(&self, session: &mut Context<'_>, _: Origin) {
        if let Some(mut seen) = self.seen(session) {
            seen.took_over += 1;
        }
    }
}

fn echo(session: &mut Context<'_>, own: u64, echoed: u64) -> Result<(), Full> {
    let mut payload = [0; 16];
    payload[..8].copy_from_slice(&own.to_be_bytes());
    payload[8..].copy_from_slice(&echoed.to_be_bytes());
    session.send(VERSION, ECHO, &payload)
}

/// The number of the next message to the player.
fn sent(session: &Context<'_>) -> u64 {
    get_number(session, SENT).unwrap_or(0)
}

/// A message counts as sent: in the user's data, which moves, and in the history, which does not.
fn advance(session: &mut Context<'_>, seen: &mut Seen) {
    let next = sent(session) + 1;
    set_number(session, SENT, next);
    seen.sent_down += 1;
}

/// The number that a message consists of.
pub(super) fn number(payload: &[u8]) -> Option<u64> {
    payload.try_into().ok().map(u64::from_be_bytes)
}

fn get_number(session: &Context<'_>, key: &str) -> Option<u64> {
    match session.get(key)? {
        Value::Integer(number) => Some(number.cast_unsigned()),
        Value::Float(_) | Value::Text(_) | Value::Bytes(_) => None,
    }
}

/// The belongings and three numbers are far below the limit of user data.
fn set_number(session: &mut Context<'_>, key: &str, number: u64) {
    let _ = session.set(key, Value::Integer(number.cast_signed()));
}
