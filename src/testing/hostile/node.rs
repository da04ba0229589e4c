//! A node with one cohort, whose clients, peers and directory are in a script's hands.

use super::frames::whole_frames;
use super::game::Game;
use super::script::{SESSION, Script};
use crate::protocol::cohort::{Asker, Cohort, Env, Output};
use crate::protocol::ids::{Binding, Bucket, CohortId, Cursor, Epoch, Fence, LinkNumber, MoveId, NodeId};
use crate::protocol::lease::Lease;
use crate::protocol::limits;
use crate::protocol::record::{Ask, OwnerPhase, Record, Versioned};
use crate::protocol::session::{Link, LinkFault, LinkId, Outgoing, Settings};
use crate::protocol::snapshot::{Durability, Snapshot, SnapshotAnswer, SnapshotAsk};
use crate::protocol::source::Timing;
use crate::protocol::time::{BootTime, Time};
use crate::protocol::wire::{Data, Downlink, Member, MoveMode, Peer, SwitchCause};
use crate::testing::Cluster;
use crate::testing::directory::Directory;
use crate::testing::node::View;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The node of the story.
pub(super) const ME: NodeId = NodeId(2);
/// The node that the session comes from, where it moves here.
pub(super) const SOURCE: NodeId = NodeId(1);
/// A node that has crashed.
const GONE: NodeId = NodeId(3);

const COHORT: CohortId = CohortId(SESSION.0);
const KEY: [u8; 32] = [7; 32];
const MEMBER: Member = Member { session: SESSION, client_key: KEY, awaited: true };

/// A client's end of a link.
pub(super) struct Wire {
    pub(super) id: LinkId,
    /// Whether the client takes what the node writes.
    pub(super) reads: bool,
}

/// What the cohort waits for an answer to.
#[derive(Debug)]
pub(super) enum Question {
    Record(Asker, u64, Ask),
    Snapshot(Asker, u64, SnapshotAsk),
    Leases(u64),
    Forget(Versioned),
}

/// The node, and what surrounds it.
pub(super) struct Stage {
    pub(super) now: Time,
    lease: Lease,
    pub(super) fenced: bool,
    pub(super) view: View,
    game: Game,
    settings: Arc<Settings>,
    pub(super) cohort: Cohort,
    pub(super) wires: Vec<Wire>,
    links_begun: u64,
    pub(super) directory: Directory,
    asked: VecDeque<Question>,
    /// Moves that were spoken of, for frames that mean something.
    pub(super) moves: Vec<MoveId>,
    /// The highest fence that the node has told a client.
    told: Fence,
}

fn record(owner: NodeId, phase: OwnerPhase) -> Record {
    Record { bucket: Bucket(1), binding: Binding(0), epoch: Epoch(1), owner, phase, room: None }
}

fn settings(choices: u8) -> Arc<Settings> {
    let durability = match choices >> 5 & 3 {
        0 | 1 => Durability::None,
        2 => Durability::Lazy(Duration::from_secs(1)),
        _ => Durability::BeforeAck,
    };
    let moves_when_online = choices & 0x80 != 0;
    // The data is kept small, so that a short script finds its limit.
    let user_data_bytes_max = 1 << 16;
    let settings = Cluster::default_settings();
    Arc::new(Settings { user_data_bytes_max, moves_when_online, durability, ..settings })
}

impl Stage {
    /// A node with a session in one of the ways in which a node comes to have one.
    pub(super) fn new(script: &mut Script<'_>) -> Self {
        let mut directory = Directory::default();
        let first = script.byte();
        let (way, settings) = (first % 3, settings(first));
        let owner = [ME, SOURCE, GONE][usize::from(way)];
        let held = directory.write(COHORT, record(owner, OwnerPhase::Serving));
        let id = MoveId { cohort: COHORT, epoch: Epoch(2), attempt: 1, target: ME };
        let cohort = match way {
            0 => Cohort::begin(SESSION, "1".into(), KEY, held, settings.clone()),
            1 => Cohort::expect(id, &[MEMBER], settings.clone()),
            _ => Cohort::unknown(COHORT, ME, settings.clone()),
        };
        let mut stage = Self {
            now: Time::from_micros(1_000_000),
            lease: Lease::new(limits::SELF_FENCE),
            fenced: false,
            view: View {
                id: ME,
                place: 1,
                now: Time::default(),
                timing: Timing::default(),
                offline: None,
                rooms_leave_at: None,
                others: Vec::new(),
            },
            game: Game::default(),
            settings,
            cohort,
            wires: Vec::new(),
            links_begun: 0,
            directory,
            asked: VecDeque::new(),
            moves: vec![id],
            told: Fence::default(),
        };
        match way {
            0 => {
                let link = stage.new_link(LinkNumber(1), 1 << 16, Cursor(0));
                stage.call(|cohort, env| cohort.connect(link, true, env));
            }
            1 => stage.prepare(id, SOURCE, held.record.fence(), MoveMode::Seamless, false),
            _ => stage.take_over(held, script),
        }
        stage
    }

