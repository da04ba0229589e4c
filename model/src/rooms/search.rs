//! The search, and its properties.

use super::heal::Healer;
use super::world::{Broken, Rules, World};
use super::{Action, Bounds, ROOM, SESSIONS, Scene, Variant};
use crate::store::Request;
use stateright::{Model, Property};
use sterna::protocol::cohort::Asker;
use sterna::protocol::ids::{Binding, NodeId};
use sterna::protocol::record::Ask;
use sterna::protocol::snapshot::Durability;

/// The search's model.
#[derive(Debug)]
pub struct Rooms {
    bounds: Bounds,
    rules: Rules,
    healer: Healer,
}

impl Rooms {
    /// Everything within these bounds, by the rules or without one of them.
    pub fn new(bounds: Bounds, variant: Option<Variant>) -> Self {
        Self { bounds, rules: Rules::new(variant), healer: Healer::default() }
    }

    fn is_stored(&self) -> bool {
        self.bounds.durability != Durability::None
    }
}

impl World {
    fn is_late(&self, joins: bool) -> bool {
        let room = joins.then_some(ROOM);
        self.store.late.iter().any(|(key, request)| {
            *key != ROOM
                && matches!(request, Request::Directory(Ask::Cas { record, .. })
                    if record.room == room && self.store.record(*key).is_some_and(|now| now.room != room))
        })
    }

    /// An own write is found by reading: its answer was lost.
    fn has_landed_unknown(&self, joins: bool) -> bool {
        SESSIONS.into_iter().any(|session| {
            let changes = self.nodes.iter().any(|node| {
                let room = node.cohorts.get(&ROOM);
                let asks = |question: &super::node::Question| {
                    question.key() == session.into()
                        && matches!(question.request, Request::Directory(Ask::Read))
                };
                room.is_some_and(|room| room.is_served() && room.asks(Asker::Member(session)))
                    && node.questions.iter().any(asks)
            });
            let entry = self.store.record(session.into());
            let begun = if joins { Binding(1) } else { Binding(2) };
            let turned = entry.is_some_and(|entry| entry.room.is_some() == joins && entry.binding >= begun);
            changes && turned
        })
    }
}

impl Model for Rooms {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::begin(self.bounds)]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        state.actions(&self.rules, actions);
    }

    fn next_state(&self, state: &World, action: Action) -> Option<World> {
        state.after(&action, &self.rules)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = always();
        properties.extend(reached());
        properties
    }
}

fn always() -> Vec<Property<Rooms>> {
    vec![
        Property::always("at most one node serves a session", |_, state: &World| {
            SESSIONS.into_iter().all(|session| state.servers(session) <= 1)
        }),
        Property::always("at most one node serves the room", |_, state: &World| state.room_servers() <= 1),
        Property::always("a session is served as its entry says", |_, state: &World| state.entries_agree()),
        Property::always("no client sees its fence fall", |_, state: &World| {
            state.broken != Some(Broken::FenceFell)
        }),
        Property::always("no client sees its epoch fall", |_, state: &World| {
            state.broken != Some(Broken::EpochFell)
        }),
        Property::always("no write of a lower fence lands", |_, state: &World| !state.store.went_back),
        Property::always("a member is in the room's snapshot", |_, state: &World| state.members_are_stored()),
        Property::always("who has left has a snapshot of its own", |model: &Rooms, state: &World| {
            !model.is_stored() || state.the_lone_are_stored()
        }),
        Property::always("a room's epoch is not below a member's", |_, state: &World| {
            state.room_is_above_its_members()
        }),
        Property::always("with snapshots before acknowledgement, nothing is gone", |_, state: &World| {
            state.broken != Some(Broken::Lost)
        }),
        Property::always(
            "without a further fault everybody is served again",
            |model: &Rooms, state: &World| model.healer.heals(state, &model.rules),
        ),
    ]
}

fn reached() -> Vec<Property<Rooms>> {
    vec![
        Property::sometimes("joined", |model: &Rooms, state: &World| {
            model.bounds.scene != Scene::Together && (1..=3).any(|node| state.both_at(NodeId(node)))
        }),
        Property::sometimes("left", |_, state: &World| {
            let alone = |(_, cohort): (_, &sterna::protocol::cohort::Cohort)| cohort.room().is_none();
            SESSIONS.into_iter().any(|session| {
                let entry = state.store.record(session.into());
                entry.is_some_and(|entry| entry.binding >= Binding(2)) && state.serving(session).any(alone)
            })
        }),
        Property::sometimes("moved with both", |_, state: &World| {
            let at = NodeId(2);
            state.both_at(at)
                && !state.has_taken_over()
                && state.store.record(ROOM).is_some_and(|room| room.served_by(at))
        }),
        Property::sometimes("taken over with both", |_, state: &World| {
            state.has_taken_over() && (1..=3).any(|node| state.both_at(NodeId(node)))
        }),
        Property::sometimes("goes on after a fence with both", |model: &Rooms, state: &World| {
            state.left.fences < model.bounds.fences && !state.has_taken_over() && state.both_at(NodeId(1))
        }),
        Property::sometimes("a write that binds may land late", |_, state: &World| state.is_late(true)),
        Property::sometimes("a write that releases may land late", |_, state: &World| state.is_late(false)),
        Property::sometimes(
            "the answer to a join was lost, and it had landed",
            |model: &Rooms, state: &World| {
                state.left.lost_answers < model.bounds.lost_answers && state.has_landed_unknown(true)
            },
        ),
        Property::sometimes(
            "the answer to a leave was lost, and it had landed",
            |model: &Rooms, state: &World| {
                state.left.lost_answers < model.bounds.lost_answers && state.has_landed_unknown(false)
            },
        ),
    ]
}
