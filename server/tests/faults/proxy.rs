//! What stands between two nodes, or before a server of the engine, to cut them off from each other.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: watch::Sender<bool>,
}

impl Proxy {
    /// Before a node that listens there.
    pub(crate) async fn before(node: SocketAddr) -> Arc<Self> {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), node).await
    }

    /// The same, at an address of one's choice.
    pub(crate) async fn at(address: SocketAddr, node: SocketAddr) -> Arc<Self> {
        let listener = TcpListener::bind(address).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let mut is_cut = is_cut.clone();
                tokio::spawn(async move {
                    // Dropping both sockets is the cut. Whoever comes later is hung up on.
                    let pass = async {
                        let Ok(mut to) = TcpStream::connect(node).await else { return };
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    };
                    tokio::select! {
                        biased;
                        _ = is_cut.wait_for(|cut| *cut) => {}
                        () = pass => {}
                    }
                });
            }
        });
        Arc::new(Self { address, cut })
    }

    /// Nothing passes any more.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Whoever comes from now on passes again.
    pub(crate) fn heal(&self) {
        self.cut.send_replace(false);
    }
}
