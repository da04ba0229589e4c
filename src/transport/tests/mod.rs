//! Links over the loopback: what the interface promises, for both transports.

mod bad_network;
mod links;
mod trust;

use super::*;
use crate::protocol::wire;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ProducesTickets;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const NAME: &str = "test.sterna.internal";
const ANY_PORT: &str = "127.0.0.1:0";
const BOTH: [Kind; 2] = [Kind::Tcp, Kind::Quic];

/// Types of frames that these tests send; the data lane's are 0x81 and up.
const CONTROL: u8 = 0x01;
const DATA: u8 = 0x81;

/// How long a test waits for something that ought to happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("in vain waited for {what}"))
}

/// A CA and the ticket keys that its nodes share.
struct Cluster {
    ca: CertificateParams,
    ca_key: KeyPair,
    ca_der: Vec<u8>,
    ticketer: Arc<dyn ProducesTickets>,
}

impl Cluster {
    fn new() -> Self {
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_der = ca.self_signed(&ca_key).unwrap().der().to_vec();
        let ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
        Self { ca, ca_key, ca_der, ticketer }
    }

    fn identity(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.ca, &self.ca_key);
        let certificate =
            CertificateParams::new(vec![NAME.into()]).unwrap().signed_by(&key, &issuer).unwrap();
        Identity {
            cert_chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            ticketer: self.ticketer.clone(),
            ca: self.ca_der.clone().into(),
        }
    }

    fn listen(&self, kind: Kind) -> Arc<Listener> {
        Arc::new(Listener::bind(kind, ANY_PORT.parse().unwrap(), &self.identity()).unwrap())
    }

    fn trust(&self) -> Trust {
        Trust { ca_der: self.ca_der.clone(), server_name: NAME.into() }
    }

    fn dialer(&self) -> Dialer {
        Dialer::new(&self.trust(), Conditions::default(), Arc::default()).unwrap()
    }
}

/// Both ends of a new link.
async fn connect(dialer: &Dialer, kind: Kind, listener: &Listener) -> (Link, Link) {
    let accept = async { listener.accept().await.unwrap().handshake().await.unwrap() };
    let (client, node) =
        soon("a link", async { tokio::join!(dialer.dial(kind, listener.local_addr()), accept) }).await;
    (client.unwrap(), node)
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Frame(Vec<u8>),
    Datagram(Vec<u8>),
}

/// What a test's handler has to say.
#[derive(Default)]
struct ToSay {
    control: VecDeque<Vec<u8>>,
    data: VecDeque<Vec<u8>>,
    datagrams: VecDeque<Vec<u8>>,
    closing: bool,
}

impl ToSay {
    fn frame(&mut self, body: Vec<u8>) {
        if body[0] < 0x80 { self.control.push_back(body) } else { self.data.push_back(body) }
    }
}

struct TestHandler {
    to_say: Arc<Mutex<ToSay>>,
    events: mpsc::UnboundedSender<Event>,
    echoes: bool,
}

impl Handler for TestHandler {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        let mut used = 0;
        while let Some((body, length)) = wire::split(&bytes[used..], 64 << 20).map_err(|_| Close)? {
            used += length;
            if body.first().is_none_or(|kind| *kind == 0) {
                return Err(Close);
            }
            if self.echoes {
                self.to_say.lock().frame(body.to_vec());
            }
            let _ = self.events.send(Event::Frame(body.to_vec()));
        }
        Ok(used)
    }

    fn datagram(&mut self, bytes: &[u8]) {
        if self.echoes {
            self.to_say.lock().datagrams.push_back(bytes.to_vec());
        }
        let _ = self.events.send(Event::Datagram(bytes.to_vec()));
    }

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, room: usize) {
        let mut to_say = self.to_say.lock();
        let start = out.len();
        while out.len() - start < room {
            let frame = match lane {
                Lane::Control => to_say.control.pop_front(),
                Lane::Data => to_say.data.pop_front(),
            };
            let Some(frame) = frame else { return };
            wire::put_varint(frame.len() as u64, out);
            out.extend_from_slice(&frame);
        }
    }

    fn next_datagram(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(datagram) = self.to_say.lock().datagrams.pop_front() else { return false };
        out.extend_from_slice(&datagram);
        true
    }

    fn closing(&self) -> bool {
        self.to_say.lock().closing
    }
}

/// One end of a running link, as a test sees it.
struct End {
    to_say: Arc<Mutex<ToSay>>,
    events: mpsc::UnboundedReceiver<Event>,
    waker: Waker,
    task: JoinHandle<LinkEnd>,
}

impl End {
    fn run(link: Link, echoes: bool) -> Self {
        let to_say = Arc::new(Mutex::new(ToSay::default()));
        let (sender, events) = mpsc::unbounded_channel();
        let waker = link.waker();
        let mut handler = TestHandler { to_say: to_say.clone(), events: sender, echoes };
        let task = tokio::spawn(async move { link.run(&mut handler).await });
        Self { to_say, events, waker, task }
    }

    fn say(&self, body: Vec<u8>) {
        self.to_say.lock().frame(body);
        self.waker.wake();
    }

    fn say_datagram(&self, body: &[u8]) {
        self.to_say.lock().datagrams.push_back(body.to_vec());
        self.waker.wake();
    }

    fn close(&self) {
        self.to_say.lock().closing = true;
        self.waker.wake();
    }

    async fn event(&mut self) -> Event {
        soon("an event", self.events.recv()).await.expect("the link goes on")
    }

    async fn end(self) -> LinkEnd {
        soon("the link's end", self.task).await.unwrap()
    }
}

fn frame(kind: u8, length: usize) -> Vec<u8> {
    let mut body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    body.insert(0, kind);
    body
}
