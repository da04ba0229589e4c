//! The file as it is written: reads TOML into a [`Config`], and finds the line of each mistake.

use super::drain::DrainTable;
use super::engine::EngineTable;
use super::numbers::{
    APP_VERSION, ARRIVALS, ATTACH, BATON_WAIT, DRAIN, ENDPOINT, FREEZE, LEASE_RENEW, MESSAGE_BYTES, NODES,
    Number, PEER_PORT, PUBLIC_QUIC_PORT, PUBLIC_TCP_PORT, QUIC_PORT, REPLAY_BYTES, RESUME, ROOM_MEMBERS,
    ROOM_PROPERTY_BYTES, ROOM_STATE_BYTES, ROOM_SYNC_BYTES, SELF_FENCE, SESSIONS, SNAPSHOT, TAKE_OVER,
    TARGETS, TCP_PORT, TICKET, USER_DATA_BYTES,
};
use super::{Config, ConfigError, Durability, Limits, PublicHost, SameUser, Times};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// Numbers are read as `i64` and checked by [`Number`], so that every number out of range is reported in
/// the same words, whatever integer it is kept in.
type Numeral = Option<Spanned<i64>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    cluster: Option<String>,
    state_dir: Option<PathBuf>,
    name: Option<String>,
    nodes: Numeral,
    host: Option<IpAddr>,
    public_host: Option<PublicHost>,
    public_host_file: Option<PathBuf>,
    public_tcp_port: Numeral,
    public_quic_port: Numeral,
    peer_host: Option<IpAddr>,
    tcp_port: Numeral,
    quic_port: Numeral,
    peer_port: Numeral,
    admin: Option<SocketAddr>,
    endpoint: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    issuer_public_key: Option<PathBuf>,
    migrate_when_online: Option<bool>,
    same_user: Option<SameUser>,
    durability: Option<Durability>,
    app_version: Numeral,
    log: Option<String>,
    engine: EngineTable,
    drain: DrainTable,
    limits: LimitsTable,
    times: TimesTable,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsTable {
    message_bytes_max: Numeral,
    sessions_max: Numeral,
    user_data_bytes_max: Numeral,
    replay_bytes_max: Numeral,
    targets_max: Numeral,
    arrivals_max: Numeral,
    endpoint_per_second: Numeral,
    room_members_max: Numeral,
    room_property_bytes_max: Numeral,
    room_state_bytes_max: Numeral,
    room_sync_bytes_max: Numeral,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TimesTable {
    attach_ms: Numeral,
    resume_ms: Numeral,
    drain_ms: Numeral,
    ticket_ms: Numeral,
    baton_wait_ms: Numeral,
    freeze_ms: Numeral,
    lease_renew_ms: Numeral,
    self_fence_ms: Numeral,
    take_over_ms: Numeral,
    snapshot_ms: Numeral,
}

/// Reads a file's text; relations are not checked yet.
pub(super) fn read(text: &str) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| explain(text, &error))?;
    let number = |number: &Number, value: Numeral| match value {
        None => Ok(number.default),
        Some(value) => number.check(*value.get_ref(), Some(line_at(text, value.span().start))),
    };
    // Each cast is sound: the range of the key's `Number` fits the field.
    let port = |key: &Number, value| number(key, value).map(|port| port as u16);
    let size = |key: &Number, value| number(key, value).map(|size| size as u32);
    let time = |key: &Number, value| number(key, value).map(Duration::from_millis);
    let default = Config::default();
    Ok(Config {
        cluster: file.cluster.unwrap_or(default.cluster),
        state_dir: file.state_dir,
        name: file.name.unwrap_or(default.name),
        nodes: port(&NODES, file.nodes)?,
        host: file.host.unwrap_or(default.host),
        public_host: file.public_host,
        public_host_file: file.public_host_file,
        public_tcp_port: port(&PUBLIC_TCP_PORT, file.public_tcp_port)?,
        public_quic_port: port(&PUBLIC_QUIC_PORT, file.public_quic_port)?,
        peer_host: file.peer_host,
        tcp_port: port(&TCP_PORT, file.tcp_port)?,
        quic_port: port(&QUIC_PORT, file.quic_port)?,
        peer_port: port(&PEER_PORT, file.peer_port)?,
        admin: file.admin.unwrap_or(default.admin),
        endpoint: file.endpoint,
        metrics: file.metrics,
        issuer_public_key: file.issuer_public_key,
        migrate_when_online: file.migrate_when_online.unwrap_or(default.migrate_when_online),
        same_user: file.same_user.unwrap_or_default(),
        durability: file.durability.unwrap_or_default(),
        engine: file.engine.read(number)?,
        drain: file.drain.read(),
        app_version: match file.app_version {
            Some(version) => Some(size(&APP_VERSION, Some(version))?),
            None => None,
        },
        log: file.log.unwrap_or(default.log),
        limits: Limits {
            message_bytes_max: size(&MESSAGE_BYTES, file.limits.message_bytes_max)?,
            sessions_max: size(&SESSIONS, file.limits.sessions_max)?,
            user_data_bytes_max: size(&USER_DATA_BYTES, file.limits.user_data_bytes_max)?,
            replay_bytes_max: size(&REPLAY_BYTES, file.limits.replay_bytes_max)?,
            targets_max: size(&TARGETS, file.limits.targets_max)?,
            arrivals_max: size(&ARRIVALS, file.limits.arrivals_max)?,
            endpoint_per_second: size(&ENDPOINT, file.limits.endpoint_per_second)?,
            room_members_max: size(&ROOM_MEMBERS, file.limits.room_members_max)?,
            room_property_bytes_max: size(&ROOM_PROPERTY_BYTES, file.limits.room_property_bytes_max)?,
            room_state_bytes_max: size(&ROOM_STATE_BYTES, file.limits.room_state_bytes_max)?,
            room_sync_bytes_max: size(&ROOM_SYNC_BYTES, file.limits.room_sync_bytes_max)?,
        },
        times: Times {
            attach: time(&ATTACH, file.times.attach_ms)?,
            resume: time(&RESUME, file.times.resume_ms)?,
            drain: time(&DRAIN, file.times.drain_ms)?,
            ticket: time(&TICKET, file.times.ticket_ms)?,
            baton_wait: time(&BATON_WAIT, file.times.baton_wait_ms)?,
            freeze: time(&FREEZE, file.times.freeze_ms)?,
            lease_renew: time(&LEASE_RENEW, file.times.lease_renew_ms)?,
            self_fence: time(&SELF_FENCE, file.times.self_fence_ms)?,
            take_over: time(&TAKE_OVER, file.times.take_over_ms)?,
            snapshot: time(&SNAPSHOT, file.times.snapshot_ms)?,
        },
    })
}

/// Sorts the parser's error by what the operator has to do about it.
fn explain(text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let line = line_at(text, offset);
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    // serde has one text for each of its errors, and no other way to tell them apart.
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (key, rest) = rest.split_once('`').unwrap_or((rest, ""));
        let known = rest.trim_start_matches(", expected ").trim_start_matches("one of ");
        return ConfigError::UnknownKey { line, key: key.to_owned(), known: known.to_owned() };
    }
    // The text is TOML; what is wrong with it is a value.
    if text.parse::<toml::Table>().is_ok() {
        return ConfigError::BadValue { line, key: key_at(text, offset), message };
    }
    ConfigError::Syntax { line, message }
}

/// The line, from 1, that holds this byte.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The key, with its table, whose value stands at this byte.
fn key_at(text: &str, offset: usize) -> String {
    let above: Vec<&str> = text.lines().take(line_at(text, offset)).collect();
    let line = above.last().copied().unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    let table = above.iter().rev().find_map(|line| line.trim().strip_prefix('['));
    match table.and_then(|table| table.split(']').next()) {
        Some(table) if !key.starts_with('[') => format!("{}.{key}", table.trim()),
        Some(_) | None => key.to_owned(),
    }
}
