//! A game that does with its sessions whatever its players say.

use crate::protocol::application::{Application, Context};
use crate::protocol::reasons::{CloseReason, ReplyStatus};
use crate::protocol::wire::{Kind, Message, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The game. Called while its node may not serve, it fails.
#[derive(Debug, Default)]
pub(super) struct Game {
    /// Whether the lease holds.
    pub(super) permitted: AtomicBool,
}

impl Game {
    fn assert_permitted(&self) {
        assert!(self.permitted.load(Ordering::Relaxed), "rule e: the game is called without a lease");
    }
}

impl Application for Game {
    fn message(&self, session: &mut Context<'_>, message: &Message<'_>) {
        self.assert_permitted();
        let Message { ver, cmd, payload, kind } = *message;
        // A full replay buffer or a full store is an answer, not an accident.
        match cmd % 8 {
            0 => drop(session.send(ver, cmd, payload)),
            1 => {
                for _ in 0..16 {
                    let _ = session.send(ver, cmd, payload);
                }
            }
            2 => drop(session.send_unreliable(ver, cmd, payload)),
            3 => drop(session.set(&cmd.to_string(), Value::Bytes(payload.to_vec()))),
            4 => drop(session.delete(&(cmd - 1).to_string())),
            5 => session.set_timer(Duration::from_millis(payload.len() as u64)),
            6 if ver == 0xff => session.close(CloseReason::ByServer),
            _ => {}
        }
        if let Kind::Request(_) = kind {
            let answered = session.reply(message, ReplyStatus::Ok, payload);
            // Promised for one answer, if nothing was sent before it.
            assert!(answered.is_ok() || matches!(cmd % 8, 0..=2), "there is room for one answer");
        }
    }

    fn timer(&self, session: &mut Context<'_>) {
        self.assert_permitted();
        let _ = session.send(2, 0, b"tick");
        if session.list().count() > 2 {
            session.set_timer(Duration::from_millis(7));
        }
    }
}
