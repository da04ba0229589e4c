//! Rooms: players who play together, and move together.

pub mod wire;
