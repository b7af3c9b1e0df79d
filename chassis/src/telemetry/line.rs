//! A line of the log: as `tracing-subscriber` writes it, and after it the mark of the request it belongs to.

use crate::http::Mark;
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

/// For machines: the mark is an object `request`.
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
    field("method", &mark.method)?;
    // In quotes, as `tracing-subscriber` writes texts.
    field("path", &format_args!("{:?}", mark.path()))?;
    field("request_id", &format_args!("{:?}", mark.id.as_str()))?;
    match mark.trace_id() {
        Some(id) => field("trace_id", &id),
        None => Ok(()),
    }
}

fn as_object(mark: &Mark, line: &mut String, _: bool) -> fmt::Result {
    let mut request = json!({
        "method": mark.method.as_str(),
        "path": mark.path(),
        "request_id": mark.id.as_str(),
    });
    if let Some(id) = mark.trace_id() {
        request["trace_id"] = id.to_string().into();
    }
    write!(line, ",\"request\":{request}")
}
