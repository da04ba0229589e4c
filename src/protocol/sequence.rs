//! The exactly-once, in-order stream over breaking links: both ends count reliable messages per direction,
//! the sender keeps what is not acknowledged, and every new link begins with a place in the count.
//!
//! A message's number does not travel: a link delivers in order, so `Start` (or `Switch`) and counting are
//! enough. Credit is counted per link, in the cost of what was sent on it since its start.

use crate::protocol::ids::Cursor;
use crate::protocol::limits::MESSAGE_OVERHEAD_BYTES;
use crate::protocol::wire::{Data, DecodeError, HEADER_BYTES_MAX, Message, split, varint_len};
use std::collections::VecDeque;

/// What a peer did that no sound peer does. Its link is closed, and nobody else notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PeerMisbehaved {
    /// It acknowledged what was never sent.
    #[error("acknowledged message {acked}, but only {sent} were sent")]
    AckBeyondSent {
        /// What it says.
        acked: Cursor,
        /// What is true.
        sent: Cursor,
    },
    /// A message came before the frame that says which number it has.
    #[error("sent a message before the start of the sequence")]
    MessageBeforeStart,
    /// It sent more than it was granted.
    #[error("sent {over} bytes more than it had credit for")]
    CreditExceeded {
        /// By how much.
        over: u64,
    },
    /// It left messages out.
    #[error("skipped from message {expected} to {got}")]
    Gap {
        /// What should have come.
        expected: Cursor,
        /// What came.
        got: Cursor,
    },
}

/// What a message of this encoded length costs in credit.
pub const fn cost(frame_bytes: usize) -> u64 {
    frame_bytes as u64 + MESSAGE_OVERHEAD_BYTES
}

/// What a frame with a body of this length costs in credit.
pub const fn cost_of_body(body_bytes: usize) -> u64 {
    cost(varint_len(body_bytes as u64) + body_bytes)
}

/// Encoded messages in a ring, first in, first out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ring {
    bytes: VecDeque<u8>,
    lengths: VecDeque<u32>,
}

impl Ring {
    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many messages it holds.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Appends an encoded frame.
    pub fn push(&mut self, frame: &[u8]) {
        self.bytes.extend(frame);
        self.lengths.push_back(frame.len() as u32);
    }

    /// Moves the oldest frame to the end of `out`.
    pub fn pop(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(length) = self.lengths.pop_front() else { return false };
        self.copy(0, length as usize, out);
        self.bytes.drain(..length as usize);
        true
    }

    /// Drops the oldest `count` frames, and says how many bytes that were.
    fn trim(&mut self, count: usize) -> u64 {
        let bytes: u64 = self.lengths.drain(..count).map(u64::from).sum();
        self.bytes.drain(..bytes as usize);
        bytes
    }

    fn copy(&self, from: usize, count: usize, out: &mut Vec<u8>) {
        let (head, tail) = self.bytes.as_slices();
        let end = from + count;
        if from < head.len() {
            out.extend_from_slice(&head[from..end.min(head.len())]);
        }
        if end > head.len() {
            out.extend_from_slice(&tail[from.saturating_sub(head.len())..end - head.len()]);
        }
    }

    /// Everything, as one run of frames.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len());
        self.copy(0, self.bytes.len(), &mut out);
        out
    }
}

/// The replay buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay buffer is full")]
pub struct Full;

/// The sender's half: what was sent and is not acknowledged, kept to be sent again on another link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replay {
    ring: Ring,
    /// Number of the ring's first message.
    first: Cursor,
    /// Bytes trimmed since the beginning: places in the ring are counted from there.
    trimmed: u64,
    bytes_max: usize,
}

impl Replay {
    /// An empty buffer whose next message has the number `first`.
    pub fn new(first: Cursor, bytes_max: usize) -> Self {
        Self { ring: Ring::default(), first, trimmed: 0, bytes_max }
    }

