//! A dry run of a drain: every cohort of the node is probed, as the drain would move it, and stays.
//!
//! Probes wait for their turn by the targets' credits, behind all real moves. The run ends when everything has been
//! probed, when its time is up, or when whoever asked for it does not wait any more.

use super::slot::Slot;
use super::watching::who;
use super::{Node, now};
use crate::admin::{DryRunEntry, DryRunReport, DryRunResult, TriedTarget};
use crate::engine::Standing;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::cohort::{Cohort, ProbeReport};
use sterna::protocol::ids::{CohortId, NodeId};
use sterna::protocol::probe::Outcome;
use sterna::protocol::time::Time;
use tokio::sync::Notify;

/// A cohort whose probe something real has come in between of is probed so often.
const TRIES_MAX: u32 = 10;

/// ... after this pause.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What a dry run is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DryRunOrder {
    /// How long it may take.
    pub limit: Duration,
    /// Nodes with an older version of the application would do, too.
    pub any_version: bool,
}

/// Why there is no dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDryRun {
    /// The node is on its way out.
    Offline,
    /// One is under way.
    Busy,
}

/// The dry run of a node, if one is under way.
#[derive(Debug, Default)]
pub(super) struct DryRuns {
    run: parking_lot::Mutex<Option<Run>>,
    /// A probe has ended, or the run makes no sense any more.
    changed: Notify,
}

#[derive(Debug)]
struct Run {
    began: Time,
    any_version: bool,
    /// What is being probed, and how often it has been.
    open: BTreeMap<CohortId, u32>,
    /// What is probed once more, and when.
    again: Vec<(Time, CohortId, u32)>,
    /// Which target is to take how many sessions of a cohort ...
    promised: BTreeMap<CohortId, (NodeId, u64)>,
    /// ... and how many that are for each target.
    found: BTreeMap<NodeId, u64>,
    entries: Vec<DryRunEntry>,
}

impl Run {
    fn is_over(&self) -> bool {
        self.open.is_empty() && self.again.is_empty()
    }

    fn take_back_promise(&mut self, cohort: CohortId) {
        if let Some((target, sessions)) = self.promised.remove(&cohort)
            && let Some(found) = self.found.get_mut(&target)
        {
            *found = found.saturating_sub(sessions);
        }
    }
}

/// Ends the run, also when its future is dropped.
struct Running<'a>(&'a Arc<Node>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(run) = self.0.dry_runs.run.lock().take() else { return };
        for cohort in run.open.into_keys() {
            if let Some(slot) = self.0.slot(cohort) {
                slot.with(self.0, None, Cohort::end_probe);
            }
        }
    }
}

impl Node {
    /// Finds out whether the node could be drained now, and what stands in the way. Nobody notices.
    pub async fn dry_run(self: &Arc<Self>, order: DryRunOrder) -> Result<DryRunReport, NoDryRun> {
        if self.standing() == Standing::Offline {
            return Err(NoDryRun::Offline);
        }
        let running = self.begin_dry_run(order)?;
        let slots = self.held_slots();
        tracing::info!(node = %self.name, cohorts = slots.len(), "a dry run begins");
        for slot in slots {
            self.probe(&slot, 1);
        }
        let deadline = now() + order.limit;
        while !self.is_probed_through() && self.standing() != Standing::Offline && !self.has_stopped() {
            let left = deadline.since(now());
            if left.is_zero() {
                break;
            }
            let next = self.with_run(|run| run.again.iter().map(|(at, ..)| *at).min()).flatten();
            let pause = next.map_or(left, |at| at.since(now()).min(left));
            let _ = tokio::time::timeout(pause, self.dry_runs.changed.notified()).await;
            self.probe_again();
        }
        let report = self.dry_run_report();
        drop(running);
        tracing::info!(
            node = %self.name,
            sessions = report.sessions,
            movable = report.movable,
            took_ms = report.took_ms,
            "the dry run has ended"
        );
        Ok(report)
    }

