//! The bucket as a store of bytes under names: a JetStream stream that keeps the last message of each subject.
//! Reads go to its leader, writes are compare-and-set. No answer is turned into a failure that it is not (rule h).

use super::complaints::Complaints;
use super::connection::{Connection, NoAnswer};
use super::keys::Keys;
use async_nats::HeaderMap;
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What was deleted leaves an empty message behind, so that a write that comes late does not find a free name.
/// Nobody's write is later than this.
pub(super) const TRACE_LIFE: Duration = Duration::from_secs(600);

/// JetStream's codes for what is not a fault here.
const NO_MESSAGE: u32 = 10037;
const WRONG_LAST_SEQUENCE: [u32; 2] = [10071, 10164];
const NO_STREAM: u32 = 10059;

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is stored, under this number.
    Written(u64),
    /// Another write came first.
    Conflict,
    /// It may be stored, or may still be.
    Unknown,
}

/// What a leader holds under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The number of its write.
    pub(super) revision: u64,
    /// Empty: it was deleted.
    pub(super) bytes: Bytes,
}

/// Nothing was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed;

/// What this process has written in one life of the data.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    /// Which life, counted from the start of the process.
    life: u64,
    /// The highest number: a leader that knows less is none any more, or has lost what it knew.
    highest: u64,
    /// A write was acknowledged under a number that was another's before.
    has_lost: bool,
}

/// The bucket.
pub(super) struct Store {
    connection: Arc<Connection>,
    stream: String,
    written: Mutex<Written>,
    /// By JetStream's error codes, of which there are some two hundred.
    complaints: Complaints<Option<u32>>,
    /// Wakes who looks whether the bucket is still there.
    suspect: Notify,
}

