//! The application that `sterna serve` runs: echo, user data, and a periodic push. Enough to try a client
//! against, and an example of how an [`Application`] is written.
//!
//! Version 2 of the message format; payloads are big-endian.
//!
//! | cmd | payload | answer |
//! |---|---|---|
//! | 1 echo | anything | the same bytes: a push for a message, a reply for a request |
//! | 2 get | key | value; empty if there is none |
//! | 3 set | key length (1 byte), key, value | empty |
//! | 4 delete | key | the value it had |
//! | 5 list | | for each entry: key length (1 byte), key, value length (4 bytes), value |
//! | 6 push | period in milliseconds (4 bytes), 0 to stop | empty; then pushes of cmd 6 with a counter (8 bytes) |
//! | 7 count | anything | how many of these the session has had before (8 bytes), then the same bytes: a push for a message, a reply for a request |
//!
//! A value is a type byte and its bytes: 1 integer (8 bytes), 2 float (8 bytes, IEEE 754), 3 text, 4 bytes.

use std::time::Duration;
use sterna::protocol::application::{Application, Context};
use sterna::protocol::reasons::ReplyStatus;
use sterna::protocol::wire::{Kind, Message, Value};

/// Version of the message format.
pub const VERSION: u8 = 2;
/// Answers with the same bytes.
pub const ECHO: u16 = 1;
/// Reads a value of the user's data.
pub const GET: u16 = 2;
/// Stores a value of the user's data.
pub const SET: u16 = 3;
/// Deletes a value of the user's data.
pub const DELETE: u16 = 4;
/// Lists the user's data.
pub const LIST: u16 = 5;
/// Begins, or stops, a periodic push.
pub const PUSH: u16 = 6;
/// Answers with the same bytes, and with how many of these there were before.
pub const COUNT: u16 = 7;

const PUSH_PERIOD: &str = "sterna.push.period_ms";
const PUSH_COUNT: &str = "sterna.push.count";
const COUNTED: &str = "sterna.counted";

/// Echo, user data, periodic push.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

/// Why a request is refused.
struct BadRequest(&'static str);

impl Application for Builtin {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        let answer = match (message.ver, message.cmd) {
            (VERSION, ECHO) => return echo(session, message, message.payload),
            (VERSION, COUNT) => return count(session, message),
            (VERSION, GET) => get(session, message.payload),
            (VERSION, SET) => set(session, message.payload),
            (VERSION, DELETE) => delete(session, message.payload),
            (VERSION, LIST) => Ok(list(session)),
            (VERSION, PUSH) => push(session, message.payload),
            _ => Err(BadRequest("no such command")),
        };
        // There is always room for one answer; to a message that is not a request this sends nothing.
        let _ = match answer {
            Ok(payload) => session.reply(message, ReplyStatus::Ok, &payload),
            Err(BadRequest(text)) => session.reply(message, ReplyStatus::BadRequest, text.as_bytes()),
        };
    }

    fn timer(&self, session: &mut Context<'_>) {
        let Some(Value::Integer(period_ms)) = session.get(PUSH_PERIOD).cloned() else { return };
        let count = number(session, PUSH_COUNT);
        // A client that does not keep up misses no number: the push that does not fit is tried again.
        if session.send(VERSION, PUSH, &count.to_be_bytes()).is_ok() {
            let _ = session.set(PUSH_COUNT, Value::Integer(count + 1));
        }
        session.set_timer(Duration::from_millis(period_ms.unsigned_abs()));
    }
}

fn number(session: &Context<'_>, key: &str) -> i64 {
    match session.get(key) {
        Some(Value::Integer(number)) => *number,
        Some(_) | None => 0,
    }
}

fn echo(session: &mut Context<'_>, message: &Message<'_>, payload: &[u8]) {
    let _ = match message.kind {
        Kind::Request(_) => session.reply(message, ReplyStatus::Ok, payload),
        Kind::Plain | Kind::Reply(..) => session.send(VERSION, message.cmd, payload),
    };
}

