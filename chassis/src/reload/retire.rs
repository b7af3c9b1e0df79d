//! The end of what is not part of a generation any more: when no request is in it, or has been for too long.

use super::{GenerationState, Held, Reloader};
use crate::{
    error::Error,
    generation::Stream,
    instance::Record,
    lifecycle::{self, Remains},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// What came of the end of what is not part of a generation any more.
pub(super) struct Retired {
    pub(super) drained: bool,
    pub(super) streams_cut: usize,
    pub(super) stop_errors: Vec<String>,
    /// What took its place has failed probation already: the next one ends it.
    pub(super) is_left: bool,
}

impl Default for Retired {
    fn default() -> Self {
        Self {
            drained: true,
            streams_cut: 0,
            stop_errors: Vec::new(),
            is_left: false,
        }
    }
}

impl Retired {
    pub(super) fn and(mut self, other: Self) -> Self {
        self.drained &= other.drained;
        self.streams_cut += other.streams_cut;
        self.stop_errors.extend(other.stop_errors);
        self.is_left |= other.is_left;
        self
    }
}

impl Reloader {
    /// The streams that pass through these instances, which are to end.
    fn tell_to_leave(&self, records: &[Arc<Record>]) -> Vec<Arc<Stream>> {
        let streams = self.current.streams.through(records);
        streams.iter().for_each(|stream| stream.leave.cancel());
        streams
    }

    /// Ends what could not be ended because it was to be replaced by what has failed, and can't be taken back.
    pub(super) async fn retire_left(self: &Arc<Self>, serving: u64) {
        let settings = self.settings().unwrap_or_default();
        let drain = settings.reload.drain;
        self.retire(Vec::new(), drain, serving, CancellationToken::new())
            .await;
    }

    /// Waits until nobody holds the generations before, and then stops what is not part of the one that serves.
    pub(super) async fn retire(
        self: &Arc<Self>,
        mut all: Vec<Remains>,
        drain: Duration,
        serving: u64,
        failing: CancellationToken,
    ) -> Retired {
        let mut retired = Retired::default();
        // Not only the last: an older one may have been let go on, when nothing had to be stopped.
        let held = self.ledger().held_before(serving);
        all.append(&mut self.left());
        all.retain(|remains| !remains.is_empty());
        if all.is_empty() {
            self.bus.disconnect(drain).await;
        } else {
            let records: Vec<_> = all.iter().flat_map(Remains::records).collect();
            // At once: they may need all of the time that there is.
            self.tell_to_leave(&records);
            let all_gone = async {
                for held in &held {
                    held.gone.cancelled().await;
                }
                // A request that was under way may have become a stream; from here on none can.
                for stream in self.tell_to_leave(&records) {
                    stream.gone.cancelled().await;
                }
            };
            tokio::select! {
                in_time = tokio::time::timeout(drain, all_gone) => {
                    retired.drained = in_time.is_ok();
                    self.stop_rest(all, &held, drain, &mut retired).await;
                }
                // What failed must not serve until the last request of before has ended: all this is waited for then.
                () = failing.cancelled() => {
                    retired.drained = false;
                    retired.is_left = true;
                    *self.left() = all;
                }
            }
        }
        for Held { number, gone, .. } in held {
            if gone.is_cancelled() {
                self.mark(number, GenerationState::Gone);
                continue;
            }
            let reloader = Arc::downgrade(self);
            self.workers.spawn(async move {
                gone.cancelled().await;
                if let Some(reloader) = reloader.upgrade() {
                    reloader.mark(number, GenerationState::Gone);
                }
            });
        }
        retired
    }

    /// Stops what no request is in any more, or has been for too long.
    async fn stop_rest(
        &self,
        all: Vec<Remains>,
        held: &[Held],
        drain: Duration,
        retired: &mut Retired,
    ) {
        let records: Vec<_> = all.iter().flat_map(Remains::records).collect();
        retired.streams_cut = cut_off(&self.tell_to_leave(&records)).await;
        for held in held.iter().filter(|held| !held.gone.is_cancelled()) {
            self.mark(held.number, GenerationState::Overdue);
            tracing::warn!(
                generation = held.number,
                "requests of an old generation have outlived `reload.drain`"
            );
        }
        if let Some(scope) = self.current.scope() {
            self.bus.disconnect(drain).await;
            all.iter().for_each(Remains::announce);
            let desk = Arc::clone(&self.desk);
            lifecycle::aside(&self.workers, async move { desk.sweep().await }).await;
            for remains in all {
                let errors = lifecycle::stop(remains, &scope, &self.workers).await;
                let errors = errors.iter().map(Error::report);
                retired.stop_errors.extend(errors);
            }
            // A request that has outlived all this may have become a stream since.
            self.current.streams.cut_late();
        }
    }
}

/// Ends the streams that have not ended by themselves; how many these are.
async fn cut_off(streams: &[Arc<Stream>]) -> usize {
    /// Whoever reads or writes meets the end at once.
    const AT_ONCE: Duration = Duration::from_secs(1);
    let late = streams.iter().filter(|stream| !stream.gone.is_cancelled());
    let late: Vec<_> = late.collect();
    for stream in &late {
        let route = stream.route.as_ref();
        let route = route.map(|route| format!("{} {}", route.method, route.path));
        tracing::warn!(
            generation = stream.generation,
            route,
            "cut off: it has outlived `reload.drain`, and a plugin that it passes through stops"
        );
        stream.cut.cancel();
    }
    let all_gone = async {
        for stream in &late {
            stream.gone.cancelled().await;
        }
    };
    // One that nobody polls ends with its connection.
    _ = tokio::time::timeout(AT_ONCE, all_gone).await;
    late.len()
}
