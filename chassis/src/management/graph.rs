//! `GET /plugins/graph`.

use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Query, Response},
};
use axum::{extract::State, response::IntoResponse};
use http::header;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How it is drawn; left out, it is JSON.
    #[schemars(extend("enum" = ["json", "mermaid", "dot"], "default" = "json"))]
    format: Option<String>,
}

pub(super) async fn graph(
    State(handle): State<ChassisHandle>,
    Query(Wanted { format }): Query<Wanted>,
) -> Result<Response> {
    match format.as_deref() {
        None | Some("json") => Ok(Json(handle.graph()?).into_response()),
        Some("mermaid") => Ok(text(
            "text/vnd.mermaid; charset=utf-8",
            handle.graph_mermaid()?,
        )),
        Some("dot") => Ok(text(
            "text/vnd.graphviz; charset=utf-8",
            handle.graph_dot()?,
        )),
        Some(format) => {
            let message = format!("there is no format `{format}`");
            Err(Error::new(code::BAD_REQUEST, message)
                .with_help("write `format=json`, `format=mermaid` or `format=dot`"))
        }
    }
}

fn text(media_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}
