//! The protocol by hand: a client that says what the test wants, and a node that refuses everybody.

use crate::PATIENCE;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use sterna::client::config::Transport;
use sterna::client::token::{ConnectToken, server_name};
use sterna::protocol::ids::{Cursor, LinkNumber};
use sterna::protocol::keys;
use sterna::protocol::limits;
use sterna::protocol::reasons::RefuseReason;
use sterna::protocol::wire::{
    Data, Downlink, Greeting, Kind as MessageKind, Message, MoveMode, Switch, Uplink, split,
};
use sterna::transport::{
    Close, Conditions, Dialer, Endpoints, Handler, Identity, Kind, Lane, LinkEnd, Listener, Trust, Waker,
};
use sterna_server::pki::ClusterKeys;
use sterna_server::seal::TicketKeys;
use tokio::sync::mpsc;

pub(crate) fn kind(transport: Transport) -> Kind {
    match transport {
        Transport::Tcp => Kind::Tcp,
        Transport::Udp => Kind::Quic,
    }
}

/// What came from the node.
#[derive(Debug)]
pub(crate) enum Got {
    Control(Downlink),
    Switch(Box<Switch>),
    /// The next message has this number.
    Start(Cursor),
    /// Command and payload.
    Message(u16, Vec<u8>),
    Ended(LinkEnd),
}

/// What waits to be sent, by lane.
#[derive(Default)]
struct Outgoing {
    control: Vec<u8>,
    data: Vec<u8>,
    close: bool,
}

/// A link whose frames the test writes.
pub(crate) struct Raw {
    pub(crate) binding: keys::Binding,
    outgoing: Arc<Mutex<Outgoing>>,
    waker: Waker,
    incoming: mpsc::UnboundedReceiver<Got>,
}

struct RawHandler {
    outgoing: Arc<Mutex<Outgoing>>,
    incoming: mpsc::UnboundedSender<Got>,
}

impl Handler for RawHandler {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        let mut taken = 0;
        while let Some((body, length)) = split(&bytes[taken..], limits::FRAME_BYTES_MAX).map_err(|_| Close)? {
            let got = if body[0] < 0x80 {
                Got::Control(Downlink::decode(body).map_err(|_| Close)?)
            } else {
                match Data::decode(body).map_err(|_| Close)? {
                    Data::Switch(switch) => Got::Switch(switch),
                    Data::Message(message) => Got::Message(message.cmd, message.payload.to_vec()),
                    Data::Start(at) => Got::Start(at),
                }
            };
            let _ = self.incoming.send(got);
            taken += length;
        }
        Ok(taken)
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, _: usize) {
        let mut outgoing = self.outgoing.lock();
        match lane {
            Lane::Control => out.append(&mut outgoing.control),
            Lane::Data => out.append(&mut outgoing.data),
        }
    }

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        self.outgoing.lock().close
    }
}

impl Raw {
    /// Opens a link to this node of the token's cluster.
    pub(crate) async fn dial(transport: Transport, token: &ConnectToken, address: SocketAddr) -> Self {
        let trust = Trust { ca_der: token.ca.clone(), server_name: server_name(&token.cluster) };
        let endpoints = Arc::new(Endpoints::default());
        let dialer = Dialer::new(&trust, Conditions::default(), endpoints).expect("the token is sound");
        let link = dialer.dial(kind(transport), address).await.expect("the node listens");
        let (sender, incoming) = mpsc::unbounded_channel();
        let outgoing = Arc::new(Mutex::new(Outgoing::default()));
        let raw = Self { binding: link.binding(), outgoing: outgoing.clone(), waker: link.waker(), incoming };
        tokio::spawn(async move {
            let mut handler = RawHandler { outgoing, incoming: sender };
            let end = link.run(&mut handler).await;
            let _ = handler.incoming.send(Got::Ended(end));
        });
        raw
    }

    /// Opens a link to the token's first node.
    pub(crate) async fn dial_first(transport: Transport, token: &ConnectToken) -> Self {
        let address = match transport {
            Transport::Tcp => token.tcp[0],
            Transport::Udp => token.quic[0],
        };
        Self::dial(transport, token, address).await
    }

