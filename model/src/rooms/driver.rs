//! The driver's part: it does what a cohort wants done, and lets clients look at what they are told.

use super::node::{Effects, Node, Question, Told, Who};
use super::tamper::{self, Variant};
use crate::messages::{Digested, Envelope};
use crate::node::{LINK, NOW};
use crate::store::Request;
use sterna::protocol::cohort::{Asker, Cohort, Env, Output, RoomAsk};
use sterna::protocol::ids::{Cursor, Fence, LinkNumber, NodeId, SessionId};
use sterna::protocol::limits;
use sterna::protocol::record::Ask;
use sterna::protocol::room::wire::{self, RoomRequest};
use sterna::protocol::session::{Link, Outgoing, Session};
use sterna::protocol::wire::{Data, Kind, Message, Peer, Uplink, split};

/// A node, while it is called.
pub(super) struct Driver<'a> {
    pub(super) node: &'a mut Node,
    pub(super) variant: Option<Variant>,
    pub(super) effects: Effects,
}

impl Driver<'_> {
    /// Does what a cohort wants done, lets its clients look, and puts it back.
    pub(super) fn settle(&mut self, mut cohort: Cohort, env: &Env<'_>) {
        self.follow(&mut cohort, env);
        let sessions: Vec<SessionId> = cohort.sessions().map(Session::id).collect();
        for session in sessions {
            self.visit(&mut cohort, session, None, env);
            self.follow(&mut cohort, env);
        }
        if !cohort.is_gone() {
            self.node.cohorts.insert(cohort.id(), cohort);
        }
    }

    fn follow(&mut self, cohort: &mut Cohort, env: &Env<'_>) {
        while let Some(output) = cohort.poll_output() {
            self.perform(cohort, output, env);
        }
    }

    fn perform(&mut self, cohort: &mut Cohort, output: Output, env: &Env<'_>) {
        let id = self.node.id;
        match output {
            Output::Peer(to, frame) => {
                self.effects.sent.push(Digested::new(Envelope::new(id, to, &frame)));
                // Its first byte leaves at once: that it can be taken back is the ownership model's affair.
                if let Peer::Baton { id, .. } = frame {
                    cohort.on_baton_left(id, env);
                }
            }
            Output::RevokeBaton(_, id) => cohort.on_revoked(id, false, env),
            Output::Ask(asker, number, ask) => {
                self.ask(cohort, Who::Cohort(asker), number, Request::Directory(ask));
            }
            Output::Snapshot(asker, number, ask) => {
                self.ask(cohort, Who::Cohort(asker), number, Request::Snapshot(ask));
            }
            Output::ReadLeases(number) => {
                self.ask(cohort, Who::Cohort(Asker::TakeOver), number, Request::Leases);
            }
            Output::Room(RoomAsk::Find { .. }) => {
                self.ask(cohort, Who::Errand, 1, Request::Directory(Ask::Read));
            }
            Output::Room(_) => unreachable!("the room is known by its number"),
            Output::PickTarget(tried) => {
                let free = |other: &NodeId| *other != id && !tried.contains(other);
                cohort.on_target_picked((1..=2).map(NodeId).find(free), env);
            }
            Output::RememberRefusal(id) => {
                if !self.node.refused.contains(&id) {
                    self.node.refused.push(id);
                    self.node.refused.sort();
                }
            }
            Output::Forget { held, .. } => {
                self.effects.forgotten.push((cohort.id(), held));
                cohort.on_forgotten();
            }
            Output::Split(mut lone) => {
                lone.begin_alone(env);
                self.settle(*lone, env);
            }
            Output::List | Output::Dismiss(_) | Output::Report(_) => {}
            Output::PickProbed { .. } | Output::Probed(_) => unreachable!("nothing is tried here"),
        }
    }

    /// A new question of somebody takes the place of the last one.
    fn ask(&mut self, cohort: &Cohort, who: Who, number: u64, request: Request) {
        let key = cohort.id();
        let same = |other: &Question| {
            other.cohort == key
                && match (other.who, who) {
                    (Who::Cohort(Asker::Source(_)), Who::Cohort(Asker::Source(_))) => true,
                    (one, other) => one == other,
                }
        };
        self.node.abandon_if(same, &mut self.effects);
        let mut question = Question { cohort: key, who, number, request, reply: None };
        if let (Some(variant), Who::Cohort(asker)) = (self.variant, who)
            && let Some((reply, under_way)) =
                tamper::answered_at_once(variant, cohort, asker, &question.request)
        {
            question.reply = Some(reply);
            if under_way {
                self.effects.abandoned.push((question.key(), question.request.clone()));
            }
        }
        self.node.questions.push(question);
    }

    /// The client of a session that is served comes, looks, perhaps asks for something, and goes again.
    pub(super) fn visit(
        &mut self,
        cohort: &mut Cohort,
        session: SessionId,
        request: Option<&RoomRequest>,
        env: &Env<'_>,
    ) {
        let Some(state) = cohort.sessions().find(|held| held.id() == session).map(|held| held.export(NOW))
        else {
            return;
        };
        let link = Link::new(LINK, LinkNumber(1), None, u64::MAX / 2, state.down);
        if cohort.resume(session, Fence::default(), link, false, env).is_err() {
            return;
        }
        let mut bytes = Vec::new();
        Data::Start(state.up).encode(&mut bytes);
        if let Some(request) = request {
            let mut payload = Vec::new();
            request.encode(&mut payload);
            let (kind, ver, cmd) = (Kind::Request(1), wire::VER, wire::REQUEST);
            Message { kind, ver, cmd, payload: &payload }.encode(&mut bytes);
        }
        let taken = cohort.received(LINK, &bytes, env);
        assert_eq!(taken, Some(Ok(bytes.len())), "what the client says makes sense");
        let heard = listen(cohort, env);
        if let Some((fence, acknowledged, received)) = heard {
            let mut bytes = Vec::new();
            Uplink::Ack { down: received }.encode(&mut bytes);
            let taken = cohort.received(LINK, &bytes, env);
            assert!(matches!(taken, None | Some(Ok(_))), "it acknowledges what it was sent");
            let sent = state.down.advance(frames(&state.down_messages));
            let processed = state.up;
            self.effects.told.push(Told { session, fence, acknowledged, processed, received, sent });
        }
        cohort.link_ended(LINK, env);
    }
}

/// What a link says: at which fence it is served, what is acknowledged, and what has been received.
fn listen(cohort: &mut Cohort, env: &Env<'_>) -> Option<(Fence, Cursor, Cursor)> {
    let (mut control, mut data) = (Vec::new(), Vec::new());
    cohort.fill(LINK, Outgoing::Control, &mut control, 0, env);
    cohort.fill(LINK, Outgoing::Data, &mut data, usize::MAX, env);
    let mut heard = None;
    let mut rest = data.as_slice();
    while let Ok(Some((body, length))) = split(rest, limits::FRAME_BYTES_MAX) {
        match Data::decode(body).expect("nodes write sound frames") {
            Data::Switch(switch) => heard = Some((switch.fence, switch.up, switch.down)),
            Data::Message(_) => {
                let (_, _, received) = heard.as_mut().expect("Switch stands in front of all messages");
                *received = received.next();
            }
            Data::Start(_) => unreachable!("only clients say so"),
        }
        rest = &rest[length..];
    }
    heard
}

fn frames(bytes: &[u8]) -> u64 {
    let (mut rest, mut count) = (bytes, 0);
    while let Ok(Some((_, length))) = split(rest, usize::MAX) {
        rest = &rest[length..];
        count += 1;
    }
    count
}
