//! Layers that plugins bring: for a collector of traces, or whoever else listens to `tracing`.

use crate::{
    call::catch,
    error::{Error, Result, code},
};
use std::{
    fmt,
    io::Write as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tracing::{Event, Metadata, span, subscriber::Interest};
use tracing_subscriber::{
    Layer, Registry,
    filter::{Filtered, LevelFilter, Targets},
    layer::{Context, Filter},
};

/// A layer of `tracing-subscriber` 0.3 that a plugin brings, at [`points::TELEMETRY_LAYERS`](crate::points::TELEMETRY_LAYERS).
pub struct TelemetryLayer {
    layer: Box<dyn Layer<Registry> + Send + Sync>,
    wants: Targets,
}

impl TelemetryLayer {
    /// This layer. It gets what is of the level `info` and above, the spans of requests among it.
    ///
    /// It must have no filter of its own (`with_filter`): such a filter has to be there before the log is. Say what it wants with
    /// [`wants`](Self::wants).
    pub fn new(layer: impl Layer<Registry> + Send + Sync) -> Self {
        Self {
            layer: Box::new(layer),
            wants: Targets::new().with_default(LevelFilter::INFO),
        }
    }

    /// Says what it wants, whatever the log shows: levels by target, as `info,chassis::call=trace`.
    ///
    /// # Errors
    ///
    /// If it is malformed.
    pub fn wants(mut self, levels: &str) -> Result<Self> {
        self.wants = levels.parse().map_err(|error| {
            let message = format!("`{levels}` says no levels by target: {error}");
            Error::new(code::BAD_REQUEST, message)
                .with_help("write levels by target: `info,orders=debug`")
        })?;
        Ok(self)
    }
}

impl fmt::Debug for TelemetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryLayer")
            .field("wants", &self.wants)
            .finish_non_exhaustive()
    }
}

/// Where they stand in the log: there from the beginning, and filled once plugins have been asked.
///
/// A layer with a filter of `tracing-subscriber`'s own must be there when the log is installed. This one is, with [`Wanted`]; what
/// each of those in it wants is decided here, by target and level alone: the same for a span's first and last moment.
#[derive(Clone, Default)]
pub(crate) struct Layers(Arc<OnceLock<Box<[Brought]>>>);

/// What they want together. Of what nobody wants, nothing costs anything.
pub(crate) struct Wanted(Layers);

struct Brought {
    plugin: Arc<str>,
    wants: Targets,
    layer: Box<dyn Layer<Registry> + Send + Sync>,
    /// It has panicked, and is left alone.
    is_broken: AtomicBool,
}

impl Layers {
    /// For the log.
    pub(crate) fn filtered(&self) -> Filtered<Self, Wanted, Registry> {
        self.clone().with_filter(Wanted(self.clone()))
    }

    /// Whether there are some: only once can there be.
    pub(crate) fn are_there(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn install(&self, layers: Vec<(Arc<str>, TelemetryLayer)>) {
        let brought = layers.into_iter().map(|(plugin, layer)| Brought {
            plugin,
            wants: layer.wants,
            layer: layer.layer,
            is_broken: AtomicBool::new(false),
        });
        if self.0.set(brought.collect()).is_ok() {
            // What nobody wanted so far, somebody may want now.
            tracing::callsite::rebuild_interest_cache();
        }
    }

    fn all(&self) -> &[Brought] {
        self.0.get().map_or(&[], |all| all)
    }

    /// Tells each that wants to know of this.
    fn tell(&self, of: &Metadata<'_>, tell: impl Fn(&dyn Layer<Registry>)) {
        for brought in self.all().iter().filter(|brought| brought.wants(of)) {
            brought.tell(&tell);
        }
    }

    fn tell_of(
        &self,
        id: &span::Id,
        cx: &Context<'_, Registry>,
        tell: impl Fn(&dyn Layer<Registry>),
    ) {
        if let Some(metadata) = cx.metadata(id) {
            self.tell(metadata, tell);
        }
    }
}

impl Brought {
    fn wants(&self, of: &Metadata<'_>) -> bool {
        self.wants.would_enable(of.target(), of.level())
    }

