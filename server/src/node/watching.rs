//! What operators see of moves and of the node: spans, the log of moves, counters, and a look at the queues.
//!
//! Both nodes of a move open a span `move` with the same `move_id`, so that their lines join up by that field.

use super::{Node, Phase, boot_now, now};
use crate::admin::MoveCounts;
use crate::metrics::{DrainGauges, NodeGauges};
use crate::moves::Parties;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sterna::protocol::cohort::{Cohort, Report};
use sterna::protocol::ids::{MoveId, NodeId};
use sterna::protocol::reasons::{CloseReason, MoveFailure};
use sterna::protocol::time::Time;
use sterna::protocol::wire::Peer;
use sterna::transport::Kind;
use tracing::Span;

/// The moves of one cohort, as far as they are watched.
#[derive(Default)]
pub(super) struct MoveWatch {
    departure: Option<Departure>,
    arrival: Option<(MoveId, Span)>,
}

/// A move away from here.
struct Departure {
    /// The attempt under way; none has begun while the move waits for its turn.
    attempt: Option<(MoveId, Span)>,
    /// Its target does not want the cohort.
    refused: bool,
    froze_at: Option<Instant>,
    /// The baton has been counted; it may be sent more than once.
    passed: bool,
}

impl MoveWatch {
    /// A move away has begun, unless it goes on with another target.
    pub(super) fn departs(&mut self, node: &Node) {
        self.departure.get_or_insert_with(|| {
            node.metrics.moves_started.inc();
            Departure { attempt: None, refused: false, froze_at: None, passed: false }
        });
    }

    /// A frame of so many bytes is on its way to another node.
    pub(super) fn sends(&mut self, node: &Node, to: NodeId, cohort: &Cohort, frame: &Peer, bytes: usize) {
        if let Peer::Prepare { id, .. } = frame {
            self.begins(node, to, cohort, *id);
        }
        if let Peer::Prepared { id, .. } = frame
            && !cohort.is_probed()
        {
            self.expects(node, to, *id); // its Prepare may not have been noted yet
        }
        let (Some(id), Some(step)) = (frame.move_id(), step(frame)) else { return };
        tracing::debug!(parent: self.span(id), node = %node.name, move_id = %id, bytes, "sends {step}");
        if let Peer::Refused { .. } = frame {
            self.arrives_not(node, id, MoveFailure::TargetRefused);
        }
        if let (Peer::Baton { .. }, Some(departure)) = (frame, &mut self.departure)
            && !std::mem::replace(&mut departure.passed, true)
        {
            node.metrics.passed(bytes as u64);
            node.shared.moves.passed(id, bytes as u64);
        }
    }

    fn begins(&mut self, node: &Node, to: NodeId, cohort: &Cohort, id: MoveId) {
        self.departs(node);
        let Some(departure) = &mut self.departure else { return };
        if departure.attempt.as_ref().is_some_and(|(begun, _)| *begun == id) {
            return;
        }
        if let Some((before, _)) = &departure.attempt {
            let why_not =
                if departure.refused { MoveFailure::TargetRefused } else { MoveFailure::ClientCannotReach };
            node.shared.moves.failed(*before, why_not);
        }
        let parties = Parties { who: who(cohort), from: node.name.clone(), to: node.name_of(to) };
        node.shared.moves.began(id, parties);
        let attempt = Some((id, span(node, id, "source")));
        *departure = Departure { attempt, refused: false, froze_at: None, passed: false };
    }

    /// Another node wants to move the cohort here.
    pub(super) fn expects(&mut self, node: &Node, from: NodeId, id: MoveId) {
        match &self.arrival {
            Some((expected, _)) if *expected == id => return,
            Some((before, _)) => node.shared.moves.called_off(*before, MoveFailure::Cancelled),
            None => {}
        }
        let parties = Parties { who: String::new(), from: node.name_of(from), to: node.name.clone() };
        node.shared.moves.began(id, parties);
        let span = span(node, id, "target");
        tracing::debug!(parent: &span, node = %node.name, move_id = %id, "receives Prepare");
        self.arrival = Some((id, span));
    }

