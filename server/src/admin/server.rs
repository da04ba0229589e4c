//! The server's side: routes, and who may use them.

use super::{
    DEADLINE_MAX, DrainRequest, NodeStatus, Operator, OperatorError, Refusal, TOKEN_LIFE_MAX, TokenAnswer,
    TokenRequest,
};
use crate::node::DrainOrder;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use tokio::net::TcpListener;

/// Largest body of a request; the largest valid one is a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Listens on a loopback address; another one is an error.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    only_loopback(address)?;
    TcpListener::bind(address).await
}

/// Serves operators until `shutdown` ends and the requests under way are answered. `drain_default` is the
/// deadline of a drain whose request names none.
pub async fn serve(
    listener: TcpListener,
    operator: Arc<dyn Operator>,
    drain_default: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    only_loopback(listener.local_addr()?)?;
    let router = Router::new()
        .route("/health", get(health))
        .route("/nodes", get(nodes))
        .route("/nodes/{name}/drain", post(drain))
        .route("/nodes/{name}/cordon", post(cordon))
        .route("/nodes/{name}/uncordon", post(uncordon))
        .route("/token", post(token))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Admin { operator, drain_default })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(refuse_web_pages));
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

#[derive(Clone)]
struct Admin {
    operator: Arc<dyn Operator>,
    drain_default: Duration,
}

/// A refusal on its way out.
struct Refused(StatusCode, &'static str, String);

type Answer<T> = Result<Json<T>, Refused>;

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn nodes(State(admin): State<Admin>) -> Json<Vec<NodeStatus>> {
    Json(admin.operator.nodes())
}

async fn drain(
    State(admin): State<Admin>,
    Path(node): Path<String>,
    body: Result<Json<DrainRequest>, JsonRejection>,
) -> Answer<Value> {
    let Json(request) = body?;
    let deadline = request.deadline_ms.map_or(admin.drain_default, Duration::from_millis);
    if deadline.is_zero() || deadline > DEADLINE_MAX {
        let max = DEADLINE_MAX.as_millis();
        return Err(bad_request(format!("`deadline_ms` is out of range: allowed is 1 to {max}")));
    }
    let label = request.reason.as_deref().unwrap_or(OfflineReason::Operator.label());
    let reason = OfflineReason::ALL.iter().find(|reason| reason.label() == label).ok_or_else(|| {
        let known: Vec<_> = OfflineReason::ALL.iter().map(|reason| reason.label()).collect();
        bad_request(format!("there is no reason `{label}`: use one of {}", known.join(", ")))
    })?;
    let order = DrainOrder { deadline, reason: *reason, any_version: request.any_version };
    admin.operator.drain(&node, order)?;
    tracing::info!(node, ?deadline, reason = label, "drained by an operator");
    Ok(Json(json!({})))
}

async fn cordon(State(admin): State<Admin>, Path(node): Path<String>) -> Answer<Value> {
    admin.operator.cordon(&node, true)?;
    tracing::info!(node, "cordoned by an operator");
    Ok(Json(json!({})))
}

async fn uncordon(State(admin): State<Admin>, Path(node): Path<String>) -> Answer<Value> {
    admin.operator.cordon(&node, false)?;
    tracing::info!(node, "uncordoned by an operator");
    Ok(Json(json!({})))
}

async fn token(
    State(admin): State<Admin>,
    body: Result<Json<TokenRequest>, JsonRejection>,
) -> Answer<TokenAnswer> {
    let Json(request) = body?;
    let life = Duration::from_secs(request.life_s);
    if life.is_zero() || life > TOKEN_LIFE_MAX {
        let max = TOKEN_LIFE_MAX.as_secs();
        return Err(bad_request(format!("`life_s` is out of range: allowed is 1 to {max}")));
    }
    let token = admin.operator.connect_token(&request.user, life)?;
    Ok(Json(TokenAnswer { token }))
}

async fn unknown_path() -> Refused {
    Refused(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path".into())
}

async fn wrong_method() -> Refused {
    let message = "this path is used with another method: GET reads, POST acts";
    Refused(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message.into())
}

/// A page on the web can make a browser send requests to loopback. It then either sends an `Origin`, or has
/// bound a host name of its own to 127.0.0.1, which shows in `Host`.
async fn refuse_web_pages(request: Request, next: Next) -> Response {
    let forbidden =
        |message: &str| Refused(StatusCode::FORBIDDEN, "forbidden", message.to_owned()).into_response();
    if request.headers().contains_key(header::ORIGIN) {
        return forbidden("requests from web pages (with an `Origin`) are refused");
    }
    if !host_is_loopback(request.headers()) || !request.uri().host().is_none_or(is_loopback) {
        return forbidden("`Host` must be a loopback address or localhost");
    }
    next.run(request).await
}

fn host_is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let (name, port) = match host.rsplit_once(':') {
        // The colons of `[::1]` without a port are not a port's.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok()) && is_loopback(name)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn only_loopback(address: SocketAddr) -> io::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let text = format!("the admin interface has no log-in and listens on loopback only, not on {address}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn bad_request(message: String) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "bad_request", message)
}

impl From<OperatorError> for Refused {
    fn from(error: OperatorError) -> Self {
        let (status, word) = match &error {
            OperatorError::UnknownNode(_) => (StatusCode::NOT_FOUND, "unknown_node"),
            OperatorError::AlreadyOffline(_) => (StatusCode::CONFLICT, "already_offline"),
            OperatorError::NoIssuer => (StatusCode::FORBIDDEN, "no_issuer"),
            OperatorError::BadUser(_) => (StatusCode::BAD_REQUEST, "bad_user"),
            OperatorError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self(status, word, error.to_string())
    }
}

impl From<JsonRejection> for Refused {
    fn from(error: JsonRejection) -> Self {
        Self(error.status(), "bad_request", error.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, error, message) = self;
        (status, Json(Refusal { error: error.into(), message })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        host_is_loopback(&headers)
    }

    #[test]
    fn only_hosts_on_loopback_are_served() {
        for host in
            ["127.0.0.1", "127.0.0.1:7990", "127.9.9.9:1", "localhost", "LocalHost:80", "[::1]", "[::1]:1"]
        {
            assert!(allowed(&[host]), "{host}");
        }
        for host in ["", "evil.example", "evil.example:7990", "127.0.0.1.evil.example", "10.0.0.1:80"] {
            assert!(!allowed(&[host]), "{host}");
        }
        for host in
            ["localhost:", "localhost:x", "[::2]:1", "[::1", "localhost.evil.example", "127.0.0.1@evil:1"]
        {
            assert!(!allowed(&[host]), "{host}");
        }
    }

    #[test]
    fn a_request_with_no_host_or_two_is_refused() {
        assert!(!allowed(&[]));
        assert!(!allowed(&["localhost", "evil.example"]));
    }
}
