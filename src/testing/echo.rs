//! The game that the test cluster runs: echoes numbered messages, pushes by its timer, keeps user data.

use super::PlayerId;
use super::history::{Entry, History};
use crate::protocol::application::{Application, Context};
use crate::protocol::ids::NodeId;
use crate::protocol::reasons::ReplyStatus;
use crate::protocol::sequence::Full;
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
/// Enters its payload into the ledger: user data that shows every message processed, and their order.
pub const BOOK: u16 = 5;
/// Calls the timer once; the payload's second number is when, in microseconds.
pub const REMIND: u16 = 6;
/// A push of the timer.
pub const TICK: u16 = 7;

/// A float whose bits say more than its value: a NaN with a payload.
pub const ODD_FLOAT: u64 = 0xfff8_dead_beef_0001;

/// The application of one node.
#[derive(Debug)]
pub struct Echo {
    pub(super) node: NodeId,
    pub(super) history: Arc<Mutex<History>>,
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

impl Echo {
    /// Sends the next numbered message, if there is room.
    fn push(
        &self,
        context: &mut Context<'_>,
        bytes: usize,
        send: impl FnOnce(&mut Context<'_>, &[u8]) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let number = counter(context, "pushed");
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(counter(context, "ledger").to_be_bytes());
        payload.resize(bytes.max(16), 0);
        send(context, &payload)?;
        count(context, "pushed", number + 1);
        let entry = Entry::Pushed(player(context), self.node, context.session(), number);
        self.history.lock().push(entry);
        Ok(())
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
}

impl Application for Echo {
    fn message(&self, context: &mut Context<'_>, message: &Message<'_>) {
        let number = number_at(message.payload, 0);
        let entry = Entry::Processed(player(context), self.node, context.session(), number);
        self.history.lock().push(entry);
        match message.cmd {
            PUSH_EVERY => {
                count(context, "push_every_us", number_at(message.payload, 1));
                Self::arm(context);
            }
            REMIND => context.set_timer(Duration::from_micros(number_at(message.payload, 1))),
            STORE => Self::store(context),
            BOOK => Self::book(context, message.payload),
            _ => {}
        }
        let answered = self.push(context, message.payload.len(), |context, payload| match message.kind {
            Kind::Request(_) => context.reply(message, ReplyStatus::Ok, payload),
            Kind::Plain | Kind::Reply(..) => context.send(VER, PUSH, payload),
        });
        answered.expect("within `message` there is always room for one answer");
    }

    fn timer(&self, context: &mut Context<'_>) {
        // A client that does not read stops the pushes, not the timer.
        let _ = self.push(context, 64, |context, payload| context.send(VER, TICK, payload));
        Self::arm(context);
    }
}
