//! The engine has lost its data and begins a new life of them ("engine lost its data"): whoever holds a cohort
//! publishes again what its record said, by create-only writes, and goes on under the new bucket.

use super::{Cohort, Env, Role};
use crate::protocol::ids::{Bucket, CohortId};
use crate::protocol::record::{Ask, OwnerPhase, Record, Versioned};
use crate::protocol::source;
use crate::protocol::wire::SwitchCause;

impl Cohort {
    /// What has to be published in this life of the data, each only if nobody has: the entries of a room's members,
    /// and last the cohort's own record, whose outcome [`on_published`](Self::on_published) is told. `fenced_too`:
    /// so much time has passed that who was fenced when the data were lost may do so as well.
    pub fn to_publish(&self, bucket: Bucket, fenced_too: bool) -> Vec<(CohortId, Record)> {
        let held = self.held_record().filter(|held| held.bucket < bucket && (fenced_too || !self.fenced));
        let Some(held) = held else { return Vec::new() };
        let own = Record { bucket, ..held };
        let entry = |seat: &super::Seat| {
            let (binding, phase) = (seat.session.fence().binding, OwnerPhase::Serving);
            (seat.id().into(), Record { binding, phase, owner: self.me, room: Some(self.id), ..own })
        };
        // Who joins or leaves at this moment looks after its entry itself.
        let members = self.seats.iter().filter(|seat| self.room.is_some() && !seat.is_changing());
        members.map(|seat| entry(seat)).chain([(self.id, own)]).collect()
    }

    /// What the record says, as far as this node has written or read it, if it is for this node to publish.
    fn held_record(&self) -> Option<Record> {
        match &self.role {
            Role::Owner(held) => Some(held.record),
            Role::Source(_, departure) => Some(departure.source.held_record()),
            Role::Target(target) => target.held_record(self.fence),
            // Of a recall there is a copy here to go on from. Whoever has none goes on from what is stored, and that is gone.
            Role::Taking(take_over) => take_over.held().filter(|_| take_over.has_copy()),
            Role::Absent | Role::Ending => None,
        }
    }

    /// What [`to_publish`](Self::to_publish) gave is published, or another record was there before: this is it now.
    pub fn on_published(&mut self, found: Versioned, env: &Env<'_>) {
        self.concerns_all();
        let bucket = found.record.bucket;
        if self.held_record().is_none_or(|held| held.bucket >= bucket) {
            return; // it was settled meanwhile
        }
        match &mut self.role {
            Role::Owner(held) => {
                let own = Record { bucket, ..held.record };
                if found.record == own {
                    self.role = Role::Owner(found);
                    self.own_anew(found, env);
                } else if found.record.finalised() == own {
                    // The source, which has not seen that the move is over, has published before.
                    self.role = Role::Owner(Versioned { record: own, ..found });
                    self.begin_bucket(bucket);
                    let record = self.raised(own);
                    self.ask_as_owner(Ask::Cas { expected: found.revision, record });
                } else {
                    self.lose(Some(found.record), env);
                }
            }
            Role::Source(_, departure) => {
                let serves = departure.source.serves();
                departure.source.handle(source::Input::Published(found), env.now);
                if serves {
                    self.begin_bucket(bucket);
                }
                self.drain_source(env);
            }
            // Whether the record is still the one of this move is read before it is finalised.
            Role::Target(_) => self.begin_bucket(bucket),
            Role::Taking(take_over) => {
                let own = take_over.held().map(|held| Record { bucket, ..held });
                if own == Some(found.record) {
                    self.begin_bucket(bucket);
                    self.recall_published(found, env);
                } else {
                    self.lose(Some(found.record), env);
                }
            }
            Role::Absent | Role::Ending => {}
        }
        self.settle(env);
    }

    fn own_anew(&mut self, held: Versioned, env: &Env<'_>) {
        self.begin_bucket(held.record.bucket);
        // What was asked before is answered by the life before.
        self.owner_asked += 1;
        if self.fenced || self.raise_to.is_some() {
            self.ask_as_owner(Ask::Read);
        }
        if !self.fenced {
            self.open_links(SwitchCause::Resumed, held.record.fence(), env);
        }
    }

    /// Nothing is stored in this life of the data yet.
    fn begin_bucket(&mut self, bucket: Bucket) {
        self.fence.bucket = bucket;
        for seat in &mut self.seats {
            seat.stored = None;
        }
        self.keeper.begin_anew(None);
        if self.is_stored() {
            self.keeper.want();
        }
    }
}
