//! The model of one lease: its holder renews it and fences itself, an observer watches it, and neither knows
//! how long anything takes. The ownership model takes for granted what is searched here: that nobody sees a
//! lease run out while its holder still serves.

use stateright::{Model, Property};
use std::time::Duration;
use sterna::protocol::ids::NodeId;
use sterna::protocol::lease::{Heartbeat, Lease, LeaseWatch};
use sterna::protocol::time::{BootTime, Time};

const HOLDER: NodeId = NodeId(1);
/// The holder serves nothing so many ticks after its last renewal was sent ...
const FENCE_AFTER: u64 = 2;
/// ... and the observer takes the lease for run out after so many ticks without a change.
const TAKE_OVER_AFTER: u64 = 3;

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A read that failed counts as one that showed the heartbeat unchanged.
    FailedReadCountsAsUnchanged,
    /// The lease counts from when its renewal was answered.
    CountsFromTheAnswer,
    /// A heartbeat counts as unchanged until the read that showed it was answered.
    CountsToTheAnswer,
    /// A lease that has run out unnoticed is renewed, and nobody is told.
    RenewsUnnoticed,
}

/// Holder, store and observer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leases {
    /// The one clock of them all, in ticks.
    now: u64,
    lease: Lease,
    /// The lease has run out, and the holder has noticed: it serves nothing until it has taken everything anew.
    fenced: bool,
    /// Somebody saw the lease run out since the holder last took everything anew.
    taken_over: bool,
    /// The holder has come back from a fence with this heartbeat, and the observer has not read it yet. It may
    /// still see the lease run out, but it takes over only by a record that it has read before, and that one
    /// the holder has changed (see `takeover`).
    returned: Option<u64>,
    /// When the renewal under way was sent, and whether it has been written.
    renewal: Option<(u64, bool)>,
    /// From when on the next one may be sent.
    send_from: u64,
    beats: u64,
    /// When the read under way was asked for, and what it brings back.
    read: Option<(u64, Option<u64>)>,
    /// What the last read that succeeded has shown.
    last_read: Option<u64>,
    watch: LeaseWatch,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A tick passes, in which nobody does anything: a suspended machine, a slow network.
    Tick,
    /// The holder sends a renewal; one before it is taken for lost.
    Send,
    /// The renewal is written.
    Write,
    /// The holder hears that it is.
    Renewed,
    /// The holder looks, and finds that its lease has run out.
    Notice,
    /// The observer asks for the heartbeat.
    Ask,
    /// The leader reads it.
    Read,
    /// The answer reaches the observer.
    Observe,
    /// No answer does.
    FailToObserve,
}

/// The search's model.
#[derive(Clone, Copy, Debug)]
pub struct LeaseModel {
    /// How long it is watched, in ticks.
    pub ticks: u64,
    /// What is broken.
    pub variant: Option<Variant>,
}

impl Leases {
    fn boot(&self) -> BootTime {
        BootTime::from_micros(self.now)
    }

    /// Whether the holder serves.
    fn serves(&self) -> bool {
        !self.fenced && self.lease.permit(self.boot()).is_some()
    }

    fn run_out(&self) -> bool {
        self.watch.has_run_out(HOLDER)
    }

    fn observe(&mut self, beats: u64, asked_at: u64) {
        self.last_read = Some(beats);
        let (asked_at, now) = (Time::from_micros(asked_at), Time::from_micros(self.now));
        self.watch.observed(HOLDER, Heartbeat::Beating(beats), asked_at, now);
    }

    fn happen(&mut self, action: Action, variant: Option<Variant>) {
        match action {
            Action::Tick => self.now += 1,
            Action::Send => {
                self.renewal = Some((self.now, false));
                self.send_from = self.now + 1;
            }
            Action::Write => {
                self.beats += 1;
                self.renewal = self.renewal.map(|(sent_at, _)| (sent_at, true));
            }
            Action::Renewed => {
                let Some((sent_at, _)) = self.renewal.take() else { return };
                let counts_from =
                    if variant == Some(Variant::CountsFromTheAnswer) { self.now } else { sent_at };
                let counts_from = BootTime::from_micros(counts_from);
                if self.fenced {
                    self.lease.restart(counts_from);
                    // The holder takes its cohorts by compare-and-set, which fails for what was taken over.
                    self.fenced = false;
                    self.taken_over = false;
                    self.returned = Some(self.beats);
                } else if !self.lease.renewed(counts_from, self.boot())
                    && variant == Some(Variant::RenewsUnnoticed)
                {
                    self.lease.restart(counts_from);
                }
            }
            Action::Notice => self.fenced = true,
            Action::Ask => self.read = Some((self.now, None)),
            Action::Read => self.read = self.read.map(|(asked_at, _)| (asked_at, Some(self.beats))),
            Action::Observe => {
                let Some((asked_at, Some(beats))) = self.read.take() else { return };
                self.observe(
                    beats,
                    if variant == Some(Variant::CountsToTheAnswer) { self.now } else { asked_at },
                );
            }
            Action::FailToObserve => {
                let Some((asked_at, _)) = self.read.take() else { return };
                match self.last_read {
                    Some(beats) if variant == Some(Variant::FailedReadCountsAsUnchanged) => {
                        self.observe(beats, asked_at);
                    }
                    Some(_) | None => self.watch.read_failed(),
                }
            }
        }
        self.returned = self.returned.filter(|beats| self.last_read < Some(*beats));
        self.taken_over |= self.run_out() && self.returned.is_none();
    }
}

impl Model for LeaseModel {
    type State = Leases;
    type Action = Action;

    fn init_states(&self) -> Vec<Leases> {
        let mut lease = Lease::new(Duration::from_micros(FENCE_AFTER));
        lease.restart(BootTime::from_micros(0));
        let watch = LeaseWatch::new(Duration::from_micros(TAKE_OVER_AFTER));
        vec![Leases {
            now: 0,
            lease,
            fenced: false,
            taken_over: false,
            returned: None,
            renewal: None,
            send_from: 1,
            beats: 0,
            read: None,
            last_read: None,
            watch,
        }]
    }

    fn actions(&self, state: &Leases, actions: &mut Vec<Action>) {
        if state.now < self.ticks {
            actions.push(Action::Tick);
        }
        if state.send_from <= state.now {
            actions.push(Action::Send);
        }
        match state.renewal {
            Some((_, false)) => actions.push(Action::Write),
            Some((_, true)) => actions.push(Action::Renewed),
            None => {}
        }
        if !state.fenced && state.lease.permit(state.boot()).is_none() {
            actions.push(Action::Notice);
        }
        match state.read {
            None => actions.push(Action::Ask),
            Some((_, None)) => actions.extend([Action::Read, Action::FailToObserve]),
            Some((_, Some(_))) => actions.extend([Action::Observe, Action::FailToObserve]),
        }
    }

    fn next_state(&self, state: &Leases, action: Action) -> Option<Leases> {
        let mut next = state.clone();
        next.happen(action, self.variant);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nobody sees a lease run out while its holder serves", |_, state: &Leases| {
                !(state.serves() && state.run_out() && state.returned.is_none())
            }),
            Property::always("what was taken over is not served by the holder", |_, state: &Leases| {
                !(state.serves() && state.taken_over)
            }),
            Property::sometimes("a lease is seen to run out", |_, state: &Leases| state.run_out()),
            Property::sometimes("the holder is back", |_, state: &Leases| {
                state.serves() && state.now > FENCE_AFTER * 2 && state.beats > 0
            }),
        ]
    }
}
