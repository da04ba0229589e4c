//! The engine of a cluster under test: one [`LocalEngine`] for all its nodes, what can go wrong with it, and a log
//! of what was written when.

use crate::proxy::Proxy;
use crate::wire::{Question, Reply, WireInfo, beat, listed, listing_bytes, packet, read_packet};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision};
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk};
use sterna_server::engine::{Engine as _, LocalEngine, NodeInfo, Unavailable};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// When nodes have renewed their leases, on the clock that all processes share.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) renewals: BTreeMap<NodeId, Vec<u64>>,
    pub(crate) records: Vec<(u64, Record)>,
}

#[derive(Default)]
struct Faults {
    /// Nothing that these nodes ask is answered, nor done. By name.
    silent: BTreeSet<String>,
    /// The next claim of a move is done only when this is told, and not answered.
    late_claim: Option<Arc<Notify>>,
    /// Other nodes reach these by way of a proxy, once they have published.
    behind_proxy: BTreeMap<String, Option<Arc<Proxy>>>,
}

pub(crate) struct Store {
    engine: LocalEngine,
    log: Mutex<Log>,
    faults: Mutex<Faults>,
    /// To every node that is connected.
    nodes: Mutex<Vec<mpsc::UnboundedSender<Vec<u8>>>>,
}

