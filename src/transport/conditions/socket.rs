//! A UDP socket that loses packets and delivers the others late.

use super::{Conditions, Course, Way};
use parking_lot::Mutex;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

/// Packets under way in one direction; beyond it packets are lost, as in a router.
const PACKETS_MAX: usize = 8 * 1024;

/// Packets read before others get a turn.
const READS_PER_TURN: usize = 64;

/// Larger than any UDP packet.
const PACKET_BYTES_MAX: usize = 64 * 1024;

/// The socket of a QUIC endpoint on a bad network.
#[derive(Debug)]
pub(in crate::transport) struct LossySocket {
    socket: Arc<UdpSocket>,
    up: Mutex<Up>,
    down: Mutex<Down>,
}

/// To the nodes: a task of its own sends the packets when they are due, and ends with the socket.
#[derive(Debug)]
struct Up {
    course: Course,
    sent: u64,
    packets: mpsc::Sender<Packet>,
}

/// From the nodes: packets wait here until they are due.
#[derive(Debug)]
struct Down {
    course: Course,
    received: u64,
    packets: BinaryHeap<Reverse<Packet>>,
    timer: Pin<Box<Sleep>>,
    buffer: Vec<u8>,
}

/// Ordered by when it is due, then by when it was sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due_at: Instant,
    number: u64,
    address: SocketAddr,
    bytes: Vec<u8>,
}

impl LossySocket {
    /// Takes a socket over. Must be called on the runtime.
    pub(in crate::transport) fn new(
        socket: std::net::UdpSocket,
        conditions: &Conditions,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let (sender, receiver) = mpsc::channel(PACKETS_MAX);
        tokio::spawn(send_when_due(socket.clone(), receiver));
        Ok(Self {
            socket,
            up: Mutex::new(Up { course: conditions.course(0, Way::Up), sent: 0, packets: sender }),
            down: Mutex::new(Down {
                course: conditions.course(0, Way::Down),
                received: 0,
                packets: BinaryHeap::new(),
                timer: Box::pin(tokio::time::sleep_until(Instant::now())),
                buffer: vec![0; PACKET_BYTES_MAX],
            }),
        })
    }
}

async fn send_when_due(socket: Arc<UdpSocket>, mut packets: mpsc::Receiver<Packet>) {
    let mut waiting = BinaryHeap::<Reverse<Packet>>::new();
    loop {
        let next_at = waiting.peek().map(|Reverse(packet)| packet.due_at);
        tokio::select! {
            packet = packets.recv(), if waiting.len() < PACKETS_MAX => match packet {
                Some(packet) => waiting.push(Reverse(packet)),
                None => return, // the endpoint has gone, and with it whoever would miss what is left
            },
            () = tokio::time::sleep_until(next_at.unwrap_or_else(Instant::now)), if next_at.is_some() => {
                if let Some(Reverse(packet)) = waiting.pop() {
                    // What the network does not take is lost, like any packet.
                    let _ = socket.send_to(&packet.bytes, packet.address).await;
                }
            }
        }
    }
}

impl Down {
    /// Takes what has come in at the socket on its way. True: there may be more.
    fn fetch(&mut self, socket: &UdpSocket, cx: &mut Context<'_>) -> io::Result<bool> {
        for _ in 0..READS_PER_TURN {
            let mut buffer = ReadBuf::new(&mut self.buffer);
            let Poll::Ready(address) = socket.poll_recv_from(cx, &mut buffer)? else { return Ok(false) };
            let Some(delay) = self.course.packet() else { continue };
            if self.packets.len() < PACKETS_MAX {
                let due_at = Instant::now() + delay;
                let bytes = buffer.filled().to_vec();
                self.received += 1;
                self.packets.push(Reverse(Packet { due_at, number: self.received, address, bytes }));
            }
        }
        Ok(true)
    }

    /// Hands out packets that are due; returns how many.
    fn hand_out(&mut self, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> usize {
        let now = Instant::now();
        let mut count = 0;
        while count < buffers.len().min(meta.len()) {
            if self.packets.peek().is_none_or(|Reverse(packet)| packet.due_at > now) {
                break;
            }
            let Some(Reverse(packet)) = self.packets.pop() else { break };
            let length = packet.bytes.len();
            let Some(place) = buffers[count].get_mut(..length) else { continue }; // larger than agreed
            place.copy_from_slice(&packet.bytes);
            meta[count] =
                RecvMeta { addr: packet.address, len: length, stride: length, ..RecvMeta::default() };
            count += 1;
        }
        count
    }
}

impl AsyncUdpSocket for LossySocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut up = self.up.lock();
        let packet_bytes = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for bytes in transmit.contents.chunks(packet_bytes) {
            let Some(delay) = up.course.packet() else { continue };
            up.sent += 1;
            let (due_at, number) = (Instant::now() + delay, up.sent);
            let packet = Packet { due_at, number, address: transmit.destination, bytes: bytes.to_vec() };
            let _ = up.packets.try_send(packet); // full: lost, as in a router
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut down = self.down.lock();
        let may_have_more = down.fetch(&self.socket, cx)?;
        loop {
            let count = down.hand_out(buffers, meta);
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
            if may_have_more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(next_at) = down.packets.peek().map(|Reverse(packet)| packet.due_at) else {
                return Poll::Pending;
            };
            down.timer.as_mut().reset(next_at);
            if down.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Sending never blocks: what is too much is lost.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