    /// A buffer that goes on where another, on another node, was left: `frames` begin with number `first`.
    pub fn restore(first: Cursor, frames: &[u8], bytes_max: usize) -> Result<Self, DecodeError> {
        let mut replay = Self::new(first, bytes_max);
        let mut rest = frames;
        while !rest.is_empty() {
            let (_, length) = split(rest, frames.len())?.ok_or(DecodeError::Truncated("downlink"))?;
            replay.ring.push(&rest[..length]);
            rest = &rest[length..];
        }
        Ok(replay)
    }

    /// Whether [`restore`](Self::restore) can go on from these frames.
    pub fn check(frames: &[u8]) -> Result<(), DecodeError> {
        let mut rest = frames;
        while !rest.is_empty() {
            let (_, length) = split(rest, frames.len())?.ok_or(DecodeError::Truncated("downlink"))?;
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Number of the oldest message kept.
    pub const fn first(&self) -> Cursor {
        self.first
    }

    /// Number that the next message will have.
    pub fn end(&self) -> Cursor {
        self.first.advance(self.ring.len() as u64)
    }

    /// What is kept, as frames of the data lane.
    pub fn frames(&self) -> Vec<u8> {
        self.ring.to_vec()
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.ring.bytes()
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.ring.bytes())
    }

    /// Appends a message and gives its number.
    pub fn push(&mut self, message: &Message<'_>) -> Result<Cursor, Full> {
        let length = message.encoded_len();
        if length > self.room() {
            return Err(Full);
        }
        let cursor = self.end();
        self.ring.push_message(message, length);
        Ok(cursor)
    }

    /// Appends a message even where there is no room: an answer of bounded size that is owed once.
    pub fn push_always(&mut self, message: &Message<'_>) {
        self.ring.push_message(message, message.encoded_len());
    }

    /// Appends a message that is encoded already.
    pub fn push_frame(&mut self, frame: &[u8]) -> Result<Cursor, Full> {
        if frame.len() > self.room() {
            return Err(Full);
        }
        let cursor = self.end();
        self.ring.push(frame);
        Ok(cursor)
    }

    /// Messages before `cursor` have arrived: forgets them.
    pub fn acked(&mut self, cursor: Cursor) -> Result<(), PeerMisbehaved> {
        if cursor > self.end() {
            return Err(PeerMisbehaved::AckBeyondSent { acked: cursor, sent: self.end() });
        }
        // An older acknowledgement, from a link that is being left, says nothing new.
        let count = cursor.0.saturating_sub(self.first.0);
        self.trimmed += self.ring.trim(count as usize);
        self.first = self.first.advance(count);
        Ok(())
    }

    /// Numbers what is kept anew, from `first` on: after a take-over the sequence goes on above what the
    /// other end has seen.
    pub fn renumber(&mut self, first: Cursor) {
        self.first = first;
    }
}

impl Ring {
    fn push_message(&mut self, message: &Message<'_>, length: usize) {
        let mut header = [0; HEADER_BYTES_MAX];
        let header_len = message.encode_header(&mut header);
        self.bytes.extend(&header[..header_len]);
        self.bytes.extend(message.payload);
        self.lengths.push_back(length as u32);
    }
}

/// One link's place in a [`Replay`], and its credit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkSender {
    next: Cursor,
    /// Place of `next`, in the replay's count of bytes. Unset until `start`, and stale after a jump.
    offset: u64,
    started: bool,
    spent: u64,
    limit: u64,
}

impl LinkSender {
    /// Begins, or begins again, at the message `at`, or at the oldest kept if that is gone; gives the number
    /// that the peer has to be told. Credit is counted over the link's whole life and goes on.
    pub fn start(&mut self, replay: &Replay, at: Cursor) -> Cursor {
        self.next = at.max(replay.first()).min(replay.end());
        self.offset = replay.offset_of(self.next);
        self.started = true;
        self.next
    }

