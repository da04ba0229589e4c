//! The operators' side: routes, and what they do.

use super::guard::{only_loopback, refuse_web_pages};
use super::listen;
use super::public::{healthz, metrics, readyz};
use super::rate::Rate;
use super::refused::{Refused, bad_request, unknown_path, wrong_method};
use super::{
    ClusterStatus, DEADLINE_MAX, DrainRequest, DryRunReport, DryRunRequest, NodeStatus, Operator,
    TOKEN_LIFE_MAX, TokenAnswer, TokenRequest,
};
use crate::moves::{MOVES_MAX, MoveEntry};
use crate::node::{DrainOrder, DryRunOrder};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// Largest body of a request; the largest valid one is a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long one of the requests that anybody may send takes at the most, with its body.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// So many moves are listed unless the request says.
const MOVES_LISTED: usize = 100;

/// A request: its method, its path, and what answers it.
pub(super) type Handled = (&'static str, &'static str, MethodRouter<Served>);

/// What the answers come from.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) operator: Arc<dyn Operator>,
    drain_default: Duration,
    /// How many games are answered.
    pub(super) rate: Option<Arc<Rate>>,
    /// Figures are collected for one at a time.
    pub(super) scrape: Arc<Mutex<()>>,
}

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
    let router = router(handlers(), Served { operator, drain_default, rate: None, scrape: Arc::default() })
        .layer(from_fn(refuse_web_pages));
    listen::serve(listener, router, shutdown).await
}

/// Serves one of the sides that anybody may reach.
pub(super) async fn serve_openly(
    listener: TcpListener,
    handlers: Vec<Handled>,
    operator: Arc<dyn Operator>,
    rate: Option<Arc<Rate>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let served = Served { operator, drain_default: Duration::ZERO, rate, scrape: Arc::default() };
    let router = router(handlers, served).layer(from_fn(in_time));
    listen::serve(listener, router, shutdown).await
}

/// Nothing that anybody may ask for takes long, unless whoever asks is slow to send it.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => {
            let message = "the request was not there in time, or could not be answered in time";
            Refused(StatusCode::REQUEST_TIMEOUT, "too_slow", message.into()).into_response()
        }
    }
}

fn router(handlers: Vec<Handled>, served: Served) -> Router {
    let routes =
        handlers.into_iter().fold(Router::new(), |router, (_, path, answer)| router.route(path, answer));
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(served)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// What operators may ask for.
pub(super) fn handlers() -> Vec<Handled> {
    vec![
        ("GET", "/healthz", get(healthz)),
        ("GET", "/readyz", get(readyz)),
        ("GET", "/metrics", get(metrics)),
        ("GET", "/v1/admin/cluster", get(cluster)),
        ("GET", "/v1/admin/nodes", get(nodes)),
        ("GET", "/v1/admin/moves", get(moves)),
        ("POST", "/v1/admin/drain", post(drain_all)),
        ("POST", "/v1/admin/nodes/{name}/drain", post(drain)),
        ("POST", "/v1/admin/nodes/{name}/dry-run", post(dry_run)),
        ("POST", "/v1/admin/nodes/{name}/cordon", post(cordon)),
        ("POST", "/v1/admin/nodes/{name}/uncordon", post(uncordon)),
        ("POST", "/v1/admin/token", post(token)),
    ]
}

type Answer<T> = Result<Json<T>, Refused>;

/// The node that a path names.
type Named = Result<Path<String>, PathRejection>;

async fn cluster(State(admin): State<Served>) -> Json<ClusterStatus> {
    Json(admin.operator.cluster())
}

async fn nodes(State(admin): State<Served>) -> Json<Vec<NodeStatus>> {
    Json(admin.operator.nodes())
}

/// The query of `GET /v1/admin/moves`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovesQuery {
    last: Option<usize>,
}

async fn moves(
    State(admin): State<Served>,
    query: Result<Query<MovesQuery>, QueryRejection>,
) -> Answer<Vec<MoveEntry>> {
    let Query(query) = query?;
    let last = query.last.unwrap_or(MOVES_LISTED);
    if !(1..=MOVES_MAX).contains(&last) {
        return Err(bad_request(format!("`last` is out of range: allowed is 1 to {MOVES_MAX}")));
    }
    Ok(Json(admin.operator.moves(last)))
}

async fn drain(
    State(admin): State<Served>,
    node: Named,
    body: Result<Json<DrainRequest>, JsonRejection>,
) -> Answer<Value> {
    let Path(node) = node?;
    let order = drain_order(&admin, body?.0)?;
    admin.operator.drain(&node, order)?;
    tracing::info!(node, ?order, "drained by an operator");
    Ok(Json(json!({})))
}

async fn drain_all(
    State(admin): State<Served>,
    body: Result<Json<DrainRequest>, JsonRejection>,
) -> Answer<Value> {
    let order = drain_order(&admin, body?.0)?;
    admin.operator.drain_all(order)?;
    tracing::info!(?order, "all nodes drained by an operator");
    Ok(Json(json!({})))
}

fn drain_order(admin: &Served, request: DrainRequest) -> Result<DrainOrder, Refused> {
    let deadline = request.deadline_ms.map_or(admin.drain_default, Duration::from_millis);
    if deadline > DEADLINE_MAX {
        let max = DEADLINE_MAX.as_millis();
        return Err(bad_request(format!("`deadline_ms` is out of range: allowed is 0 to {max}")));
    }
    let label = request.reason.as_deref().unwrap_or(OfflineReason::Operator.label());
    let reason = OfflineReason::ALL.iter().find(|reason| reason.label() == label).ok_or_else(|| {
        let known: Vec<_> = OfflineReason::ALL.iter().map(|reason| reason.label()).collect();
        bad_request(format!("there is no reason `{label}`: use one of {}", known.join(", ")))
    })?;
    Ok(DrainOrder { deadline, reason: *reason, any_version: request.any_version })
}

async fn dry_run(
    State(admin): State<Served>,
    node: Named,
    body: Result<Json<DryRunRequest>, JsonRejection>,
) -> Answer<DryRunReport> {
    let Path(node) = node?;
    let Json(request) = body?;
    let limit = request.deadline_ms.map_or(admin.drain_default, Duration::from_millis);
    if limit.is_zero() || limit > DEADLINE_MAX {
        let max = DEADLINE_MAX.as_millis();
        return Err(bad_request(format!("`deadline_ms` is out of range: allowed is 1 to {max}")));
    }
    // Who asks and goes away ends it: then this is dropped.
    let order = DryRunOrder { limit, any_version: request.any_version };
    Ok(Json(admin.operator.dry_run(&node, order).await?))
}

async fn cordon(State(admin): State<Served>, node: Named) -> Answer<Value> {
    let Path(node) = node?;
    admin.operator.cordon(&node, true)?;
    tracing::info!(node, "cordoned by an operator");
    Ok(Json(json!({})))
}

async fn uncordon(State(admin): State<Served>, node: Named) -> Answer<Value> {
    let Path(node) = node?;
    admin.operator.cordon(&node, false)?;
    tracing::info!(node, "uncordoned by an operator");
    Ok(Json(json!({})))
}

async fn token(
    State(admin): State<Served>,
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
