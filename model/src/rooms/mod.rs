//! The model of rooms: two sessions, one room, two or three nodes, and the directory's entries and snapshots of
//! all three. Sessions join, leave and are thrown out, alone or while the room moves, is taken over, or waits for
//! its lease. Nodes are made of real cohorts, as in the model of ownership.
//!
//! A client is there whenever its session is served, looks at what it is told, acknowledges it, and goes again;
//! so it never waits for anybody, and what is on its link is another model's affair.

mod actions;
mod claims;
mod heal;
mod node;
pub mod report;
mod scene;
mod search;
mod store;
mod tamper;
mod world;

pub use actions::Action;
pub use scene::{Bounds, Scene};
pub use search::Rooms;
pub use tamper::Variant;
pub use world::World;

use sterna::protocol::ids::{CohortId, SessionId};

/// The two players.
const SESSIONS: [SessionId; 2] = [SessionId(7), SessionId(8)];
/// Their room.
const ROOM: CohortId = CohortId(100);
