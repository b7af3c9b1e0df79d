//! Who writes the lines of the log: a plugin, or the chassis itself.

use super::collect::{Collected, SpanFields, message_and_fields, spans};
use crate::{
    call::{Stalls, catch},
    lines::{LogLine, LogLines, LogSubject, LogValue},
    mark::{Mark, Of},
};
use arc_swap::ArcSwapOption;
use std::{
    cell::Cell,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

thread_local! {
    /// Whether this thread is in the middle of a line that a plugin writes: what is logged there, it can't write as well.
    static WRITES: Cell<bool> = const { Cell::new(false) };
}

/// Lines that a plugin writes.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) plugin: Arc<str>,
    pub(crate) lines: LogLines,
    /// Name and version.
    pub(crate) service: (String, String),
    /// It has panicked, and is left alone.
    pub(crate) is_broken: AtomicBool,
}

/// Where those stand that write now.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<ArcSwapOption<Brought>>);

impl Place {
    /// Has lines written so from now on; those that are being written now are still written as before.
    pub(super) fn put(&self, brought: Option<Brought>) {
        let before = self.0.swap(brought.map(Arc::new));
        // The end of a plugin's own values.
        _ = catch(|| drop(before));
    }

    /// The plugin that writes.
    pub(super) fn plugin(&self) -> Option<Arc<str>> {
        let now = self.0.load();
        let now = now.as_ref().filter(|now| !now.is_broken.load(Relaxed));
        now.map(|now| Arc::clone(&now.plugin))
    }
}

/// The layer that writes lines.
pub(super) struct Writer<L> {
    /// As the chassis writes them.
    own: L,
    place: Place,
    stalls: Arc<Stalls>,
}

impl<L> Writer<L> {
    pub(super) fn new(own: L, place: Place, stalls: Arc<Stalls>) -> Self {
        Self { own, place, stalls }
    }
}

impl<S, L> Layer<S> for Writer<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn on_new_span(&self, values: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        if self.place.0.load().is_some()
            && let Some(span) = cx.span(id)
        {
            // What is shown here may log in turn: nothing is locked meanwhile.
            let fields = SpanFields::of(values);
            span.extensions_mut().replace(fields);
        }
        self.own.on_new_span(values, id, cx);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        if self.place.0.load().is_some()
            && let Some(span) = cx.span(id)
        {
            let changed = SpanFields::changed(values);
            if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
                fields.merge(changed);
            }
        }
        self.own.on_record(id, values, cx);
    }

    fn on_enter(&self, id: &span::Id, cx: Context<'_, S>) {
        self.own.on_enter(id, cx);
    }

    fn on_exit(&self, id: &span::Id, cx: Context<'_, S>) {
        self.own.on_exit(id, cx);
    }

    fn on_close(&self, id: span::Id, cx: Context<'_, S>) {
        self.own.on_close(id, cx);
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let brought = self.place.0.load();
        let is_written = brought
            .as_ref()
            .is_some_and(|brought| brought.write(event, &cx, &self.stalls));
        if !is_written {
            self.own.on_event(event, cx);
        }
    }
}

impl Brought {
    /// Has the plugin write a line; false if it can't.
    fn write<S>(&self, event: &Event<'_>, cx: &Context<'_, S>, stalls: &Stalls) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.is_broken.load(Relaxed) || WRITES.get() {
            return false;
        }
        // What is shown here is code of whoever logs: its panics are its own.
        let Collected {
            message,
            fields,
            target,
        } = message_and_fields(event);
        let spans = spans(event, cx);
        let metadata = event.metadata();
        let target = target.as_deref().unwrap_or(metadata.target());
        let plugin = stalls.here();
        let told = || {
            is_of_chassis(target)
                .then(|| text(&fields, "plugin"))
                .flatten()
        };
        let (service, version) = &self.service;
        Mark::with(|mark| {
            let line = LogLine {
                fields: &fields,
                spans: &spans,
                service,
                version,
                plugin: plugin.as_deref().or_else(told),
                request_id: mark.and_then(|mark| mark.cause.request_id()),
                trace_id: mark.and_then(Mark::trace_id),
                subject: mark.map(|mark| subject(&mark.of)),
                ..LogLine::new(*metadata.level(), target, &message)
            };
            self.hand(&line)
        })
    }

    fn hand(&self, line: &LogLine<'_>) -> bool {
        WRITES.set(true);
        let written = catch(|| self.lines.write(line));
        WRITES.set(false);
        if let Err(panic) = &written
            && !self.is_broken.swap(true, Relaxed)
        {
            let (plugin, text) = (&self.plugin, &panic.text);
            // Not by the log, which is in the middle of something.
            _ = writeln!(
                std::io::stderr(),
                "plugin `{plugin}` panicked while it wrote a line of the log; from now on the chassis writes them: {text}"
            );
        }
        written.is_ok()
    }
}

fn subject(of: &Of) -> LogSubject<'_> {
    match of {
        Of::Request { method, route } => LogSubject::Request {
            method: method.as_str(),
            route: route.as_deref(),
        },
        Of::Event { topic, id } => LogSubject::Event {
            topic,
            id: id.as_str(),
        },
    }
}

/// Whether a line is of the chassis itself, and not of one of the crates that are called like it.
fn is_of_chassis(target: &str) -> bool {
    target == "chassis" || target.starts_with("chassis::")
}

fn text<'a>(fields: &'a [(&'static str, LogValue)], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|(field, _)| *field == name);
    match &field?.1 {
        LogValue::Text(text) | LogValue::Shown(text) => Some(text),
        _ => None,
    }
}
