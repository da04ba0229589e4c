//! Scenes of one room.
