//! Which faults strike a room, at which step, of how many.

use crate::matrix::Fault;

/// What goes on when the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// The room moves from node 1 to node 2.
    Move,
    /// The same, and some of its state is copied ahead.
    Large,
    /// The same, and the source stands still with the baton, so that the target hands the room back.
    NoBaton,
    /// The same, and the target stands still with what it tells the first client last.
    SettledLate,
    /// Somebody on node 1 joins the room there.
    Join,
    /// Somebody on node 2 joins it: at a higher epoch than the room's, to which that is raised first.
    JoinFromAfar,
    /// Somebody leaves it.
    Leave,
}

impl Scene {
    pub(crate) const fn moves(self) -> bool {
        matches!(self, Self::Move | Self::Large | Self::NoBaton | Self::SettledLate)
    }

    /// Which node stands still, before which point, until the fault has struck the other.
    pub(crate) const fn holds(self) -> Option<(usize, &'static str)> {
        match self {
            Self::NoBaton => Some((0, "Baton")),
            Self::SettledLate => Some((1, "client Settled")),
            Self::Move | Self::Large | Self::Join | Self::JoinFromAfar | Self::Leave => None,
        }
    }
}

/// One step of what a room does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Which node takes it: 0 the one that has the room, 1 the one that it, or who joins, moves to or from.
    pub(crate) by: usize,
    pub(crate) point: &'static str,
    /// When it is come by for the so-manieth time.
    pub(crate) nth: u32,
    pub(crate) scene: Scene,
}

const fn step(by: usize, point: &'static str, nth: u32, scene: Scene) -> Step {
    Step { by, point, nth, scene }
}

/// In the order of a move, of a join, and of a leave.
pub(crate) const STEPS: [Step; 30] = [
    step(0, "client Offline", 2, Scene::Move),
    step(0, "Prepare", 1, Scene::Move),
    step(1, "engine admission", 1, Scene::Move),
    step(1, "Prepared", 1, Scene::Move),
    step(0, "Ahead", 1, Scene::Large),
    step(1, "AheadAck", 2, Scene::Large),
    step(0, "client MoveTo", 2, Scene::Move),
    step(1, "client Attached", 2, Scene::Move),
    step(1, "Ready", 1, Scene::Move),
    step(0, "engine claim", 1, Scene::Move),
    step(0, "engine room snapshot", 2, Scene::Move),
    step(0, "Baton", 1, Scene::Move),
    step(1, "engine hand back", 1, Scene::NoBaton),
    step(1, "client Switch", 1, Scene::Move),
    step(1, "client Switch", 3, Scene::Move),
    step(1, "BatonAck", 1, Scene::Move),
    step(1, "engine room snapshot", 1, Scene::Move),
    step(1, "engine finalise", 1, Scene::Move),
    step(1, "client Settled", 2, Scene::Move),
    step(1, "Finalised", 1, Scene::Move),
    step(0, "client Moved", 1, Scene::SettledLate),
    step(0, "engine room snapshot", 1, Scene::Join),
    step(0, "engine room snapshot", 2, Scene::Join),
    step(0, "engine bind", 1, Scene::Join),
    step(0, "engine return", 1, Scene::JoinFromAfar),
    step(0, "engine room snapshot", 2, Scene::JoinFromAfar),
    step(0, "engine bind", 1, Scene::JoinFromAfar),
    step(0, "engine member snapshot", 1, Scene::Leave),
    step(0, "engine unbind", 1, Scene::Leave),
    step(0, "engine room snapshot", 2, Scene::Leave),
];

/// Steps at which small and large rooms are struck as well.
const OF_ALL_SIZES: [(&str, bool); 4] =
    [("engine claim", true), ("Baton", false), ("client Switch", false), ("engine finalise", false)];

/// Steps at which something is asked, or said to a node, only once: it is lost, or comes twice, as well.
const LOST_OR_DOUBLED: [&str; 6] =
    ["Prepare", "engine claim", "Baton", "engine finalise", "engine bind", "engine unbind"];

/// Steps at which a room without snapshots before acknowledgement is struck as well.
const LAZY: [(&str, bool); 5] = [
    ("engine claim", true),
    ("client Switch", false),
    ("engine finalise", false),
    ("engine bind", true),
    ("engine unbind", false),
];

/// How many are in a room, unless it is said otherwise.
pub(crate) const USUAL: usize = 4;
const SMALL: usize = 2;
const LARGE: usize = 50;

/// One case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) step: Step,
    pub(crate) after: bool,
    pub(crate) fault: Fault,
    pub(crate) members: usize,
    /// Snapshots are taken now and then only: messages may be lost, if that is said.
    pub(crate) lazy: bool,
}

impl Cell {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for step in STEPS {
            for after in [false, true] {
                let cell = |fault| Self { step, after, fault, members: USUAL, lazy: false };
                all.push(cell(Fault::Crash));
                // What a node sleeps on after a frame is mostly what it sleeps on before the next.
                let asks = step.point.starts_with("engine");
                all.extend((!after || asks).then(|| cell(Fault::LongPause)));
                if LOST_OR_DOUBLED.contains(&step.point) {
                    // Only a question has an answer that can be lost.
                    all.extend((!after || asks).then(|| cell(Fault::Drop)));
                    all.extend((!after).then(|| cell(Fault::Twice)));
                }
                if OF_ALL_SIZES.contains(&(step.point, after)) && step.nth == 1 {
                    all.push(Self { members: SMALL, ..cell(Fault::Crash) });
                    let large = Self { members: LARGE, ..cell(Fault::Crash) };
                    all.extend((after || step.by == 1).then_some(large));
                }
                if LAZY.contains(&(step.point, after)) && step.nth == 1 {
                    all.push(Self { lazy: true, ..cell(Fault::Crash) });
                }
            }
        }
        all
    }

    /// What to set `STERNA_FAULTS_ONLY` to, to play it alone.
    pub(crate) fn name(self) -> String {
        let Self { step, after, fault, members, lazy } = self;
        let Step { by, point, nth, scene } = step;
        let when = if after { "after" } else { "before" };
        let kind = if lazy { ", lazy" } else { "" };
        format!("room of {members}, {scene:?}, node-{} {when} {point} ({nth}): {fault:?}{kind}", by + 1)
    }
}
