//! `POST /reload`, and what all requests have in common that end in a reload.

use super::{
    Endpoints,
    body::object,
    operations::{Operation, Operations},
};
use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path, Query, Response},
    lifecycle::Anew,
    reload::{ReloadPlan, Reloaded, Wanted},
};
use axum::{extract::FromRequestParts, response::IntoResponse as _};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a reload is asked for. A misspelt key is an error: it would be taken for one that was obeyed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Answer what would change, and touch nothing.
    dry_run: bool,
    /// Build every instance anew.
    all: bool,
    /// Do it though it leaves the service less guarded, or though what the files say has failed probation; where nothing speaks
    /// against it, this changes nothing.
    force: bool,
    /// For changes alone.
    #[serde(skip)]
    persist: bool,
}

/// How a change is asked for: as a reload is, and whether it is to last.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OfChange {
    /// Answer what would change, and touch nothing.
    dry_run: bool,
    /// Build every instance anew.
    all: bool,
    /// Do it though it leaves the service less guarded, or though what the files say has failed probation; where nothing speaks
    /// against it, this changes nothing.
    force: bool,
    /// Write it to `config.local.yaml` beside the configuration file, so that a restart remembers it. `DELETE` always takes back
    /// what is there.
    persist: bool,
}

/// What is answered.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for its schema")]
pub(super) enum Answered {
    /// What was done.
    Done(Reloaded),
    /// What would be, with `?dry_run=true`.
    Planned(ReloadPlan),
}

/// Who is asked for a reload, and how.
pub(super) struct Asked {
    handle: ChassisHandle,
    operations: Operations,
    options: Options,
    /// The client does not wait.
    is_async: bool,
    only_if: Option<Vec<u64>>,
}

impl FromRequestParts<Endpoints> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Endpoints) -> Result<Self> {
        let Query(options) = Query::from_request_parts(parts, state).await?;
        Self::with(options, parts, state)
    }
}

/// Who is asked for a change, and how.
pub(super) struct AskedToChange(pub(super) Asked);

impl FromRequestParts<Endpoints> for AskedToChange {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Endpoints) -> Result<Self> {
        let Query(asked) = Query::<OfChange>::from_request_parts(parts, state).await?;
        let options = Options {
            dry_run: asked.dry_run,
            all: asked.all,
            force: asked.force,
            persist: asked.persist,
        };
        Asked::with(options, parts, state).map(Self)
    }
}

impl Asked {
    fn with(options: Options, parts: &Parts, state: &Endpoints) -> Result<Self> {
        Ok(Self {
            handle: state.handle.clone(),
            operations: state.operations.clone(),
            options,
            is_async: prefers_async(&parts.headers),
            only_if: only_if(&parts.headers)?,
        })
    }

    pub(super) fn handle(&self) -> &ChassisHandle {
        &self.handle
    }

    /// Whether it is to be done although something speaks against it.
    pub(super) fn is_forced(&self) -> bool {
        self.options.force
    }

    /// Reloads, and answers what that did; or what it would do; or where that can be asked for.
    pub(super) async fn answer(self, wanted: Wanted) -> Result<Response> {
        let mut wanted = Wanted {
            only_if: self.only_if,
            persist: self.options.persist,
            force: self.options.force,
            ..wanted
        };
        if self.options.all {
            wanted.anew = Anew::All;
        }
        if self.options.dry_run {
            return Ok(Json(self.handle.dry_run(wanted).await?).into_response());
        }
        if self.is_async {
            let operation = self.operations.begin(self.handle, wanted);
            return Ok(accepted(operation));
        }
        Ok(done(self.handle.change(wanted).await?))
    }
}

fn done(reloaded: Reloaded) -> Response {
    let tag = etag(reloaded.generation);
    ([(header::ETAG, tag)], Json(reloaded)).into_response()
}

fn accepted(operation: Operation) -> Response {
    let place = format!("/operations/{}", operation.id);
    // RFC 7240, section 4.1.
    let headers = [
        (header::LOCATION, place),
        (
            header::HeaderName::from_static("preference-applied"),
            "respond-async".to_owned(),
        ),
    ];
    (StatusCode::ACCEPTED, headers, Json(operation)).into_response()
}

/// The tag of a generation: `"3"`.
pub(super) fn etag(generation: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{generation}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The generations in `If-Match` (RFC 9110, section 13.1.1); none if any will do.
fn only_if(headers: &HeaderMap) -> Result<Option<Vec<u64>>> {
    let mut numbers = None;
    for value in headers.get_all(header::IF_MATCH) {
        let value = value.to_str().unwrap_or_default();
        if value.trim() == "*" {
            continue;
        }
        let list: &mut Vec<u64> = numbers.get_or_insert_default();
        for tag in value.split(',').map(str::trim) {
            let number = tag
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'))
                .and_then(|tag| tag.parse().ok());
            list.push(number.ok_or_else(|| {
                let message = format!("`If-Match: {value}` names no generation");
                Error::new(code::BAD_REQUEST, message)
                    .with_help("write the number of one in quotes, as `ETag` has it: `\"3\"`")
            })?);
        }
    }
    Ok(numbers)
}

/// Whether the client does not want to wait: `Prefer: respond-async` (RFC 7240, section 4.1).
fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter();
    let mut words = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']));
    words.any(|word| word.trim().eq_ignore_ascii_case("respond-async"))
}

pub(super) async fn reload(asked: Asked, body: Bytes) -> Result<Response> {
    empty(&body)?;
    asked.answer(Wanted::default()).await
}

/// `POST /plugins/{name}/reload`.
pub(super) async fn plugin(
    asked: Asked,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response> {
    empty(&body)?;
    let anew = asked.handle.only(&name)?;
    asked.answer(anew.into()).await
}

/// There is nothing to say in a body. A key that means nothing should not be taken for one that was obeyed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

fn empty(body: &Bytes) -> Result<()> {
    if !body.is_empty() {
        let Nothing {} = object(body).map_err(|error| {
            let message = format!("the body can't be read: {error}");
            Error::new(code::BAD_REQUEST, message).with_help("a reload takes no body, or `{}`")
        })?;
    }
    Ok(())
}
