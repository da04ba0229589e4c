//! The steps to what a search has found.

use super::world::World;
use super::{Action, ROOM, SESSIONS};
use crate::store::Request;
use std::fmt::Write as _;
use sterna::protocol::ids::CohortId;
use sterna::protocol::record::Ask;
use sterna::protocol::snapshot::SnapshotAsk;

/// One line for each step.
pub fn steps(path: Vec<(World, Option<Action>)>) -> String {
    let mut out = String::new();
    for (number, (world, action)) in path.into_iter().enumerate() {
        let what = action.map_or("and here it is".into(), |action| describe(&world, &action));
        let _ = writeln!(out, "{number:>4}. [{}] {what}", account(&world));
    }
    out
}

/// What the directory says, what is stored, and who serves whom.
fn account(world: &World) -> String {
    let mut out = String::new();
    for key in SESSIONS.map(CohortId::from).into_iter().chain([ROOM]) {
        let name = if key == ROOM { "room".into() } else { key.0.to_string() };
        match world.store.record(key) {
            None => {
                let _ = write!(out, "{name}: -; ");
            }
            Some(record) => {
                let bound = if record.room.is_some() { " in" } else { "" };
                let (owner, binding, epoch) = (record.owner.0, record.binding, record.epoch);
                let _ = write!(out, "{name}: {owner} at {binding}.{epoch}{bound}; ");
            }
        }
        if let Some(stored) = world.store.snapshot(key) {
            let members: Vec<u64> = stored.sessions.iter().map(|state| state.session.0).collect();
            let _ = write!(out, "stored {} {members:?}; ", stored.fence);
        }
    }
    for session in SESSIONS {
        for (node, cohort) in world.serving(session) {
            let how = if cohort.room().is_some() { "in the room" } else { "alone" };
            let _ = write!(out, "{} served by {} {how}; ", session.0, node.0);
        }
    }
    out
}

fn describe(world: &World, action: &Action) -> String {
    match action {
        Action::Deliver(index) => {
            let sent = &world.network[*index];
            format!("{} about {} arrives at node {}", sent.name, sent.id, sent.to.0)
        }
        Action::Process(index, number)
        | Action::Answer(index, number)
        | Action::LoseAnswer(index, number) => {
            let question = &world.nodes[*index].questions[*number];
            let asks = asked(&question.request);
            format!(
                "{action:?}: {:?} about {}: {asks}, answer {:?}",
                question.who,
                question.key().0,
                question.reply
            )
        }
        Action::Land(index) => {
            let (key, request) = &world.store.late[*index];
            format!("late, this lands about {}: {}", key.0, asked(request))
        }
        action => format!("{action:?}"),
    }
}

fn asked(request: &Request) -> String {
    match request {
        Request::Leases => "leases".into(),
        Request::Directory(Ask::Read) => "read".into(),
        Request::Directory(Ask::Cas { expected, record }) => format!("write at {expected:?} {record:?}"),
        Request::Snapshot(SnapshotAsk::Read) => "read the snapshot".into(),
        Request::Snapshot(SnapshotAsk::Write { expected, snapshot }) => {
            format!("store at {expected:?} {}", snapshot.fence)
        }
    }
}
