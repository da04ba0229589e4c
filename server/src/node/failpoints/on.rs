//! The points as tests see them: each has a name, and a hook that says what happens there. What is not
//! returned (a crash, a pause) the hook does itself.

use crate::engine::{ANSWER_MAX, Reply, unknown};
use crate::node::watching::step;
use std::sync::OnceLock;
use sterna::protocol::cohort::Asker;
use sterna::protocol::limits;
use sterna::protocol::record::{Answer, Ask, OwnerPhase};
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};
use sterna::protocol::wire::{Data, Downlink, Peer, split};

/// On which side of an arrow the point lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing of it has left.
    Before,
    /// A frame has been handed to the network; a question has been answered.
    After,
}

/// What becomes of a frame or a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It goes its way.
    Pass,
    /// It is lost: a frame between nodes; on a client's link, which is reliable, the link breaks with it. Of a
    /// question, which is lost before it is asked, or its answer after.
    Drop,
    /// It goes its way twice. Means something before only.
    Twice,
}

/// Says what happens at the point of this name.
pub type Hook = fn(&'static str, When) -> Act;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// How often a task yields so that everything else that is ready runs, among it the task that hands QUIC's packets
/// to the network.
const YIELDS: usize = 4;

/// Sets the hook, once for the life of the process. Without one all points pass.
pub fn set_hook(hook: Hook) {
    let _ = HOOK.set(hook);
}

fn at(name: &'static str, when: When) -> Act {
    HOOK.get().map_or(Act::Pass, |hook| hook(name, when))
}

/// What goes out on one link.
#[derive(Debug, Default)]
pub(in crate::node) struct Passage {
    /// What was given to the link last.
    given: Vec<&'static str>,
    broken: bool,
}

impl Passage {
    /// The link asks for more: what it was given before, it has handed over.
    pub(in crate::node) fn handed_over(&mut self) {
        for name in self.given.drain(..) {
            tokio::spawn(async move {
                for _ in 0..YIELDS {
                    tokio::task::yield_now().await;
                }
                at(name, When::After);
            });
        }
    }

    /// One encoded frame to another node.
    pub(in crate::node) fn peer_frame(&mut self, frame: &mut Vec<u8>) {
        if HOOK.get().is_none() {
            return;
        }
        let Ok(Some((body, _))) = split(frame, limits::PEER_FRAME_BYTES_MAX) else { return };
        let Some(name) = peer_point(body) else { return };
        match at(name, When::Before) {
            Act::Pass => {}
            Act::Drop => return frame.clear(),
            Act::Twice => frame.extend_from_within(..),
        }
        self.given.push(name);
    }

    /// The frames to a client that were appended behind `start`.
    pub(in crate::node) fn client_frames(&mut self, out: &mut Vec<u8>, start: usize) {
        if HOOK.get().is_none() {
            return;
        }
        if self.broken {
            return out.truncate(start);
        }
        let mut at_byte = start;
        while let Ok(Some((body, length))) = split(&out[at_byte..], limits::FRAME_BYTES_MAX) {
            let name = client_point(body);
            let act = name.map_or(Act::Pass, |name| at(name, When::Before));
            match act {
                Act::Pass => {}
                Act::Drop => {
                    self.broken = true;
                    return out.truncate(at_byte);
                }
                Act::Twice => {
                    let again = out[at_byte..at_byte + length].to_vec();
                    out.splice(at_byte..at_byte, again);
                    at_byte += length;
                }
            }
            self.given.extend(name);
            at_byte += length;
        }
    }

    /// A frame was lost on a reliable link, which has to end now.
    pub(in crate::node) fn is_broken(&self) -> bool {
        self.broken
    }
}

fn peer_point(body: &[u8]) -> Option<&'static str> {
    match Peer::decode(body).ok()? {
        Peer::Ahead { .. } => Some("Ahead"),
        Peer::AheadAck { .. } => Some("AheadAck"),
        Peer::Credit { .. } => Some("Credit"),
        frame => step(&frame),
    }
}

