//! The command line's side. Blocking: a command has nothing else to do.

use super::{
    ClusterStatus, DEADLINE_MAX, DrainRequest, DryRunReport, DryRunRequest, NodeStatus, Refusal, TokenAnswer,
    TokenRequest,
};
use crate::moves::MoveEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;

/// How long the server may take for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Largest answer: a dry run's, of a node with as many sessions as there may be.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Talks to the admin interface of a running server.
#[derive(Debug)]
pub struct AdminClient {
    agent: ureq::Agent,
    address: SocketAddr,
}

/// Why there is no answer, or none to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing answers.
    #[error(
        "no server answers at {address} ({error}): is `sterna serve` running, and with this admin address?"
    )]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: Box<ureq::Error>,
    },
    /// The server refused.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// Something answers, but not as a Sterna server does.
    #[error("what answers at {address} is no Sterna server of this version (status {status})")]
    Garbled {
        /// Where.
        address: SocketAddr,
        /// The HTTP status of the answer.
        status: u16,
    },
}

impl AdminClient {
    /// A client of the server at this address. Nothing is sent yet.
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            // A proxy of the environment is no way to loopback.
            .proxy(None)
            .build();
        Self { agent: config.new_agent(), address }
    }

    /// All nodes of the server.
    pub fn nodes(&self) -> Result<Vec<NodeStatus>, ClientError> {
        let sent = self.agent.get(self.url("/v1/admin/nodes")).call();
        self.answer(sent)
    }

    /// The cluster as the server sees it.
    pub fn cluster(&self) -> Result<ClusterStatus, ClientError> {
        let sent = self.agent.get(self.url("/v1/admin/cluster")).call();
        self.answer(sent)
    }

    /// The last moves from and to the server's nodes, the latest first.
    pub fn moves(&self, last: u32) -> Result<Vec<MoveEntry>, ClientError> {
        let sent = self.agent.get(self.url(&format!("/v1/admin/moves?last={last}"))).call();
        self.answer(sent)
    }

    /// Takes a node offline; without a deadline the server's own counts.
    pub fn drain(
        &self,
        node: &str,
        deadline: Option<Duration>,
        reason: OfflineReason,
        any_version: bool,
    ) -> Result<(), ClientError> {
        let request = drain_request(deadline, reason, any_version);
        self.post::<serde_json::Value>(&format!("/v1/admin/nodes/{}/drain", escape(node)), &request)
            .map(|_| ())
    }

    /// Takes all nodes of the process offline, which ends when they are empty; otherwise as [`drain`](Self::drain).
    pub fn drain_all(
        &self,
        deadline: Option<Duration>,
        reason: OfflineReason,
        any_version: bool,
    ) -> Result<(), ClientError> {
        let request = drain_request(deadline, reason, any_version);
        self.post::<serde_json::Value>("/v1/admin/drain", &request).map(|_| ())
    }

    /// Finds out whether a node could be drained; within this time, or that of a drain as the server is configured.
    pub fn dry_run(
        &self,
        node: &str,
        limit: Option<Duration>,
        any_version: bool,
    ) -> Result<DryRunReport, ClientError> {
        let deadline_ms = limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let request = DryRunRequest { deadline_ms, any_version };
        let path = format!("/v1/admin/nodes/{}/dry-run", escape(node));
        // The server sees to its end, which is no sooner than its sessions have had their turns.
        let wait = limit.unwrap_or(DEADLINE_MAX).min(DEADLINE_MAX) + ANSWER_MAX;
        let post = self.agent.post(self.url(&path)).config().timeout_global(Some(wait)).build();
        self.answer(post.send_json(&request))
    }

    /// Lets no new users into a node, or lets them in again.
    pub fn cordon(&self, node: &str, on: bool) -> Result<(), ClientError> {
        let order = if on { "cordon" } else { "uncordon" };
        self.post::<serde_json::Value>(&format!("/v1/admin/nodes/{}/{order}", escape(node)), &()).map(|_| ())
    }

    /// A connect token of the development issuer.
    pub fn token(&self, user: &str, life: Duration) -> Result<String, ClientError> {
        let request = TokenRequest { user: user.to_owned(), life_s: life.as_secs() };
        self.post::<TokenAnswer>("/v1/admin/token", &request).map(|answer| answer.token)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let sent = self.agent.post(self.url(path)).send_json(body);
        self.answer(sent)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let address = self.address;
        let unreachable = |error| ClientError::Unreachable { address, error: Box::new(error) };
        let mut response = sent.map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(unreachable)?;
        let garbled = |_| ClientError::Garbled { address, status: status.as_u16() };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(garbled);
        }
        Err(ClientError::Refused(serde_json::from_slice(&body).map_err(garbled)?))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn drain_request(deadline: Option<Duration>, reason: OfflineReason, any_version: bool) -> DrainRequest {
    let deadline_ms = deadline.map(|deadline| u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
    DrainRequest { deadline_ms, reason: Some(reason.label().to_owned()), any_version }
}

/// A name as one segment of a path.
fn escape(name: &str) -> String {
    use std::fmt::Write as _;
    name.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing to a string"),
        }
        out
    })
}
