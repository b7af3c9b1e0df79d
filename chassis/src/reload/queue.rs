//! One reload at a time, and whose turn it is.

use crate::{
    error::{Error, Result, code},
    text::show_duration,
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lock: tokio::sync::Mutex<()>,
    /// What is done now, and since when.
    now: Mutex<Option<(String, Instant)>>,
}

/// It is somebody's turn, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    _held: tokio::sync::MutexGuard<'a, ()>,
}

impl Queue {
    /// Takes the turn, if nobody has it; the error says who does. `what` is a sentence without its end: "`web` is being
    /// disabled".
    pub(super) fn try_take(&self, what: String) -> Result<Turn<'_>> {
        match self.lock.try_lock() {
            Ok(held) => Ok(self.begin(what, held)),
            Err(_) => Err(self.busy()),
        }
    }

    /// The same for who can wait.
    pub(super) async fn take(&self, what: String) -> Turn<'_> {
        let held = self.lock.lock().await;
        self.begin(what, held)
    }

    fn begin<'a>(&'a self, what: String, held: tokio::sync::MutexGuard<'a, ()>) -> Turn<'a> {
        *self.now() = Some((what, Instant::now()));
        Turn {
            queue: self,
            _held: held,
        }
    }

    fn busy(&self) -> Error {
        let now = self.now();
        let message = match &*now {
            Some((what, since)) => {
                let so_far = match since.elapsed().as_secs() {
                    0 => String::new(),
                    secs => format!(", for {} by now", show_duration(Duration::from_secs(secs))),
                };
                format!("a reload is running already: {what}{so_far}")
            }
            // It ends at this moment.
            None => "a reload is running already".to_owned(),
        };
        Error::new(code::RELOAD_BUSY, message).with_help("try again when it is done")
    }

    fn now(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.queue.now() = None;
    }
}
