//! What stands between clients and nodes, to cut and to fall silent: one proxy before each port of each node.
//!
//! Nodes listen on 127.0.0.1 and the proxies on 127.0.0.2, at the same ports. So clients that are told the
//! one as the node's public address pass through the other, on every link they open.

use crate::player::Player;
use crate::{BOTH, cluster_with, token_for};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use sterna::client::config::Transport;
use sterna::client::token::ConnectToken;
use sterna_server::cluster::Cluster;
use sterna_server::config::{Config, PublicHost};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BEFORE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What all connections through one node's proxies obey.
#[derive(Default)]
struct Orders {
    /// Counts up: connections and paths that were made before end.
    cuts: watch::Sender<u64>,
    /// Nothing gets through, and nobody is told. Over TCP what is swallowed is gone, and with it the connection.
    silent: AtomicBool,
    /// TCP connections that end are reset, as by a router that has forgotten them.
    resets: AtomicBool,
    /// Counts up: the node sees its clients come from other addresses.
    origin: AtomicU8,
    /// Whoever connects is hung up on.
    closed: AtomicBool,
}

impl Orders {
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.silent.store(true, Ordering::Release);
        self.cut();
    }

    /// Where connections to the node come from: any port of this address.
    fn origin(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 1, 1 + self.origin.load(Ordering::Acquire)], 0))
    }
}

struct Proxy {
    tcp: Arc<Orders>,
    quic: Arc<Orders>,
    _tasks: [AbortOnDrop; 2],
}

pub(crate) struct Proxies(Mutex<HashMap<String, Proxy>>);

/// A cluster whose clients pass through proxies.
pub(crate) async fn cluster_behind_proxies(
    nodes: u16,
    change: impl FnOnce(&mut Config),
) -> (Arc<Cluster>, Proxies) {
    let cluster = cluster_with(nodes, |config| {
        config.public_host = Some(PublicHost::Address(BEFORE));
        change(config);
    })
    .await;
    let proxies = Proxies::before(&cluster).await;
    (cluster, proxies)
}

impl Proxies {
    pub(crate) async fn before(cluster: &Cluster) -> Self {
        let proxies = Self(Mutex::default());
        for node in cluster.nodes() {
            proxies.add(node.name(), node.tcp().port(), node.quic().port()).await;
        }
        proxies
    }

    async fn add(&self, name: &str, tcp: u16, quic: u16) {
        let (for_tcp, for_quic) = <(Arc<Orders>, Arc<Orders>)>::default();
        let listener = TcpListener::bind((BEFORE, tcp)).await.expect("the port is free before the node's");
        let socket = UdpSocket::bind((BEFORE, quic)).await.expect("the port is free before the node's");
        let tcp = tokio::spawn(run_tcp(listener, node_address(tcp), for_tcp.clone()));
        let quic = tokio::spawn(run_udp(Arc::new(socket), node_address(quic), for_quic.clone()));
        let proxy = Proxy { tcp: for_tcp, quic: for_quic, _tasks: [tcp, quic].map(AbortOnDrop) };
        self.0.lock().insert(name.to_owned(), proxy);
    }

    /// Starts a drained node again, with new proxies before its new ports.
    pub(crate) async fn restart(&self, cluster: &Cluster, name: &str) {
        self.0.lock().remove(name);
        let node = cluster.restart(name).await.expect("the node starts again");
        self.add(name, node.tcp().port(), node.quic().port()).await;
    }

    /// A token for this node that leads through its proxies.
    pub(crate) fn token(&self, cluster: &Cluster, user: &str, name: &str) -> ConnectToken {
        let direct = token_for(cluster, user, name);
        let before = |addresses: Vec<SocketAddr>| {
            addresses.into_iter().map(|address| SocketAddr::new(BEFORE, address.port())).collect()
        };
        ConnectToken { tcp: before(direct.tcp), quic: before(direct.quic), ..direct }
    }

    fn orders(&self, name: &str, transport: Transport) -> Arc<Orders> {
        let proxies = self.0.lock();
        match transport {
            Transport::Tcp => proxies[name].tcp.clone(),
            Transport::Udp => proxies[name].quic.clone(),
        }
    }

    fn order(&self, name: &str, order: impl Fn(&Orders)) {
        BOTH.into_iter().for_each(|transport| order(&self.orders(name, transport)));
    }

    /// Over TCP every connection is cut. Over UDP the node sees its clients come from new ports.
    pub(crate) fn cut(&self, name: &str) {
        self.order(name, Orders::cut);
    }

    /// Like [`cut`](Self::cut), but both ends of a TCP connection see it reset.
    pub(crate) fn reset(&self, name: &str) {
        self.order(name, |orders| orders.resets.store(true, Ordering::Release));
        self.cut(name);
    }

