//! A script: bytes read as choices, numbers and frames.

use crate::protocol::ids::{
    Binding, Bucket, CohortId, Cursor, Epoch, Fence, Generation, LinkNumber, MoveId, NodeId, SessionId,
};
use crate::protocol::reasons::{
    CloseReason, MoveFailure, OfflineReason, RefuseReason, ReplyStatus, TargetRefusal,
};
use crate::protocol::record::Revision;
use crate::protocol::wire::{
    Baton, Datagram, Downlink, Kind, Message, MoveMode, Peer, Piece, SessionState, Switch, SwitchCause,
    Uplink, Value,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Beyond it no number gets over the wire.
const NUMBER_MAX: u64 = (1 << 62) - 1;

/// The session of every story.
pub(super) const SESSION: SessionId = SessionId(0x5e55);

/// What is left of a script. Behind its end there are only zeros.
pub(super) struct Script<'a> {
    rest: &'a [u8],
    steps: usize,
}

impl<'a> Script<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, steps: 0 }
    }

    /// The next choice, as long as there is one.
    pub(super) fn next_step(&mut self) -> Option<u8> {
        self.steps += 1;
        (!self.rest.is_empty() && self.steps <= super::STEPS_MAX).then(|| self.byte())
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Mostly small, since small ones mean something; sometimes of any size.
    pub(super) fn number(&mut self) -> u64 {
        let width = match self.byte() {
            small @ 0..=0xef => return u64::from(small),
            0xf0..=0xf7 => 2,
            0xf8..=0xfb => 4,
            0xfc..=0xff => 8,
        };
        let number: u64 = (0..width).fold(0, |number, _| number << 8 | u64::from(self.byte()));
        number & NUMBER_MAX
    }

    /// A stretch of time: milliseconds to minutes, and at most years.
    pub(super) fn pause(&mut self) -> Duration {
        let unit = self.of(&[1, 1, 100, 1_000]);
        Duration::from_millis((self.number() & 0xffff_ffff) * unit)
    }

    /// A length of up to some 70,000, a little beyond the largest message.
    pub(super) fn length(&mut self) -> usize {
        match self.byte() {
            small @ 0..=0xdf => usize::from(small),
            large @ 0xe0..=0xff => usize::from(large - 0xdf) * 2_130,
        }
    }

    pub(super) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (head, rest) = self.rest.split_at(length);
        self.rest = rest;
        head
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(super) fn cursor(&mut self) -> Cursor {
        Cursor(self.number())
    }

    pub(super) fn fence(&mut self) -> Fence {
        let (bucket, binding) = self.of(&[(1, 0), (1, 0), (1, 0), (0, 0), (1, 1), (2, 0)]);
        Fence { bucket: Bucket(bucket), binding: Binding(binding), epoch: Epoch(self.number()) }
    }

    pub(super) fn mode(&mut self) -> MoveMode {
        self.of(&[MoveMode::Seamless, MoveMode::Classic])
    }

    pub(super) fn move_id(&mut self) -> MoveId {
        let cohort = if self.byte() == 0xff { CohortId(1) } else { SESSION.into() };
        MoveId { cohort, epoch: Epoch(self.number()), attempt: self.byte().into(), target: self.node() }
    }

    pub(super) fn node(&mut self) -> NodeId {
        NodeId(self.below(4) as u64)
    }

    pub(super) fn addresses(&mut self) -> Vec<SocketAddr> {
        (0..self.below(4)).map(|_| (Ipv4Addr::new(10, 0, 0, self.byte()), 7000).into()).collect()
    }

    /// A message of this script's choice with `payload` at its disposal.
    pub(super) fn message<'p>(&mut self, payload: &'p [u8]) -> Message<'p> {
        let kind = match self.byte() % 8 {
            0 => Kind::Reply(self.number(), self.of(ReplyStatus::ALL)),
            1..=2 => Kind::Request(self.number()),
            _ => Kind::Plain,
        };
        let (ver, cmd) = (self.byte(), u16::from(self.byte()));
        let length = self.length().min(payload.len());
        Message { kind, ver, cmd, payload: &payload[..length] }
    }

    pub(super) fn datagram(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let (epoch, ver, cmd) = (Epoch(self.number()), self.byte(), self.byte().into());
        Datagram { epoch, ver, cmd, payload: self.bytes() }.encode(&mut out);
        out
    }

    /// A control frame of a client; never a greeting, which only begins a link.
    pub(super) fn uplink(&mut self) -> Uplink {
        match self.byte() {
            0xfc.. => Uplink::CanAttach { id: self.move_id() },
            byte => self.common_uplink(byte),
        }
    }

    fn common_uplink(&mut self, byte: u8) -> Uplink {
        match byte % 7 {
            0 => Uplink::Ping { stamp: self.number() },
            1 => Uplink::Ack { down: self.cursor() },
            2 => Uplink::Credit { limit: self.number() << 8 },
            3 => Uplink::Migrate { epoch: Epoch(self.number()), mode: self.mode() },
            4 => Uplink::CannotAttach { id: self.move_id() },
            5 => Uplink::Confirm { fence: self.fence(), added_us: self.number() },
            _ => Uplink::Bye,
        }
    }

    pub(super) fn downlink(&mut self) -> Downlink {
        match self.byte() {
            0xfc.. => Downlink::Probe {
                id: self.move_id(),
                addresses: self.addresses(),
                ticket: self.bytes().to_vec(),
            },
            byte => self.common_downlink(byte),
        }
    }

    fn common_downlink(&mut self, byte: u8) -> Downlink {
        match byte % 12 {
            0 => Downlink::Refused { reason: self.of(RefuseReason::ALL), elsewhere: self.addresses() },
            1 => Downlink::Pong { stamp: self.number() },
            2 => Downlink::Ack { up: self.cursor() },
            3 => Downlink::Credit { limit: self.number() << 8 },
            4 => Downlink::Offline {
                epoch: Epoch(self.number()),
                deadline_ms: self.number(),
                reason: self.of(OfflineReason::ALL),
                in_room: self.flag(),
            },
            5 => Downlink::MoveTo {
                id: self.move_id(),
                addresses: self.addresses(),
                ticket: self.bytes().to_vec(),
                mode: self.mode(),
            },
            6 => Downlink::Attached { id: self.move_id(), credit: self.number() << 8 },
            7 => Downlink::MoveFailed { reason: self.of(MoveFailure::ALL), epoch: Epoch(self.number()) },
            8 => Downlink::Cancel { id: self.move_id() },
            9 => Downlink::Settled { fence: self.fence() },
            10 => Downlink::Moved { cohort: SESSION.into(), epoch: Epoch(self.number()) },
            _ => Downlink::Bye { session: SESSION, reason: self.of(CloseReason::ALL) },
        }
    }

    pub(super) fn switch(&mut self) -> Switch {
        let causes =
            [SwitchCause::Connected, SwitchCause::Resumed, SwitchCause::Moved, SwitchCause::TookOver];
        Switch {
            cause: self.of(&causes),
            session: SESSION,
            fence: self.fence(),
            generation: Generation(self.below(3) as u64),
            up: self.cursor(),
            down: self.cursor(),
            credit: self.number() << 8,
            resume_token: self.bytes().to_vec(),
            resume_ms: self.number() << 4,
            message_bytes_max: 1 << 16,
            moves_when_online: self.flag(),
            node: "node".into(),
        }
    }

    /// A frame of another node about the move `id`. Prepare is not among them: its driver splits it up.
    pub(super) fn peer(&mut self, id: MoveId) -> Peer {
        match self.byte() % 11 {
            9 => Peer::Wanted { room: id.cohort },
            0 => {
                let (tickets, tcp, quic) = (vec![vec![7]; self.below(3)], self.addresses(), self.addresses());
                Peer::Prepared { id, tickets, tcp, quic }
            }
            1 => Peer::Refused { id, reason: self.of(TargetRefusal::ALL) },
            2 => Peer::Ready { id },
            3 | 4 => Peer::Baton { id, baton: Box::new(self.baton()) },
            5 => Peer::BatonAck { id },
            6 => Peer::Finalised { id },
            7 => Peer::Cancel { id },
            8 => Peer::Ahead { id, number: self.number(), piece: Piece::User(SESSION, self.data()) },
            _ => Peer::Close { session: SESSION, reason: self.of(CloseReason::ALL) },
        }
    }

    fn baton(&mut self) -> Baton {
        Baton {
            fence: self.fence(),
            sessions: (0..self.below(3)).map(|_| self.session_state()).collect(),
            room: None,
            stored: self.flag().then(|| Revision(self.number())),
        }
    }

    /// A session as another node may have left it, sound or not.
    pub(super) fn session_state(&mut self) -> SessionState {
        let mut down_messages = Vec::new();
        for _ in 0..self.below(4) {
            self.message(&[0; 64]).encode(&mut down_messages);
        }
        down_messages.extend_from_slice(self.bytes());
        SessionState {
            session: if self.byte() == 0xff { SessionId(1) } else { SESSION },
            user: self.text(),
            client_key: [7; 32],
            generation: Generation(self.number()),
            link: LinkNumber(self.number()),
            mode: self.mode(),
            up: self.cursor(),
            down: self.cursor(),
            down_messages,
            data: self.data(),
            removed: (0..self.below(3)).map(|_| self.text()).collect(),
            ahead: self.flag(),
            timer_us: self.flag().then(|| self.number() << 12),
            restarts: (0..self.below(3)).map(|_| (Epoch(self.number()), self.cursor())).collect(),
            binding: Binding::default(),
            errand: None,
        }
    }

    fn data(&mut self) -> Vec<(String, Value)> {
        (0..self.below(4)).map(|_| (self.text(), self.value())).collect()
    }

    pub(super) fn value(&mut self) -> Value {
        match self.byte() % 4 {
            0 => Value::Integer(self.number() as i64),
            1 => Value::Float(f64::from_bits(self.number())),
            2 => Value::Text(self.text()),
            _ => Value::Bytes(self.bytes().to_vec()),
        }
    }
}