    /// The peer has granted credit up to this sum.
    pub fn granted(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// The next message to go out on this link.
    pub const fn next(&self) -> Cursor {
        self.next
    }

    /// Whether it has begun.
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Whether [`fill`](Self::fill) would write something.
    pub fn has_work(&self, replay: &Replay) -> bool {
        self.started && self.next < replay.end() && self.spent < self.limit
    }

    /// Appends messages before `until` that this link has not carried yet, as long as there is credit, up to
    /// about `room` bytes.
    pub fn fill(&mut self, replay: &Replay, until: Cursor, out: &mut Vec<u8>, room: usize) {
        if !self.started {
            return;
        }
        if self.next < replay.first() {
            // What this link was to carry next has been acknowledged over another link meanwhile.
            self.next = replay.first();
            self.offset = replay.trimmed;
            Data::Start(self.next).encode(out);
        }
        let begin = (self.offset - replay.trimmed) as usize;
        let mut end = begin;
        let skip = (self.next.0 - replay.first.0) as usize;
        for length in replay.ring.lengths.iter().skip(skip) {
            // A message may begin with any credit left: else one larger than the window would never go.
            if self.next >= until || self.spent >= self.limit || end - begin >= room {
                break;
            }
            end += *length as usize;
            self.spent += cost(*length as usize);
            self.next = self.next.next();
        }
        replay.ring.copy(begin, end - begin, out);
        self.offset = replay.trimmed + end as u64;
    }
}

impl Replay {
    fn offset_of(&self, cursor: Cursor) -> u64 {
        let before = (cursor.0 - self.first.0) as usize;
        self.trimmed + self.ring.lengths.iter().take(before).map(|length| u64::from(*length)).sum::<u64>()
    }
}

/// What a receiver does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Deliver,
    /// It came over another link already.
    Duplicate,
}

/// Decides about a message with this number, when `expected` is the next one of the session.
pub fn judge(expected: Cursor, got: Cursor) -> Result<Verdict, PeerMisbehaved> {
    match got.cmp(&expected) {
        std::cmp::Ordering::Less => Ok(Verdict::Duplicate),
        std::cmp::Ordering::Equal => Ok(Verdict::Deliver),
        std::cmp::Ordering::Greater => Err(PeerMisbehaved::Gap { expected, got }),
    }
}

/// One link's count of what arrives, and the credit granted for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkReceiver {
    next: Option<Cursor>,
    received: u64,
    granted: u64,
}

impl LinkReceiver {
    /// Grants this much from here on, and gives the sum of all grants.
    pub fn open(&mut self, credit: u64) -> u64 {
        self.granted = self.granted.max(self.received + credit);
        self.granted
    }

    /// The next message has this number.
    pub fn start(&mut self, at: Cursor) {
        self.next = Some(at);
    }

    /// Whether [`start`](Self::start) has been called.
    pub fn is_started(&self) -> bool {
        self.next.is_some()
    }

    /// A message with a body of this length has arrived: its number.
    pub fn count(&mut self, body_bytes: usize) -> Result<Cursor, PeerMisbehaved> {
        let number = self.next.ok_or(PeerMisbehaved::MessageBeforeStart)?;
        // The last message may go beyond the limit, as its sender cannot split it.
        if self.received >= self.granted {
            let over = self.received - self.granted + cost_of_body(body_bytes);
            return Err(PeerMisbehaved::CreditExceeded { over });
        }
        self.received += cost_of_body(body_bytes);
        self.next = Some(number.next());
        Ok(number)
    }

    /// Grants anew when half of a window of `credit` bytes is used up, `held` bytes of cost being still
    /// undone with. Gives the sum to tell the sender.
    pub fn grant(&mut self, credit: u64, held: u64) -> Option<u64> {
        let target = self.received + credit.saturating_sub(held);
        if target >= self.granted + credit / 2 {
            self.granted = target;
            return Some(target);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire::Kind;

    fn message(payload: &[u8]) -> Message<'_> {
        Message { kind: Kind::Plain, ver: 2, cmd: 1, payload }
    }

    fn filled(count: u64) -> Replay {
        let mut replay = Replay::new(Cursor(0), 1 << 16);
        for number in 0..count {
            replay.push(&message(&number.to_be_bytes())).unwrap();
        }
        replay
    }

    fn numbers(mut bytes: &[u8]) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((body, length)) = split(bytes, 1 << 16).unwrap() {
            let Data::Message(message) = Data::decode(body).unwrap() else { panic!("not a message") };
            numbers.push(u64::from_be_bytes(message.payload.try_into().unwrap()));
            bytes = &bytes[length..];
        }
        numbers
    }

