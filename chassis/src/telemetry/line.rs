//! A line of the log: as `tracing-subscriber` writes it, and after it whose code wrote it, and the mark of the request or event it
//! belongs to.

use crate::{
    call::Stalls,
    mark::{Mark, Of},
};
use serde_json::{Map, Value, json};
use std::{
    fmt::{self, Write as _},
    sync::Arc,
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// A format, and how it shows the mark.
pub(super) struct Marked<F> {
    format: F,
    /// Knows whose code runs.
    stalls: Arc<Stalls>,
    /// What ends a line; the mark comes before it.
    end: &'static str,
    show: fn(&Shown<'_>, &mut String) -> fmt::Result,
}

/// What a line says beside what is in it.
struct Shown<'a> {
    plugin: Option<&'a str>,
    mark: Option<&'a Mark>,
    event: &'a Event<'a>,
    is_colourful: bool,
}

/// For people: the mark is more fields.
pub(super) fn pretty<F>(format: F, stalls: Arc<Stalls>) -> Marked<F> {
    Marked {
        format,
        stalls,
        end: "\n",
        show: as_fields,
    }
}

/// For machines: the mark is an object `request`, or `event`.
pub(super) fn json<F>(format: F, stalls: Arc<Stalls>) -> Marked<F> {
    Marked {
        format,
        stalls,
        end: "}\n",
        show: as_object,
    }
}

impl<S, N, F> FormatEvent<S, N> for Marked<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let plugin = self.stalls.here();
        Mark::with(|mark| {
            if mark.is_none() && plugin.is_none() {
                return self.format.format_event(cx, to, event);
            }
            let mut line = String::new();
            let own = Writer::new(&mut line);
            self.format.format_event(cx, own, event)?;
            if line.ends_with(self.end) {
                line.truncate(line.len() - self.end.len());
                let shown = Shown {
                    plugin: plugin.as_deref(),
                    mark,
                    event,
                    is_colourful: to.has_ansi_escapes(),
                };
                (self.show)(&shown, &mut line)?;
                line.push_str(self.end);
            }
            to.write_str(&line)
        })
    }
}

fn as_fields(shown: &Shown<'_>, line: &mut String) -> fmt::Result {
    // What the line says itself is not said twice.
    let says = |name: &str| shown.event.metadata().fields().field(name).is_some();
    let mut field = |name: &str, value: &dyn fmt::Display| {
        if shown.is_colourful {
            write!(line, " \x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
        } else {
            write!(line, " {name}={value}")
        }
    };
    // In quotes, as `tracing-subscriber` writes texts.
    if let Some(plugin) = shown.plugin.filter(|_| !says("plugin")) {
        field("plugin", &format_args!("{plugin:?}"))?;
    }
    let Some(mark) = shown.mark else {
        return Ok(());
    };
    match &mark.of {
        Of::Request { method, route } => {
            if !says("method") {
                field("method", method)?;
            }
            if let Some(route) = route.as_ref().filter(|_| !says("route")) {
                field("route", &format_args!("{route:?}"))?;
            }
        }
        Of::Event { topic, id } => {
            field("topic", &format_args!("{topic:?}"))?;
            field("event_id", &format_args!("{:?}", id.as_str()))?;
        }
    }
    if let Some(id) = mark.cause.request_id() {
        field("request_id", &format_args!("{:?}", id.as_str()))?;
    }
    match mark.trace_id() {
        Some(id) => field("trace_id", &id),
        None => Ok(()),
    }
}

fn as_object(shown: &Shown<'_>, line: &mut String) -> fmt::Result {
    if let Some(plugin) = shown.plugin {
        write!(line, ",\"plugin\":{}", json!(plugin))?;
    }
    let Some(mark) = shown.mark else {
        return Ok(());
    };
    let mut object = Map::new();
    let mut put = |name: &str, value: &str| {
        object.insert(name.to_owned(), Value::from(value));
    };
    let name = match &mark.of {
        Of::Request { method, route } => {
            put("method", method.as_str());
            if let Some(route) = route {
                put("route", route);
            }
            "request"
        }
        Of::Event { topic, id } => {
            put("topic", topic);
            put("id", id.as_str());
            "event"
        }
    };
    if let Some(id) = mark.cause.request_id() {
        put("request_id", id.as_str());
    }
    if let Some(id) = mark.trace_id() {
        put("trace_id", &id.to_string());
    }
    write!(line, ",\"{name}\":{}", Value::Object(object))
}
