//! A line of the log: as `tracing-subscriber` writes it, and after it the mark of the request or event it belongs to.

use crate::mark::{Mark, Of};
use http::uri::PathAndQuery;
use serde_json::json;
use std::fmt::{self, Write as _};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// A format, and how it shows the mark.
pub(super) struct Marked<F> {
    format: F,
    /// What ends a line; the mark comes before it.
    end: &'static str,
    show: fn(&Mark, &mut String, bool) -> fmt::Result,
}

/// For people: the mark is more fields.
pub(super) fn pretty<F>(format: F) -> Marked<F> {
    Marked {
        format,
        end: "\n",
        show: as_fields,
    }
}

/// For machines: the mark is an object `request`, or `event`.
pub(super) fn json<F>(format: F) -> Marked<F> {
    Marked {
        format,
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
        Mark::with(|mark| {
            let Some(mark) = mark else {
                return self.format.format_event(cx, to, event);
            };
            let mut line = String::new();
            let own = Writer::new(&mut line);
            self.format.format_event(cx, own, event)?;
            if line.ends_with(self.end) {
                line.truncate(line.len() - self.end.len());
                (self.show)(mark, &mut line, to.has_ansi_escapes())?;
                line.push_str(self.end);
            }
            to.write_str(&line)
        })
    }
}

fn as_fields(mark: &Mark, line: &mut String, is_colourful: bool) -> fmt::Result {
    let mut field = |name: &str, value: &dyn fmt::Display| {
        if is_colourful {
            write!(line, " \x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
        } else {
            write!(line, " {name}={value}")
        }
    };
    // In quotes, as `tracing-subscriber` writes texts.
    match &mark.of {
        Of::Request { method, path } => {
            field("method", method)?;
            field("path", &format_args!("{:?}", path_of(path.as_ref())))?;
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

fn as_object(mark: &Mark, line: &mut String, _: bool) -> fmt::Result {
    let (name, mut object) = match &mark.of {
        Of::Request { method, path } => {
            let path = path_of(path.as_ref());
            (
                "request",
                json!({ "method": method.as_str(), "path": path }),
            )
        }
        Of::Event { topic, id } => ("event", json!({ "topic": topic, "id": id.as_str() })),
    };
    if let Some(id) = mark.cause.request_id() {
        object["request_id"] = id.as_str().into();
    }
    if let Some(id) = mark.trace_id() {
        object["trace_id"] = id.to_string().into();
    }
    write!(line, ",\"{name}\":{object}")
}

/// The path, without the query: that may hold what does not belong into a log.
fn path_of(path: Option<&PathAndQuery>) -> &str {
    path.map_or("", PathAndQuery::path)
}