    #[test]
    fn a_new_link_replays_what_is_not_acknowledged() {
        let mut replay = filled(10);
        replay.acked(Cursor(4)).unwrap();
        let mut link = LinkSender::default();
        link.granted(1 << 16);
        assert_eq!(link.start(&replay, Cursor(0)), Cursor(4));
        let mut out = Vec::new();
        link.fill(&replay, replay.end(), &mut out, 1 << 16);
        assert_eq!(numbers(&out), [4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn two_links_carry_the_same_messages_each_at_its_own_pace() {
        let replay = filled(3);
        let (mut fast, mut slow) = (LinkSender::default(), LinkSender::default());
        fast.start(&replay, Cursor(0));
        fast.granted(1 << 16);
        slow.start(&replay, Cursor(0));
        slow.granted(1);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        fast.fill(&replay, replay.end(), &mut a, 1 << 16);
        slow.fill(&replay, replay.end(), &mut b, 1 << 16);
        assert_eq!((numbers(&a), numbers(&b)), (vec![0, 1, 2], vec![0]));
        slow.granted(1 << 16);
        slow.fill(&replay, replay.end(), &mut b, 1 << 16);
        assert_eq!(numbers(&b), [0, 1, 2]);
    }

    #[test]
    fn a_link_carries_only_what_is_released() {
        let replay = filled(5);
        let mut link = LinkSender::default();
        link.start(&replay, Cursor(0));
        link.granted(1 << 16);
        let mut out = Vec::new();
        link.fill(&replay, Cursor(2), &mut out, 1 << 16);
        assert_eq!(numbers(&out), [0, 1]);
        link.fill(&replay, replay.end(), &mut out, 1 << 16);
        assert_eq!(numbers(&out), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_link_that_fell_behind_an_acknowledgement_says_where_it_goes_on() {
        let mut replay = filled(5);
        let mut link = LinkSender::default();
        link.start(&replay, Cursor(0));
        replay.acked(Cursor(3)).unwrap();
        link.granted(1 << 16);
        let mut out = Vec::new();
        link.fill(&replay, replay.end(), &mut out, 1 << 16);
        let (start, length) = split(&out, 100).unwrap().unwrap();
        assert_eq!(Data::decode(start), Ok(Data::Start(Cursor(3))));
        assert_eq!(numbers(&out[length..]), [3, 4]);
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_misbehaviour() {
        let expected = PeerMisbehaved::AckBeyondSent { acked: Cursor(6), sent: Cursor(5) };
        assert_eq!(filled(5).acked(Cursor(6)), Err(expected));
    }

    #[test]
    fn a_full_buffer_takes_nothing_and_loses_nothing() {
        let mut replay = Replay::new(Cursor(0), 20);
        replay.push(&message(&[1; 8])).unwrap();
        assert_eq!(replay.push(&message(&[2; 8])), Err(Full));
        assert_eq!(replay.end(), Cursor(1));
        replay.acked(Cursor(1)).unwrap();
        assert_eq!(replay.push(&message(&[2; 8])), Ok(Cursor(1)));
    }

    #[test]
    fn a_restored_buffer_is_the_one_that_was_left() {
        let mut replay = filled(6);
        replay.acked(Cursor(2)).unwrap();
        let restored = Replay::restore(replay.first(), &replay.frames(), 1 << 16).unwrap();
        assert_eq!((restored.first(), restored.end()), (Cursor(2), Cursor(6)));
        assert_eq!(restored.frames(), replay.frames());
    }

    #[test]
    fn a_sender_beyond_its_credit_is_found_out() {
        let mut link = LinkReceiver::default();
        link.open(50);
        link.start(Cursor(0));
        assert_eq!(link.count(10), Ok(Cursor(0)));
        assert_eq!(link.count(10), Ok(Cursor(1)));
        assert!(matches!(link.count(10), Err(PeerMisbehaved::CreditExceeded { .. })));
    }
}