impl Store {
    /// Serves on a free port.
    pub(crate) async fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let store = Arc::new(Self {
            engine: LocalEngine::default(),
            log: Mutex::default(),
            faults: Mutex::default(),
            nodes: Mutex::default(),
        });
        let serving = Arc::downgrade(&store);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(store) = serving.upgrade() else { return };
                tokio::spawn(store.serve(stream));
            }
        });
        (store, address)
    }

    /// Answers this node nothing more; or answers it again.
    pub(crate) fn silence(&self, node: &str, silent: bool) {
        let mut faults = self.faults.lock();
        if silent {
            faults.silent.insert(node.to_owned());
        } else {
            faults.silent.remove(node);
        }
    }

    /// The next claim of a move lands only when the result is told so, and its answer is lost.
    pub(crate) fn delay_next_claim(&self) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.faults.lock().late_claim = Some(notify.clone());
        notify
    }

    /// Other nodes are told the address of a proxy instead of this node's own.
    pub(crate) fn put_proxy_before(&self, node: &str) {
        self.faults.lock().behind_proxy.insert(node.to_owned(), None);
    }

    /// What stands before a node that has published.
    pub(crate) fn proxy_before(&self, node: &str) -> Arc<Proxy> {
        self.faults.lock().behind_proxy.get(node).cloned().flatten().expect("it was put there")
    }

    async fn behind_proxy(&self, mut info: NodeInfo) -> NodeInfo {
        let found = self.faults.lock().behind_proxy.get(&info.name).cloned();
        let Some(proxy) = found else { return info };
        let proxy = match proxy {
            Some(proxy) => proxy,
            None => {
                let proxy = Proxy::before(info.peer).await;
                self.faults.lock().behind_proxy.insert(info.name.clone(), Some(proxy.clone()));
                proxy
            }
        };
        info.peer = proxy.address;
        info
    }

    pub(crate) fn with_log<R>(&self, look: impl FnOnce(&Log) -> R) -> R {
        look(&self.log.lock())
    }

    /// How many renewals of this node there have been.
    pub(crate) fn renewals(&self, node: NodeId) -> usize {
        self.with_log(|log| log.renewals.get(&node).map_or(0, Vec::len))
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let Ok((_, name, _)) = read_packet::<String>(&mut reader).await else { return };
        let (replies, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
        self.nodes.lock().push(replies.clone());
        tokio::spawn(async move {
            while let Some(bytes) = outgoing.recv().await {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        while let Ok((number, question, payload)) = read_packet(&mut reader).await {
            if self.faults.lock().silent.contains(&name) {
                continue;
            }
            let late = is_claim(&question).then(|| self.faults.lock().late_claim.take()).flatten();
            if let Some(landing) = late {
                let store = self.clone();
                tokio::spawn(async move {
                    landing.notified().await;
                    store.answer(question, &payload).await;
                });
                continue;
            }
            let (reply, bytes) = self.answer(question, &payload).await;
            let _ = replies.send(packet(number, &reply, &bytes));
        }
    }

    /// Tells all nodes who is there. That reaches each before the answers to what it asks later.
    fn tell_nodes(&self) {
        let infos: Vec<WireInfo> = self.engine.nodes().into_iter().map(WireInfo::from).collect();
        let packet = packet(0, &Reply::Nodes(infos), &[]);
        self.nodes.lock().retain(|node| node.send(packet.clone()).is_ok());
    }

    async fn answer(&self, question: Question, payload: &[u8]) -> (Reply, Vec<u8>) {
        let reply = match question {
            Question::Publish(info) => {
                let done = done(self.engine.publish(self.behind_proxy(info.into()).await).await);
                self.tell_nodes();
                done
            }
            Question::Create(cohort, record) => {
                self.note(record.into());
                cas(self.engine.create(CohortId(cohort), record.into()).await)
            }
            Question::Read(cohort) => match self.engine.ask(CohortId(cohort), Ask::Read).await {
                Answer::Read(ReadAnswer::Read(found)) => Reply::Read(found.map(Into::into)),
                Answer::Read(ReadAnswer::Failed) | Answer::Cas(_) => Reply::Unavailable,
            },
            Question::Cas(cohort, expected, record) => {
                let ask = Ask::Cas { expected: Revision(expected), record: record.into() };
                match self.engine.ask(CohortId(cohort), ask).await {
                    Answer::Cas(answer) => {
                        if let CasAnswer::Won(_) = answer {
                            self.note(record.into());
                        }
                        cas(answer)
                    }
                    Answer::Read(_) => Reply::Unknown,
                }
            }
            Question::NodesNamed => match self.engine.nodes_named().await {
                Ok(nodes) => Reply::NodesNamed(nodes.into_iter().map(|node| node.0).collect()),
                Err(Unavailable) => Reply::Unavailable,
            },
            Question::CohortsOf(node) => match self.engine.cohorts_of(NodeId(node)).await {
                Ok(cohorts) => Reply::Cohorts(cohorts.into_iter().map(|cohort| cohort.0).collect()),
                Err(Unavailable) => Reply::Unavailable,
            },
            Question::Forget(cohort, held) => done(self.engine.forget(CohortId(cohort), held.into()).await),
            Question::ReadSnapshot(cohort) => {
                return snapshot(self.engine.ask_snapshot(CohortId(cohort), SnapshotAsk::Read).await);
            }
            Question::WriteSnapshot(cohort, expected) => {
                let written = Snapshot::decode(payload).expect("as it was encoded");
                let ask =
                    SnapshotAsk::Write { expected: expected.map(Revision), snapshot: Box::new(written) };
                return snapshot(self.engine.ask_snapshot(CohortId(cohort), ask).await);
            }
            Question::ListRoom(room, owner) => {
                let listed = owner.map(|owner| listed(owner, payload));
                done(self.engine.list_room(CohortId(room), listed).await)
            }
            Question::Rooms => match self.engine.rooms().await {
                Ok(rooms) => {
                    let rooms = rooms.iter().map(|room| (room.owner.0, listing_bytes(&room.listing)));
                    Reply::Rooms(rooms.collect())
                }
                Err(Unavailable) => Reply::Unavailable,
            },
            Question::ClaimUser(user, id) => session(self.engine.claim_user(&user, SessionId(id)).await),
            Question::SessionOf(user) => session(self.engine.session_of(&user).await),
            Question::ReleaseUser(user, id) => {
                self.engine.release_user(&user, SessionId(id)).await;
                Reply::Done
            }
            Question::Renew(node) => {
                self.log.lock().renewals.entry(NodeId(node)).or_default().push(sterna::sys::boot_micros());
                done(self.engine.renew(NodeId(node)).await)
            }
            Question::Goodbye(node) => {
                let done = done(self.engine.goodbye(NodeId(node)).await);
                self.tell_nodes();
                done
            }
            Question::Heartbeats => {
                match self.engine.heartbeats(NodeId(0), Duration::ZERO, BTreeSet::new()).await {
                    Ok(beats) => Reply::Heartbeats(beats.into_iter().map(beat).collect()),
                    Err(Unavailable) => Reply::Unavailable,
                }
            }
        };
        (reply, Vec::new())
    }

    fn note(&self, record: Record) {
        self.log.lock().records.push((sterna::sys::boot_micros(), record));
    }
}

fn is_claim(question: &Question) -> bool {
    match question {
        Question::Cas(_, _, record) => Record::from(*record).phase != OwnerPhase::Serving,
        _ => false,
    }
}

fn done(result: Result<(), Unavailable>) -> Reply {
    result.map_or(Reply::Unavailable, |()| Reply::Done)
}

fn session(found: Result<Option<SessionId>, Unavailable>) -> Reply {
    found.map_or(Reply::Unavailable, |found| Reply::Session(found.map(|session| session.0)))
}

fn cas(answer: CasAnswer) -> Reply {
    match answer {
        CasAnswer::Won(revision) => Reply::Won(revision.0),
        CasAnswer::Lost(found) => Reply::Lost(found.map(Into::into)),
        CasAnswer::Unknown => Reply::Unknown,
    }
}

fn snapshot(answer: SnapshotAnswer) -> (Reply, Vec<u8>) {
    match answer {
        SnapshotAnswer::Read(None) => (Reply::Snapshot(None), Vec::new()),
        SnapshotAnswer::Read(Some(stored)) => {
            (Reply::Snapshot(Some(stored.revision.0)), stored.snapshot.encode())
        }
        SnapshotAnswer::Written(revision) => (Reply::Written(revision.0), Vec::new()),
        SnapshotAnswer::Conflict => (Reply::Conflict, Vec::new()),
        SnapshotAnswer::NotNow | SnapshotAnswer::Unknown => (Reply::Unknown, Vec::new()),
    }
}