    /// The code of a plugin, called from wherever something is logged: there it must not break anything.
    fn tell(&self, tell: impl Fn(&dyn Layer<Registry>)) {
        if self.is_broken.load(Relaxed) {
            return;
        }
        if let Err(panic) = catch(|| tell(&*self.layer))
            && !self.is_broken.swap(true, Relaxed)
        {
            let (plugin, text) = (&self.plugin, &panic.text);
            // Not by the log, which is in the middle of something.
            _ = writeln!(
                std::io::stderr(),
                "a layer of the log of plugin `{plugin}` panicked, and is left out from now on: {text}"
            );
        }
    }
}

impl Filter<Registry> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, Registry>) -> bool {
        self.0.all().iter().any(|brought| brought.wants(metadata))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.0.all().iter().any(|brought| brought.wants(metadata)) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let levels = self.0.all().iter().map(|brought| {
            let level = Layer::<Registry>::max_level_hint(&brought.wants);
            level.unwrap_or(LevelFilter::TRACE)
        });
        Some(levels.max().unwrap_or(LevelFilter::OFF))
    }
}

impl Layer<Registry> for Layers {
    fn on_new_span(&self, span: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, Registry>) {
        self.tell(span.metadata(), |layer| {
            layer.on_new_span(span, id, cx.clone());
        });
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, Registry>) {
        self.tell_of(id, &cx, |layer| layer.on_record(id, values, cx.clone()));
    }

    fn on_follows_from(&self, id: &span::Id, follows: &span::Id, cx: Context<'_, Registry>) {
        self.tell_of(id, &cx, |layer| {
            layer.on_follows_from(id, follows, cx.clone());
        });
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, Registry>) {
        self.tell(event.metadata(), |layer| layer.on_event(event, cx.clone()));
    }

    fn on_enter(&self, id: &span::Id, cx: Context<'_, Registry>) {
        self.tell_of(id, &cx, |layer| layer.on_enter(id, cx.clone()));
    }

    fn on_exit(&self, id: &span::Id, cx: Context<'_, Registry>) {
        self.tell_of(id, &cx, |layer| layer.on_exit(id, cx.clone()));
    }

    fn on_close(&self, id: span::Id, cx: Context<'_, Registry>) {
        self.tell_of(&id, &cx, |layer| layer.on_close(id.clone(), cx.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{Level, Subscriber as _, callsite::Callsite as _, metadata::Kind};
    use tracing_subscriber::{filter::filter_fn, fmt, layer::SubscriberExt as _};

    struct Listens;

    impl Layer<Registry> for Listens {}

    /// A span that is not asked for must be refused once, and not each time: requests would pay for it.
    #[test]
    fn of_what_nobody_wants_nothing_is_asked_twice() {
        let callsite = tracing::callsite! {
            name: "request",
            kind: Kind::SPAN,
            target: "layers::request",
            level: Level::INFO,
            fields:
        };
        let layers = Layers::default();
        let no_spans =
            filter_fn(|metadata| !metadata.is_span()).with_max_level_hint(LevelFilter::INFO);
        let log = tracing_subscriber::registry()
            .with(layers.filtered())
            .with(fmt::layer().with_filter(no_spans));
        assert!(log.register_callsite(callsite.metadata()).is_never());
        assert_eq!(log.max_level_hint(), Some(LevelFilter::INFO));

        let layer = TelemetryLayer::new(Listens).wants("layers=trace").unwrap();
        layers.install(vec![("listener".into(), layer)]);
        assert!(!log.register_callsite(callsite.metadata()).is_never());
        assert_eq!(log.max_level_hint(), Some(LevelFilter::TRACE));
        assert!(layers.are_there());
    }
}
