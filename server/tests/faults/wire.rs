//! What nodes ask of the engine and hear from it, as packets: a head in JSON, and a snapshot's bytes.

use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use sterna::protocol::ids::{Binding, Bucket, CohortId, Epoch, NodeId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{OwnerPhase, Record, Revision, Versioned};
use sterna::protocol::room::Listing;
use sterna::protocol::wire::{Field as _, Reader};
use sterna_server::engine::{Listed, NodeInfo, Standing};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bucket, binding, epoch, owner; source and attempt while Handing; room.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WireRecord(u64, u64, u64, u64, Option<(u64, u32)>, Option<u64>);

/// A revision and its record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WireVersioned(pub(crate) u64, pub(crate) WireRecord);

impl From<Record> for WireRecord {
    fn from(record: Record) -> Self {
        let from = match record.phase {
            OwnerPhase::Serving => None,
            OwnerPhase::Handing { from, attempt } => Some((from.0, attempt)),
        };
        let room = record.room.map(|room| room.0);
        Self(record.bucket.0, record.binding.0, record.epoch.0, record.owner.0, from, room)
    }
}

impl From<WireRecord> for Record {
    fn from(WireRecord(bucket, binding, epoch, owner, from, room): WireRecord) -> Self {
        let handing = |(from, attempt)| OwnerPhase::Handing { from: NodeId(from), attempt };
        Self {
            bucket: Bucket(bucket),
            binding: Binding(binding),
            epoch: Epoch(epoch),
            owner: NodeId(owner),
            phase: from.map_or(OwnerPhase::Serving, handing),
            room: room.map(CohortId),
        }
    }
}

impl From<Versioned> for WireVersioned {
    fn from(found: Versioned) -> Self {
        Self(found.revision.0, found.record.into())
    }
}

impl From<WireVersioned> for Versioned {
    fn from(found: WireVersioned) -> Self {
        Self { revision: Revision(found.0), record: found.1.into() }
    }
}

/// A node's entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireInfo {
    id: u64,
    name: String,
    standing: u8,
    tcp: SocketAddr,
    quic: SocketAddr,
    peer: SocketAddr,
    app_version: u32,
    sessions: u64,
}

const STANDINGS: [Standing; 3] = [Standing::Online, Standing::Cordoned, Standing::Offline];

impl From<NodeInfo> for WireInfo {
    fn from(info: NodeInfo) -> Self {
        let standing = STANDINGS.iter().position(|standing| *standing == info.standing);
        Self {
            id: info.id.0,
            name: info.name,
            standing: standing.expect("all are listed") as u8,
            tcp: info.tcp,
            quic: info.quic,
            peer: info.peer,
            app_version: info.app_version,
            sessions: info.sessions,
        }
    }
}

impl From<WireInfo> for NodeInfo {
    fn from(info: WireInfo) -> Self {
        Self {
            id: NodeId(info.id),
            name: info.name,
            standing: STANDINGS[usize::from(info.standing)],
            tcp: info.tcp,
            quic: info.quic,
            peer: info.peer,
            app_version: info.app_version,
            sessions: info.sessions,
        }
    }
}

/// What a node asks; ids as numbers. The bytes of a snapshot follow the head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    Publish(WireInfo),
    Create(u64, WireRecord),
    Read(u64),
    Cas(u64, u64, WireRecord),
    CohortsOf(u64),
    NodesNamed,
    Forget(u64, WireVersioned),
    ReadSnapshot(u64),
    WriteSnapshot(u64, Option<u64>),
    /// A room and its owner; the listing follows. No owner: it is not to be found any more.
    ListRoom(u64, Option<u64>),
    Rooms,
    ClaimUser(String, u64),
    SessionOf(String),
    ReleaseUser(String, u64),
    Renew(u64),
    Goodbye(u64),
    Heartbeats,
}

/// What it hears.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Done,
    Unavailable,
    Read(Option<WireVersioned>),
    Won(u64),
    Lost(Option<WireVersioned>),
    Unknown,
    Cohorts(Vec<u64>),
    NodesNamed(Vec<u64>),
    /// Owners and listings.
    Rooms(Vec<(u64, Vec<u8>)>),
    Session(Option<u64>),
    /// Counts; `None`: goodbye.
    Heartbeats(Vec<(u64, Option<u64>)>),
    /// The revision; the bytes follow.
    Snapshot(Option<u64>),
    Written(u64),
    Conflict,
    /// Not asked for: who is there, from now on.
    Nodes(Vec<WireInfo>),
}

pub(crate) fn beat((node, beat): (NodeId, Heartbeat)) -> (u64, Option<u64>) {
    match beat {
        Heartbeat::Beating(count) => (node.0, Some(count)),
        Heartbeat::Goodbye => (node.0, None),
    }
}

pub(crate) fn unbeat((node, count): (u64, Option<u64>)) -> (NodeId, Heartbeat) {
    (NodeId(node), count.map_or(Heartbeat::Goodbye, Heartbeat::Beating))
}

pub(crate) fn listing_bytes(listing: &Listing) -> Vec<u8> {
    let mut bytes = Vec::new();
    listing.put(&mut bytes);
    bytes
}

pub(crate) fn listed(owner: u64, bytes: &[u8]) -> Listed {
    let listing = Reader::new(bytes).field().expect("as it was encoded");
    Listed { owner: NodeId(owner), listing }
}

/// A packet: the question's number, so that its reply is known, the head, and the bytes that follow it.
pub(crate) fn packet(number: u64, head: &impl Serialize, payload: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(&(number, head)).expect("plain data");
    let mut packet = Vec::with_capacity(8 + head.len() + payload.len());
    packet.extend_from_slice(&(head.len() as u32).to_be_bytes());
    packet.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    packet.extend_from_slice(&head);
    packet.extend_from_slice(payload);
    packet
}

/// The next packet.
pub(crate) async fn read_packet<T: for<'a> Deserialize<'a>>(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<(u64, T, Vec<u8>)> {
    let (head_length, payload_length) = (stream.read_u32().await?, stream.read_u32().await?);
    let mut head = vec![0; head_length as usize];
    stream.read_exact(&mut head).await?;
    let mut payload = vec![0; payload_length as usize];
    stream.read_exact(&mut payload).await?;
    let (number, head) = serde_json::from_slice(&head).map_err(io::Error::other)?;
    Ok((number, head, payload))
}
