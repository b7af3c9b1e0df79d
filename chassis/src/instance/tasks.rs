//! The tasks of an instance: begun together with its `start`, ended after its `stop`.

use crate::{
    call::{Site, Ward},
    error::{Error, Result, code},
};
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks of an instance.
///
/// They belong to the runtime's record of it, not to the plugin: a task holds the plugin, and a plugin that owned its
/// tasks would hold itself for ever.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<Inner>);

struct Inner {
    ward: Arc<Ward>,
    workers: Handle,
    stopping: CancellationToken,
    cut_off: CancellationToken,
    tracker: TaskTracker,
    /// What was spawned in `init`; none once the instance starts.
    waiting: Mutex<Option<Vec<Task>>>,
}

impl Tasks {
    pub(crate) fn new(ward: Arc<Ward>, workers: Handle) -> Self {
        Self(Arc::new(Inner {
            ward,
            workers,
            stopping: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            tracker: TaskTracker::new(),
            waiting: Mutex::new(Some(Vec::new())),
        }))
    }

    /// Cancelled when the instance begins to stop.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Runs a task: at once if the instance starts or has started, else when it does.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let site = self.site(name);
        let cut_off = self.0.cut_off.clone();
        let task: Task = Box::pin(async move {
            tokio::select! {
                () = cut_off.cancelled() => {}
                outcome = site.run(work) => if let Err(error) = outcome {
                    tracing::error!(plugin = %site.plugin, task = name, error = %error.report(), "task failed");
                }
            }
        });
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(waiting) => waiting.push(task),
            None => self.run(task),
        }
    }

    /// Runs something that blocks, on a thread of its own.
    pub(crate) fn blocking(
        &self,
        name: &'static str,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        let tasks = self.clone();
        self.spawn(name, async move {
            // The thread counts as a task itself: whoever waits for the tasks waits for it.
            let token = tasks.0.tracker.token();
            let run = move || {
                let _token = token;
                work()
            };
            tasks.0.workers.spawn_blocking(run).await?
        });
    }

    /// Runs something again and again: after `period`, and then `period` after it has ended, each time up to a tenth
    /// longer, so that the instances of a fleet do not move in step.
    pub(crate) fn every<F, Fut>(&self, name: &'static str, period: Duration, mut work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let site = self.site(name);
        let stopping = self.0.stopping.clone();
        self.spawn(name, async move {
            let mut jitter = Jitter::new(&site.plugin);
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    () = tokio::time::sleep(jitter.lengthen(period)) => {}
                }
                if let Err(error) = site.run(async { work().await }).await {
                    tracing::error!(plugin = %site.plugin, task = name, error = %error.report(), "run failed");
                }
            }
        });
    }

    fn site(&self, name: &'static str) -> Site {
        let ward = &self.0.ward;
        Site::new(Arc::clone(&ward.plugin), name, None).of(ward)
    }

    fn run(&self, task: Task) {
        self.0.workers.spawn(self.0.tracker.track_future(task));
    }

    /// The instance starts: so do the tasks that `init` has spawned.
    pub(crate) fn begin(&self) {
        let waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for task in waiting.into_iter().flatten() {
            self.run(task);
        }
    }

    /// Tells the tasks that the end is near.
    pub(crate) fn announce_stop(&self) {
        self.0.stopping.cancel();
    }

    /// Drops the tasks, those that block a thread excepted: these can't be dropped.
    pub(crate) fn cut_off(&self) {
        self.0.stopping.cancel();
        self.0.cut_off.cancel();
        // What was never begun is dropped with the list.
        drop(
            self.0
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        self.0.tracker.close();
    }

    /// Ends the tasks: those that have not ended by themselves are dropped. An error if some block their thread still.
    pub(crate) async fn end(&self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(1);
        self.cut_off();
        if tokio::time::timeout(PATIENCE, self.0.tracker.wait())
            .await
            .is_ok()
        {
            return Ok(());
        }
        let message = format!(
            "{} of its tasks block their thread, and go on",
            self.count()
        );
        Err(Error::new(code::DEADLINE, message)
            .in_plugin(Arc::clone(&self.0.ward.plugin))
            .at("stop")
            .with_help("let blocking work look at `cx.stopping()`"))
    }

    /// How many tasks there are.
    pub(crate) fn count(&self) -> usize {
        self.0.tracker.len()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// A tenth more or less of a period; no generator of random numbers is worth a dependency here.
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: &str) -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        Self(RandomState::new().hash_one(seed))
    }

    pub(crate) fn lengthen(&mut self, period: Duration) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "53 bits of chance are plenty")]
        let share = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        period.saturating_add(period.mul_f64(share / 10.0))
    }
}
