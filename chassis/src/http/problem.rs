//! The one place that turns errors into answers: problem details, RFC 9457.

use super::{Body, Response};
use crate::error::{Error, code};
use axum::response::IntoResponse;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The error behind a response, for whoever writes the log.
#[derive(Clone)]
pub(crate) struct Failure(pub(crate) Arc<Error>);

/// The answer to an error: `application/problem+json` with a stable `code`.
///
/// The text of an error that has no code of its own stays in the log: nobody knows what is in it.
pub(crate) fn problem(error: Error) -> Response {
    let code = error.code();
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut body = Map::new();
    body.insert("type".into(), "about:blank".into());
    body.insert(
        "title".into(),
        status.canonical_reason().unwrap_or("Error").into(),
    );
    body.insert("status".into(), status.as_u16().into());
    body.insert("code".into(), code.name().into());
    if code.is_public() {
        body.insert("detail".into(), error.message().into());
        if let Some(help) = error.help() {
            body.insert("help".into(), help.into());
        }
        // A place that is to blame is told of each error; it says more than the detail.
        if !error.others().is_empty() || error.origin().is_some() {
            let all = std::iter::once(&error).chain(error.others());
            body.insert("errors".into(), all.map(one).collect());
        }
    } else {
        body.insert("detail".into(), code.meaning().trim().into());
    }
    let mut response = Response::new(Body::from(Value::Object(body).to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.extensions_mut().insert(Failure(Arc::new(error)));
    response
}

fn one(error: &Error) -> Value {
    let mut one = Map::new();
    one.insert("code".into(), error.code().name().into());
    one.insert("detail".into(), error.message().into());
    let known = [
        ("at", error.origin()),
        ("plugin", error.plugin()),
        ("help", error.help()),
    ];
    one.extend(
        known
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into()))),
    );
    Value::Object(one)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        problem(self)
    }
}

/// The error that a rejection of one of axum's extractors stands for.
pub(super) fn rejected(status: StatusCode, text: String) -> Error {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => code::BODY_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => code::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY => code::UNPROCESSABLE,
        status if status.is_client_error() => code::BAD_REQUEST,
        _ => code::INTERNAL,
    };
    Error::new(code, text)
}