    fn begin_dry_run(self: &Arc<Self>, order: DryRunOrder) -> Result<Running<'_>, NoDryRun> {
        let mut run = self.dry_runs.run.lock();
        if run.is_some() {
            return Err(NoDryRun::Busy);
        }
        *run = Some(Run {
            began: now(),
            any_version: order.any_version,
            open: BTreeMap::new(),
            again: Vec::new(),
            promised: BTreeMap::new(),
            found: BTreeMap::new(),
            entries: Vec::new(),
        });
        Ok(Running(self))
    }

    fn with_run<R>(&self, act: impl FnOnce(&mut Run) -> R) -> Option<R> {
        self.dry_runs.run.lock().as_mut().map(act)
    }

    fn is_probed_through(&self) -> bool {
        self.with_run(|run| run.is_over()).unwrap_or(true)
    }

    fn probe(self: &Arc<Self>, slot: &Arc<Slot>, tries: u32) {
        let (id, any_version) = (slot.id(), self.with_run(|run| run.any_version).unwrap_or(false));
        // Before it is asked: it may answer at once.
        self.with_run(|run| run.open.insert(id, tries));
        let asked = slot.with(self, None, |cohort, env| cohort.probe(any_version, env));
        if !asked {
            self.with_run(|run| run.open.remove(&id)); // it has left meanwhile
        }
    }

    /// Probes once more what something real has come in between of, if it is still here.
    fn probe_again(self: &Arc<Self>) {
        let now = now();
        let due = self.with_run(|run| run.again.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>());
        for (_, cohort, tries) in due.unwrap_or_default() {
            if let Some(slot) = self.slot(cohort).filter(|slot| slot.is_held()) {
                self.probe(&slot, tries + 1);
            }
        }
    }

    /// What a probe of this cohort has come to.
    pub(super) fn on_probed(&self, cohort: &Cohort, report: &ProbeReport) {
        let id = cohort.id();
        self.with_run(|run| {
            let Some(tries) = run.open.remove(&id) else { return };
            if !matches!(report.outcome, Outcome::Fits(_)) {
                run.take_back_promise(id);
            }
            let overtaken = report.outcome == Outcome::Overtaken;
            if overtaken && !cohort.is_held() {
                return; // it has ended, or has become part of a room
            }
            if overtaken && !cohort.is_leaving() && tries < TRIES_MAX {
                run.again.push((now() + TRY_AGAIN_AFTER, id, tries));
            } else {
                run.entries.push(self.entry(who(cohort), report));
            }
        });
        self.dry_runs.changed.notify_one();
    }

    /// A target has been picked for a probe: for so many sessions room has been found there already.
    pub(super) fn promise(&self, cohort: CohortId, target: NodeId, sessions: u64) -> u64 {
        self.with_run(|run| {
            run.take_back_promise(cohort);
            run.promised.insert(cohort, (target, sessions));
            let found = run.found.entry(target).or_default();
            *found += sessions;
            *found - sessions
        })
        .unwrap_or_default()
    }

    /// For so many sessions room has been found there, and their real moves would burden it before others.
    pub(super) fn promised_to(&self, target: NodeId) -> u64 {
        self.with_run(|run| run.found.get(&target).copied()).flatten().unwrap_or_default()
    }

    /// The drain has begun, or the node stops: there is nothing more to try.
    pub(super) fn abandon_dry_run(&self) {
        self.dry_runs.changed.notify_one();
    }

    fn entry(&self, who: String, report: &ProbeReport) -> DryRunEntry {
        let (sessions, unlinked) = (report.sessions as u64, report.unlinked as u64);
        let unreached = report.unreached.len() as u64;
        let tried = report
            .tried
            .iter()
            .map(|(node, unfit)| TriedTarget { node: self.name_of(*node), reason: unfit.label().to_owned() });
        let (result, target, reason, movable) = match report.outcome {
            Outcome::Fits(target) => {
                let movable = sessions.saturating_sub(unreached);
                let reason = (unreached > 0).then_some("client_cannot_reach");
                let result = if unreached > 0 { DryRunResult::Partly } else { DryRunResult::Movable };
                (result, Some(self.name_of(target)), reason, movable)
            }
            Outcome::Stays(reason) => (DryRunResult::Stays, None, Some(reason.label()), 0),
            Outcome::Overtaken => (DryRunResult::Overtaken, None, None, 0),
        };
        DryRunEntry {
            who,
            result,
            sessions,
            movable,
            unlinked: if target.is_some() { unlinked } else { 0 },
            target,
            reason: reason.map(str::to_owned),
            tried: tried.collect(),
            unreached: report.unreached.clone(),
        }
    }

    fn dry_run_report(self: &Arc<Self>) -> DryRunReport {
        let (began, open, mut entries) = self
            .with_run(|run| {
                let again = run.again.iter().map(|(_, cohort, _)| *cohort);
                let open: Vec<_> = run.open.keys().copied().chain(again).collect();
                (run.began, open, std::mem::take(&mut run.entries))
            })
            .unwrap_or_default();
        for slot in open.into_iter().filter_map(|cohort| self.slot(cohort)) {
            let (who, sessions) = slot.look(|cohort| (who(cohort), cohort.sessions().len()));
            entries.push(DryRunEntry::untried(who, sessions as u64));
        }
        DryRunReport::new(self.name.clone(), now().since(began), entries)
    }
}
