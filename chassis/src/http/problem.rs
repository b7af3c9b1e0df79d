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

/// The error behind an answer, if it is one that should be in the log.
pub(crate) fn failure_of(response: &Response) -> Option<&Error> {
    let Failure(error) = response.extensions().get()?;
    response.status().is_server_error().then_some(error)
}

/// The error behind a response.
#[cfg(feature = "testing")]
pub(crate) fn error_of(extensions: &http::Extensions) -> Option<Arc<Error>> {
    extensions.get().map(|Failure(error)| Arc::clone(error))
}

/// The answer to an error: `application/problem+json` with a stable `code`.
///
/// What a client of the service is told is what concerns it. The text of an error that has no code of its own, and of one
/// that tells of the inside of the service (a plugin, a point, the configuration), stays in the log.
pub(crate) fn problem(error: Error) -> Response {
    problem_of(Arc::new(error))
}

/// The same for an error that may be answered more than once.
pub(super) fn problem_of(error: Arc<Error>) -> Response {
    let code = error.code();
    let status = if code.is_inside() { 500 } else { code.status() };
    let mut body = head(&error, status);
    if code.is_inside() {
        body.insert("detail".into(), code.meaning().trim().into());
    } else {
        tell(&error, &mut body);
    }
    respond(body, status, error)
}

/// The same answer for operators, who are told everything.
pub(crate) fn in_full(response: Response) -> Response {
    let Some(Failure(error)) = response.extensions().get().cloned() else {
        return response;
    };
    let status = error.code().status();
    let mut full = respond(told_in_full(&error), status, error);
    // `Allow` and the like.
    let (head, _) = response.into_parts();
    for (name, value) in &head.headers {
        full.headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    full
}

/// What operators are told of an error.
pub(crate) fn told_in_full(error: &Error) -> Map<String, Value> {
    let mut body = head(error, error.code().status());
    tell(error, &mut body);
    body
}

fn head(error: &Error, status: u16) -> Map<String, Value> {
    let title = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut body = Map::new();
    body.insert("type".into(), "about:blank".into());
    body.insert("title".into(), title.unwrap_or("Error").into());
    body.insert("status".into(), status.into());
    body.insert("code".into(), error.code().name().into());
    body
}

fn tell(error: &Error, body: &mut Map<String, Value>) {
    body.insert("detail".into(), error.message().into());
    if let Some(help) = error.help() {
        body.insert("help".into(), help.into());
    }
    // A place that is to blame is told of each error; it says more than the detail.
    if !error.others().is_empty() || error.origin().is_some() || error.plugin().is_some() {
        let all = std::iter::once(error).chain(error.others());
        body.insert("errors".into(), all.map(one).collect());
    }
}

fn respond(body: Map<String, Value>, status: u16, error: Arc<Error>) -> Response {
    let mut response = Response::new(Body::from(Value::Object(body).to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    if error.code() == code::AWAY {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response.extensions_mut().insert(Failure(error));
    response
}

fn one(error: &Error) -> Value {
    let mut one = Map::new();
    one.insert("code".into(), error.code().name().into());
    one.insert("detail".into(), error.message().into());
    let known = [
        ("at", error.origin()),
        ("cause", error.cause()),
        ("plugin", error.plugin()),
        ("phase", error.place()),
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