    /// A frame of a move has come.
    pub(super) fn hears(&mut self, node: &Node, frame: &Peer) {
        let (Some(id), Some(step)) = (frame.move_id(), step(frame)) else { return };
        tracing::debug!(parent: self.span(id), node = %node.name, move_id = %id, "receives {step}");
        match frame {
            Peer::Refused { .. } => {
                if let Some(departure) = &mut self.departure
                    && departure.attempt.as_ref().is_some_and(|(begun, _)| *begun == id)
                {
                    departure.refused = true;
                }
            }
            Peer::Cancel { .. } => self.arrives_not(node, id, MoveFailure::Cancelled),
            _ => {}
        }
    }

    /// What was expected here does not come.
    fn arrives_not(&mut self, node: &Node, id: MoveId, reason: MoveFailure) {
        if self.arrival.take_if(|(expected, _)| *expected == id).is_some() {
            node.shared.moves.called_off(id, reason);
        }
    }

    /// The baton's first byte is on its way.
    pub(super) fn baton_left(&mut self, node: &Node, id: MoveId) {
        let Some(departure) = &mut self.departure else { return };
        if let Some(froze_at) = departure.froze_at.take() {
            let freeze = froze_at.elapsed();
            node.metrics.froze(freeze);
            node.shared.moves.froze(id, freeze);
        }
    }

    /// The cohort has something to count, which happened at this time. Gives the span that it belongs to.
    pub(super) fn reports(&mut self, node: &Node, cohort: &Cohort, report: Report, at: Instant) -> Span {
        let (metrics, moves) = (&node.metrics, &node.shared.moves);
        match report {
            Report::Froze { id } => {
                if let Some(departure) = &mut self.departure {
                    departure.froze_at = Some(at);
                }
                self.span(id)
            }
            Report::MovedOut { id } => {
                metrics.moves_done.inc();
                moves.done(id, String::new);
                let span = self.span(id);
                self.departure = None;
                span
            }
            Report::MovedIn { id } => {
                metrics.arrivals.inc();
                moves.done(id, || who(cohort));
                let span = self.span(id);
                self.arrival = None;
                span
            }
            Report::MoveFailed(reason) => {
                self.departs(node); // one that never got as far as to look for a target has begun, too
                metrics.move_failed(reason);
                let attempt = self.departure.take().and_then(|departure| departure.attempt);
                let Some((id, span)) = attempt else {
                    let parties = Parties { who: who(cohort), from: node.name.clone(), to: String::new() };
                    moves.stranded(parties, reason);
                    return Span::none();
                };
                moves.failed(id, reason);
                span
            }
            Report::TookOver(_) => {
                metrics.take_overs.inc();
                Span::none()
            }
            Report::Closed(reason) => {
                metrics.session_ended(reason);
                Span::none()
            }
            Report::Parked => {
                cohort.sessions().for_each(|_| metrics.session_ended(CloseReason::ResumeLater));
                Span::none()
            }
            Report::RoomEnded => Span::none(),
        }
    }

    fn span(&self, id: MoveId) -> Span {
        let departure = self.departure.as_ref().and_then(|departure| departure.attempt.as_ref());
        let found = departure.into_iter().chain(&self.arrival).find(|(known, _)| *known == id);
        found.map_or_else(Span::none, |(_, span)| span.clone())
    }
}

fn span(node: &Node, id: MoveId, role: &'static str) -> Span {
    let (node, cohort, epoch) = (&node.name, id.cohort, id.epoch.0);
    tracing::info_span!("move", role, %node, %cohort, move_id = %id, epoch)
}

/// A step of a move, as logs name it; pieces that travel ahead are many.
pub(super) fn step(frame: &Peer) -> Option<&'static str> {
    match frame {
        Peer::Prepare { .. } => Some("Prepare"),
        Peer::Probe { .. } => Some("Probe"),
        Peer::Prepared { .. } => Some("Prepared"),
        Peer::Refused { .. } => Some("Refused"),
        Peer::Ready { .. } => Some("Ready"),
        Peer::Baton { .. } => Some("Baton"),
        Peer::BatonAck { .. } => Some("BatonAck"),
        Peer::Finalised { .. } => Some("Finalised"),
        Peer::Cancel { .. } => Some("Cancel"),
        Peer::Ahead { .. }
        | Peer::AheadAck { .. }
        | Peer::Credit { .. }
        | Peer::Close { .. }
        | Peer::Wanted { .. }
        | Peer::LeaseOver
        | Peer::Hello { .. } => None,
    }
}

