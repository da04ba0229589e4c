//! Whether a node takes newcomers, and how the others come to know.

use super::Node;
use super::addresses::Told;
use crate::engine::{NodeInfo, Standing, Unavailable};
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use sterna::protocol::time::Time;

/// What a node does, and since when it is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Online,
    Cordoned,
    /// `length`: of the drain, as it was ordered last; zero: everybody is moved without asking.
    Offline {
        reason: OfflineReason,
        rooms_leave_at: Time,
        deadline: Time,
        length: Duration,
        any_version: bool,
    },
}

impl Node {
    /// Whether it takes newcomers.
    pub fn standing(&self) -> Standing {
        if self.is_parking() {
            return Standing::Offline;
        }
        match *self.phase.lock() {
            Phase::Online => Standing::Online,
            Phase::Cordoned => Standing::Cordoned,
            Phase::Offline { .. } => Standing::Offline,
        }
    }

    /// Lets no new users in, or lets them in again. False if the node is offline.
    pub async fn cordon(&self, on: bool) -> bool {
        let done = self.set_cordoned(on);
        if done {
            self.tell_standing().await;
        }
        done
    }

    /// The same, before other nodes know.
    pub(crate) fn set_cordoned(&self, on: bool) -> bool {
        let mut phase = self.phase.lock();
        match *phase {
            Phase::Offline { .. } => return false,
            Phase::Online | Phase::Cordoned => *phase = if on { Phase::Cordoned } else { Phase::Online },
        }
        true
    }

    /// Tells the other nodes.
    pub(crate) async fn tell_standing(&self) {
        if self.publish().await.is_err() {
            tracing::warn!(node = %self.name, "could not publish the node's state: it is published again with the next renewal");
        }
    }

    pub(super) async fn publish(&self) -> Result<(), Unavailable> {
        if self.has_stopped() {
            return Ok(()); // it has said goodbye, or is about to
        }
        let Told { tcp, quic, peer } = self.addresses.told();
        let info = NodeInfo {
            id: self.id,
            name: self.name.clone(),
            standing: self.standing(),
            tcp,
            quic,
            peer,
            app_version: self.app_version(),
            sessions: self.sessions() as u64,
        };
        self.shared.engine.publish(info).await
    }
}
