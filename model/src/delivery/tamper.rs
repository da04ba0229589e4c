//! Rules broken on purpose: frames that are changed on their way, as a peer that breaks the rule would have
//! sent them, or as one would take them that breaks it. Production code knows nothing of it.

use super::judge::Judge;
use super::{ClientInput, NOW, Play, Rules};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::Cohort;
use sterna::protocol::ids::{Cursor, Epoch, Generation};
use sterna::protocol::limits;
use sterna::protocol::snapshot::Durability;
use sterna::protocol::wire::{Data, Downlink, Greeting, Peer, SessionState, Switch, SwitchCause, split};

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The target does not drop what the source has processed: the baton's cursor does not say.
    BatonForgetsUplink,
    /// The baton does not hold the downlink that is not acknowledged.
    BatonForgetsDownlink,
    /// The baton is the session as it was before the freeze, when the target was asked to make room.
    BatonIsFromBefore,
    /// The client does not drop replayed downlink by number: what a `Switch` replays counts as new.
    ReplayCountsAsNew,
    /// The client accepts the `Switch` of an older epoch.
    OlderSwitchCounts,
    /// The target acknowledges before it serves, and the client trusts it.
    AcknowledgesBeforeServing,
    /// A restart from a copy is passed off as a link that was restored.
    RestartIsNotTold,
    /// After a restart the downlink goes on at the copy's own numbers, not above those that the client has seen.
    RestartForgetsClient,
    /// Messages are acknowledged, and answers released, before the snapshot that holds them is stored.
    AcknowledgesBeforeStored,
}

impl Variant {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::BatonForgetsUplink,
        Self::BatonForgetsDownlink,
        Self::BatonIsFromBefore,
        Self::ReplayCountsAsNew,
        Self::OlderSwitchCounts,
        Self::AcknowledgesBeforeServing,
        Self::RestartIsNotTold,
        Self::RestartForgetsClient,
        Self::AcknowledgesBeforeStored,
    ];
}

/// What a node sends to another.
pub(super) fn peer(
    variant: Option<Variant>,
    frame: &mut Peer,
    cohort: &Cohort,
    earlier: &mut Option<SessionState>,
) {
    match (variant, frame) {
        (Some(Variant::BatonForgetsUplink), Peer::Baton { baton, .. }) => baton.sessions[0].up = Cursor(0),
        (Some(Variant::BatonForgetsDownlink), Peer::Baton { baton, .. }) => {
            baton.sessions[0].down_messages.clear();
        }
        (Some(Variant::BatonIsFromBefore), Peer::Prepare { .. }) => {
            *earlier = Some(cohort.session().export(NOW));
        }
        (Some(Variant::BatonIsFromBefore), Peer::Baton { baton, .. }) => {
            if let Some(earlier) = earlier {
                baton.sessions[0] = earlier.clone();
            }
        }
        (None | Some(_), _) => {}
    }
}

/// The frames of a data lane that arrive at the client, as it would take them, and the epochs that they are
/// of in truth.
pub(super) fn switches(variant: Option<Variant>, bytes: &[u8], judge: &Judge) -> (Vec<u8>, Option<Epoch>) {
    let (mut out, mut rest, mut truth) = (Vec::new(), bytes, None);
    while let Ok(Some((body, length))) = split(rest, limits::FRAME_BYTES_MAX) {
        match Data::decode(body) {
            Ok(Data::Switch(mut switch)) => {
                truth = Some(switch.fence.epoch);
                switch_as_taken(variant, &mut switch, judge);
                Data::Switch(switch).encode(&mut out);
            }
            Ok(_) | Err(_) => out.extend_from_slice(&rest[..length]),
        }
        rest = &rest[length..];
    }
    (out, truth)
}

fn switch_as_taken(variant: Option<Variant>, switch: &mut Switch, judge: &Judge) {
    match variant {
        Some(Variant::ReplayCountsAsNew) => {
            switch.down = switch.down.max(Cursor(judge.received_in_all()));
        }
        Some(Variant::OlderSwitchCounts) => switch.fence.epoch = switch.fence.epoch.max(judge.epoch),
        Some(Variant::RestartIsNotTold) if switch.cause == SwitchCause::TookOver => {
            switch.cause = SwitchCause::Resumed;
            switch.generation = Generation::default();
        }
        Some(_) | None => {}
    }
}

/// A greeting, as the node would take it.
pub(super) fn greeting(variant: Option<Variant>, greeting: &mut Greeting) {
    if let (Some(Variant::RestartForgetsClient), Greeting::Resume { down, .. }) = (variant, greeting) {
        *down = Cursor(0);
    }
}

/// What is stored, and when.
pub(super) fn durability(variant: Option<Variant>, durability: Durability) -> Durability {
    match variant {
        Some(Variant::AcknowledgesBeforeStored) => Durability::Lazy(Duration::from_secs(1)),
        Some(_) | None => durability,
    }
}

impl Play {
    /// [`Variant::AcknowledgesBeforeServing`]: what has arrived at a target that is only prepared is
    /// acknowledged, as if its link served.
    pub(super) fn acknowledge_early(&mut self, node: usize, rules: &Rules) {
        let prepared = self.nodes[node].cohort.as_ref().is_some_and(|cohort| cohort.admits().is_some());
        if !prepared {
            return;
        }
        let mut ack = Vec::new();
        Downlink::Ack { up: Cursor(u64::from(self.judge.sent)) }.encode(&mut ack);
        let ack: Arc<[u8]> = ack.into();
        let links: Vec<_> =
            self.pipes.iter().filter(|pipe| pipe.client_open && pipe.up).map(|pipe| pipe.link).collect();
        for link in links {
            self.client_does(ClientInput::Bytes(link, ack.clone()), rules);
        }
    }
}