    pub(crate) fn bytes(&self, lane: Lane, bytes: &[u8]) {
        let mut outgoing = self.outgoing.lock();
        match lane {
            Lane::Control => outgoing.control.extend_from_slice(bytes),
            Lane::Data => outgoing.data.extend_from_slice(bytes),
        }
        drop(outgoing);
        self.waker.wake();
    }

    pub(crate) fn control(&self, frame: &Uplink) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.bytes(Lane::Control, &bytes);
    }

    pub(crate) fn data(&self, frame: &Data<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.bytes(Lane::Data, &bytes);
    }

    pub(crate) fn message(&self, cmd: u16, payload: &[u8]) {
        let message =
            Message { kind: MessageKind::Plain, ver: sterna_server::builtin::VERSION, cmd, payload };
        self.data(&Data::Message(message));
    }

    pub(crate) fn hello(&self, version: u16, link: u64, greeting: Greeting) {
        let credit = limits::CREDIT_BYTES;
        self.control(&Uplink::Hello { version, link: LinkNumber(link), credit, greeting });
    }

    pub(crate) fn close(&self) {
        self.outgoing.lock().close = true;
        self.waker.wake();
    }

    /// What comes next. The uplink is begun where the session attaches.
    pub(crate) async fn next(&mut self) -> Got {
        let got = tokio::time::timeout(PATIENCE, self.incoming.recv()).await;
        let got = got.expect("nothing came").expect("the link has ended, and that was said");
        if let Got::Control(Downlink::Attached { .. }) = got {
            self.data(&Data::Start(Cursor(0)));
        }
        got
    }

    /// The first thing of what comes that `pick` takes.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(Got) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.next().await) {
                return picked;
            }
        }
    }

    pub(crate) async fn until_ended(&mut self) -> LinkEnd {
        self.until(|got| if let Got::Ended(end) = got { Some(end) } else { None }).await
    }

    /// Why the node refuses this link; it closes it, too.
    pub(crate) async fn until_refused(&mut self) -> RefuseReason {
        let pick = |got| match got {
            Got::Control(Downlink::Refused { reason, .. }) => Some(reason),
            Got::Ended(end) => panic!("no word before the end: {end}"),
            Got::Switch(switch) => panic!("let in: {switch:?}"),
            Got::Control(_) | Got::Start(_) | Got::Message(..) => None,
        };
        let reason = self.until(pick).await;
        self.until_ended().await;
        reason
    }

    pub(crate) async fn until_switch(&mut self) -> Switch {
        let pick = |got| match got {
            Got::Switch(switch) => Some(*switch),
            Got::Ended(end) => panic!("ended before a Switch: {end}"),
            Got::Control(Downlink::Refused { reason, .. }) => panic!("refused: {reason}"),
            Got::Control(_) | Got::Start(_) | Got::Message(..) => None,
        };
        self.until(pick).await
    }

    pub(crate) async fn until_message(&mut self) -> (u16, Vec<u8>) {
        self.until(|got| if let Got::Message(cmd, bytes) = got { Some((cmd, bytes)) } else { None }).await
    }
}

/// A session that the test keeps by hand.
pub(crate) struct RawSession {
    pub(crate) token: ConnectToken,
    pub(crate) transport: Transport,
    pub(crate) link: Raw,
    pub(crate) key: [u8; 32],
    pub(crate) switch: Switch,
}

/// An invitation to a move's target.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    pub(crate) address: SocketAddr,
    pub(crate) ticket: Vec<u8>,
}

impl RawSession {
    /// Connects to the token's first node and begins the uplink.
    pub(crate) async fn begin(transport: Transport, token: ConnectToken) -> Self {
        let mut link = Raw::dial_first(transport, &token).await;
        let key = keys::client_key(&link.binding);
        link.hello(limits::VERSION, 1, Greeting::Connect { user_token: token.user_token.clone() });
        let switch = link.until_switch().await;
        link.data(&Data::Start(Cursor(0)));
        Self { token, transport, link, key, switch }
    }

