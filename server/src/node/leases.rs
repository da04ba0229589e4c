//! The node's lease (rule e), and what it sees of the others' (rule d).

use super::{Node, boot_now, now};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sterna::protocol::ids::NodeId;

impl Node {
    /// Renews the lease once. `fenced`: nothing is held, or all of it has been fenced. False: the lease had run
    /// out before anybody noticed, and first everything has to be fenced (e).
    pub(super) async fn renew_lease(&self, fenced: bool) -> Result<bool, crate::engine::Unavailable> {
        let sent_at = boot_now();
        self.shared.engine.renew(self.id).await?;
        let mut lease = self.lease.write();
        if fenced {
            lease.restart(sent_at);
        }
        Ok(fenced || lease.renewed(sent_at, boot_now()))
    }

    /// Renews the lease for as long as the node runs, notices when it has run out, and watches the others.
    pub(super) async fn keep_lease(self: Arc<Self>) {
        let mut stopped = self.stopped.subscribe();
        let times = &self.shared.config.times;
        // Looking more often than renewing notices the end of the lease in time.
        let look_every = times.lease_renew.min(times.self_fence / 8);
        let mut renew_at = now() + times.lease_renew;
        let mut fenced = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(look_every) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            self.metrics.fenced(fenced);
            if !fenced && self.with_env(|env| env.permit.is_none()) {
                fenced = true;
                self.metrics.fenced(true);
                tracing::error!(node = %self.name, "lost touch with the engine: play pauses");
                self.fence_all();
            }
            if !fenced {
                self.look_after_life();
            }
            if now() < renew_at && !fenced {
                continue;
            }
            renew_at = now() + times.lease_renew;
            // Unless it is renewed, the next look finds that it has run out.
            if self.renew_lease(fenced).await == Ok(true) {
                if fenced {
                    fenced = false;
                    self.metrics.fenced(false);
                    tracing::warn!(node = %self.name, "the engine is back: play goes on");
                    self.for_each_slot(|cohort, env| cohort.on_unfenced(env));
                }
                // Whatever could not be published before is published now.
                let _ = self.publish().await;
            }
            let gone = self.watch_others().await;
            self.look_for_others();
            // Nothing is learnt by a read that has failed. To read what a node has left may take longer than a renewal
            // can wait.
            if let Some(gone) = gone {
                tokio::spawn(self.clone().inherit(gone));
            }
        }
    }

    /// Fences everything that is here (e), and what becomes of it meanwhile: a session that leaves its room is a slot of
    /// its own. Whatever begins here otherwise looks at the number of fences.
    fn fence_all(self: &Arc<Self>) {
        {
            let _slots = self.slots.lock();
            self.fences.fetch_add(1, Ordering::AcqRel);
        }
        let (mut seen, mut fenced) = (HashSet::new(), Vec::new());
        loop {
            let mut slots = self.all_slots();
            slots.retain(|slot| seen.insert(Arc::as_ptr(slot)));
            if slots.is_empty() {
                return;
            }
            for slot in &slots {
                slot.with(self, None, |cohort, env| cohort.on_fenced(env));
            }
            fenced.push(slots); // kept, so that no other comes to lie where one was
        }
    }

    /// Looks after the others' leases: moves that depend on a node that is gone end by rules c and d. Gives the nodes
    /// that are; `None`: that could not be read.
    async fn watch_others(self: &Arc<Self>) -> Option<BTreeSet<NodeId>> {
        self.name_partners();
        let gone = self.read_leases().await?;
        if !gone.is_empty() {
            // Only moves depend on other nodes, and few sessions move at a time.
            self.for_each_slot(|cohort, env| {
                if let Some(node) = cohort.depends_on().filter(|node| gone.contains(node)) {
                    cohort.on_node_gone(node, env);
                }
            });
        }
        Some(gone)
    }

    /// Reads the heartbeats that may stand still, by a leader's read that begins from now on, and gives the nodes whose lease has
    /// surely run out. `None`: the read has failed. All who ask while one read is under way share the next.
    pub(super) async fn read_leases(&self) -> Option<BTreeSet<NodeId>> {
        self.lease_reads.get(async || self.read_leases_now().await).await
    }

    async fn read_leases_now(&self) -> Option<BTreeSet<NodeId>> {
        let asked_at = now();
        // Less than between two renewals, so that the question before counts that came with the last one.
        let still_for = self.shared.config.times.lease_renew / 2;
        let read = self.shared.engine.heartbeats(self.id, still_for, self.named_nodes()).await;
        let mut watch = self.watch.lock();
        let Ok(beats) = read else {
            watch.read_failed();
            tracing::debug!(node = %self.name, "the leases could not be read: all are watched anew");
            return None;
        };
        for (node, beat) in &beats {
            watch.observed(*node, *beat, asked_at, now());
        }
        let shown: BTreeSet<NodeId> = beats.into_iter().map(|(node, _)| node).collect();
        watch.others_have_changed(&shown);
        Some(shown.into_iter().filter(|node| *node != self.id && watch.has_run_out(*node)).collect())
    }

    pub(super) fn for_each_slot(
        self: &Arc<Self>,
        mut act: impl FnMut(&mut sterna::protocol::cohort::Cohort, &sterna::protocol::cohort::Env<'_>),
    ) {
        for slot in self.all_slots() {
            slot.with(self, None, |cohort, env| act(cohort, env));
        }
    }
}
