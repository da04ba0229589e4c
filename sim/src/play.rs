//! Plays a story, ends all faults, and asks the history.

use crate::figures::Figures;
use crate::story::{Happening, Story};
use parking_lot::Mutex;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;
use sterna::client::event::Event;
use sterna::client::status::Status;
use sterna::protocol::client::Standing;
use sterna::protocol::cohort::Report;
use sterna::protocol::ids::NodeId;
use sterna::protocol::reasons::CloseReason;
use sterna::protocol::session::Settings;
use sterna::protocol::time::Time;
use sterna::protocol::wire::MoveMode;
use sterna::testing::{Cluster, Entry, Landing, PeerWeather, PlayerId};

/// What came of a story.
#[derive(Clone, Debug)]
pub struct Run {
    /// What happened, counted.
    pub figures: Figures,
    /// What went wrong: a promise that was not kept, or a failed assertion.
    pub failure: Option<Failure>,
    /// The last things that happened, if they were to be noted.
    pub trace: Vec<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is: the promise, or where an assertion stands. A story is shrunk as long as it
    /// fails like this.
    pub kind: String,
    /// All of it.
    pub text: String,
}

/// What is to be done at a time.
#[derive(Clone, Debug)]
enum Act {
    Begin(Happening),
    End(Happening),
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Plays a story. `traced`: what happens is noted.
pub fn play(story: &Story, traced: bool) -> Run {
    catch_panics_silently();
    let stage = Mutex::new(Stage::new(story, traced));
    PLAYING.set(true);
    let played = catch_unwind(AssertUnwindSafe(|| stage.lock().play(story)));
    PLAYING.set(false);
    let mut stage = stage.into_inner();
    let failure = match played {
        Ok(failure) => failure,
        Err(_) => {
            let text = PANIC.take();
            Some(Failure { kind: text.lines().last().unwrap_or_default().to_owned(), text })
        }
    };
    stage.figures.take_from(&stage.cluster);
    let trace = stage.cluster.trace().map(str::to_owned).collect();
    Run { figures: std::mem::take(&mut stage.figures), failure, trace }
}

thread_local! {
    /// A story is being played on this thread.
    static PLAYING: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread said, and where it was.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A failed assertion is a result like others: it is reported with its story.
fn catch_panics_silently() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !PLAYING.get() {
                return loud(info);
            }
            let place = info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
            let text = text_of(info.payload());
            PANIC.set(format!("an assertion failed: {text}\n{place}"));
        }));
    });
}

/// The words of a panic.
fn text_of(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// A cluster on which a story is played.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    /// Players of the story, by their names there.
    players: BTreeMap<u64, PlayerId>,
    left: Vec<PlayerId>,
    figures: Figures,
}

impl Stage {
    fn new(story: &Story, traced: bool) -> Self {
        let settings = Settings { durability: story.durability.into(), ..Cluster::default_settings() };
        let mut cluster = Cluster::with_settings(story.seed, u64::from(story.nodes), settings);
        cluster.traced = traced;
        cluster.delays.link_us = story.link_us.clone();
        cluster.delays.peer_us = story.peer_us.clone();
        cluster.delays.outbox_us = story.outbox_us.clone();
        cluster.delays.directory_us = story.engine_us.clone();
        Self { cluster, players: BTreeMap::new(), left: Vec::new(), figures: Figures::default() }
    }

