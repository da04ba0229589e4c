//! Every number of the configuration: its key, what is allowed, its default, and how it relates to others.

use super::{ConfigError, Limits, Times};
use std::ops::RangeInclusive;
use std::time::Duration;
use sterna::protocol::limits;

/// A key with a number: what is allowed, and what it is unless set.
pub(super) struct Number {
    pub(super) key: &'static str,
    pub(super) allowed: RangeInclusive<u64>,
    pub(super) default: u64,
}

impl Number {
    const fn new(key: &'static str, allowed: RangeInclusive<u64>, default: u64) -> Self {
        assert!(*allowed.start() <= default && default <= *allowed.end());
        Self { key, allowed, default }
    }

    const fn time(key: &'static str, allowed_ms: RangeInclusive<u64>, default: Duration) -> Self {
        Self::new(key, allowed_ms, default.as_millis() as u64)
    }

    pub(super) const fn default_time(&self) -> Duration {
        Duration::from_millis(self.default)
    }

    pub(super) fn check(&self, value: impl TryInto<i64>, line: Option<usize>) -> Result<u64, ConfigError> {
        let value = value.try_into().unwrap_or(i64::MAX);
        match u64::try_from(value) {
            Ok(number) if self.allowed.contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(ConfigError::OutOfRange {
                line,
                key: self.key,
                value,
                min: *self.allowed.start(),
                max: *self.allowed.end(),
            }),
        }
    }

    pub(super) fn check_time(&self, time: Duration) -> Result<u64, ConfigError> {
        self.check(time.as_millis(), None)
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) const NODES: Number = Number::new("nodes", 1..=64, 1);
pub(super) const TCP_PORT: Number = Number::new("tcp_port", 0..=65535, 7800);
pub(super) const QUIC_PORT: Number = Number::new("quic_port", 0..=65535, 7800);
pub(super) const PEER_PORT: Number = Number::new("peer_port", 0..=65535, 7900);
// 0: the one that the node listens on.
pub(super) const PUBLIC_TCP_PORT: Number = Number::new("public_tcp_port", 0..=65535, 0);
pub(super) const PUBLIC_QUIC_PORT: Number = Number::new("public_quic_port", 0..=65535, 0);
// Between nodes 0 means whatever version.
pub(super) const APP_VERSION: Number = Number::new("app_version", 1..=u32::MAX as u64, 1);
// A message has to fit into the credit that a receiver grants ahead, or it could never be sent.
pub(super) const MESSAGE_BYTES: Number = Number::new(
    "limits.message_bytes_max",
    1024..=limits::CREDIT_BYTES - 1024,
    limits::MESSAGE_BYTES_MAX as u64,
);
pub(super) const SESSIONS: Number = Number::new("limits.sessions_max", 1..=1_000_000, 10_000);
// User data travels in the baton, whose frame is limited; a quarter of it leaves room for the rest.
pub(super) const USER_DATA_BYTES: Number =
    Number::new("limits.user_data_bytes_max", 0..=limits::PEER_FRAME_BYTES_MAX as u64 / 4, 64 * 1024);
// At least four times the credit, so that the buffer always holds what was sent and not acknowledged.
pub(super) const REPLAY_BYTES: Number = Number::new(
    "limits.replay_bytes_max",
    limits::CREDIT_BYTES * 4..=limits::PEER_FRAME_BYTES_MAX as u64 / 4,
    limits::REPLAY_BYTES_MAX as u64,
);
pub(super) const TARGETS: Number = Number::new("limits.targets_max", 1..=16, limits::TARGETS_MAX as u64);
pub(super) const ARRIVALS: Number = Number::new("limits.arrivals_max", 1..=4096, limits::ARRIVALS_MAX as u64);
// Each costs a signature that is checked, some hundred microseconds at most: a tenth of a core.
pub(super) const ENDPOINT: Number = Number::new("limits.endpoint_per_second", 1..=1_000_000, 1000);
pub(super) const ROOM_MEMBERS: Number = Number::new(
    "limits.room_members_max",
    limits::ROOM_MEMBERS_MIN as u64..=limits::ROOM_MEMBERS_MAX as u64,
    limits::ROOM_MEMBERS_MAX as u64,
);
// A change of a property is news for every member, and has to fit into a message.
pub(super) const ROOM_PROPERTY_BYTES: Number = Number::new(
    "limits.room_property_bytes_max",
    64..=limits::ROOM_PROPERTY_BYTES_MAX as u64,
    limits::ROOM_PROPERTY_BYTES_MAX as u64,
);
// A room travels in one baton, whose frame is limited.
pub(super) const ROOM_STATE_BYTES: Number = Number::new(
    "limits.room_state_bytes_max",
    1024..=limits::PEER_FRAME_BYTES_MAX as u64 / 2,
    limits::ROOM_STATE_BYTES_MAX,
);
pub(super) const ROOM_SYNC_BYTES: Number = Number::new(
    "limits.room_sync_bytes_max",
    0..=limits::REPLAY_BYTES_MAX as u64 / 4,
    limits::ROOM_SYNC_BYTES_MAX as u64,
);
pub(super) const REPLICAS: Number = Number::new("engine.replicas", 1..=5, 1);
// From one small snapshot a second to what a fast disk takes.
pub(super) const ENGINE_START: Number = Number::time("engine.start_ms", 0..=600_000, Duration::from_secs(60));
pub(super) const SNAPSHOT_RATE: Number =
    Number::new("engine.snapshot_bytes_per_second", 64 * 1024..=16 * 1024 * 1024 * 1024, 32 * 1024 * 1024);
pub(super) const ATTACH: Number = Number::time("times.attach_ms", 50..=60_000, limits::ATTACH_MAX);
pub(super) const RESUME: Number = Number::time("times.resume_ms", 100..=DAY_MS, limits::RESUME_MAX);
pub(super) const DRAIN: Number = Number::time("times.drain_ms", 100..=DAY_MS, Duration::from_secs(60));
pub(super) const TICKET: Number = Number::time("times.ticket_ms", 200..=600_000, limits::TICKET_LIFE);
pub(super) const BATON_WAIT: Number =
    Number::time("times.baton_wait_ms", 20..=60_000, limits::BATON_WAIT_MAX);
pub(super) const FREEZE: Number = Number::time("times.freeze_ms", 1..=1000, limits::FREEZE_MAX);
pub(super) const LEASE_RENEW: Number = Number::time("times.lease_renew_ms", 10..=60_000, limits::LEASE_RENEW);
pub(super) const SELF_FENCE: Number = Number::time("times.self_fence_ms", 50..=600_000, limits::SELF_FENCE);
pub(super) const TAKE_OVER: Number = Number::time("times.take_over_ms", 60..=600_000, limits::TAKE_OVER);
pub(super) const SNAPSHOT: Number = Number::time("times.snapshot_ms", 10..=600_000, limits::SNAPSHOT_EVERY);

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: MESSAGE_BYTES.default as u32,
            sessions_max: SESSIONS.default as u32,
            user_data_bytes_max: USER_DATA_BYTES.default as u32,
            replay_bytes_max: REPLAY_BYTES.default as u32,
            targets_max: TARGETS.default as u32,
            arrivals_max: ARRIVALS.default as u32,
            endpoint_per_second: ENDPOINT.default as u32,
            room_members_max: ROOM_MEMBERS.default as u32,
            room_property_bytes_max: ROOM_PROPERTY_BYTES.default as u32,
            room_state_bytes_max: ROOM_STATE_BYTES.default as u32,
            room_sync_bytes_max: ROOM_SYNC_BYTES.default as u32,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            attach: ATTACH.default_time(),
            resume: RESUME.default_time(),
            drain: DRAIN.default_time(),
            ticket: TICKET.default_time(),
            baton_wait: BATON_WAIT.default_time(),
            freeze: FREEZE.default_time(),
            lease_renew: LEASE_RENEW.default_time(),
            self_fence: SELF_FENCE.default_time(),
            take_over: TAKE_OVER.default_time(),
            snapshot: SNAPSHOT.default_time(),
        }
    }
}

