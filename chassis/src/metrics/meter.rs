//! Where a plugin gets its metrics, and to whom they belong.

use super::{
    Metrics,
    family::{Cell, Wanted},
    name::{Labels, written},
    snapshot::FamilyKind,
    table::Kind,
};
use metrics::{Counter, Gauge, Histogram};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// The metrics of one instance: from the beginning of its `init` to its end.
pub(crate) struct Owner {
    plugin: Arc<str>,
    metrics: Arc<Metrics>,
    /// Its number; 0 before it lives, and after.
    id: AtomicU64,
}

impl Owner {
    pub(crate) fn new(plugin: Arc<str>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            plugin,
            metrics,
            id: AtomicU64::new(0),
        })
    }

    /// Its `init` begins.
    pub(crate) fn begin(&self) {
        self.id
            .store(self.metrics.recorded.begin(&self.plugin), Relaxed);
    }

    /// Nothing of it is reachable any more, nor shown.
    pub(crate) fn end(&self) {
        let id = self.id.swap(0, Relaxed);
        if id != 0 {
            self.metrics.forget(&self.plugin, id);
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

/// Where an instance gets its metrics. Their series carry its name as the label `plugin`. They go with the instance;
/// over a reload they go on, if the new instance asks for them too. If it asks for another kind under the same name, that is
/// shown once the old instance has stopped.
///
/// The handles are those of the crate `metrics`. Get them once, in `init`, and keep them: recording is one atomic
/// addition then.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Counts its visitors.
/// #[plugin]
/// async fn visitors(cx: &mut PluginContext) -> Result<()> {
///     let came = cx.counter("visitors.came", "People who came.");
///     let known = cx.meter().with("known", "yes").counter("visitors.greeted", "People who were greeted.");
///     cx.get("/visit", async move || {
///         came.increment(1);
///         known.increment(1);
///         "welcome"
///     });
///     Ok(())
/// }
/// ```
///
/// `GET /metrics` shows `visitors_came_total{plugin="visitors"} 1`: names are made what Prometheus wants of them. A name that
/// ends in a unit (`query.seconds`, `sent.bytes`) says what the values are, and which buckets a histogram has, unless it has
/// [its own](Self::with_buckets).
#[derive(Clone, Debug)]
pub struct Meter {
    owner: Arc<Owner>,
    labels: Vec<(Arc<str>, Arc<str>)>,
    bounds: Option<Arc<[f64]>>,
}

impl Meter {
    pub(crate) fn new(owner: Arc<Owner>) -> Self {
        Self {
            owner,
            labels: Vec::new(),
            bounds: None,
        }
    }

    /// The same for series that carry a further label. Its values must be few: an id, a path or a message is a series for
    /// each of them, and above 10,000 of a name no further ones are recorded.
    #[must_use]
    pub fn with(&self, label: &str, value: &str) -> Self {
        let mut meter = self.clone();
        meter.labels.push((label.into(), value.into()));
        meter
    }

    /// The same for histograms with buckets of their own, which end at these bounds: for what is neither a duration nor a size.
    /// All series of a name have the same; a reload that changes them begins anew with the next instance.
    #[must_use]
    pub fn with_buckets(&self, bounds: impl IntoIterator<Item = f64>) -> Self {
        let mut bounds: Vec<f64> = bounds
            .into_iter()
            .filter(|bound| bound.is_finite())
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let mut meter = self.clone();
        meter.bounds = Some(bounds.into());
        meter
    }

    /// Goes on with all series of a name and of these labels that the instance before this one has recorded, or will record
    /// until it ends: for labels whose values come from outside, so that nobody can ask for the series beforehand. The values of the
    /// labels of those that there are, in the order of their names as they are given here.
    ///
    /// ```
    /// use chassis::{FamilyKind, prelude::*};
    ///
    /// /// Counts orders by state, over reloads too.
    /// #[plugin]
    /// async fn states(cx: &mut PluginContext) -> Result<()> {
    ///     let meter = cx.meter().clone();
    ///     meter.inherit(FamilyKind::Counter, "orders.seen", &["state"]);
    ///     cx.on("order.*", async move |message: Message| {
    ///         let state = message.topic().rsplit('.').next().unwrap_or_default();
    ///         meter.with("state", state).counter("orders.seen", "Orders, by what became of them.").increment(1);
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn inherit(&self, kind: FamilyKind, name: &str, labels: &[&str]) -> Vec<Vec<String>> {
        let fixed = self.labels.iter();
        let fixed: Vec<_> = fixed.map(|(name, value)| (&**name, &**value)).collect();
        let free: Vec<String> = labels.iter().map(|name| written(name)).collect();
        let owner = &*self.owner;
        let wanted = Wanted {
            owner: Some((&owner.plugin, owner.id.load(Relaxed))),
            bounds: self.bounds.as_ref(),
            ..Wanted::new(kind.into(), name, &fixed)
        };
        let metrics = &owner.metrics;
        let inherited = metrics.recorded.inherit(&wanted, &free, &metrics.bounds());
        let values = |series: Labels| {
            let value = |wanted: &String| {
                let mut labels = series.iter();
                labels.find_map(|(name, value)| (name == wanted).then(|| value.clone()))
            };
            free.iter()
                .map(|name| value(name).unwrap_or_default())
                .collect()
        };
        inherited.into_iter().map(values).collect()
    }

    /// How often something has happened.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        match self.cell(Kind::Counter, name, help) {
            Some(Cell::Counter(count)) => Counter::from_arc(count),
            _ => Counter::noop(),
        }
    }

    /// How much of something there is now.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        match self.cell(Kind::Gauge, name, help) {
            Some(Cell::Gauge(bits)) => Gauge::from_arc(bits),
            _ => Gauge::noop(),
        }
    }

    /// Values, and how they are distributed: durations in seconds, or sizes in bytes if the name ends so.
    pub fn histogram(&self, name: &str, help: &str) -> Histogram {
        match self.cell(Kind::Histogram, name, help) {
            Some(Cell::Histogram(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }

    fn cell(&self, kind: Kind, name: &str, help: &str) -> Option<Cell> {
        let labels = self.labels.iter();
        let labels: Vec<_> = labels.map(|(name, value)| (&**name, &**value)).collect();
        let Owner {
            plugin,
            metrics,
            id,
        } = &*self.owner;
        let wanted = Wanted {
            help,
            owner: Some((plugin, id.load(Relaxed))),
            bounds: self.bounds.as_ref(),
            ..Wanted::new(kind, name, &labels)
        };
        metrics.recorded.cell(wanted, &metrics.bounds()).ok()
    }
}
