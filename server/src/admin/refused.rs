//! Refusals, as every side gives them.

use super::{OperatorError, Refusal};
use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A refusal on its way out.
pub(super) struct Refused(pub(super) StatusCode, pub(super) &'static str, pub(super) String);

pub(super) fn bad_request(message: String) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "bad_request", message)
}

impl From<OperatorError> for Refused {
    fn from(error: OperatorError) -> Self {
        let (status, word) = match &error {
            OperatorError::UnknownNode(_) => (StatusCode::NOT_FOUND, "unknown_node"),
            OperatorError::AlreadyOffline(_) => (StatusCode::CONFLICT, "already_offline"),
            OperatorError::DryRunUnderWay(_) => (StatusCode::CONFLICT, "dry_run_under_way"),
            OperatorError::NoIssuer => (StatusCode::FORBIDDEN, "no_issuer"),
            OperatorError::BadUser(_) => (StatusCode::BAD_REQUEST, "bad_user"),
            OperatorError::BadToken(_) => (StatusCode::UNAUTHORIZED, "bad_token"),
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

impl From<QueryRejection> for Refused {
    fn from(error: QueryRejection) -> Self {
        Self(error.status(), "bad_request", error.body_text())
    }
}

impl From<PathRejection> for Refused {
    fn from(error: PathRejection) -> Self {
        Self(error.status(), "bad_request", error.body_text())
    }
}

impl From<BytesRejection> for Refused {
    fn from(error: BytesRejection) -> Self {
        Self(error.status(), "bad_request", error.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, error, message) = self;
        (status, Json(Refusal { error: error.into(), message })).into_response()
    }
}

pub(super) async fn unknown_path() -> Refused {
    Refused(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path".into())
}

pub(super) async fn wrong_method() -> Refused {
    let message = "this path is used with another method: GET reads, POST acts";
    Refused(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message.into())
}
