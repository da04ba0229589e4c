//! What flows over a client's links: messages both ways, credit and acknowledgements, and the control
//! frames as they arrive.

use super::link::{Link, LinkId};
use super::moving::Offline;
use super::room::Asked;
use super::{Client, Events, LinkFault};
use crate::client::event::{Batch, Event};
use crate::protocol::limits;
use crate::protocol::room::wire as room;
use crate::protocol::sequence::{Verdict, cost_of_body, judge};
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Datagram, DecodeError, Downlink, Kind, Message, Uplink, split};

impl Client {
    /// Takes over messages that the game has sent: encoded frames, one after the other. The caller has made
    /// sure that they fit.
    pub fn push_frames(&mut self, frames: &[u8]) {
        let mut rest = frames;
        while let Ok(Some((_, length))) = split(rest, limits::FRAME_BYTES_MAX) {
            let pushed = self.up.push_frame(&rest[..length]);
            debug_assert!(pushed.is_ok(), "the caller keeps to the limit");
            rest = &rest[length..];
        }
        for link in &mut self.links {
            link.dirty |= link.sender.is_started();
        }
    }

    /// Queues an unreliable message on the serving link; without one it is lost, as such messages may be.
    pub fn push_datagram(&mut self, ver: u8, cmd: u16, payload: &[u8]) {
        let epoch = self.epoch();
        if let Some(link) = self.links.iter_mut().find(|link| link.serving) {
            link.push_datagram(&Datagram { epoch, ver, cmd, payload });
        }
    }

    /// A request has been sent that is to be answered until `deadline`.
    pub fn expect_reply(&mut self, request: u64, deadline: Time) {
        self.expect(request, Asked { deadline, room: None });
    }

    pub(super) fn expect(&mut self, request: u64, asked: Asked) {
        self.requests.insert(request, asked);
        self.request_deadlines.insert((asked.deadline, request));
    }

    pub(super) fn forget_request(&mut self, request: u64, asked: Asked) {
        self.requests.remove(&request);
        self.request_deadlines.remove(&(asked.deadline, request));
    }

    /// Events of this cost wait for the game besides messages.
    pub fn hold(&mut self, cost: u64) {
        self.held += cost;
    }

    /// The game has taken events of this cost.
    pub fn consumed(&mut self, cost: u64) {
        self.held = self.held.saturating_sub(cost);
        self.grant();
    }

    fn grant(&mut self) {
        let (window, held) = (self.settings.window, self.held);
        for link in self.links.iter_mut().filter(|link| link.serving) {
            link.grant(window, held);
        }
    }

    /// Bytes have arrived on a link: takes whole frames, and says how many bytes that were.
    pub fn received(
        &mut self,
        from: LinkId,
        bytes: &[u8],
        now: Time,
        events: &mut dyn Events,
    ) -> Result<usize, LinkFault> {
        if self.is_closing(from) {
            return Ok(bytes.len()); // it has served its time
        }
        let mut taken = 0;
        while let Some((body, length)) = split(&bytes[taken..], limits::FRAME_BYTES_MAX)? {
            let first = *body.first().ok_or(DecodeError::Truncated("frame"))?;
            if first >= 0x80 {
                self.on_data(from, body, now, events)?;
            } else {
                self.on_control(from, Downlink::decode(body)?, now, events)?;
            }
            taken += length;
            if self.is_closing(from) {
                return Ok(bytes.len()); // what stands behind a frame that has ended it
            }
        }
        if taken > 0
            && let Some(link) = self.link_mut(from)
        {
            link.heard_at = now;
        }
        if self.unacked >= limits::ACK_AFTER_BYTES {
            self.acknowledge();
        }
        self.grant();
        Ok(taken)
    }

    fn on_data(
        &mut self,
        from: LinkId,
        body: &[u8],
        now: Time,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        match Data::decode(body)? {
            Data::Start(at) => {
                if let Some(link) = self.link_mut(from) {
                    link.receiver.start(at);
                }
                Ok(())
            }
            Data::Switch(switch) => self.on_switch(from, *switch, now, events),
            Data::Message(message) => self.on_message(from, body.len(), &message, now, events),
        }
    }

    fn on_message(
        &mut self,
        from: LinkId,
        body_bytes: usize,
        message: &Message<'_>,
        now: Time,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        let expected = self.down;
        let Some(link) = self.link_mut(from) else { return Ok(()) };
        let number = link.receiver.count(body_bytes)?;
        if !link.serving {
            return Ok(()); // an owner that has been left repeats what the new one sends as well
        }
        match judge(expected, number)? {
            Verdict::Duplicate => return Ok(()),
            Verdict::Deliver => self.down = number.next(),
        }
        self.unacked += cost_of_body(body_bytes);
        self.ack_at.get_or_insert(now + limits::ACK_AFTER);
        self.note_arrival(now);
        self.deliver(message, true, events)
    }

    fn deliver(
        &mut self,
        message: &Message<'_>,
        reliable: bool,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        let Message { ver, cmd, payload, .. } = *message;
        let event = match message.kind {
            Kind::Plain if ver == room::VER => {
                // What rooms say is counted; nobody may slip it in beside.
                return if reliable {
                    self.on_room_message(cmd, payload, events)
                } else {
                    Err(LinkFault::Unexpected("room's datagram"))
                };
            }
            Kind::Plain => Event::Push { ver, cmd, reliable },
            Kind::Reply(request, status) => {
                let Some(asked) = self.requests.get(&request).copied() else { return Ok(()) }; // it timed out
                match (asked.room, (ver, cmd) == (room::VER, room::REQUEST)) {
                    (Some(_), true) => return self.on_room_answer(request, asked, status, payload, events),
                    (None, false) => self.forget_request(request, asked),
                    (Some(_), false) | (None, true) => return Err(LinkFault::Unexpected("reply")),
                }
                Event::Response { request, status: status.into(), ver, cmd }
            }
            Kind::Request(_) => return Ok(()), // nodes ask nothing
        };
        self.counts.messages_received += 1;
        self.held += Batch::cost(payload.len());
        events.event(event, payload);
        Ok(())
    }