/// Whoever reads the logs of all nodes sees which of them had which message, and when.
fn count(session: &mut Context<'_>, message: &Message<'_>) {
    let before = number(session, COUNTED);
    tracing::trace!(session = %session.session(), count = before, "counts a message");
    // Where user data has no room for one number nothing is counted, and the answer says so.
    let _ = session.set(COUNTED, Value::Integer(before + 1));
    echo(session, message, &[&before.to_be_bytes(), message.payload].concat());
}

fn key(bytes: &[u8]) -> Result<&str, BadRequest> {
    std::str::from_utf8(bytes).map_err(|_| BadRequest("the key is not UTF-8"))
}

fn get(session: &Context<'_>, payload: &[u8]) -> Result<Vec<u8>, BadRequest> {
    Ok(session.get(key(payload)?).map(encode).unwrap_or_default())
}

fn set(session: &mut Context<'_>, payload: &[u8]) -> Result<Vec<u8>, BadRequest> {
    let (length, rest) = payload.split_first().ok_or(BadRequest("the payload is empty"))?;
    let (key_bytes, value) =
        rest.split_at_checked(usize::from(*length)).ok_or(BadRequest("the key is cut off"))?;
    let key = key(key_bytes)?;
    session.set(key, decode(value)?).map_err(|_| BadRequest("the user's data is full"))?;
    Ok(Vec::new())
}

fn delete(session: &mut Context<'_>, payload: &[u8]) -> Result<Vec<u8>, BadRequest> {
    Ok(session.delete(key(payload)?).map(|value| encode(&value)).unwrap_or_default())
}

fn list(session: &Context<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in session.list().filter(|(key, _)| key.len() <= usize::from(u8::MAX)) {
        let value = encode(value);
        out.push(key.len() as u8);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(&value);
    }
    out
}

fn push(session: &mut Context<'_>, payload: &[u8]) -> Result<Vec<u8>, BadRequest> {
    let period_ms = payload.try_into().map(u32::from_be_bytes);
    let period_ms = period_ms.map_err(|_| BadRequest("the period is not 4 bytes"))?;
    if period_ms == 0 {
        session.delete(PUSH_PERIOD);
        return Ok(Vec::new());
    }
    let stored = session.set(PUSH_PERIOD, Value::Integer(period_ms.into()));
    stored.map_err(|_| BadRequest("the user's data is full"))?;
    session.set_timer(Duration::from_millis(period_ms.into()));
    Ok(Vec::new())
}

/// A value as clients see it.
pub fn encode(value: &Value) -> Vec<u8> {
    let (type_byte, bytes) = match value {
        Value::Integer(value) => (1, value.to_be_bytes().to_vec()),
        Value::Float(value) => (2, value.to_bits().to_be_bytes().to_vec()),
        Value::Text(value) => (3, value.as_bytes().to_vec()),
        Value::Bytes(value) => (4, value.clone()),
    };
    let mut out = vec![type_byte];
    out.extend_from_slice(&bytes);
    out
}

fn decode(bytes: &[u8]) -> Result<Value, BadRequest> {
    let number = |bytes: &[u8]| bytes.try_into().map_err(|_| BadRequest("a number takes 8 bytes"));
    match bytes.split_first() {
        Some((1, rest)) => number(rest).map(|bytes| Value::Integer(i64::from_be_bytes(bytes))),
        Some((2, rest)) => number(rest).map(|bytes| Value::Float(f64::from_bits(u64::from_be_bytes(bytes)))),
        Some((3, rest)) => std::str::from_utf8(rest)
            .map(|text| Value::Text(text.to_owned()))
            .map_err(|_| BadRequest("the text is not UTF-8")),
        Some((4, rest)) => Ok(Value::Bytes(rest.to_vec())),
        Some(_) | None => Err(BadRequest("unknown type of value")),
    }
}
