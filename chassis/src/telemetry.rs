//! The log of a process, and where its libraries record metrics: installed by `chassis::main`, and by nobody else.

use crate::{
    call::{Stalls, keep_place},
    config::{LogFormat, LogSettings, MetricsSettings, log_filter},
    error::{Error, Result, code},
    http::is_quiet,
    layers::Layers,
    metrics::{Metrics, Recorder},
    service::SPAN,
};
use std::{io::IsTerminal as _, sync::Arc};
use tracing::Metadata;
use tracing_subscriber::{
    Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

mod line;
mod collect;
mod writer;
mod levels;

use levels::Base;
pub use levels::{ChangedLevel, LogReport};
pub(crate) use levels::{LEVELS, Levels};
pub(crate) use writer::Brought;
use writer::{Place, Writer};

/// The variable that goes before all other filters.
const RUST_LOG: &str = "RUST_LOG";

/// Installs the log: to standard error, as `log:` says; `RUST_LOG` replaces its filter.
pub(crate) fn init(settings: &LogSettings, stalls: &Arc<Stalls>) -> Result<Levels> {
    let (mut text, from) = match std::env::var(RUST_LOG) {
        Ok(text) => (text, RUST_LOG),
        Err(_) => (settings.filter.clone(), "log.filter"),
    };
    let filter = log_filter(&text).map_err(|error| {
        Error::new(
            code::CONFIG_INVALID,
            format!("`{text}` is not a filter of the log: {error}"),
        )
        .with_help("write a level (`info`), or targets with levels: `info,chassis=debug`")
    })?;
    if text.trim_matches([',', ' ']).is_empty() {
        // What an empty one means; more directives would replace it.
        "error".clone_into(&mut text);
    }
    let (filter, handle) = reload::Layer::new(filter);
    let layers = Layers::default();
    let registry = tracing_subscriber::registry().with(layers.filtered());
    // The filter is that of the lines, and not of what plugins listen to. The marks of requests say in each line what their
    // spans would, at no cost for requests that write none.
    let unmarked = filter_fn(|metadata| !is_request_span(metadata));
    let filter = filter.and(unmarked.with_max_level_hint(LevelFilter::TRACE));
    let (is_terminal, place) = (std::io::stderr().is_terminal(), Place::default());
    let marked = Arc::clone(stalls);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal);
    match settings.format {
        LogFormat::Pretty => {
            let lines = lines
                .map_event_format(|format| line::pretty(format.with_ansi(is_terminal), marked));
            let writer = Writer::new(lines, place.clone(), Arc::clone(stalls));
            registry.with(writer.with_filter(filter)).try_init()?;
        }
        LogFormat::Json => {
            let lines = lines
                .json()
                .map_event_format(|format| line::json(format, marked));
            let writer = Writer::new(lines, place.clone(), Arc::clone(stalls));
            registry.with(writer.with_filter(filter)).try_init()?;
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        if is_quiet() {
            return;
        }
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("panicked");
        if keep_place(&place) {
            // The guard knows whose it is, and tells of it in one line. A plugin that catches its own panics does not.
            tracing::debug!(place, "panic under the guard: {text}");
        } else {
            tracing::error!(place, "{text}");
        }
    }));
    Ok(Levels::new(Base::new(text, from), handle, layers, place))
}

/// Has what libraries record through the facade `metrics` recorded into this service.
pub(crate) fn record(metrics: &Arc<Metrics>, settings: &MetricsSettings) {
    metrics.begin(settings);
    if metrics::set_global_recorder(Recorder::new(Arc::clone(metrics))).is_err() {
        tracing::warn!(
            "the program records metrics elsewhere: those of libraries are not in `GET /metrics`"
        );
    }
}

fn is_request_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == SPAN
}
