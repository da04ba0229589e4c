//! Where others reach a node: its listeners' addresses, or what stands before them for clients and for other nodes.
//!
//! Clients and nodes are told addresses. Where the operator has given a name (`public_host`), the node resolves it: when
//! it starts, and then again and again for as long as it runs, because the address behind a name may change.

use super::{Node, StartError};
use crate::config::{Config, PublicHost, choose_address};
use parking_lot::Mutex;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often a name is resolved again: as often as names change that change often.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);

/// What others are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) tcp: SocketAddr,
    pub(super) quic: SocketAddr,
    pub(super) peer: SocketAddr,
}

/// Where the node listens, and what others are told instead.
#[derive(Debug)]
pub(super) struct Addresses {
    index: u16,
    listeners: Told,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    public: Option<IpAddr>,
    told: Told,
    /// The operator knows that the name cannot be resolved at present.
    warned: bool,
}

impl Addresses {
    /// Resolves the public host, if there is one: without it nobody would find the node.
    pub(super) async fn find(config: &Config, index: u16, listeners: Told) -> Result<Self, StartError> {
        let public = match &config.public_host {
            None => None,
            Some(host) => {
                let found = resolve(host).await;
                let found = found.map_err(|error| StartError::PublicHost { host: host.clone(), error })?;
                choose_address(None, &found, config.host)
            }
        };
        let told = told(config, index, listeners, public);
        Ok(Self { index, listeners, now: Mutex::new(Now { public, told, warned: false }) })
    }

    pub(super) fn told(&self) -> Told {
        self.now.lock().told
    }

    /// The name has been resolved again, or could not be: then the last address stays. True: others have to be
    /// told.
    fn resolved(&self, config: &Config, host: &PublicHost, found: io::Result<Vec<IpAddr>>) -> bool {
        let mut now = self.now.lock();
        match found {
            Err(error) => {
                if !std::mem::replace(&mut now.warned, true) {
                    tracing::warn!(
                        %host,
                        "cannot resolve `public_host` any more: {error}: clients are told its last address"
                    );
                }
                false
            }
            Ok(found) => {
                now.warned = false;
                now.public = choose_address(now.public, &found, config.host).or(now.public);
                let told = told(config, self.index, self.listeners, now.public);
                std::mem::replace(&mut now.told, told) != told
            }
        }
    }
}

fn told(config: &Config, index: u16, listeners: Told, public: Option<IpAddr>) -> Told {
    Told {
        tcp: config.public_tcp_address(index, listeners.tcp, public),
        quic: config.public_quic_address(index, listeners.quic, public),
        peer: config.peer_public_address(listeners.peer, public),
    }
}

/// Asks the system's resolver, which blocks: for many seconds where names are out of order. The thread is nobody's, so
/// that a process which ends does not wait for it.
async fn resolve(host: &PublicHost) -> io::Result<Vec<IpAddr>> {
    let (answer, answered) = oneshot::channel();
    let host = host.clone();
    std::thread::Builder::new().name("resolve".into()).spawn(move || {
        let _ = answer.send(host.resolve()); // nobody waits any more if the node has stopped
    })?;
    answered.await.unwrap_or_else(|_| Err(io::Error::other("the resolver has failed")))
}

impl Node {
    /// Resolves the public host again and again, for as long as the node runs.
    pub(super) async fn follow_public_host(self: Arc<Self>) {
        let Some(host @ PublicHost::Name(_)) = &self.shared.config.public_host else { return };
        let mut stopped = self.stopped.subscribe();
        loop {
            let found = tokio::select! {
                found = async {
                    tokio::time::sleep(RESOLVE_EVERY).await;
                    resolve(host).await
                } => found,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            if self.addresses.resolved(&self.shared.config, host, found) {
                let told = self.addresses.told();
                tracing::info!(node = %self.name, %host, tcp = %told.tcp, quic = %told.quic, "has another address");
                let _ = self.publish().await; // a failure is made good with the next renewal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    fn listeners() -> Told {
        Told { tcp: at("0.0.0.0:7801"), quic: at("0.0.0.0:7901"), peer: at("0.0.0.0:8001") }
    }

    fn config(text: &str) -> Config {
        Config::parse(&format!("nodes = 2\nhost = \"0.0.0.0\"\n{text}")).unwrap()
    }

    #[tokio::test]
    async fn clients_are_told_the_ports_that_lead_to_the_node() {
        let mapped = config("public_host = \"192.0.2.1\"\npublic_tcp_port = 30000\npublic_quic_port = 31000");
        let told = Addresses::find(&mapped, 1, listeners()).await.unwrap().told();
        assert_eq!((told.tcp, told.quic), (at("192.0.2.1:30001"), at("192.0.2.1:31001")));
        assert_eq!(told.peer, at("192.0.2.1:8001"), "between nodes nothing is mapped");
        let half = config("public_host = \"192.0.2.1\"\npublic_tcp_port = 30000\npeer_host = \"10.0.0.7\"");
        let told = Addresses::find(&half, 0, listeners()).await.unwrap().told();
        assert_eq!((told.tcp, told.quic), (at("192.0.2.1:30000"), at("192.0.2.1:7901")));
        assert_eq!(told.peer, at("10.0.0.7:8001"));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_is_named() {
        let nobody = config("public_host = \"nobody.invalid\"");
        let error = Addresses::find(&nobody, 0, listeners()).await.unwrap_err().to_string();
        assert!(error.contains("`public_host`") && error.contains("nobody.invalid"), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_moves_is_followed_and_one_that_is_lost_keeps_its_address() {
        let config = config("public_host = \"localhost\"");
        let host = config.public_host.clone().unwrap();
        let addresses = Addresses::find(&config, 0, listeners()).await.unwrap();
        assert!(addresses.told().tcp.ip().is_loopback());
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(addresses.resolved(&config, &host, Ok(vec![a, b])));
        assert_eq!(addresses.told().tcp, at("192.0.2.1:7801"));
        assert!(!addresses.resolved(&config, &host, Ok(vec![b, a])), "the same ones in another order");
        assert!(!addresses.resolved(&config, &host, Err(io::Error::other("no answer"))));
        assert!(!addresses.resolved(&config, &host, Ok(Vec::new())));
        assert_eq!(addresses.told().quic, at("192.0.2.1:7901"));
        assert!(addresses.resolved(&config, &host, Ok(vec![b])));
        assert_eq!(addresses.told().peer, at("192.0.2.2:8001"));
    }
}
