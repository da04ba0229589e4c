//! What a client has asked of rooms that its session cannot do where it is: make one, join one, leave one. It
//! is part of the session, and goes with it from node to node until it is done and answered, once.

use crate::protocol::ids::CohortId;
use crate::protocol::limits;
use crate::protocol::room::wire::{RoomRequest, only_frame};
use crate::protocol::time::Time;
use crate::protocol::wire::{DecodeError, fields};

/// A wish under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Errand {
    /// The request that it answers.
    pub request: u64,
    /// What is wanted.
    pub wish: RoomRequest,
    /// How often the session has moved for it.
    pub hops: u32,
    /// Where it stands at this node.
    pub step: Step,
    /// Until when it is tried at this node; from the first look at it on.
    pub until: Option<Time>,
}

/// Where an errand stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It is looked at next, at this time or later.
    Due(Time),
    /// The node has been asked, and answers.
    Asked,
    /// The session is on its way to the node of the room.
    Travelling,
}

/// An errand as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrandState {
    /// The request that it answers.
    pub request: u64,
    /// What is wanted, as a frame.
    pub wish: Vec<u8>,
    /// How often the session has moved for it.
    pub hops: u64,
}

fields! {
    ErrandState { request, wish, hops }
}

impl Errand {
    /// What a client has just asked for.
    pub fn new(request: u64, wish: RoomRequest) -> Self {
        Self { request, wish, hops: 0, step: Step::Due(Time::default()), until: None }
    }

    /// As bytes.
    pub fn export(&self) -> ErrandState {
        let mut wish = Vec::new();
        self.wish.encode(&mut wish);
        ErrandState { request: self.request, wish, hops: self.hops.into() }
    }

    /// From bytes: to be begun anew at this node.
    pub fn restore(state: &ErrandState) -> Result<Self, DecodeError> {
        let wish = RoomRequest::decode(only_frame(&state.wish)?)?;
        Ok(Self { hops: state.hops.try_into().unwrap_or(u32::MAX), ..Self::new(state.request, wish) })
    }

    /// The room that is to be joined, if one is named.
    pub const fn room(&self) -> Option<CohortId> {
        match self.wish {
            RoomRequest::Join { room } => Some(room),
            _ => None,
        }
    }

    /// It is looked at again after a pause; false if its time is up.
    #[must_use]
    pub fn try_again(&mut self, now: Time) -> bool {
        self.step = Step::Due(now + limits::RECORD_POLL);
        self.until.is_none_or(|until| now < until)
    }

    /// When it has to be looked at.
    pub const fn poll_timeout(&self) -> Option<Time> {
        match self.step {
            Step::Due(at) => Some(at),
            Step::Asked | Step::Travelling => None,
        }
    }
}
