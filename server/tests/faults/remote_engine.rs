//! The engine as a node's process sees it: questions over a socket to the test, which holds what all nodes share.

use crate::wire::{Question, Reply, listed, listing_bytes, packet, read_packet, unbeat};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sterna::protocol::ids::{CohortId, NodeId, SessionId};
use sterna::protocol::lease::Heartbeat;
use sterna::protocol::record::{Answer, Ask, CasAnswer, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, SnapshotAsk, Stored};
use sterna_server::engine::{self, Engine, Listed, NodeInfo, Unavailable};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

type Waiting = Mutex<HashMap<u64, oneshot::Sender<(Reply, Vec<u8>)>>>;

pub(crate) struct RemoteEngine {
    questions: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<Waiting>,
    nodes: Arc<Mutex<Vec<NodeInfo>>>,
    asked: AtomicU64,
}

impl RemoteEngine {
    /// Connects; `name` says which node asks.
    pub(crate) async fn connect(engine: SocketAddr, name: &str) -> io::Result<Arc<Self>> {
        let stream = TcpStream::connect(engine).await?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        writer.write_all(&packet(0, &name, &[])).await?;
        let (questions, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
        let (waiting, nodes) = (Arc::new(Waiting::default()), Arc::new(Mutex::default()));
        tokio::spawn(async move {
            while let Some(bytes) = outgoing.recv().await {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let engine =
            Self { questions, waiting: waiting.clone(), nodes: nodes.clone(), asked: AtomicU64::new(0) };
        tokio::spawn(async move {
            while let Ok((number, reply, payload)) = read_packet(&mut reader).await {
                if let Reply::Nodes(infos) = reply {
                    *nodes.lock() = infos.into_iter().map(NodeInfo::from).collect();
                } else if let Some(asker) = waiting.lock().remove(&number) {
                    let _ = asker.send((reply, payload)); // it may have given up
                }
            }
        });
        Ok(Arc::new(engine))
    }

    /// The question leaves at once; its answer is waited for, for as long as it takes.
    fn question<A: Send + 'static>(
        &self,
        question: Question,
        payload: &[u8],
        understand: impl FnOnce(Reply, Vec<u8>) -> A + Send + 'static,
    ) -> engine::Reply<'_, A> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().insert(number, answer);
        let _ = self.questions.send(packet(number, &question, payload));
        Box::pin(async move {
            let (reply, payload) = answered.await.unwrap_or((Reply::Unavailable, Vec::new()));
            understand(reply, payload)
        })
    }

    fn done(&self, question: Question) -> engine::Reply<'_, Result<(), Unavailable>> {
        self.question(question, &[], |reply, _| match reply {
            Reply::Done => Ok(()),
            _ => Err(Unavailable),
        })
    }
}

fn cas(reply: Reply) -> CasAnswer {
    match reply {
        Reply::Won(revision) => CasAnswer::Won(Revision(revision)),
        Reply::Lost(found) => CasAnswer::Lost(found.map(Versioned::from)),
        _ => CasAnswer::Unknown,
    }
}

impl Engine for RemoteEngine {
    fn publish(&self, info: NodeInfo) -> engine::Reply<'_, Result<(), Unavailable>> {
        self.done(Question::Publish(info.into()))
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        self.nodes.lock().clone()
    }

