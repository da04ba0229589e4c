//! What the source of a move waits for the time of, and what it does then.

use super::{Abort, Output, Phase, Source, Wake};
use crate::protocol::reasons::MoveFailure;
use crate::protocol::record::Ask;
use crate::protocol::time::Time;

impl Source {
    /// When [`Input::Timeout`](super::Input::Timeout) is due, and what for.
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        self.wakes().into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Everything that the phase waits for the time of.
    pub fn wakes(&self) -> [Option<(Time, Wake)>; 2] {
        match &self.phase {
            Phase::Preparing { deadline, resend_at } => {
                [Some((*deadline, Wake::GiveUpPreparing)), Some((*resend_at, Wake::ResendPrepare))]
            }
            Phase::Attaching { deadline } => [Some((*deadline, Wake::GiveUpAttaching)), None],
            Phase::Claiming { deadline } => [Some((*deadline, Wake::GiveUpClaiming)), None],
            Phase::Leaving { deadline, abort: None, .. } => [Some((*deadline, Wake::GiveUpFreezing)), None],
            Phase::Passing { acked, resend_at, poll_at, .. } => {
                let resend = (!acked).then_some((*resend_at, Wake::ResendBaton));
                [Some((*poll_at, Wake::ReadRecord)), resend]
            }
            Phase::Recalling { poll_at } | Phase::Undoing { poll_at, .. } => {
                [Some((*poll_at, Wake::ReadRecord)), None]
            }
            // These are answered by the driver: before it does anything else, or when it is this move's turn.
            Phase::Picking
            | Phase::Freezing { .. }
            | Phase::Leaving { abort: Some(_), .. }
            | Phase::Ended => [None, None],
        }
    }

    pub(super) fn on_timeout(&mut self, now: Time) {
        // Several may be due at once.
        while let Some((at, wake)) = self.poll_timeout()
            && at <= now
        {
            self.fire(wake, now);
        }
    }

    /// The time of one of [`wakes`](Self::wakes) has come.
    pub fn fire(&mut self, wake: Wake, now: Time) {
        match wake {
            Wake::ResendPrepare => {
                self.outputs.push_back(Output::SendPrepare(self.id));
                if let Phase::Preparing { resend_at, .. } = &mut self.phase {
                    *resend_at = now + self.timing.resend;
                }
            }
            Wake::GiveUpPreparing => self.give_up_attempt(MoveFailure::TargetRefused),
            Wake::GiveUpAttaching => self.give_up_attempt(MoveFailure::ClientCannotReach),
            Wake::GiveUpClaiming => {
                self.abort(Abort { reason: MoveFailure::EngineUnavailable, next_target: false }, now);
            }
            Wake::GiveUpFreezing => {
                self.abort(Abort { reason: MoveFailure::FrozeTooLong, next_target: true }, now);
            }
            Wake::ResendBaton => self.resend_baton(now),
            Wake::ReadRecord => {
                self.poll_again(now);
                if !self.waits {
                    self.ask(Ask::Read);
                }
            }
        }
    }

    fn resend_baton(&mut self, now: Time) {
        if let Phase::Passing { baton, resend_at, .. } = &mut self.phase {
            *resend_at = now + self.timing.resend;
            self.outputs.push_back(Output::SendBaton(self.id, baton.clone()));
        }
    }
}
