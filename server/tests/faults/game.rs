//! The game of the tests: counts in both directions, in user data, so that whatever a session is served from says
//! how far it is. It tells the test everything that it is handed.

use crate::said::{Began, Said};
use std::time::Duration;
use sterna::protocol::application::{Application, Context, Lost};
use sterna::protocol::ids::SessionId;
use sterna::protocol::limits::COPY_AHEAD_BYTES;
use sterna::protocol::reasons::{CloseReason, ReplyStatus};
use sterna::protocol::snapshot::Origin;
use sterna::protocol::wire::{Kind, Message, Value};
use sterna::sys::boot_micros;

/// Version of the messages.
pub(crate) const VERSION: u8 = 2;
/// From the client: a number, one more each time. Answered by a push.
pub(crate) const SAY: u16 = 1;
/// To the client: a number, one more each time; now and then, and for every `SAY`.
pub(crate) const PUSH: u16 = 2;
/// A request: push nothing more by yourself. Answered by how many numbers have been heard, and pushed.
pub(crate) const HUSH: u16 = 3;

const PUSH_EVERY: Duration = Duration::from_millis(20);

/// Users whose name begins so have much user data.
pub(crate) const LARGE: &str = "large";

/// Users whose name begins so are pushed nothing but answers: with many of them the test would be about load.
pub(crate) const QUIET: &str = "quiet";

const HEARD: &str = "heard";
const PUSHED: &str = "pushed";
const HUSHED: &str = "hushed";

pub(crate) struct Counting;

fn count(session: &Context<'_>, key: &str) -> u64 {
    match session.get(key) {
        Some(Value::Integer(count)) => count.unsigned_abs(),
        _ => 0,
    }
}

fn set(session: &mut Context<'_>, key: &str, count: u64) {
    session.set(key, Value::Integer(count as i64)).expect("two numbers fit");
}

fn push(session: &mut Context<'_>) {
    let number = count(session, PUSHED);
    // Who does not keep up misses no number: the next push is the same one.
    if session.send(VERSION, PUSH, &number.to_be_bytes()).is_ok() {
        set(session, PUSHED, number + 1);
    }
}

fn began(session: &Context<'_>, how: Began) {
    Said::Began { at_us: boot_micros(), session: session.session().0, how }.tell();
}

impl Application for Counting {
    fn connected(&self, session: &mut Context<'_>) {
        began(session, Began::Connected);
        if session.user().starts_with(LARGE) {
            // Too large to be carried by the baton while play stands still.
            session.set("large", Value::Bytes(vec![7; COPY_AHEAD_BYTES + 1024])).expect("as configured");
        }
        if !session.user().starts_with(QUIET) {
            session.set_timer(PUSH_EVERY);
        }
    }

    fn moved_in(&self, session: &mut Context<'_>) {
        began(session, Began::MovedIn);
    }

    fn took_over(&self, session: &mut Context<'_>, _: Origin) {
        began(session, Began::TookOver);
    }

    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        match (message.cmd, message.kind) {
            (SAY, Kind::Plain) => {
                let got = message.payload.try_into().map(u64::from_be_bytes).expect("a number");
                let expected = count(session, HEARD);
                let session_id = session.session().0;
                Said::Handled { at_us: boot_micros(), session: session_id, number: got }.tell();
                if got != expected {
                    Said::Disorder { expected, got }.tell();
                }
                set(session, HEARD, got + 1);
                push(session);
            }
            (HUSH, Kind::Request(_)) => {
                set(session, HUSHED, 1);
                let counts = [count(session, HEARD), count(session, PUSHED)].map(u64::to_be_bytes).concat();
                session.reply(message, ReplyStatus::Ok, &counts).expect("there is room for one answer");
            }
            other => panic!("no message of the tests: {other:?}"),
        }
    }

    fn timer(&self, session: &mut Context<'_>) {
        if count(session, HUSHED) == 0 {
            push(session);
            session.set_timer(PUSH_EVERY);
        }
    }

    fn lost(&self, session: &mut Context<'_>, lost: &Lost) {
        let (up, down) = (&lost.uplink, &lost.downlink);
        let session_id = session.session().0;
        Said::Lost { session: session_id, uplink: (up.start, up.end), downlink: (down.start, down.end) }
            .tell();
        // Only numbers travel on the uplink before the test asks for the counts.
        let heard = count(session, HEARD);
        set(session, HEARD, heard.max(up.end));
    }

    fn moved_out(&self, _: &str, session: SessionId) {
        Said::LetGo { session: session.0 }.tell();
    }

    fn disconnected(&self, session: &mut Context<'_>, reason: CloseReason) {
        Said::Ended { session: session.session().0, reason: reason.to_string() }.tell();
    }
}