    fn create(&self, cohort: CohortId, record: Record) -> engine::Reply<'_, CasAnswer> {
        self.question(Question::Create(cohort.0, record.into()), &[], |reply, _| cas(reply))
    }

    fn ask(&self, cohort: CohortId, ask: Ask) -> engine::Reply<'_, Answer> {
        match ask {
            Ask::Read => self.question(Question::Read(cohort.0), &[], |reply, _| {
                Answer::Read(match reply {
                    Reply::Read(found) => ReadAnswer::Read(found.map(Versioned::from)),
                    _ => ReadAnswer::Failed,
                })
            }),
            Ask::Cas { expected, record } => {
                let question = Question::Cas(cohort.0, expected.0, record.into());
                self.question(question, &[], |reply, _| Answer::Cas(cas(reply)))
            }
        }
    }

    fn cohorts_of(&self, node: NodeId) -> engine::Reply<'_, Result<Vec<CohortId>, Unavailable>> {
        self.question(Question::CohortsOf(node.0), &[], |reply, _| match reply {
            Reply::Cohorts(cohorts) => Ok(cohorts.into_iter().map(CohortId).collect()),
            _ => Err(Unavailable),
        })
    }

    fn nodes_named(&self) -> engine::Reply<'_, Result<BTreeSet<NodeId>, Unavailable>> {
        self.question(Question::NodesNamed, &[], |reply, _| match reply {
            Reply::NodesNamed(nodes) => Ok(nodes.into_iter().map(NodeId).collect()),
            _ => Err(Unavailable),
        })
    }

    fn forget(&self, cohort: CohortId, held: Versioned) -> engine::Reply<'_, Result<(), Unavailable>> {
        self.done(Question::Forget(cohort.0, held.into()))
    }

    fn ask_snapshot(&self, cohort: CohortId, ask: SnapshotAsk) -> engine::Reply<'_, SnapshotAnswer> {
        let (question, bytes) = match ask {
            SnapshotAsk::Read => (Question::ReadSnapshot(cohort.0), Vec::new()),
            SnapshotAsk::Write { expected, snapshot } => {
                (Question::WriteSnapshot(cohort.0, expected.map(|revision| revision.0)), snapshot.encode())
            }
        };
        self.question(question, &bytes, |reply, bytes| match reply {
            Reply::Snapshot(None) => SnapshotAnswer::Read(None),
            Reply::Snapshot(Some(revision)) => {
                let snapshot = Snapshot::decode(&bytes).expect("as it was written");
                SnapshotAnswer::Read(Some(Box::new(Stored { revision: Revision(revision), snapshot })))
            }
            Reply::Written(revision) => SnapshotAnswer::Written(Revision(revision)),
            Reply::Conflict => SnapshotAnswer::Conflict,
            _ => SnapshotAnswer::Unknown,
        })
    }

    fn list_room(
        &self,
        room: CohortId,
        listed: Option<Listed>,
    ) -> engine::Reply<'_, Result<(), Unavailable>> {
        let owner = listed.as_ref().map(|listed| listed.owner.0);
        let listing = listed.map(|listed| listing_bytes(&listed.listing)).unwrap_or_default();
        self.question(Question::ListRoom(room.0, owner), &listing, |reply, _| match reply {
            Reply::Done => Ok(()),
            _ => Err(Unavailable),
        })
    }

    fn rooms(&self) -> engine::Reply<'_, Result<Vec<Listed>, Unavailable>> {
        self.question(Question::Rooms, &[], |reply, _| match reply {
            Reply::Rooms(rooms) => {
                Ok(rooms.into_iter().map(|(owner, bytes)| listed(owner, &bytes)).collect())
            }
            _ => Err(Unavailable),
        })
    }

    fn claim_user(
        &self,
        user: &str,
        session: SessionId,
    ) -> engine::Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.question(Question::ClaimUser(user.to_owned(), session.0), &[], session_of)
    }

    fn session_of(&self, user: &str) -> engine::Reply<'_, Result<Option<SessionId>, Unavailable>> {
        self.question(Question::SessionOf(user.to_owned()), &[], session_of)
    }

    fn release_user(&self, user: &str, session: SessionId) -> engine::Reply<'_, ()> {
        self.question(Question::ReleaseUser(user.to_owned(), session.0), &[], |_, _| ())
    }

    fn renew(&self, node: NodeId) -> engine::Reply<'_, Result<(), Unavailable>> {
        self.done(Question::Renew(node.0))
    }

    fn goodbye(&self, node: NodeId) -> engine::Reply<'_, Result<(), Unavailable>> {
        self.done(Question::Goodbye(node.0))
    }

    fn heartbeats(
        &self,
        _: NodeId,
        _: Duration,
        named: BTreeSet<NodeId>,
    ) -> engine::Reply<'_, Result<Vec<(NodeId, Heartbeat)>, Unavailable>> {
        self.question(Question::Heartbeats, &[], |reply, _| match reply {
            Reply::Heartbeats(beats) => {
                Ok(engine::with_missing(beats.into_iter().map(unbeat).collect(), named))
            }
            _ => Err(Unavailable),
        })
    }
}

fn session_of(reply: Reply, _: Vec<u8>) -> Result<Option<SessionId>, Unavailable> {
    match reply {
        Reply::Session(session) => Ok(session.map(SessionId)),
        _ => Err(Unavailable),
    }
}
