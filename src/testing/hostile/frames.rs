//! Any bytes against every decoder: what decodes is written back to bytes that decode to the same.

use crate::client::token::ConnectToken;
use crate::protocol::limits;
use crate::protocol::snapshot::Snapshot;
use crate::protocol::wire::{Data, Datagram, DecodeError, Downlink, Peer, Uplink, split, varint_len};

/// Bytes off a client's link: as one frame's body, as a stream of frames, and as a datagram.
pub fn client_frames(bytes: &[u8]) {
    client_frame(bytes);
    for body in stream(bytes, limits::FRAME_BYTES_MAX) {
        client_frame(body);
    }
    if let Ok(datagram) = Datagram::decode(bytes) {
        let mut out = Vec::new();
        datagram.encode(&mut out);
        assert!(out.len() <= datagram.payload.len() + Datagram::OVERHEAD_MAX);
        assert_eq!(Datagram::decode(&out), Ok(datagram));
    }
}

fn client_frame(body: &[u8]) {
    frame_reads_back(Uplink::decode(body), Uplink::encode, Uplink::decode);
    frame_reads_back(Downlink::decode(body), Downlink::encode, Downlink::decode);
    if let Ok(frame) = Data::decode(body) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        if let Data::Message(message) = &frame {
            assert_eq!(message.encoded_len(), out.len());
        }
        assert_eq!(Data::decode(body_of(&out)), Ok(frame));
    }
}

/// Bytes off a link between nodes, and out of the store of snapshots.
pub fn peer_frames(bytes: &[u8]) {
    frame_reads_back(Peer::decode(bytes), Peer::encode, Peer::decode);
    for body in stream(bytes, limits::PEER_FRAME_BYTES_MAX) {
        frame_reads_back(Peer::decode(body), Peer::encode, Peer::decode);
    }
    if let Ok(snapshot) = Snapshot::decode(bytes) {
        let once = snapshot.encode();
        assert_eq!(Snapshot::decode(&once).expect("it was written just now").encode(), once);
    }
}

/// Any text as a connect token.
pub fn connect_token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(token) = ConnectToken::parse(&text) {
        assert_eq!(ConnectToken::parse(&token.encode()), Ok(token));
    }
}

/// The frames at the front of a stream. Their lengths and what is left never exceed what there is.
fn stream(bytes: &[u8], limit: usize) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    let mut rest = bytes;
    while let Ok(Some((body, length))) = split(rest, limit) {
        assert!(body.len() < length && body.len() <= limit);
        bodies.push(body);
        rest = &rest[length..];
    }
    bodies
}

/// The bodies of what a sound end has written: nothing but whole frames.
pub(super) fn whole_frames(written: &[u8]) -> Vec<&[u8]> {
    let bodies = stream(written, limits::FRAME_BYTES_MAX);
    let length: usize = bodies.iter().map(|body| varint_len(body.len() as u64) + body.len()).sum();
    assert_eq!(length, written.len(), "a frame that is not whole, or not sound");
    bodies
}

fn body_of(frame: &[u8]) -> &[u8] {
    let (body, length) = split(frame, usize::MAX).expect("sound").expect("whole");
    assert_eq!(length, frame.len());
    body
}

/// Compared as bytes: of floats that are no numbers, equality could not tell.
fn frame_reads_back<T: std::fmt::Debug>(
    decoded: Result<T, DecodeError>,
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<T, DecodeError>,
) {
    let Ok(frame) = decoded else { return };
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    encode(&frame, &mut once);
    encode(&decode(body_of(&once)).expect("it was written just now"), &mut twice);
    assert_eq!(once, twice, "{frame:?}");
}