    /// The session's owner is gone; the store holds whatever it holds.
    fn take_over(&mut self, held: Versioned, script: &mut Script<'_>) {
        let (fence, number) = (held.record.fence(), script.number());
        let snapshot =
            Box::new(Snapshot { fence, number, sessions: vec![script.session_state()], room: None });
        let _: SnapshotAnswer =
            self.directory.on_snapshot(COHORT, SnapshotAsk::Write { expected: None, snapshot });
        self.call(|cohort, env| cohort.take_over(env));
    }

    pub(super) fn prepare(
        &mut self,
        id: MoveId,
        from: NodeId,
        fence: Fence,
        mode: MoveMode,
        refused_before: bool,
    ) {
        self.call(|cohort, env| cohort.on_prepare(id, from, fence, &[MEMBER], mode, refused_before, env));
    }

    pub(super) fn probe(&mut self, id: MoveId, from: NodeId, fence: Fence) {
        self.call(|cohort, env| cohort.on_probe(id, from, fence, &[MEMBER], env));
    }

    /// The client's end of a new link, and the node's.
    pub(super) fn new_link(&mut self, number: LinkNumber, credit: u64, wanted: Cursor) -> Link {
        self.links_begun += 1;
        let id = LinkId(self.links_begun);
        self.wires.push(Wire { id, reads: true });
        Link::new(id, number, Some(1200), credit, wanted)
    }

