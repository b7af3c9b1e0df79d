//! The supervisor: a thread with a runtime of its own, for everything that must go on when a plugin blocks the workers.

use crate::error::{Error, Result};
use std::{sync::mpsc, thread};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where life-cycle deadlines, reloads and management run.
#[derive(Debug)]
pub(crate) struct Supervisor {
    handle: Handle,
    ended: CancellationToken,
    /// Dropped, it ends the thread.
    _guard: DropGuard,
}

impl Supervisor {
    /// A supervisor on a thread of its own.
    pub(crate) fn on_a_thread() -> Result<Self> {
        let ended = CancellationToken::new();
        let (tell, told) = mpsc::channel();
        let until = ended.clone();
        let run = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                _ = tell.send(Ok(runtime.handle().clone()));
                runtime.block_on(until.cancelled());
            }
            Err(error) => _ = tell.send(Err(error)),
        };
        thread::Builder::new()
            .name("chassis-supervisor".to_owned())
            .spawn(run)?;
        let handle = told
            .recv()
            .map_err(|_| Error::msg("the supervisor thread ended"))??;
        Ok(Self {
            handle,
            _guard: ended.clone().drop_guard(),
            ended,
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn end(self) {
        self.ended.cancel();
    }
}
