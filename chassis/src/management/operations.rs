//! `GET /operations`, `/operations/{id}`: reloads that nobody waits for.

use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path, told_in_full},
    reload::{Reloaded, Wanted},
};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// How many are remembered. Only one reload runs at a time, so the others have ended.
const REMEMBERED: usize = 16;

/// A reload that was asked for with `Prefer: respond-async`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Operation {
    pub(super) id: u64,
    state: OperationState,
    /// When it was asked for, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    since: SystemTime,
    /// What it did: the answer that was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Arc<Reloaded>>,
    /// Why it failed: the answer that was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Arc<Map<String, Value>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OperationState {
    Running,
    Succeeded,
    Failed,
}

/// Those that are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    last: u64,
    all: VecDeque<Operation>,
}

impl Operations {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    pub(super) fn begin(&self, handle: ChassisHandle, wanted: Wanted) -> Operation {
        let mut book = self.book();
        book.last += 1;
        let operation = Operation {
            id: book.last,
            state: OperationState::Running,
            since: SystemTime::now(),
            result: None,
            error: None,
        };
        book.all.push_back(operation.clone());
        if book.all.len() > REMEMBERED {
            book.all.pop_front();
        }
        drop(book);
        let (operations, id) = (self.clone(), operation.id);
        tokio::spawn(async move {
            let done = handle.change(wanted).await;
            operations.ended(id, done);
        });
        operation
    }

    fn ended(&self, id: u64, done: Result<Reloaded>) {
        let mut book = self.book();
        let Some(operation) = book.all.iter_mut().find(|operation| operation.id == id) else {
            return;
        };
        match done {
            Ok(reloaded) => {
                operation.state = OperationState::Succeeded;
                operation.result = Some(Arc::new(reloaded));
            }
            Err(error) => {
                operation.state = OperationState::Failed;
                operation.error = Some(Arc::new(told_in_full(&error)));
            }
        }
    }
}

pub(super) async fn list(State(operations): State<Operations>) -> Json<Vec<Operation>> {
    Json(operations.book().all.iter().rev().cloned().collect())
}

pub(super) async fn one(
    State(operations): State<Operations>,
    Path(id): Path<String>,
) -> Result<Json<Operation>> {
    let book = operations.book();
    let mut all = book.all.iter();
    let found = all.find(|operation| operation.id.to_string() == id);
    found.cloned().map(Json).ok_or_else(|| {
        let message = format!("there is no operation `{id}`, or it is forgotten");
        Error::new(code::NOT_FOUND, message)
            .with_help("`GET /operations` lists those that are remembered")
    })
}
