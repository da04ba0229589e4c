//! The sides that are not for operators: where games get their connect tokens, what probes ask, and figures.

use super::rate::Rate;
use super::refused::{Refused, bad_request};
use super::server::{Handled, Served, serve_openly};
use super::{EndpointRequest, Operator, OperatorError, TokenAnswer};
use crate::metrics;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::future::Future;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long a connect token of the development issuer begins sessions that `/v1/endpoint` gives out.
const ENDPOINT_LIFE: Duration = Duration::from_secs(60 * 60);

/// Serves games and probes until `shutdown` ends: of games so many in a second at most.
pub async fn serve_public(
    listener: TcpListener,
    operator: Arc<dyn Operator>,
    games_per_second: NonZeroU32,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let rate = Some(Arc::new(Rate::per_second(games_per_second)));
    serve_openly(listener, handlers(), operator, rate, shutdown).await
}

/// Serves figures, and nothing else, until `shutdown` ends.
pub async fn serve_metrics(
    listener: TcpListener,
    operator: Arc<dyn Operator>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_openly(listener, metrics_handlers(), operator, None, shutdown).await
}

/// What games and probes may ask for.
pub(super) fn handlers() -> Vec<Handled> {
    vec![
        ("GET", "/healthz", get(healthz)),
        ("GET", "/readyz", get(readyz)),
        ("POST", "/v1/endpoint", post(endpoint)),
    ]
}

/// What Prometheus may ask for.
pub(super) fn metrics_handlers() -> Vec<Handled> {
    vec![("GET", "/metrics", get(metrics))]
}

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(super) async fn readyz(State(served): State<Served>) -> Result<Json<Value>, Refused> {
    served.operator.ready()?;
    Ok(Json(json!({ "status": "ready" })))
}

pub(super) async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    let _one_at_a_time = served.scrape.clone().lock_owned().await;
    // Looks at every session, each under its lock: not for a thread that serves links.
    let text = tokio::task::spawn_blocking(move || served.operator.metrics()).await;
    let text = text.map_err(|_| OperatorError::Unavailable("the figures could not be collected".into()));
    text.map(|text| ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text)).map_err(Refused::from)
}

async fn endpoint(
    State(served): State<Served>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    // Whoever asks too much has to be refused for less than an answer costs: a signature that is checked.
    match served.rate.as_ref().map_or(Ok(()), |rate| rate.take(Instant::now())) {
        Ok(()) => token(served, &headers, body).into_response(),
        Err(wait) => too_many(wait),
    }
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let refused = Refused(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many",
        "there are too many requests at the moment: try again after the time in `Retry-After`".into(),
    );
    ([(header::RETRY_AFTER, seconds.to_string())], refused).into_response()
}

/// With a user token in `Authorization`: a connect token around it. Without one, and with the development issuer: a
/// connect token for the user whom the body names.
fn token(
    served: Served,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TokenAnswer>, Refused> {
    let body = body?;
    let operator = served.operator;
    let token = match headers.get(header::AUTHORIZATION) {
        Some(shown) => {
            let user_token = shown.to_str().ok().and_then(|shown| shown.strip_prefix("Bearer "));
            let expected = "`Authorization` must be `Bearer` and the user token";
            operator.endpoint(user_token.ok_or_else(|| bad_request(expected.into()))?)?
        }
        None => {
            let request: EndpointRequest = serde_json::from_slice(&body).map_err(|error| {
                bad_request(format!(
                    "neither a user token in `Authorization` nor `{{\"user\": ...}}` in the body: {error}"
                ))
            })?;
            operator.connect_token(&request.user, ENDPOINT_LIFE)?
        }
    };
    Ok(Json(TokenAnswer { token }))
}
