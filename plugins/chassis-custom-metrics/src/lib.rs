//! Counters, gauges and histograms that the configuration declares, or code: from events, from answers, from what is asked again
//! and again.
//!
//! Each metric has one place that its values come from: the events of a topic, the answers of routes, or a closure that is
//! polled. Read it from the top: the plugin, its life, its work, its tests. `config.rs` is what can be declared,
//! `declare.rs` how code declares it, `metric.rs` what is recorded, and `source.rs` where values are found.
//!
//! ```
//! use chassis::{prelude::*, testing::TestChassis};
//! use chassis_custom_metrics::{CustomMetric, CustomMetrics, DeclareMetrics as _};
//!
//! /// Sells tea.
//! #[plugin]
//! async fn shop(cx: &mut PluginContext) -> Result<()> {
//!     cx.get("/tea", async || Json(serde_json::json!({ "cents": 450 })));
//!     cx.custom_metric(CustomMetric::gauge("tea.left", "Tea that is left.").polled(|| 12.0))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let app = TestChassis::with::<CustomMetrics>()
//!     .plugin::<shop>()
//!     .config(
//!         "plugins: {custom-metrics: {config: {metrics: [
//!             {name: tea.sold.cents, kind: counter, routes: [/tea], value: /cents}]}}}",
//!     )
//!     .start()
//!     .await?;
//! app.get("/tea").await;
//! app.get("/tea").await;
//! assert!(app.metrics().contains("tea_sold_cents_total{plugin=\"custom-metrics\"} 900"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::prelude::*;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

// Read from the top: each file uses only those below it.
mod declare;
mod answers;
mod metric;
mod series;
mod terms;
mod check;
mod config;
mod source;
mod text;

use answers::{Watch, watch};
pub use config::{CustomMetricsConfig, MetricConfig, MetricName, MetricSort, StatusPattern};
pub use declare::{CustomMetric, DeclareMetrics, POLL};
use metric::Metric;
pub use source::{Field, Label, Pointer};
pub use terms::{TERMS, Terms};

/// Makes metrics of events, of answers, and of what code tells.
#[plugin]
#[derive(Debug)]
pub struct CustomMetrics {
    metrics: Vec<(MetricConfig, Arc<Metric>)>,
    terms: Terms,
    interval: Duration,
    /// How many were polled in the last round, and what has failed in it.
    polled: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Plugin for CustomMetrics {
    type Config = CustomMetricsConfig;

    fn validate(config: &CustomMetricsConfig, found: &mut Violations) {
        check::validate(config, found);
    }

    async fn init(config: CustomMetricsConfig, cx: &mut PluginContext) -> Result<Self> {
        // Only to tell instances apart.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let metrics = config.metrics.into_iter();
        Ok(Self {
            metrics: metrics
                .map(|metric| {
                    let recorded = Arc::new(Metric::new(&metric, cx.meter()));
                    (metric, recorded)
                })
                .collect(),
            terms: Terms {
                max_series: config.max_series,
                max_body: config.max_body,
                instance: NEXT.fetch_add(1, Relaxed),
            },
            interval: config.collection_interval,
            polled: AtomicUsize::new(0),
            failed: Mutex::default(),
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        to.blocks(self);
        let terms = self.terms;
        let mut watching = Vec::new();
        for (config, metric) in &self.metrics {
            let metric = Arc::clone(metric);
            if let Some(topic) = &config.event {
                to.on(topic.as_str(), async move |message: Message| {
                    metric.of_event(&message, &terms);
                });
            } else {
                watching.push(Watch::new(config, move |exchange| {
                    metric.of_answer(exchange, &terms);
                }));
            }
        }
        watch(to, watching);
        Ok(())
    }

    async fn start(self: &Arc<Self>, cx: &Background) -> Result<()> {
        let (this, background) = (Arc::downgrade(self), cx.clone());
        let interval = self.interval;
        // Not `every`: it would keep everybody waiting for the first values.
        cx.spawn("poll", async move {
            background.serving().await;
            while let Some(this) = this.upgrade() {
                this.poll(&background).await;
                drop(this);
                tokio::time::sleep(interval).await;
            }
            Ok(())
        });
        Ok(())
    }
}

impl CustomMetrics {
    /// Has all closures called that are polled, each under the guard and in the name of its plugin.
    async fn poll(&self, background: &Background) {
        // Nothing serves any more.
        let Ok(scope) = background.enter() else {
            return;
        };
        // After a reload it is another instance that polls, while this one waits for its last request.
        let terms = TERMS.call(&scope, &()).run().await;
        if !terms.is_ok_and(|terms| terms.instance == self.terms.instance) {
            return;
        }
        let polled = POLL.ask(&scope, &self.terms).await;
        let failed = polled.failed.iter().map(|error| {
            let plugin = error.plugin().unwrap_or_default();
            format!("one of `{plugin}`: {error}")
        });
        let count = polled.answers.len() + polled.failed.len();
        self.polled.store(count, Relaxed);
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed.collect();
    }
}

#[contributes]
impl CustomMetrics {
    /// Those that code declares ask for it, once in each generation.
    #[call(TERMS)]
    async fn terms(&self, _: &()) -> Option<Terms> {
        Some(self.terms)
    }

    #[health]
    async fn metrics(&self) -> Health {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.metrics.iter();
        let full = full.filter(|(_, metric)| metric.is_full(&self.terms));
        let full: Vec<&str> = full.map(|(config, _)| config.name.as_str()).collect();
        let health = match (failed.first(), full.first()) {
            (Some(why), _) => Health::degraded(format!("a metric can't be polled, {why}")),
            (None, Some(name)) => Health::degraded(format!(
                "`{name}` has as many series as it may: further ones are under `other`; `max_series` can be more, or a label less"
            )),
            (None, None) => Health::up(),
        };
        health
            .with("declared", self.metrics.len())
            .with("polled", self.polled.load(Relaxed))
            .with("failed", failed.len())
            .with("full", full.len())
    }
}

#[cfg(test)]
mod tests;
