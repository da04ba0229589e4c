//! What a client sends: messages are counted, kept while the node does not serve, processed once and in order,
//! and acknowledged.

use super::{LinkFault, LinkId, Serving, Session};
use crate::protocol::company::Company;
use crate::protocol::ids::Cursor;
use crate::protocol::limits;
use crate::protocol::room::wire as room;
use crate::protocol::sequence::{Ring, Verdict, cost_of_body, judge};
use crate::protocol::time::Time;
use crate::protocol::wire::{Data, Datagram, Kind, Message};

impl Session {
    /// Takes what arrived on a link's data lane.
    pub fn on_data(
        &mut self,
        from: LinkId,
        body: &[u8],
        serving: Serving<'_>,
        company: &mut Company<'_>,
        now: Time,
    ) -> Result<(), LinkFault> {
        if self.is_closing(from) {
            return Ok(()); // what came on it comes again on the link in its place
        }
        match Data::decode(body)? {
            Data::Start(at) => self.on_start(from, at, serving, company, now),
            Data::Message(message) => self.on_message(from, body, &message, serving, company, now),
            Data::Switch(_) => Err(LinkFault::Unexpected("Switch")),
        }
    }

    fn on_start(
        &mut self,
        from: LinkId,
        at: Cursor,
        serving: Serving<'_>,
        company: &mut Company<'_>,
        now: Time,
    ) -> Result<(), LinkFault> {
        if self.rejoining && !serving.allowed() {
            // What it joins is told the application, which is told nothing now. It says so again on its next link.
            self.close_link(from);
            return Ok(());
        }
        let Some(link) = self.link_mut(from) else { return Ok(()) };
        link.receiver.start(at);
        if self.up.is_none() && at != self.expects() {
            // The client has trimmed, or begins here: what lies before is processed at the source.
            self.kept = Ring::default();
            self.kept_from = at;
        }
        if std::mem::take(&mut self.rejoining) {
            self.restarts.clear();
            self.on_rejoined(at, company, now);
        }
        Ok(())
    }

    /// Number of the next uplink message that is new.
    pub(super) fn expects(&self) -> Cursor {
        self.kept_from.advance(self.kept.len() as u64)
    }

    fn on_message(
        &mut self,
        from: LinkId,
        body: &[u8],
        message: &Message<'_>,
        serving: Serving<'_>,
        company: &mut Company<'_>,
        now: Time,
    ) -> Result<(), LinkFault> {
        if message.payload.len() > self.settings.message_bytes_max as usize {
            return Err(LinkFault::MessageTooLarge(message.payload.len()));
        }
        if matches!(message.kind, Kind::Reply(..)) {
            return Err(LinkFault::Unexpected("Reply"));
        }
        if message.ver == room::VER {
            room::check(message)?;
        }
        let Some(link) = self.link_mut(from) else { return Ok(()) };
        let number = link.receiver.count(body.len())?;
        match judge(self.expects(), number)? {
            Verdict::Duplicate => return Ok(()),
            Verdict::Deliver => {}
        }
        if self.kept.is_empty() && self.may_process(serving) {
            self.process(message, company, now);
        } else {
            self.scratch.clear();
            message.encode(&mut self.scratch);
            self.kept.push(&self.scratch);
        }
        Ok(())
    }

    fn may_process(&self, serving: Serving<'_>) -> bool {
        // Room for one answer of any size, so that a request is never processed in vain.
        let answer = self.settings.message_bytes_max as usize + 64;
        serving.allowed() && self.up.is_some() && self.closed.is_none() && self.down.room() >= answer
    }

    fn process(&mut self, message: &Message<'_>, company: &mut Company<'_>, now: Time) {
        self.kept_from = self.kept_from.next();
        self.up = Some(self.kept_from);
        self.unsaved = true;
        self.unacked_cost += cost_of_body(message.encoded_len());
        self.ack_at.get_or_insert(now + limits::ACK_AFTER);
        company.message(self, message, now);
    }

    /// Processes what had to wait, as far as that is possible now; then acknowledges and grants credit.
    pub fn catch_up(&mut self, serving: Serving<'_>, company: &mut Company<'_>, now: Time) {
        while !self.kept.is_empty() && self.may_process(serving) {
            let mut frame = std::mem::take(&mut self.scratch);
            frame.clear();
            self.kept.pop(&mut frame);
            // What was kept was decoded before; a frame that does not decode again cannot be there.
            if let Ok(Some((body, _))) = crate::protocol::wire::split(&frame, frame.len())
                && let Ok(Data::Message(message)) = Data::decode(body)
            {
                self.process(&message, company, now);
            }
            self.scratch = frame;
        }
        if self.unacked_cost >= limits::ACK_AFTER_BYTES && serving.permit.is_some() {
            self.acknowledge();
        }
        if self.up.is_some() && serving.permit.is_some() {
            let held = self.held();
            for link in &mut self.links {
                link.grant(held);
            }
        }
    }

    /// Cost of the uplink that waits to be processed.
    pub(super) fn held(&self) -> u64 {
        self.kept.bytes() as u64 + limits::MESSAGE_OVERHEAD_BYTES * self.kept.len() as u64
    }

    /// A datagram arrived. Unreliable uplink is not kept: it goes to the node that serves, or nowhere.
    pub fn on_datagram(
        &mut self,
        bytes: &[u8],
        serving: Serving<'_>,
        company: &mut Company<'_>,
        now: Time,
    ) -> Result<(), LinkFault> {
        let datagram = Datagram::decode(bytes)?;
        if datagram.ver == room::VER {
            return Err(LinkFault::Unexpected("datagram about rooms"));
        }
        if self.may_process(serving) && datagram.epoch == self.fence.epoch {
            let Datagram { ver, cmd, payload, .. } = datagram;
            let message = Message { kind: Kind::Plain, ver, cmd, payload };
            company.message(self, &message, now);
        }
        Ok(())
    }
}
