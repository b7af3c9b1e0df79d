//! Metrics that code declares: the same as in the configuration, and closures that are polled.

use crate::{
    answers::{Watch, watch},
    config::{MetricConfig, MetricName, MetricSort, StatusPattern},
    metric::Metric,
    source::{Field, Label},
    terms::{TERMS, Terms},
};
use chassis::{BoxFuture, prelude::*};
use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{self, Poll, Waker},
};

/// What is polled: each metric of [`CustomMetric::polled`] stands here, in the name of its plugin, and is asked every
/// `collection_interval`. A closure that panics, or takes longer than 5 s, is counted and told of as any handler is, and
/// keeps nobody else from being asked.
#[extension_point]
pub static POLL: ProviderPoint<(), Terms> = ProviderPoint::new("custom-metrics.poll");

/// A metric that code declares: see [`DeclareMetrics`].
#[must_use = "it is declared with `cx.custom_metric(..)`"]
pub struct CustomMetric {
    name: String,
    kind: MetricSort,
    help: String,
    from: Option<From>,
    status: Vec<String>,
    value: Option<String>,
    labels: BTreeMap<String, String>,
    buckets: Vec<f64>,
}

/// Where its values come from.
enum From {
    Event(String),
    Answers(Vec<String>),
    Poll(PollFn),
}

type PollFn = Arc<dyn Fn() -> BoxFuture<'static, Result<f64>> + Send + Sync>;

impl CustomMetric {
    fn new(kind: MetricSort, name: &str, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            from: None,
            status: Vec::new(),
            value: None,
            labels: BTreeMap::new(),
            buckets: Vec::new(),
        }
    }

    /// Values are added up; without [`value`](Self::value), it is counted how often something has happened. Polled, the closure
    /// gives the total.
    pub fn counter(name: &str, help: &str) -> Self {
        Self::new(MetricSort::Counter, name, help)
    }

    /// The last value is shown.
    pub fn gauge(name: &str, help: &str) -> Self {
        Self::new(MetricSort::Gauge, name, help)
    }

    /// Values are counted by how large they are.
    pub fn histogram(name: &str, help: &str) -> Self {
        Self::new(MetricSort::Histogram, name, help)
    }

    /// Made of events: `order.placed`, or `order.*`. They come through a queue of the plugin that declares it, as if it had
    /// subscribed with `cx.on(..)`.
    pub fn from_event(mut self, topic: &str) -> Self {
        self.from = Some(From::Event(topic.to_owned()));
        self
    }

    /// Made of answers: of `POST /orders`, `/orders/{id}`, or `/orders/**`.
    pub fn from_answers<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.from = Some(From::Answers(routes.into_iter().map(Into::into).collect()));
        self
    }

    /// Made of what a closure says, which is called every `collection_interval`. It must not block.
    pub fn polled(self, poll: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.with_poll(Arc::new(move || {
            let value = poll();
            Box::pin(async move { Ok(value) })
        }))
    }

    /// The same for what has to await, or may fail. It may take 5 s.
    pub fn polled_async<F, Fut>(self, poll: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<f64>> + Send + 'static,
    {
        self.with_poll(Arc::new(move || Box::pin(poll())))
    }

    fn with_poll(mut self, poll: PollFn) -> Self {
        self.from = Some(From::Poll(poll));
        self
    }

    /// Of answers, only those with such a status: `201`, or `2xx`.
    pub fn status(mut self, status: &str) -> Self {
        self.status.push(status.to_owned());
        self
    }

    /// Where the value is: `/total_cents` in the JSON of the event or the answer; of an answer also `header:x-items`, `size` or
    /// `duration`.
    pub fn value(mut self, field: &str) -> Self {
        self.value = Some(field.to_owned());
        self
    }

    /// A label, and where its value is: `/state`, or a fixed text `=mail`; of an event `topic` and `source`, of an answer
    /// `header:x-plan`, `method`, `route` and `status`.
    pub fn label(mut self, name: &str, label: &str) -> Self {
        self.labels.insert(name.to_owned(), label.to_owned());
        self
    }

    /// Where the buckets of a histogram end.
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.buckets = bounds.into_iter().collect();
        self
    }

    fn read(&self) -> Result<MetricConfig, String> {
        let all = |texts: &[String]| -> Result<Vec<StatusPattern>, String> {
            texts
                .iter()
                .map(|text| StatusPattern::parse(text))
                .collect()
        };
        let labels = self.labels.iter();
        let labels = labels.map(|(name, text)| Ok((name.clone(), Label::parse(text)?)));
        let (event, routes) = match &self.from {
            Some(From::Event(topic)) => {
                let topic = topic.parse().map_err(|error: Error| {
                    format!("{error}; {}", error.help().unwrap_or_default())
                })?;
                (Some(topic), Vec::new())
            }
            Some(From::Answers(routes)) => {
                let routes = routes.iter().map(|route| route.parse());
                (None, routes.collect::<Result<_, String>>()?)
            }
            Some(From::Poll(_)) | None => (None, Vec::new()),
        };
        let config = MetricConfig {
            name: MetricName::parse(&self.name)?,
            kind: self.kind,
            help: self.help.clone(),
            event,
            routes,
            status: all(&self.status)?,
            value: self.value.as_deref().map(Field::parse).transpose()?,
            labels: labels.collect::<Result<_, String>>()?,
            buckets: self.buckets.clone(),
        };
        let is_fixed = |label: &Label| matches!(label, Label::Fixed(_));
        match &self.from {
            None => {
                return Err("nothing says where its values come from; call `from_event`, `from_answers` or `polled`".to_owned());
            }
            Some(From::Answers(_)) if config.routes.is_empty() => {
                return Err("it is for no route; write `/**` for all".to_owned());
            }
            Some(From::Poll(_)) if config.value.is_some() || !config.status.is_empty() => {
                return Err(
                    "what is polled has neither `value` nor `status`: the closure gives the value"
                        .to_owned(),
                );
            }
            Some(From::Poll(_)) if !config.labels.values().all(is_fixed) => {
                return Err(
                    "what is polled has fixed labels only: `.label(\"queue\", \"=mail\")`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        match config.mistakes_in_itself().into_iter().next() {
            Some(wrong) => Err(format!(
                "`{}`: {}; {}",
                wrong.at.trim_start_matches('.'),
                wrong.what,
                wrong.help
            )),
            None => Ok(config),
        }
    }
}

impl std::fmt::Debug for CustomMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CustomMetric").field(&self.name).finish()
    }
}

