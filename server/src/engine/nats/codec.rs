//! What is kept in the bucket, as bytes. Each begins with the version of its format; what another version has
//! written is not read as something else.

use crate::engine::{Listed, NodeInfo, Standing};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use sterna::protocol::ids::{Binding, Bucket, CohortId, Epoch, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{OwnerPhase, Record};
use sterna::protocol::room::Listing;
use sterna::protocol::wire::{Field as _, Reader};

const VERSION: u8 = 1;

/// Bytes of another version, or not of a node at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bucket holds what this version cannot read")]
pub(super) struct Unreadable;

#[derive(Serialize, Deserialize)]
struct KeptRecord {
    bucket: u64,
    binding: u64,
    epoch: u64,
    owner: u64,
    handing: Option<(u64, u32)>,
    room: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct KeptNode {
    id: u64,
    name: String,
    standing: u8,
    tcp: SocketAddr,
    quic: SocketAddr,
    peer: SocketAddr,
    app_version: u32,
    sessions: u64,
}

/// Where a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Head {
    /// Here.
    Whole(Vec<u8>),
    /// In so many pieces of this attempt to write it.
    Pieces { attempt: u64, count: u32 },
}

pub(super) fn encode_record(record: &Record) -> Vec<u8> {
    let handing = match record.phase {
        OwnerPhase::Serving => None,
        OwnerPhase::Handing { from, attempt } => Some((from.0, attempt)),
    };
    pack(&KeptRecord {
        bucket: record.bucket.0,
        binding: record.binding.0,
        epoch: record.epoch.0,
        owner: record.owner.0,
        handing,
        room: record.room.map(|room| room.0),
    })
}

pub(super) fn decode_record(bytes: &[u8]) -> Result<Record, Unreadable> {
    let kept: KeptRecord = unpack(bytes)?;
    let handing = |(from, attempt)| OwnerPhase::Handing { from: NodeId(from), attempt };
    Ok(Record {
        bucket: Bucket(kept.bucket),
        binding: Binding(kept.binding),
        epoch: Epoch(kept.epoch),
        owner: NodeId(kept.owner),
        phase: kept.handing.map_or(OwnerPhase::Serving, handing),
        room: kept.room.map(CohortId),
    })
}

pub(super) fn encode_node(info: &NodeInfo) -> Vec<u8> {
    pack(&KeptNode {
        id: info.id.0,
        name: info.name.clone(),
        standing: match info.standing {
            Standing::Online => 0,
            Standing::Cordoned => 1,
            Standing::Offline => 2,
        },
        tcp: info.tcp,
        quic: info.quic,
        peer: info.peer,
        app_version: info.app_version,
        sessions: info.sessions,
    })
}

pub(super) fn decode_node(bytes: &[u8]) -> Result<NodeInfo, Unreadable> {
    let kept: KeptNode = unpack(bytes)?;
    Ok(NodeInfo {
        id: NodeId(kept.id),
        name: kept.name,
        standing: match kept.standing {
            0 => Standing::Online,
            1 => Standing::Cordoned,
            2 => Standing::Offline,
            _ => return Err(Unreadable),
        },
        tcp: kept.tcp,
        quic: kept.quic,
        peer: kept.peer,
        app_version: kept.app_version,
        sessions: kept.sessions,
    })
}

pub(super) fn encode_listed(listed: &Listed) -> Vec<u8> {
    let mut listing = Vec::new();
    listed.listing.put(&mut listing);
    pack(&(listed.owner.0, listing))
}

pub(super) fn decode_listed(bytes: &[u8]) -> Result<Listed, Unreadable> {
    let (owner, bytes): (u64, Vec<u8>) = unpack(bytes)?;
    let mut reader = Reader::new(&bytes);
    let listing: Listing = reader.field().map_err(|_| Unreadable)?;
    reader.finish().map_err(|_| Unreadable)?;
    Ok(Listed { owner: NodeId(owner), listing })
}

pub(super) fn encode_beat(beat: Heartbeat) -> Vec<u8> {
    pack(&match beat {
        Heartbeat::Beating(count) => Some(count),
        Heartbeat::Goodbye => None,
    })
}

pub(super) fn decode_beat(bytes: &[u8]) -> Result<Heartbeat, Unreadable> {
    unpack::<Option<u64>>(bytes).map(|count| count.map_or(Heartbeat::Goodbye, Heartbeat::Beating))
}

pub(super) fn encode_session(session: SessionId) -> Vec<u8> {
    pack(&session.0)
}

pub(super) fn decode_session(bytes: &[u8]) -> Result<SessionId, Unreadable> {
    unpack(bytes).map(SessionId)
}

pub(super) fn encode_head(head: &Head) -> Vec<u8> {
    pack(head)
}

pub(super) fn decode_head(bytes: &[u8]) -> Result<Head, Unreadable> {
    unpack(bytes)
}

fn pack(kept: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(kept, vec![VERSION]).expect("numbers, texts and bytes serialise")
}

fn unpack<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    let rest = bytes.strip_prefix(&[VERSION]).ok_or(Unreadable)?;
    match postcard::take_from_bytes(rest) {
        Ok((kept, [])) => Ok(kept),
        Ok(_) | Err(_) => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let record = Record {
            bucket: Bucket(u64::MAX),
            binding: Binding(2),
            epoch: Epoch(3),
            owner: NodeId(4),
            phase: OwnerPhase::Handing { from: NodeId(5), attempt: 6 },
            room: Some(CohortId(7)),
        };
        assert_eq!(decode_record(&encode_record(&record)), Ok(record));
        let alone = Record { phase: OwnerPhase::Serving, room: None, ..record };
        assert_eq!(decode_record(&encode_record(&alone)), Ok(alone));
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        for standing in [Standing::Online, Standing::Cordoned, Standing::Offline] {
            let (name, id) = ("blue-1".to_owned(), NodeId(8));
            let (tcp, quic, peer) = (at(1), at(2), at(3));
            let info = NodeInfo { id, name, standing, tcp, quic, peer, app_version: 9, sessions: 10 };
            assert_eq!(decode_node(&encode_node(&info)), Ok(info));
        }
        for beat in [Heartbeat::Beating(11), Heartbeat::Goodbye] {
            assert_eq!(decode_beat(&encode_beat(beat)), Ok(beat));
        }
        let properties = vec![("map".to_owned(), sterna::protocol::wire::Value::Integer(12))];
        let listing = Listing { room: CohortId(13), members: 1, members_max: 2, free: 1, properties };
        let listed = Listed { owner: NodeId(14), listing };
        assert_eq!(decode_listed(&encode_listed(&listed)), Ok(listed));
        for head in [Head::Whole(vec![1, 2]), Head::Pieces { attempt: 3, count: 4 }] {
            assert_eq!(decode_head(&encode_head(&head)), Ok(head));
        }
    }

    #[test]
    fn what_another_version_has_written_is_not_read() {
        let mut bytes = encode_session(SessionId(1));
        assert_eq!(decode_session(&bytes), Ok(SessionId(1)));
        bytes.push(0);
        assert_eq!(decode_session(&bytes), Err(Unreadable));
        bytes.pop();
        bytes[0] = VERSION + 1;
        assert_eq!(decode_session(&bytes), Err(Unreadable));
        assert_eq!(decode_session(&[]), Err(Unreadable));
    }
}