    /// Asks for a move, once the node has said that it is offline.
    pub(crate) async fn invitation(&mut self) -> Invitation {
        let pick = |got| match got {
            Got::Control(Downlink::Offline { epoch, .. }) => Some(epoch),
            Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
            Got::Ended(end) => panic!("ended: {end}"),
        };
        let epoch = self.link.until(pick).await;
        self.link.control(&Uplink::Migrate { epoch, mode: MoveMode::Seamless });
        let pick = |got| match got {
            Got::Control(Downlink::MoveTo { addresses, ticket, .. }) => {
                Some(Invitation { address: addresses[0], ticket })
            }
            Got::Control(_) | Got::Switch(_) | Got::Start(_) | Got::Message(..) => None,
            Got::Ended(end) => panic!("ended: {end}"),
        };
        self.link.until(pick).await
    }

    /// Opens a link and shows a ticket on it, as the holder of `key`.
    pub(crate) async fn attach(&self, invitation: &Invitation, key: &[u8; 32], number: u64) -> Raw {
        let link = Raw::dial(self.transport, &self.token, invitation.address).await;
        let proof = keys::proof(key, &link.binding, &invitation.ticket);
        let greeting = Greeting::Attach { ticket: invitation.ticket.clone(), proof, down: Cursor(0) };
        link.hello(limits::VERSION, number, greeting);
        link
    }

    /// Opens a link to a node and shows the resume token on it, as the holder of `key`.
    pub(crate) async fn resume(&self, address: SocketAddr, key: &[u8; 32], number: u64) -> Raw {
        let link = Raw::dial(self.transport, &self.token, address).await;
        let token = self.switch.resume_token.clone();
        let proof = keys::proof(key, &link.binding, &token);
        let greeting = Greeting::Resume { token, proof, fence: self.switch.fence, down: Cursor(0) };
        link.hello(limits::VERSION, number, greeting);
        link
    }
}

/// A node that refuses everybody for one reason.
pub(crate) struct FakeNode {
    keys: ClusterKeys,
    transport: Transport,
    address: SocketAddr,
}

struct Refuser {
    greeted: bool,
    refusal: Vec<u8>,
}

impl Handler for Refuser {
    fn received(&mut self, _: Lane, bytes: &[u8]) -> Result<usize, Close> {
        let whole = split(bytes, limits::FRAME_BYTES_MAX).map_err(|_| Close)?;
        self.greeted |= whole.is_some();
        Ok(whole.map_or(0, |_| bytes.len()))
    }

    fn datagram(&mut self, _: &[u8]) {}

    fn fill(&mut self, lane: Lane, out: &mut Vec<u8>, _: usize) {
        if self.greeted && lane == Lane::Control {
            out.append(&mut self.refusal);
        }
    }

    fn next_datagram(&mut self, _: &mut Vec<u8>) -> bool {
        false
    }

    fn closing(&self) -> bool {
        self.greeted
    }
}

impl FakeNode {
    pub(crate) fn refusing(transport: Transport, reason: RefuseReason) -> Self {
        let keys = ClusterKeys::generate("fake").expect("keys can be made");
        let identity = keys.node_identity("node-1").expect("a certificate can be made");
        let identity = Identity {
            cert_chain: identity.chain,
            key: identity.key,
            ticketer: Arc::new(TicketKeys::new(&keys)),
            ca: keys.ca_der().clone(),
        };
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = Listener::bind(kind(transport), any, &identity).expect("a port is free");
        let address = listener.local_addr();
        tokio::spawn(async move {
            while let Some(incoming) = listener.accept().await {
                if let Ok(link) = incoming.handshake().await {
                    let mut refusal = Vec::new();
                    Downlink::Refused { reason, elsewhere: Vec::new() }.encode(&mut refusal);
                    link.run(&mut Refuser { greeted: false, refusal }).await;
                }
            }
        });
        Self { keys, transport, address }
    }

    pub(crate) fn token(&self) -> ConnectToken {
        let (tcp, quic) = match self.transport {
            Transport::Tcp => (vec![self.address], Vec::new()),
            Transport::Udp => (Vec::new(), vec![self.address]),
        };
        let (cluster, ca) = ("fake".into(), self.keys.ca_der().to_vec());
        ConnectToken { cluster, ca, tcp, quic, user_token: "not looked at".into() }
    }
}