    fn play(&mut self, story: &Story) -> Option<Failure> {
        let mut acts: Vec<(u64, Act)> = Vec::new();
        for (at_ms, happening) in &story.happenings {
            acts.push((*at_ms, Act::Begin(happening.clone())));
            if let Some(for_ms) = lasts(happening) {
                acts.push((at_ms + for_ms, Act::End(happening.clone())));
            }
        }
        acts.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, act) in acts {
            self.cluster.run_to(Time::from_micros(at_ms * 1000));
            match act {
                Act::Begin(happening) => {
                    if self.begin(&happening) {
                        self.figures.begun(happening.kind());
                    }
                }
                Act::End(happening) => self.end(&happening),
            }
        }
        self.cluster.run_to(Time::from_micros(story.length_ms * 1000));
        self.judge()
    }

    fn judge(&mut self) -> Option<Failure> {
        let rested = self.cluster.come_to_rest();
        let verdict = if rested { self.cluster.verdict_at_rest() } else { self.cluster.history().verdict() };
        if let Err(violation) = verdict {
            let kind = format!("promise {}", violation.promise);
            return Some(Failure { kind, text: violation.to_string() });
        }
        if let Some(unrest) = self.cluster.unrest().filter(|_| !rested) {
            let text = format!("promise 5: the cluster never came to rest: {unrest}");
            return Some(Failure { kind: "rest".into(), text });
        }
        self.abandoned().map(|player| Failure {
            kind: "abandoned".into(),
            text: format!("promise 4: {player:?} is without a session, and no crash took it"),
        })
    }

    /// A player who has lost a session that no crash, and no game, has ended.
    fn abandoned(&self) -> Option<PlayerId> {
        let history = self.cluster.history();
        let crashed = history.entries().iter().any(|entry| matches!(entry, Entry::Crashed(_)));
        // Said only where nothing is stored.
        let unstored = [CloseReason::SessionUnknown, CloseReason::NodeStopped];
        let nothing_left = history.entries().iter().any(
            |entry| matches!(entry, Entry::Reported(_, _, Report::Closed(reason)) if unstored.contains(reason)),
        );
        if crashed || nothing_left {
            return None;
        }
        self.players.values().copied().find(|player| {
            self.cluster.standing(*player) == Standing::Idle
                && !self.left.contains(player)
                && history.told(*player, |event| matches!(event, Event::Disconnected { .. })) > 0
        })
    }

    fn node(&self, place: u8) -> Option<NodeId> {
        let node = self.cluster.node_at(place);
        self.cluster.is_alive(node).then_some(node)
    }

    pub(crate) fn player(&self, name: u64) -> Option<PlayerId> {
        let player = self.players.get(&name).copied()?;
        (self.cluster.standing(player) != Standing::Idle).then_some(player)
    }

    /// Does something to a node, if it is there.
    fn on_node(&mut self, place: u8, act: impl FnOnce(&mut Cluster, NodeId)) -> bool {
        let node = self.node(place);
        node.map(|node| act(&mut self.cluster, node)).is_some()
    }

    pub(crate) fn on_player(&mut self, name: u64, act: impl FnOnce(&mut Cluster, PlayerId)) -> bool {
        let player = self.player(name);
        player.map(|player| act(&mut self.cluster, player)).is_some()
    }

    fn on_nodes(&mut self, a: u8, b: u8, act: impl FnOnce(&mut Cluster, NodeId, NodeId)) -> bool {
        match (self.node(a), self.node(b)) {
            (Some(a), Some(b)) if a != b => {
                act(&mut self.cluster, a, b);
                true
            }
            _ => false,
        }
    }

    /// False: there was nothing to do it to.
    fn begin(&mut self, happening: &Happening) -> bool {
        match *happening {
            Happening::Join { .. } | Happening::Leave { .. } | Happening::Vanish { .. } => {
                self.comes_or_goes(happening)
            }
            Happening::Drain { node } => self.on_node(node, |cluster, node| cluster.drain(node)),
            Happening::DrainWithin { node, for_ms } => {
                self.on_node(node, |cluster, node| cluster.drain_within(node, ms(for_ms)))
            }
            Happening::DryRun { node } => self.on_node(node, |cluster, node| cluster.dry_run(node)),
            Happening::EndDryRun { node } => self.on_node(node, |cluster, node| cluster.end_dry_run(node)),
            Happening::Online { node } => self.on_node(node, |cluster, node| cluster.online(node)),
            Happening::Force { node } => self.on_node(node, |cluster, node| cluster.force(node)),
            Happening::Park { node } => self.on_node(node, |cluster, node| cluster.park(node)),
            Happening::Stop { node } => self.node(node).is_some_and(|node| self.cluster.stop_if_empty(node)),
            Happening::Crash { node } => self.on_node(node, |cluster, node| cluster.crash(node)),
            Happening::PowerOff { node } => self.on_node(node, |cluster, node| cluster.power_off(node)),
            Happening::Restart { node } => {
                self.cluster.node_at(node) != NodeId::default() && self.cluster.restart(node).is_some()
            }
            Happening::BeatsForgotten {} => self.cluster.forget_heartbeats(),
            Happening::Pause { node, for_ms } => {
                self.on_node(node, |cluster, node| cluster.pause(node, ms(for_ms), false))
            }
            Happening::Suspend { node, for_ms } => {
                self.on_node(node, |cluster, node| cluster.pause(node, ms(for_ms), true))
            }
            Happening::Clock { node, thousandths } => {
                self.on_node(node, |cluster, node| cluster.run_clock_at(node, thousandths))
            }
            Happening::FillUp { node, .. } => self.on_node(node, |cluster, node| cluster.fill_up(node)),
            Happening::EngineCut { node, .. } => {
                self.on_node(node, |cluster, node| cluster.cut_from_engine(node))
            }
            Happening::Cut { a, b, .. } => self.on_nodes(a, b, |cluster, a, b| cluster.cut(a, b)),
            Happening::CutOneWay { from, to, .. } => {
                self.on_nodes(from, to, |cluster, from, to| cluster.cut_one_way(from, to))
            }
            Happening::Stall { from, to, .. } => {
                self.on_nodes(from, to, |cluster, from, to| cluster.stall(from, to))
            }
            Happening::Weather { loss, doubles, late } => {
                self.cluster.peers = PeerWeather { loss, doubles, late };
                loss + doubles + late > 0
            }
            Happening::Datagrams { loss } => {
                self.cluster.datagram_loss = loss;
                loss > 0
            }
            Happening::EngineDown { .. } => {
                self.cluster.engine_down();
                true
            }
            Happening::StoreBusy { .. } => {
                self.cluster.set_store_busy(true);
                true
            }
            Happening::CasLanded {} => self.lose_cas_answer(Landing::Landed),
            Happening::CasNever {} => self.lose_cas_answer(Landing::Never),
            Happening::CasLate { after_ms } => self.lose_cas_answer(Landing::Later(ms(after_ms))),
            Happening::ReadsLost { count } => {
                self.cluster.lose_reads(count);
                true
            }
            Happening::StoreLanded {} => self.lose_store_answer(Landing::Landed),
            Happening::StoreNever {} => self.lose_store_answer(Landing::Never),
            Happening::StoreLate { after_ms } => self.lose_store_answer(Landing::Later(ms(after_ms))),
            Happening::Lose { ref frame } => {
                self.cluster.lose_next(frame);
                true
            }
            Happening::Double { ref frame } => {
                self.cluster.duplicate_next(frame);
                true
            }
            Happening::BreakLink { .. }
            | Happening::BreakLinks { .. }
            | Happening::Silence { .. }
            | Happening::Address { .. }
            | Happening::Unreachable { .. }
            | Happening::Migrate { .. }
            | Happening::Answers { .. }
            | Happening::StopReading { .. }
            | Happening::Burst { .. }
            | Happening::Store { .. }
            | Happening::StoreLarge { .. } => self.begin_for_player(happening),
            Happening::Chat { .. }
            | Happening::RoomOpen { .. }
            | Happening::RoomJoin { .. }
            | Happening::RoomAny { .. }
            | Happening::RoomLeave { .. }
            | Happening::RoomKick { .. }
            | Happening::RoomClose { .. }
            | Happening::RoomMigrate { .. }
            | Happening::RoomSet { .. } => self.begin_in_room(happening),
        }
    }

    fn lose_cas_answer(&mut self, landing: Landing) -> bool {
        self.cluster.lose_cas_answer(landing);
        true
    }

    fn lose_store_answer(&mut self, landing: Landing) -> bool {
        self.cluster.lose_store_answer(landing);
        true
    }

    fn comes_or_goes(&mut self, happening: &Happening) -> bool {
        match *happening {
            Happening::Join { player, node, every_ms, pushed_ms, classic } => {
                if node == 0 || self.cluster.node_at(node) == NodeId::default() {
                    return false;
                }
                let mode = if classic { MoveMode::Classic } else { MoveMode::Seamless };
                let node = self.cluster.node_at(node);
                let id = self.cluster.join_play(player, node, mode, ms(every_ms), ms(pushed_ms));
                self.players.insert(player, id);
                true
            }
            Happening::Vanish { player } => {
                let gone = self.player(player);
                self.left.extend(gone);
                self.on_player(player, |cluster, player| cluster.vanish(player))
            }
            Happening::Leave { player } => {
                let gone = self.player(player);
                self.left.extend(gone);
                self.on_player(player, |cluster, player| cluster.disconnect(player))
            }
            _ => false,
        }
    }

    fn begin_for_player(&mut self, happening: &Happening) -> bool {
        match *happening {
            Happening::BreakLink { player } => {
                self.on_player(player, |cluster, player| cluster.break_link(player))
            }
            Happening::BreakLinks { player } => {
                self.on_player(player, |cluster, player| cluster.break_links(player))
            }
            Happening::Silence { player, up, down, for_ms } => {
                self.on_player(player, |cluster, player| cluster.silence(player, up, down, ms(for_ms)))
            }
            Happening::Address { player } => {
                self.on_player(player, |cluster, player| cluster.change_address(player))
            }
            Happening::Unreachable { player, node, .. } => {
                let Some(node) = self.node(node) else { return false };
                self.on_player(player, |cluster, player| cluster.make_unreachable(player, node))
            }
            Happening::Migrate { player } => {
                let answer = self.player(player).map(|player| self.cluster.send_migrate(player));
                answer == Some(Ok::<(), Status>(()))
            }
            Happening::Answers { player, does } => {
                self.on_player(player, |cluster, player| cluster.answers_offline(player, does))
            }
            Happening::StopReading { player, .. } => {
                self.on_player(player, |cluster, player| cluster.consumes(player, false))
            }
            Happening::Burst { player, count, bytes } => {
                self.on_player(player, |cluster, player| cluster.send(player, count as usize, bytes as usize))
            }
            Happening::Store { player } => self.on_player(player, |cluster, player| cluster.store(player)),
            Happening::StoreLarge { player } => {
                self.on_player(player, |cluster, player| cluster.store_large(player))
            }
            _ => false,
        }
    }

    fn end(&mut self, happening: &Happening) {
        match *happening {
            Happening::Cut { a, b, .. } | Happening::CutOneWay { from: a, to: b, .. } => {
                self.on_nodes(a, b, |cluster, a, b| cluster.join(a, b));
            }
            Happening::Stall { from, to, .. } => {
                self.on_nodes(from, to, |cluster, from, to| cluster.unstall(from, to));
            }
            Happening::Unreachable { player, node, .. } => {
                let Some(node) = self.node(node) else { return };
                self.on_player(player, |cluster, player| cluster.make_reachable(player, node));
            }
            Happening::EngineDown { .. } => self.cluster.engine_up(),
            Happening::StoreBusy { .. } => self.cluster.set_store_busy(false),
            Happening::EngineCut { node, .. } => {
                self.on_node(node, |cluster, node| cluster.join_engine(node));
            }
            Happening::FillUp { node, .. } => {
                self.on_node(node, |cluster, node| cluster.make_room(node));
            }
            Happening::StopReading { player, .. } => {
                self.on_player(player, |cluster, player| cluster.consumes(player, true));
            }
            _ => {}
        }
    }
}

/// How long something goes on that has to be ended.
fn lasts(happening: &Happening) -> Option<u64> {
    match *happening {
        Happening::Cut { for_ms, .. }
        | Happening::CutOneWay { for_ms, .. }
        | Happening::Stall { for_ms, .. }
        | Happening::Unreachable { for_ms, .. }
        | Happening::EngineDown { for_ms }
        | Happening::StoreBusy { for_ms }
        | Happening::EngineCut { for_ms, .. }
        | Happening::FillUp { for_ms, .. }
        | Happening::StopReading { for_ms, .. } => Some(for_ms),
        _ => None,
    }
}
