//! Metrics that a plugin collects when it is asked for them, and those that are kept of its handlers.

use super::{Contributions, Placed};
use crate::{
    call::Stats,
    error::Error,
    metrics::{MetricSample, Metrics},
    points,
};
use std::sync::Arc;

impl Contributions {
    /// Collects metrics, again and again, every `metrics.interval`: for numbers that somebody else keeps, and that would have
    /// to be asked for. What the plugin itself counts is better counted as it happens, with a
    /// [`Meter`](crate::Meter).
    ///
    /// ```
    /// use chassis::{MetricSample, prelude::*};
    ///
    /// /// Tells how long the queue is.
    /// #[plugin]
    /// async fn queue(cx: &mut PluginContext) -> Result<()> {
    ///     cx.metrics(async || vec![MetricSample::gauge("queue.depth", 42.0).help("Jobs that wait.")]);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// It is a handler at [`points::METRICS_COLLECT`]. It runs in the background, with a deadline of 5 s; `GET /metrics` shows
    /// what it gave last, with the label `plugin`. While it fails, nothing of it is shown.
    /// After a reload, what the old instance gave is shown until the new one is asked.
    #[track_caller]
    pub fn metrics<F, Fut>(&mut self, collect: F) -> Placed<'_>
    where
        F: FnOnce() -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Vec<MetricSample>> + Send + 'static,
    {
        self.provide(&points::METRICS_COLLECT, move |_: &()| {
            let collected = collect();
            async move { Ok::<_, Error>(collected.await) }
        })
    }

    /// What came of the calls of all that it has contributed; not of what mounted routers answered.
    pub(crate) fn all_stats(&self) -> Vec<Arc<Stats>> {
        let handlers = self.handlers.iter().map(|handler| &handler.stats);
        let routes = self.routes.iter().chain(&self.pages);
        let all = handlers.chain(routes.map(|route| &route.stats));
        all.cloned().collect()
    }

    /// Has the calls of the handlers counted.
    pub(crate) fn count_in(&self, metrics: &Metrics) {
        for handler in &self.handlers {
            metrics
                .calls
                .add(&self.owner, &handler.point, &handler.stats);
        }
        let routes = points::ROUTES.name.into();
        for route in &self.routes {
            metrics.calls.add(&self.owner, &routes, &route.stats);
        }
        let pages = points::PAGES.name.into();
        for page in &self.pages {
            metrics.calls.add(&self.owner, &pages, &page.stats);
        }
    }
}