    /// From here on the node sees its clients come from another address, as when a phone leaves the house.
    pub(crate) fn rehome(&self, name: &str) {
        self.order(name, |orders| _ = orders.origin.fetch_add(1, Ordering::AcqRel));
        self.cut(name);
    }

    pub(crate) fn cut_all(&self) {
        for proxy in self.0.lock().values() {
            proxy.tcp.cut();
            proxy.quic.cut();
        }
    }

    /// Lets nothing through, and says nothing; or lets it through again.
    pub(crate) fn silence(&self, name: &str, silent: bool) {
        self.order(name, |orders| orders.silent.store(silent, Ordering::Release));
    }

    /// The same for who comes by one transport.
    pub(crate) fn silence_for(&self, name: &str, transport: Transport, silent: bool) {
        self.orders(name, transport).silent.store(silent, Ordering::Release);
    }

    /// Lets nobody through any more.
    pub(crate) fn close(&self, name: &str) {
        self.order(name, Orders::close);
    }

    /// The same for who comes by one transport.
    pub(crate) fn close_for(&self, name: &str, transport: Transport) {
        self.orders(name, transport).close();
    }

    /// Lets everybody through again.
    pub(crate) fn open(&self, name: &str) {
        self.order(name, |orders| orders.closed.store(false, Ordering::Release));
        self.silence(name, false);
    }

    /// Breaks the links to a node until the player has noticed, as far as the transport allows: a QUIC link
    /// breaks only by silence.
    pub(crate) async fn break_link(&self, player: &mut Player, transport: Transport, name: &str) {
        match transport {
            Transport::Tcp => {
                self.cut(name);
                player.until_reconnecting().await;
            }
            Transport::Udp => {
                self.silence(name, true);
                player.until_reconnecting().await;
                self.silence(name, false);
            }
        }
    }
}

fn node_address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn run_tcp(listener: TcpListener, node: SocketAddr, orders: Arc<Orders>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let orders = orders.clone();
        tokio::spawn(async move {
            if orders.closed.load(Ordering::Acquire) {
                return;
            }
            let mut cuts = orders.cuts.subscribe();
            let Some(mut upstream) = connect(node, &orders).await else { return };
            let (mut from_client, mut to_client) = client.split();
            let (mut from_node, mut to_node) = upstream.split();
            tokio::select! {
                () = pass_on(&mut from_client, &mut to_node, &orders) => {}
                () = pass_on(&mut from_node, &mut to_client, &orders) => {}
                _ = cuts.changed() => {}
            }
            if orders.resets.load(Ordering::Acquire) {
                client.set_zero_linger().expect("it is a socket");
                upstream.set_zero_linger().expect("it is a socket");
            }
            // Dropping both sockets is the cut.
        });
    }
}

async fn connect(node: SocketAddr, orders: &Orders) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(orders.origin()).expect("a port is free");
    socket.connect(node).await.ok()
}

async fn pass_on(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>, orders: &Orders) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut bytes).await {
        let silent = orders.silent.load(Ordering::Acquire);
        if length == 0 || (!silent && to.write_all(&bytes[..length]).await.is_err()) {
            return;
        }
    }
}

async fn run_udp(socket: Arc<UdpSocket>, node: SocketAddr, orders: Arc<Orders>) {
    let mut cuts = orders.cuts.subscribe();
    let mut paths: HashMap<SocketAddr, (Arc<UdpSocket>, AbortOnDrop)> = HashMap::new();
    let mut packet = vec![0; 64 * 1024];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        if cuts.has_changed().unwrap_or(false) {
            cuts.mark_unchanged();
            paths.clear();
        }
        if orders.silent.load(Ordering::Acquire) {
            continue;
        }
        let (upstream, _) = match paths.entry(client) {
            Entry::Occupied(path) => path.into_mut(),
            Entry::Vacant(new) => {
                let upstream = UdpSocket::bind(orders.origin()).await.expect("a port is free");
                let upstream = Arc::new(upstream);
                let back = send_back(upstream.clone(), socket.clone(), client, orders.clone());
                new.insert((upstream, AbortOnDrop(tokio::spawn(back))))
            }
        };
        let _ = upstream.send_to(&packet[..length], node).await;
    }
}

async fn send_back(
    upstream: Arc<UdpSocket>,
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    orders: Arc<Orders>,
) {
    let mut packet = vec![0; 64 * 1024];
    while let Ok((length, _)) = upstream.recv_from(&mut packet).await {
        if !orders.silent.load(Ordering::Acquire) {
            let _ = socket.send_to(&packet[..length], client).await;
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