/// Who moves, for operators.
pub(super) fn who(cohort: &Cohort) -> String {
    let mut sessions = cohort.sessions();
    match (cohort.room(), sessions.len()) {
        (Some(_), members) => format!("room {} ({members} members)", cohort.id()),
        (None, _) => sessions.next().map_or_else(String::new, |session| session.user().to_owned()),
    }
}

impl Node {
    /// What operators call a node of the cluster.
    pub(super) fn name_of(&self, id: NodeId) -> String {
        let found = self.shared.engine.nodes().into_iter().find(|info| info.id == id);
        found.map_or_else(|| id.to_string(), |info| info.name)
    }

    /// What its moves have come to since the process began.
    pub fn move_counts(&self) -> MoveCounts {
        MoveCounts {
            started: self.metrics.moves_started.get(),
            done: self.metrics.moves_done.get(),
            failed: self.metrics.moves_failed(),
            arrived: self.metrics.arrivals.get(),
        }
    }

    /// Whether it serves nothing because its lease may have run out.
    pub fn is_fenced(&self) -> bool {
        !self.has_stopped() && self.lease.read().permit(boot_now()).is_none()
    }

    /// How its drain goes; `None`: it is not offline, or has stopped.
    pub fn drain_status(&self) -> Option<DrainGauges> {
        let deadline = match *self.phase.lock() {
            Phase::Offline { deadline, .. } if !self.has_stopped() => deadline,
            Phase::Offline { .. } | Phase::Online | Phase::Cordoned => return None,
        };
        let (began, sessions_at_start) = (*self.drain_began.lock())?;
        let sessions_left = self.sessions() as u64;
        let estimate = estimate(now().since(began), sessions_at_start, sessions_left);
        Some(DrainGauges { sessions_at_start, sessions_left, left: deadline.since(now()), estimate })
    }

    pub(super) fn note_drain(&self, began: Time) {
        *self.drain_began.lock() = Some((began, self.sessions() as u64));
    }

    /// The node as it is now. Looks at every session.
    pub fn gauges(&self, state: crate::admin::NodeState) -> NodeGauges {
        let (mut rooms, mut queued) = (0, (0, 0));
        for slot in self.all_slots() {
            slot.look(|cohort| {
                rooms += u64::from(cohort.is_held() && cohort.room().is_some());
                for (up, down) in cohort.sessions().map(|session| session.queued_bytes()) {
                    queued = (queued.0 + up as u64, queued.1 + down as u64);
                }
            });
        }
        let outboxes: Vec<_> = self.outboxes.lock().values().map(Arc::clone).collect();
        NodeGauges {
            name: self.name.clone(),
            state,
            fenced: self.is_fenced(),
            sessions: self.sessions() as u64,
            rooms,
            links: (self.metrics.links(Kind::Tcp), self.metrics.links(Kind::Quic)),
            queued_bytes: queued,
            peer_frames: outboxes.iter().map(|outbox| outbox.len() as u64).sum(),
            moves_waiting: self.departures_waiting() as u64,
            drain: self.drain_status(),
        }
    }
}

/// How long it takes until everybody has left, if they go on leaving as they have.
fn estimate(passed: Duration, at_start: u64, left: u64) -> Option<Duration> {
    let gone = at_start.saturating_sub(left);
    match (gone, left) {
        (_, 0) => Some(Duration::ZERO),
        (0, _) => None,
        (gone, left) => Some(passed.mul_f64(left as f64 / gone as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_is_estimated_by_who_has_left() {
        let passed = Duration::from_secs(10);
        assert_eq!(estimate(passed, 100, 100), None);
        assert_eq!(estimate(passed, 100, 75), Some(Duration::from_secs(30)));
        assert_eq!(estimate(passed, 100, 0), Some(Duration::ZERO));
        assert_eq!(estimate(passed, 0, 0), Some(Duration::ZERO));
        assert_eq!(estimate(passed, 5, 7), None, "more than before have come by joining a room");
    }
}
