//! Where a search begins, and how often things may happen.

use super::node::{Node, settings};
use super::store::{Shelf, Store};
use super::world::{Rules, World};
use super::{Action, ROOM, SESSIONS};
use crate::messages::Digested;
use crate::node::{Idle, LINK, NOW};
use sterna::protocol::cohort::{Cohort, Env};
use sterna::protocol::ids::{Binding, Bucket, CohortId, Cursor, Epoch, LinkNumber, NodeId};
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::room::wire::RoomOptions;
use sterna::protocol::session::Link;
use sterna::protocol::snapshot::Durability;

/// Who is where at the beginning. The room is on node 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scene {
    /// One session is in the room, the other alone on the same node, at a higher epoch.
    Near,
    /// One session is in the room, the other alone on node 2.
    Apart,
    /// Both are in the room.
    Together,
}

/// How often things may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Who is where at the beginning.
    pub scene: Scene,
    /// Nodes. A third one is nobody's target, but takes over.
    pub nodes: u8,
    /// What is stored, and when.
    pub durability: Durability,
    /// Whether a session that wants to be in the room moves to the room's node; else it waits where it is.
    pub follows: bool,
    /// Times that a session wants to be in the room.
    pub joins: u8,
    /// Times that a member leaves.
    pub leaves: u8,
    /// Times that the room's owner throws the other out.
    pub kicks: u8,
    /// Times that the room's owner wants it to be moved.
    pub moves: u8,
    /// Times that the room is moved by force.
    pub forced: u8,
    /// Nodes that go offline, and with that have their rooms moved.
    pub drains: u8,
    /// Crashes and leases that run out, together.
    pub faults: u8,
    /// How many of these may be leases that run out.
    pub fences: u8,
    /// Times that a node begins to take over.
    pub takers: u8,
    /// Answers of the stores that get lost.
    pub lost_answers: u8,
    /// Times of a move that come although nothing is slow: a target gives up, a source gives up.
    pub given_up: u8,
}

impl Bounds {
    /// Nothing happens.
    pub const CALM: Self = Self {
        scene: Scene::Near,
        nodes: 2,
        durability: Durability::None,
        follows: false,
        joins: 0,
        leaves: 0,
        kicks: 0,
        moves: 0,
        forced: 0,
        drains: 0,
        faults: 0,
        fences: 0,
        takers: 0,
        lost_answers: 0,
        given_up: 0,
    };
}

fn held(owner: NodeId, epoch: Epoch) -> Versioned {
    let (bucket, binding, phase) = (Bucket(1), Binding(0), OwnerPhase::Serving);
    let record = Record { bucket, binding, epoch, owner, phase, room: None };
    Versioned { revision: Revision(1), record }
}

/// How it begins.
pub(super) fn begin(bounds: Bounds) -> World {
    let homes = match bounds.scene {
        Scene::Near | Scene::Together => [1, 1].map(NodeId),
        Scene::Apart => [1, 2].map(NodeId),
    };
    let epochs = match bounds.scene {
        Scene::Near => [1, 3].map(Epoch),
        Scene::Apart | Scene::Together => [1, 1].map(Epoch),
    };
    let mut nodes: Vec<Node> = (1..=bounds.nodes).map(|id| Node::new(NodeId(id.into()), &bounds)).collect();
    let mut store = Store::default();
    let settings = settings(bounds.durability);
    let room = held(NodeId(1), Epoch(1));
    let options = RoomOptions { members_max: 2, allow_empty: true, ..RoomOptions::default() };
    let view = super::node::View { id: NodeId(1), offline: false };
    let env = Env { now: NOW, permit: None, application: &Idle, node: &view };
    let cohort = Cohort::begin_room(ROOM, room, options, settings.clone(), &env);
    nodes[0].cohorts.insert(ROOM, cohort.expect("a room for two"));
    store.shelves.insert(ROOM, Shelf { held: Some(room), snapshot: None });
    for ((session, home), epoch) in SESSIONS.into_iter().zip(homes).zip(epochs) {
        let (key, held) = (CohortId::from(session), held(home, epoch));
        let user = format!("user {}", session.0);
        let cohort = Cohort::begin(session, user, [session.0 as u8; 32], held, settings.clone());
        nodes[home.0 as usize - 1].cohorts.insert(key, cohort);
        store.shelves.insert(key, Shelf { held: Some(held), snapshot: None });
    }
    let mut world = World::new(bounds, nodes.into_iter().map(Digested::new).collect(), store);
    let rules = Rules::new(None);
    for (index, session) in SESSIONS.into_iter().enumerate() {
        let home = homes[index].0 as usize - 1;
        let link = Link::new(LINK, LinkNumber(1), None, u64::MAX / 2, Cursor(0));
        world.node(home, |node| {
            node.call(session.into(), None, |cohort, env| {
                cohort.connect(link, false, env);
                cohort.link_ended(LINK, env);
            })
        });
        world.rest(&rules);
        if index == 0 || bounds.scene == Scene::Together {
            world.left.joins = 1;
            world.happen(&Action::Join(session), &rules);
            world.rest(&rules);
        }
    }
    world.left = bounds;
    world
}