/// Declares metrics in code. Their series are those of the plugin that declares them, and go with it; they are recorded as long as
/// `custom-metrics` is enabled.
///
/// ```
/// use chassis::prelude::*;
/// use chassis_custom_metrics::{CustomMetric, DeclareMetrics as _};
/// use std::sync::Mutex;
///
/// /// Sends mails.
/// #[plugin]
/// async fn mails(cx: &mut PluginContext) -> Result<()> {
///     let queue: Arc<Mutex<Vec<String>>> = Arc::default();
///     let waiting = Arc::clone(&queue);
///     cx.custom_metric(
///         CustomMetric::gauge("mails.waiting", "Mails that wait.")
///             .polled(move || waiting.lock().map_or(0.0, |queue| queue.len() as f64)),
///     )?;
///     cx.custom_metric(
///         CustomMetric::histogram("mails.sent.bytes", "How large mails are.")
///             .from_event("mail.sent")
///             .value("/size")
///             .label("kind", "/kind"),
///     )
/// }
/// ```
pub trait DeclareMetrics {
    /// Declares a metric.
    ///
    /// # Errors
    ///
    /// If something of it is wrong: a name, a label, where a value is.
    fn custom_metric(&mut self, metric: CustomMetric) -> Result<()>;
}

impl DeclareMetrics for PluginContext {
    fn custom_metric(&mut self, metric: CustomMetric) -> Result<()> {
        let config = metric.read().map_err(|why| {
            Error::msg(format!(
                "the metric `{}` can't be declared: {why}",
                metric.name
            ))
        })?;
        let declared = Arc::new(Declared {
            metric: Metric::new(&config, self.meter()),
            known: Mutex::new((0, None)),
        });
        match metric.from {
            Some(From::Event(topic)) => {
                self.on(&topic, async move |message: Message| {
                    if let Some(terms) = declared.terms(message.scope()) {
                        declared.metric.of_event(&message, &terms);
                    }
                });
            }
            Some(From::Answers(_)) => {
                let look = move |exchange: &mut Exchange| {
                    if let Some(terms) = declared.terms(exchange.scope()) {
                        declared.metric.of_answer(exchange, &terms);
                    }
                };
                watch(self, vec![Watch::new(&config, look)]);
            }
            Some(From::Poll(poll)) => {
                self.provide(&POLL, async move |_: &Terms| -> Result<()> {
                    let value = poll().await?;
                    declared.metric.of_poll(value);
                    Ok(())
                });
            }
            None => {}
        }
        Ok(())
    }
}

/// A metric that a plugin has declared.
struct Declared {
    metric: Metric,
    /// What `custom-metrics` said last, and in which generation.
    known: Mutex<(u64, Option<Terms>)>,
}

impl Declared {
    /// What `custom-metrics` says in that generation; nothing where there is none. It is asked once in each.
    fn terms(&self, scope: &Scope) -> Option<Terms> {
        let generation = scope.generation();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != generation {
            *known = (generation, ask(scope)?);
        }
        known.1
    }
}

/// It answers at once, and so needs nobody who waits.
fn ask(scope: &Scope) -> Option<Option<Terms>> {
    let asked = pin!(TERMS.call(scope, &()).run());
    let mut cx = task::Context::from_waker(Waker::noop());
    match asked.poll(&mut cx) {
        Poll::Ready(terms) => Some(terms.ok()),
        Poll::Pending => None,
    }
}