impl Limits {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        MESSAGE_BYTES.check(self.message_bytes_max, None)?;
        SESSIONS.check(self.sessions_max, None)?;
        USER_DATA_BYTES.check(self.user_data_bytes_max, None)?;
        REPLAY_BYTES.check(self.replay_bytes_max, None)?;
        TARGETS.check(self.targets_max, None)?;
        ARRIVALS.check(self.arrivals_max, None)?;
        ENDPOINT.check(self.endpoint_per_second, None)?;
        ROOM_MEMBERS.check(self.room_members_max, None)?;
        ROOM_PROPERTY_BYTES.check(self.room_property_bytes_max, None)?;
        ROOM_STATE_BYTES.check(self.room_state_bytes_max, None)?;
        ROOM_SYNC_BYTES.check(self.room_sync_bytes_max, None)?;
        Ok(())
    }
}

impl Times {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let attach = ATTACH.check_time(self.attach)?;
        RESUME.check_time(self.resume)?;
        DRAIN.check_time(self.drain)?;
        let ticket = TICKET.check_time(self.ticket)?;
        let baton_wait = BATON_WAIT.check_time(self.baton_wait)?;
        let freeze = FREEZE.check_time(self.freeze)?;
        let renew = LEASE_RENEW.check_time(self.lease_renew)?;
        let fence = SELF_FENCE.check_time(self.self_fence)?;
        let take_over = TAKE_OVER.check_time(self.take_over)?;
        SNAPSHOT.check_time(self.snapshot)?;
        less(SELF_FENCE.key, fence, "`times.take_over_ms`", take_over, "else two nodes serve one session")?;
        let why = "a node has to survive a renewal or two that fail";
        less(LEASE_RENEW.key, renew, "a third of `times.self_fence_ms`", fence.div_ceil(3), why)?;
        less(
            FREEZE.key,
            freeze,
            "`times.baton_wait_ms`",
            baton_wait,
            "else the target refuses a baton in time",
        )?;
        let why = "else the ticket expires while the move still waits";
        less(BATON_WAIT.key, baton_wait, "`times.ticket_ms`", ticket, why)?;
        less(ATTACH.key, attach, "`times.ticket_ms`", ticket, why)
    }
}

fn less(
    lesser: &'static str,
    lesser_value: u64,
    greater_phrase: &'static str,
    greater_value: u64,
    why: &'static str,
) -> Result<(), ConfigError> {
    if lesser_value < greater_value {
        return Ok(());
    }
    Err(ConfigError::Relation { lesser, lesser_value, greater_phrase, greater_value, why })
}
