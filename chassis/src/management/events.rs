//! `GET /events`, `/events/dead-letters`, `/events/stream`, and the second chance of what could not be delivered.

use crate::{
    error::Result,
    event::{DeadLetter, EventsReport, Watch, Watched},
    handle::ChassisHandle,
    http::{Json, Path, Query},
};
use axum::{
    extract::State,
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, stream::unfold};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;

pub(super) async fn events(State(handle): State<ChassisHandle>) -> Result<Json<EventsReport>> {
    Ok(Json(handle.events_report()?))
}

pub(super) async fn dead_letters(
    State(handle): State<ChassisHandle>,
) -> Result<Json<Vec<DeadLetter>>> {
    Ok(Json(handle.dead_letters()?))
}

pub(super) async fn retry(
    State(handle): State<ChassisHandle>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    handle.retry_dead_letter(&id)?;
    Ok(Json(
        json!({"message": format!("the dead letter {id} is on its way again")}),
    ))
}

/// What became of all of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Retried {
    /// What happened, in a sentence.
    message: String,
    /// How many are on their way again.
    retried: usize,
    /// Why the others are where they were.
    failed: Vec<String>,
}

pub(super) async fn retry_all(State(handle): State<ChassisHandle>) -> Result<Json<Retried>> {
    let (mut retried, mut failed) = (0, Vec::new());
    // The oldest first, as they were published.
    for letter in handle.dead_letters()?.iter().rev() {
        match handle.retry_dead_letter(&letter.id) {
            Ok(()) => retried += 1,
            Err(error) => failed.push(format!("{}: {}", letter.id, error.line())),
        }
    }
    let message = format!("{retried} dead letters are on their way again");
    Ok(Json(Retried {
        message,
        retried,
        failed,
    }))
}

/// Which events to show.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// A topic, or a pattern of topics; left out, all.
    topic: Option<String>,
}

pub(super) async fn stream(
    State(handle): State<ChassisHandle>,
    Query(wanted): Query<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>> {
    let watch = handle.watch_events(wanted.topic.as_deref().unwrap_or("**"))?;
    let events = unfold(watch, |mut watch: Watch| async move {
        let shown = match watch.next().await? {
            Watched::Event(record) => sse::Event::default()
                .event(record.topic())
                .id(record.id())
                .json_data(&*record),
            Watched::Lost(count) => sse::Event::default()
                .event("lost")
                .json_data(json!({"lost": count})),
        };
        let shown = shown.unwrap_or_else(|error| sse::Event::default().comment(error.to_string()));
        Some((Ok(shown), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