    fn note_arrival(&mut self, now: Time) {
        let arrivals = &mut self.arrivals;
        if let Some(before) = arrivals.before_switch.take() {
            let gap_us = now.since(before).as_micros() as u64;
            self.counts.last_move_added_us = gap_us.saturating_sub(arrivals.usual_us);
        } else if let Some(last) = arrivals.last_at {
            let spacing_us = now.since(last).as_micros() as u64;
            arrivals.usual_us = (arrivals.usual_us * 7 + spacing_us) / 8;
        }
        arrivals.last_at = Some(now);
    }

    fn on_control(
        &mut self,
        from: LinkId,
        frame: Downlink,
        now: Time,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        match frame {
            Downlink::Refused { reason, elsewhere } => self.on_refused(from, reason, elsewhere, now, events),
            Downlink::Pong { stamp } if self.is_probe_link(from) => _ = stamp, // nobody plays there
            Downlink::Pong { stamp } => self.on_pong(stamp, now),
            Downlink::Ack { up } => match self.link_mut(from) {
                Some(link) if link.serving => self.up.acked(up)?,
                // Its Switch says first what is acknowledged at all.
                Some(link) => link.early_ack = link.early_ack.max(up),
                None => {}
            },
            Downlink::Credit { limit } => {
                if let Some(link) = self.link_mut(from) {
                    link.sender.granted(limit);
                    link.dirty = true;
                }
            }
            Downlink::Offline { epoch, deadline_ms, reason, in_room } => {
                self.on_offline(Offline { epoch, deadline_ms, reason, in_room }, now, events);
            }
            Downlink::MoveTo { id, addresses, ticket, mode } => {
                self.on_move_to(id, addresses, ticket, mode, now, events);
            }
            Downlink::Probe { id, addresses, ticket } => self.on_probe(id, addresses, ticket, now),
            Downlink::Attached { id, credit } => {
                self.on_attached(from, id, credit, now);
                self.on_probe_attached(from, id);
            }
            Downlink::Nodes { addresses } => self.on_nodes(addresses),
            Downlink::MoveFailed { reason, epoch } => self.on_move_failed(reason, epoch, events),
            Downlink::Cancel { id } => self.on_cancel(id, now),
            Downlink::Settled { fence } => self.on_settled(fence),
            Downlink::Moved { epoch, .. } => self.on_moved_away(from, epoch, now),
            Downlink::Bye { session, reason } => self.on_bye(from, session, reason, events),
        }
        Ok(())
    }

    fn on_pong(&mut self, stamp: u64, now: Time) {
        let sample = now.since(Time::from_micros(stamp)).as_micros() as u64;
        let counts = &mut self.counts;
        if counts.rtt_us == 0 {
            (counts.rtt_us, counts.rtt_us_min) = (sample, sample);
        } else {
            counts.rtt_us = (counts.rtt_us * 7 + sample) / 8;
            counts.rtt_us_min = counts.rtt_us_min.min(sample);
        }
    }

    pub(super) fn acknowledge(&mut self) {
        self.ack_at = None;
        self.unacked = 0;
        let down = self.down;
        for link in self.links.iter_mut().filter(|link| link.serving) {
            link.control(&Uplink::Ack { down });
        }
    }

    /// A datagram has arrived.
    pub fn datagram(
        &mut self,
        from: LinkId,
        bytes: &[u8],
        now: Time,
        events: &mut dyn Events,
    ) -> Result<(), LinkFault> {
        let Datagram { epoch, ver, cmd, payload } = Datagram::decode(bytes)?;
        let current = self.epoch();
        // A game that does not take its events gets no more of what may be lost.
        let full = self.held >= self.settings.window;
        let Some(link) = self.link_mut(from) else { return Ok(()) };
        link.heard_at = now;
        if link.serving && epoch == current && !full {
            self.deliver(&Message { kind: Kind::Plain, ver, cmd, payload }, false, events)?;
        }
        Ok(())
    }

    /// Appends what is to be written on a link's control lane.
    pub fn fill_control(&mut self, id: LinkId, out: &mut Vec<u8>) {
        if let Some(link) = self.link_mut(id) {
            link.fill_control(out);
        }
    }

    /// Appends what is to be written on a link's data lane, up to about `room` bytes.
    pub fn fill_data(&mut self, id: LinkId, out: &mut Vec<u8>, room: usize) {
        let up = &self.up;
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.fill_data(up, out, room);
        }
    }

    /// The next datagram of a link.
    pub fn next_datagram(&mut self, id: LinkId, out: &mut Vec<u8>) -> bool {
        self.link_mut(id).is_some_and(|link| link.next_datagram(out))
    }

    /// Whether a link is to be closed.
    pub fn is_closing(&self, id: LinkId) -> bool {
        self.links.iter().find(|link| link.id == id).is_none_or(Link::is_closing)
    }

    /// Links that have something new to write.
    pub fn take_dirty(&mut self, mut wake: impl FnMut(LinkId)) {
        for link in &mut self.links {
            if std::mem::take(&mut link.dirty) {
                wake(link.id);
            }
        }
    }
}