#[derive(Deserialize)]
struct ApiError {
    err_code: Option<u32>,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Acknowledged {
    seq: Option<u64>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Got {
    message: Option<Stored>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    subject: String,
    seq: u64,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Surveyed {
    config: Option<StreamConfig>,
    state: Option<StreamState>,
    total: Option<usize>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct StreamConfig {
    #[serde(default)]
    subjects: Vec<String>,
}

#[derive(Deserialize)]
struct StreamState {
    last_seq: u64,
    #[serde(default)]
    subjects: HashMap<String, u64>,
}

#[derive(Deserialize)]
struct Purged {
    error: Option<ApiError>,
}

impl Store {
    pub(super) fn new(connection: Arc<Connection>, stream: String) -> Self {
        let (written, complaints) = (Mutex::default(), Complaints::default());
        Self { connection, stream, written, complaints, suspect: Notify::new() }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(super) fn stream(&self) -> &str {
        &self.stream
    }

    /// The largest message that the server takes, with some room for its headers.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.connection.client().max_payload().saturating_sub(4096)
    }

    /// Waits until something makes it likely that the bucket is gone.
    pub(super) async fn suspected(&self) {
        self.suspect.notified().await;
    }

    /// Something makes it likely that the bucket is gone.
    pub(super) fn doubt(&self) {
        self.suspect.notify_one();
    }

    /// What was written before was in another life of the data.
    pub(super) fn begin_anew(&self) {
        let mut written = self.written.lock();
        *written = Written { life: written.life + 1, ..Written::default() };
    }

    /// Whether something that was written here has proved to be lost.
    pub(super) fn has_lost_data(&self) -> bool {
        self.written.lock().has_lost
    }

    /// Writes if the name's last write bears the number `expected` (0: there is none). `None`: whatever is there.
    pub(super) async fn put(
        &self,
        subject: String,
        expected: Option<u64>,
        life: Option<Duration>,
        bytes: impl Into<Bytes>,
    ) -> Put {
        let before = *self.written.lock();
        let put = self.send(subject, expected, life, bytes.into()).await;
        let Put::Written(revision) = put else { return put };
        let mut written = self.written.lock();
        if written.life != before.life {
            return Put::Unknown; // it was for a life that is over
        }
        // Numbers only rise. Under one that had been given away before this was sent, nothing is kept any more of
        // what bore it then: an old disk was put back, or the last writes never reached it.
        if revision <= before.highest {
            written.has_lost = true;
            self.doubt();
            return Put::Unknown;
        }
        written.highest = written.highest.max(revision);
        put
    }

    async fn send(
        &self,
        subject: String,
        expected: Option<u64>,
        life: Option<Duration>,
        bytes: Bytes,
    ) -> Put {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", self.stream.as_str());
        if let Some(expected) = expected {
            headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string().as_str());
        }
        if let Some(life) = life {
            headers.insert("Nats-TTL", format!("{}s", life.as_secs().max(1)).as_str());
        }
        let Some(answer) = self.ask::<Acknowledged>(subject, Some(headers), bytes).await else {
            return Put::Unknown;
        };
        match answer {
            Acknowledged { seq: Some(revision), error: None } => Put::Written(revision),
            Acknowledged { error: Some(error), .. } if is_conflict(&error) => Put::Conflict,
            Acknowledged { error, .. } => {
                self.complain("a write", error.as_ref());
                Put::Unknown
            }
        }
    }

    /// Deletes if the name's last write bears this number.
    pub(super) async fn delete(&self, subject: String, expected: u64) -> Put {
        self.put(subject, Some(expected), Some(TRACE_LIFE), Bytes::new()).await
    }

    /// Drops the anchor of a life, unless it is there. Gives its number.
    pub(super) async fn anchor(&self, keys: &Keys) -> Result<u64, Failed> {
        match self.send(keys.anchor(), Some(0), None, Bytes::from_static(b"sterna")).await {
            Put::Written(revision) => Ok(revision),
            Put::Conflict => Ok(self.find(keys.anchor()).await?.ok_or(Failed)?.revision),
            Put::Unknown => Err(Failed),
        }
    }

    /// Whether the leader holds the anchor of a life.
    pub(super) async fn has_anchor(&self, keys: &Keys) -> Result<bool, Failed> {
        Ok(self.find(keys.anchor()).await?.is_some())
    }

    /// What the leader holds under a name of this life.
    pub(super) async fn get(&self, keys: &Keys, subject: String) -> Result<Option<Found>, Failed> {
        if let Some(found) = self.find(subject).await? {
            return Ok(Some(found));
        }
        self.is_anchored(keys).await.map(|()| None)
    }

    /// Fails if this life is over, as far as the leader knows: then nothing was learnt by finding nothing.
    pub(super) async fn is_anchored(&self, keys: &Keys) -> Result<(), Failed> {
        if !self.has_anchor(keys).await? {
            self.doubt();
            return Err(Failed);
        }
        Ok(())
    }

    async fn find(&self, subject: String) -> Result<Option<Found>, Failed> {
        let found = self.message(&serde_json::json!({ "last_by_subj": subject })).await?;
        Ok(found.map(|(_, found)| found))
    }

    /// Whether the leader still holds what was written under this name and number: no later write of that name has
    /// come. After a loss of data another name's write may bear the number.
    pub(super) async fn is_there(&self, subject: &str, revision: u64) -> Result<bool, Failed> {
        let found = self.message(&serde_json::json!({ "seq": revision })).await?;
        Ok(found.is_some_and(|(found, _)| found == subject))
    }

    /// Of the names that match, the one whose last write has the lowest number from this one on, which is at least 1.
    pub(super) async fn first_from(
        &self,
        filter: String,
        revision: u64,
    ) -> Result<Option<(String, Found)>, Failed> {
        self.message(&serde_json::json!({ "seq": revision, "next_by_subj": filter })).await
    }

    async fn message(&self, question: &serde_json::Value) -> Result<Option<(String, Found)>, Failed> {
        let api = format!("$JS.API.STREAM.MSG.GET.{}", self.stream);
        match self.ask::<Got>(api, None, question.to_string().into()).await.ok_or(Failed)? {
            Got { message: Some(Stored { subject, seq, data }), error: None } => {
                let bytes = BASE64_STANDARD.decode(data).map_err(|_| Failed)?;
                Ok(Some((subject, Found { revision: seq, bytes: bytes.into() })))
            }
            Got { error: Some(error), .. } if error.err_code == Some(NO_MESSAGE) => Ok(None),
            Got { error, .. } => {
                self.complain("a read", error.as_ref());
                Err(Failed)
            }
        }
    }

    /// The names of this life that the leader holds something under, of those that match. Fails if the leader knows
    /// less than this process has written: then it is none any more, or has lost data.
    pub(super) async fn names(&self, keys: &Keys, filter: String) -> Result<Vec<String>, Failed> {
        let known = self.written.lock().highest;
        let mut names = Vec::new();
        loop {
            let question = serde_json::json!({ "subjects_filter": filter, "offset": names.len() });
            let (state, total) = self.survey(keys, known, &question).await?;
            let more = !state.subjects.is_empty();
            names.extend(state.subjects.into_keys());
            if !more || names.len() >= total.unwrap_or_default() {
                return Ok(names);
            }
        }
    }

    /// The number of the last write, as the leader knows it. Fails as [`names`](Self::names) does.
    pub(super) async fn last(&self, keys: &Keys) -> Result<u64, Failed> {
        let known = self.written.lock().highest;
        Ok(self.survey(keys, known, &serde_json::json!({})).await?.0.last_seq)
    }

    /// Asks about the stream; `known`: the highest number that this process had written under before.
    async fn survey(
        &self,
        keys: &Keys,
        known: u64,
        question: &serde_json::Value,
    ) -> Result<(StreamState, Option<usize>), Failed> {
        let api = format!("$JS.API.STREAM.INFO.{}", self.stream);
        match self.ask::<Surveyed>(api, None, question.to_string().into()).await.ok_or(Failed)? {
            Surveyed { config: Some(config), state: Some(state), total, error: None } => {
                if state.last_seq < known || !config.subjects.contains(&keys.all()) {
                    self.doubt();
                    return Err(Failed);
                }
                Ok((state, total))
            }
            Surveyed { error, .. } => {
                self.complain("a survey", error.as_ref());
                Err(Failed)
            }
        }
    }

    /// Removes everything under names that match, up to this number (not including it; `None`: all).
    pub(super) async fn purge(&self, filter: String, below: Option<u64>) -> Result<(), Failed> {
        let question = match below {
            Some(below) => serde_json::json!({ "filter": filter, "seq": below }),
            None => serde_json::json!({ "filter": filter }),
        };
        let api = format!("$JS.API.STREAM.PURGE.{}", self.stream);
        match self.ask::<Purged>(api, None, question.to_string().into()).await.ok_or(Failed)? {
            Purged { error: None } => Ok(()),
            Purged { error } => {
                self.complain("a purge", error.as_ref());
                Err(Failed)
            }
        }
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Option<T> {
        match self.connection.request(subject, headers, payload).await {
            Ok(message) => serde_json::from_slice(&message.payload)
                .inspect_err(|error| tracing::warn!("cannot read what NATS answers: {error}"))
                .ok(),
            Err(NoAnswer::Nobody) => {
                self.doubt();
                None
            }
            Err(NoAnswer::Silent) => None,
        }
    }

    /// Whom JetStream tells nothing of what is written.
    pub(super) fn cannot_follow(&self, error: &ConsumerError) -> Failed {
        if let ConsumerErrorKind::JetStream(error) = error.kind() {
            self.say("a consumer", u32::try_from(error.error_code().0).ok(), &error.to_string());
        }
        Failed
    }

    fn complain(&self, what: &str, error: Option<&ApiError>) {
        let (code, description) =
            error.map_or((None, "no reason"), |error| (error.err_code, &*error.description));
        self.say(what, code, description);
    }

    fn say(&self, what: &str, code: Option<u32>, description: &str) {
        if code == Some(NO_STREAM) {
            self.doubt();
        }
        if let Some(times) = self.complaints.complain(code, Instant::now()) {
            tracing::warn!(code = code.unwrap_or_default(), times, "NATS refuses {what}: {description}");
        } else {
            tracing::debug!(?code, "NATS refuses {what}: {description}");
        }
    }
}

fn is_conflict(error: &ApiError) -> bool {
    error.err_code.is_some_and(|code| WRONG_LAST_SEQUENCE.contains(&code))
}
