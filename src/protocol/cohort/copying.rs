//! Large state that travels ahead of the baton while the source still serves, so that the freeze does not grow
//! with it: user data, and the state of a room, in pieces. The source sends a few at a time, so that batons of
//! other cohorts do not wait behind them, and looks again at what has changed meanwhile.

use super::{Cohort, Env, Output, Role};
use crate::protocol::ids::{MoveId, NodeId, SessionId};
use crate::protocol::limits;
use crate::protocol::source;
use crate::protocol::wire::{MoveMode, Peer, Piece};
use std::collections::VecDeque;

/// How far the pieces of one move are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Copying {
    /// Sessions whose user data is to be sent.
    users: VecDeque<SessionId>,
    /// The room has more to send.
    room: bool,
    sent: u64,
    acked: u64,
    /// How often the room's changes have been sent after it.
    rounds: u32,
    /// The clients are attached: what is left is the copy.
    pub(super) ready: bool,
}

impl Copying {
    pub(super) fn is_done(&self) -> bool {
        self.users.is_empty() && !self.room && self.sent == self.acked
    }
}

impl Cohort {
    /// The target has made room: from here on only what changes travels with the baton.
    pub(super) fn begin_copying(&mut self, id: MoveId) {
        let large = self.state_bytes() > limits::COPY_AHEAD_BYTES;
        self.forget_copies();
        let Role::Source(_, departure) = &mut self.role else { return };
        departure.copying = Copying::default();
        if !large {
            return;
        }
        for seat in &mut self.seats {
            if seat.session.begin_copy() {
                departure.copying.users.push_back(seat.id());
            }
        }
        if let Some(room) = self.room.as_deref_mut() {
            room.begin_copy();
            departure.copying.room = true;
        }
        // Whoever breaks before it makes waits for no answer: all of it goes at once, in front of the baton.
        let window = match departure.source.mode() {
            MoveMode::Seamless => limits::COPY_WINDOW,
            MoveMode::Classic => u64::MAX,
        };
        self.send_pieces(id, window);
    }

    pub(super) fn forget_copies(&mut self) {
        for seat in &mut self.seats {
            seat.session.forget_copy();
        }
        if let Some(room) = self.room.as_deref_mut() {
            room.forget_copy();
        }
    }

    fn send_pieces(&mut self, id: MoveId, window: u64) {
        while let Role::Source(_, departure) = &mut self.role
            && departure.copying.sent < departure.copying.acked.saturating_add(window)
            && let Some(piece) = self.next_piece()
        {
            let Role::Source(_, departure) = &mut self.role else { return };
            departure.copying.sent += 1;
            let number = departure.copying.sent;
            self.send_peer(id.target, Peer::Ahead { id, number, piece });
        }
    }

    fn next_piece(&mut self) -> Option<Piece> {
        let Role::Source(_, departure) = &mut self.role else { return None };
        let copying = &mut departure.copying;
        if let Some(session) = copying.users.pop_front() {
            let index = self.seat_of(session)?;
            return Some(Piece::User(session, self.seats[index].session.copy()));
        }
        let room = self.room.as_deref_mut().filter(|_| copying.room)?;
        if let Some(piece) = room.next_piece(limits::COPY_PIECE_BYTES) {
            return Some(Piece::Room(piece));
        }
        // What has changed since is sent after it, as long as that gets less.
        if room.dirty_bytes() > limits::COPY_PIECE_BYTES && copying.rounds < limits::COPY_ROUNDS_MAX {
            copying.rounds += 1;
            room.next_round();
            return room.next_piece(limits::COPY_PIECE_BYTES).map(Piece::Room);
        }
        copying.room = false;
        None
    }

    /// The target has a piece, and all before it.
    pub(super) fn on_ahead_ack(&mut self, id: MoveId, number: u64, env: &Env<'_>) {
        let Role::Source(_, departure) = &mut self.role else { return };
        let copying = &mut departure.copying;
        if departure.source.id() != id || number > copying.sent {
            return;
        }
        copying.acked = copying.acked.max(number);
        self.send_pieces(id, limits::COPY_WINDOW);
        let Role::Source(_, departure) = &mut self.role else { return };
        if departure.copying.is_done() && std::mem::take(&mut departure.copying.ready) {
            self.source_input(source::Input::Ready(id), env);
        }
    }

    /// A piece comes ahead of the baton. If one is lost with its link, those behind it are not taken, and the move
    /// fails: the baton would not fit.
    pub(super) fn on_ahead(&mut self, from: NodeId, id: MoveId, number: u64, piece: Piece, env: &Env<'_>) {
        let Role::Target(target) = &self.role else { return };
        if target.id() != id || !target.is_prepared() || number != self.pieces + 1 {
            return;
        }
        self.pieces = number;
        match piece {
            Piece::User(session, data) => {
                if let Some(index) = self.seat_of(session) {
                    self.seats[index].session.preload(data);
                }
            }
            Piece::Room(piece) => {
                let wakes = piece.game.as_ref().is_some_and(|game| game.last);
                self.preload.add(piece);
                if wakes {
                    // In front of the gap of the move. If it fails now, it does again when the baton comes.
                    let _ = self.preload.wake_game(|snapshot| env.application.restore_room(snapshot));
                }
            }
        }
        self.outputs.push_back(Output::Peer(from, Peer::AheadAck { id, number }));
    }
}