fn client_point(body: &[u8]) -> Option<&'static str> {
    if let Ok(Data::Switch(_)) = Data::decode(body) {
        return Some("client Switch");
    }
    match Downlink::decode(body).ok()? {
        Downlink::Offline { .. } => Some("client Offline"),
        Downlink::MoveTo { .. } => Some("client MoveTo"),
        Downlink::Probe { .. } => Some("client Probe"),
        Downlink::Attached { .. } => Some("client Attached"),
        Downlink::MoveFailed { .. } => Some("client MoveFailed"),
        Downlink::Cancel { .. } => Some("client Cancel"),
        Downlink::Settled { .. } => Some("client Settled"),
        Downlink::Moved { .. } => Some("client Moved"),
        Downlink::Refused { .. }
        | Downlink::Pong { .. }
        | Downlink::Ack { .. }
        | Downlink::Credit { .. }
        | Downlink::Nodes { .. }
        | Downlink::Bye { .. } => None,
    }
}

fn question(asker: Asker, number: u64, ask: Ask) -> &'static str {
    match (asker, ask) {
        (Asker::Target(_), Ask::Read) if number == 1 => "engine admission",
        (_, Ask::Read) => "engine read",
        (Asker::Source(_), Ask::Cas { record, .. }) if record.phase != OwnerPhase::Serving => "engine claim",
        (Asker::Source(_), Ask::Cas { .. }) => "engine undo",
        (Asker::Target(id), Ask::Cas { record, .. }) if record.owner == id.target => "engine finalise",
        (Asker::Target(_), Ask::Cas { .. }) => "engine hand back",
        (Asker::TakeOver, Ask::Cas { .. }) => "engine take over",
        (Asker::Member(_), Ask::Cas { record, .. }) if record.room.is_some() => "engine bind",
        (Asker::Member(_), Ask::Cas { .. }) => "engine unbind",
        (Asker::Owner | Asker::Keeper, Ask::Cas { .. }) => "engine return",
    }
}

/// Asks the directory.
pub(in crate::node) fn ask<'a>(
    asker: Asker,
    number: u64,
    ask: Ask,
    send: impl Fn(Ask) -> Reply<'a, Answer> + Send + 'a,
) -> Reply<'a, Answer> {
    Box::pin(asked(question(asker, number, ask), ask, unknown(&ask), send))
}

/// Asks the store of snapshots.
pub(in crate::node) fn ask_snapshot<'a>(
    asker: Asker,
    ask: SnapshotAsk,
    send: impl Fn(SnapshotAsk) -> Reply<'a, SnapshotAnswer> + Send + 'a,
) -> Reply<'a, SnapshotAnswer> {
    let name = match (asker, &ask) {
        (_, SnapshotAsk::Read) => "engine snapshot read",
        (Asker::Member(_), SnapshotAsk::Write { .. }) => "engine member snapshot",
        (_, SnapshotAsk::Write { snapshot, .. }) if snapshot.room.is_some() => "engine room snapshot",
        (_, SnapshotAsk::Write { .. }) => "engine snapshot",
    };
    Box::pin(asked(name, ask, SnapshotAnswer::Unknown, send))
}

/// A question, or an answer, that is lost is waited for as long as any other.
async fn asked<'a, Q: Clone, A>(
    name: &'static str,
    question: Q,
    unknown: A,
    send: impl Fn(Q) -> Reply<'a, A>,
) -> A {
    match at(name, When::Before) {
        Act::Pass => {}
        Act::Drop => {
            tokio::time::sleep(ANSWER_MAX).await;
            return unknown;
        }
        Act::Twice => drop(send(question.clone()).await),
    }
    let answer = send(question).await;
    match at(name, When::After) {
        Act::Pass | Act::Twice => answer,
        Act::Drop => {
            tokio::time::sleep(ANSWER_MAX).await;
            unknown
        }
    }
}