    /// Calls the cohort, does what it says, and looks whether all is well.
    pub(super) fn call<R>(&mut self, act: impl FnOnce(&mut Cohort, &Env<'_>) -> R) -> R {
        self.view.now = self.now;
        let now = BootTime::from_micros(self.now.as_micros());
        self.lease.restart(now);
        let permit = if self.fenced { None } else { self.lease.permit(now) };
        self.game.permitted.store(permit.is_some(), Ordering::Relaxed);
        let env = Env { now: self.now, permit, application: &self.game, node: &self.view };
        let result = act(&mut self.cohort, &env);
        self.take_outputs();
        result
    }

    fn take_outputs(&mut self) {
        while let Some(output) = self.cohort.poll_output() {
            let id = match output {
                Output::Ask(asker, number, ask) => {
                    self.asked.push_back(Question::Record(asker, number, ask));
                    match asker {
                        Asker::Source(id) | Asker::Target(id) => Some(id),
                        Asker::Owner | Asker::TakeOver | Asker::Keeper | Asker::Member(_) => None,
                    }
                }
                Output::Snapshot(asker, number, ask) => {
                    self.asked.push_back(Question::Snapshot(asker, number, ask));
                    None
                }
                Output::ReadLeases(number) => {
                    self.asked.push_back(Question::Leases(number));
                    None
                }
                Output::Forget { held, .. } => {
                    self.asked.push_back(Question::Forget(held));
                    None
                }
                Output::RevokeBaton(_, id) | Output::RememberRefusal(id) => Some(id),
                Output::Peer(_, Peer::Probe { id, .. }) => Some(id),
                Output::Peer(..)
                | Output::PickTarget(_)
                | Output::PickProbed { .. }
                | Output::Probed(_)
                | Output::Report(_)
                | Output::Room(_)
                | Output::Split(_)
                | Output::List
                | Output::Dismiss(_) => None,
            };
            if let Some(id) = id
                && !self.moves.contains(&id)
            {
                self.moves.push(id);
            }
        }
        // One that is never answered asks by its timer for as long as the story lasts.
        assert!(self.asked.len() <= 4 * super::STEPS_MAX, "questions pile up");
    }

    /// Bytes on a link. A link that breaks the protocol is broken, as its driver does it.
    pub(super) fn receive(&mut self, index: usize, bytes: &[u8]) {
        let Some(id) = self.wires.get(index).map(|wire| wire.id) else { return };
        match self.call(|cohort, env| cohort.received(id, bytes, env)) {
            Some(Ok(taken)) => assert!(taken <= bytes.len()),
            Some(Err(fault)) => self.fault(index, &fault),
            None => {}
        }
    }

    pub(super) fn datagram(&mut self, index: usize, bytes: &[u8]) {
        let Some(id) = self.wires.get(index).map(|wire| wire.id) else { return };
        if let Err(fault) = self.call(|cohort, env| cohort.datagram(id, bytes, env)) {
            self.fault(index, &fault);
        }
    }

    fn fault(&mut self, index: usize, fault: &LinkFault) {
        assert!(!fault.to_string().is_empty());
        self.end_link(index);
    }

    pub(super) fn end_link(&mut self, index: usize) {
        if index < self.wires.len() {
            let wire = self.wires.remove(index);
            self.call(|cohort, env| cohort.link_ended(wire.id, env));
        }
    }

    /// The engine answers the oldest question, or not; what was asked is done all the same if it `lands`.
    pub(super) fn answer(&mut self, lost: bool, lands: bool) {
        let done = !lost || lands;
        match self.asked.pop_front() {
            None => {}
            Some(Question::Record(asker, number, ask)) => {
                let answer = if done { Some(self.directory.answer(COHORT, ask)) } else { None };
                let answer = answer.filter(|_| !lost).unwrap_or(Directory::no_answer(ask));
                self.call(|cohort, env| cohort.on_answer(asker, number, answer, env));
            }
            Some(Question::Snapshot(asker, number, ask)) => {
                let answer = if done { Some(self.directory.on_snapshot(COHORT, ask)) } else { None };
                let answer = answer.filter(|_| !lost).unwrap_or(SnapshotAnswer::Unknown);
                self.call(|cohort, env| cohort.on_snapshot(asker, number, answer, env));
            }
            Some(Question::Leases(number)) => {
                let gone = (!lost).then(|| BTreeSet::from([GONE]));
                self.call(|cohort, env| cohort.on_leases(number, gone, env));
            }
            Some(Question::Forget(held)) => {
                self.directory.delete(COHORT, held.revision);
                self.call(|cohort, _| cohort.on_forgotten());
            }
        }
    }

    /// Somebody else writes the record, as far as rules allow anybody to.
    pub(super) fn foreign_write(&mut self, choice: u8) {
        let Some(found) = self.directory.record(COHORT) else { return };
        let record = found.record;
        let written = match (choice % 3, record.phase) {
            (0, OwnerPhase::Handing { .. }) if record.owner != ME => record.finalised(),
            (1, OwnerPhase::Handing { from, .. }) => record.passed_to(from, OwnerPhase::Serving),
            (2, _) => record.passed_to(GONE, OwnerPhase::Serving),
            _ => return,
        };
        self.directory.write(COHORT, written);
    }

    pub(super) fn pass_time(&mut self, length: Duration) {
        self.now = self.now + length;
        for _ in 0..64 {
            let due = self.call(|cohort, env| cohort.poll_timeout(env));
            if due.is_none_or(|at| at > self.now) {
                return;
            }
            let next = self.call(|cohort, env| {
                cohort.on_timeout(env);
                cohort.poll_timeout(env)
            });
            assert!(next.is_none_or(|at| at > self.now), "a due time is dealt with by one call");
        }
    }

    /// Takes what the node has written for those who read, and ends links that it has closed.
    pub(super) fn pump(&mut self) {
        for index in (0..self.wires.len()).rev() {
            let (id, reads) = (self.wires[index].id, self.wires[index].reads);
            if reads {
                self.read(id);
            }
            if self.call(|cohort, _| cohort.is_closing(id)) {
                // The last words have been taken: nothing more may come.
                self.read(id);
                let left = self.written(id, Outgoing::Control).len() + self.written(id, Outgoing::Data).len();
                assert_eq!(left, 0, "output after the end");
                self.end_link(index);
            }
        }
        self.check();
    }

    fn read(&mut self, id: LinkId) {
        let control = self.written(id, Outgoing::Control);
        for body in whole_frames(&control) {
            Downlink::decode(body).expect("the node writes sound frames");
        }
        loop {
            let data = self.written(id, Outgoing::Data);
            if data.is_empty() {
                break;
            }
            for body in whole_frames(&data) {
                self.read_data(Data::decode(body).expect("the node writes sound frames"));
            }
        }
        let mut datagram = Vec::new();
        while self.call(|cohort, env| cohort.next_datagram(id, &mut datagram, env)) {
            assert!(!self.fenced, "rule e: a datagram without a lease");
            assert!(datagram.len() <= 1200, "a datagram that the link cannot carry");
            datagram.clear();
        }
    }

    fn read_data(&mut self, frame: Data<'_>) {
        match frame {
            Data::Switch(switch) => {
                assert!(switch.fence >= self.told, "promise 1: back behind {}", self.told);
                assert!(switch.cause != SwitchCause::Connected || switch.fence.epoch == Epoch(1));
                self.told = switch.fence;
            }
            Data::Message(_) => assert!(!self.fenced, "rule e: payload without a lease"),
            Data::Start(_) => {}
        }
    }

    fn written(&mut self, id: LinkId, lane: Outgoing) -> Vec<u8> {
        let mut out = Vec::new();
        self.call(|cohort, env| cohort.fill(id, lane, &mut out, 16_000, env));
        out
    }

    /// What one client makes the node keep has a bound.
    fn check(&self) {
        let Some(session) = self.cohort.sessions().next() else { return };
        let footprint = session.footprint();
        let message_max = self.settings.message_bytes_max as usize + 64;
        let waiting_max = limits::CREDIT_BYTES as usize + message_max;
        assert!(footprint.waiting <= waiting_max, "uplink waits: {footprint:?}");
        assert!(footprint.unacknowledged <= self.settings.replay_bytes_max, "downlink waits: {footprint:?}");
        assert!(footprint.data <= self.settings.user_data_bytes_max, "user data: {footprint:?}");
        assert!(footprint.links <= self.wires.len(), "links: {footprint:?}");
        let unwritten_max = limits::CONTROL_BYTES_MAX + limits::FRAME_BYTES_MAX;
        assert!(footprint.unwritten <= unwritten_max * footprint.links, "on links: {footprint:?}");
    }
}
