//! The game's server side, so that a panic in one of its hooks costs nobody else anything.
//!
//! Hooks are called by tasks that serve a whole node: the keeper of its lease, its drain. A hook that panics is logged
//! and counts as one that has returned; what it has sent and stored up to there stays.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use sterna::protocol::application::{Application, Context, Lost, RoomContext};
use sterna::protocol::ids::{MemberId, SessionId};
use sterna::protocol::reasons::{CloseReason, ExitReason};
use sterna::protocol::room::{GameError, RoomGame};
use sterna::protocol::snapshot::Origin;
use sterna::protocol::wire::Message;

/// An application whose panics end here.
pub(crate) struct Guarded(pub(crate) Arc<dyn Application>);

/// Runs a hook. `None`: it has panicked.
fn guard<R>(hook: &'static str, call: impl FnOnce() -> R) -> Option<R> {
    // The session is its own business: each call leaves it in order.
    let result = catch_unwind(AssertUnwindSafe(call));
    result
        .inspect_err(|_| tracing::error!(hook, "the game's server side has panicked: going on without"))
        .ok()
}

impl Application for Guarded {
    fn version(&self) -> u32 {
        self.0.version()
    }

    fn connected(&self, session: &mut Context<'_>) {
        guard("connected", || self.0.connected(session));
    }

    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        guard("message", || self.0.message(session, message));
    }

    fn timer(&self, session: &mut Context<'_>) {
        guard("timer", || self.0.timer(session));
    }

    fn disconnected(&self, session: &mut Context<'_>, reason: CloseReason) {
        guard("disconnected", || self.0.disconnected(session, reason));
    }

    fn moved_in(&self, session: &mut Context<'_>) {
        guard("moved_in", || self.0.moved_in(session));
    }

    fn moved_out(&self, user: &str, session: SessionId) {
        guard("moved_out", || self.0.moved_out(user, session));
    }

    fn took_over(&self, session: &mut Context<'_>, from: Origin) {
        guard("took_over", || self.0.took_over(session, from));
    }

    fn room_created(&self, room: &mut RoomContext<'_>) {
        guard("room_created", || self.0.room_created(room));
    }

    fn room_admits(&self, room: &mut RoomContext<'_>, user: &str) -> bool {
        guard("room_admits", || self.0.room_admits(room, user)).unwrap_or(false)
    }

    fn room_joined(&self, room: &mut RoomContext<'_>, member: MemberId) {
        guard("room_joined", || self.0.room_joined(room, member));
    }

    fn room_left(&self, room: &mut RoomContext<'_>, member: MemberId, reason: ExitReason) {
        guard("room_left", || self.0.room_left(room, member, reason));
    }

    fn room_timer(&self, room: &mut RoomContext<'_>) {
        guard("room_timer", || self.0.room_timer(room));
    }

    fn room_moved_in(&self, room: &mut RoomContext<'_>) {
        guard("room_moved_in", || self.0.room_moved_in(room));
    }

    fn room_took_over(&self, room: &mut RoomContext<'_>, from: Origin) {
        guard("room_took_over", || self.0.room_took_over(room, from));
    }

    fn room_closed(&self, room: &mut RoomContext<'_>) {
        guard("room_closed", || self.0.room_closed(room));
    }

    fn restore_room(&self, snapshot: &[u8]) -> Result<Box<dyn RoomGame>, GameError> {
        guard("restore_room", || self.0.restore_room(snapshot))
            .unwrap_or_else(|| Err(GameError { reason: "the application has panicked".into() }))
    }

    fn lost(&self, session: &mut Context<'_>, lost: &Lost) {
        guard("lost", || self.0.lost(session, lost));
    }
}

#[cfg(test)]
mod tests {
    /// The names of a block's functions.
    fn functions(source: &'static str, block: &str) -> Vec<&'static str> {
        let (_, rest) = source.split_once(block).expect("the block is there");
        let body = rest.split("\n}\n").next().expect("it ends");
        body.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next()).collect()
    }

    /// One that is not would have the trait's default body, and the game would never hear of it.
    #[test]
    fn every_hook_is_passed_on() {
        let hooks =
            functions(include_str!("../../../src/protocol/application/mod.rs"), "pub trait Application");
        assert!(hooks.len() > 15, "{hooks:?}");
        let passed_on = functions(include_str!("guarded.rs"), "impl Application for Guarded");
        assert_eq!(passed_on, hooks);
    }
}
